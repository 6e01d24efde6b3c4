/**
 * What the demo prints, as text: one line per file, and a table per operation. Every figure in the table is the
 * difference of two `cacheManager.stats()`.
 */
import type { CacheStats, HealthReport, OperationStats } from '@speedrun/cache'
import type { Outcome } from './batch.ts'

/** What one run did, by operation. */
export interface RunFigures {
  readonly hits: number
  readonly loads: number
  readonly loadMs: number
  readonly savedMs: number
}

export function figuresBetween(before: CacheStats, after: CacheStats): Map<string, RunFigures> {
  const names = Object.keys(after.operations)
  return new Map(names.map((name) => [name, difference(before.operations[name], after.operations[name])]))
}

export function total(figures: ReadonlyMap<string, RunFigures>): RunFigures {
  return [...figures.values()].reduce(add, NOTHING)
}

export function operationTable(
  first: ReadonlyMap<string, RunFigures>,
  second: ReadonlyMap<string, RunFigures>,
): string {
  const names = [...second.keys()]
  const rows = names.map((name) => row(name, first.get(name) ?? NOTHING, second.get(name) ?? NOTHING))
  const head = [
    ['', 'computing in', '', 'hits in run', 'loads in run', ''],
    ['operation', 'first run', 'second run', '1st   2nd', '1st   2nd', 'time saved'],
  ]
  const cells = [...head, ...rows, row('all', total(first), total(second))]
  const widths = head[1]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? []
  const lines = cells.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('   '),
  )
  const ruler = '-'.repeat(lines[0]?.length ?? 0)
  return [...lines.slice(0, 2), ruler, ...lines.slice(2, -1), ruler, lines.at(-1)].join('\n')
}

export function outcomeLine({ name, report, error }: Outcome): string {
  const label = name.padEnd(34)
  if (report === undefined) return `${label} ERROR ${error}`
  const findings = report.findings.map(({ code }) => code)
  const read = report.confidence === null ? 'text layer' : `OCR ${report.confidence} %`
  return `${label} risk ${String(report.risk.score).padStart(3)}  ${report.kind.padEnd(11)} ${read.padEnd(10)}  ${findings.join(', ') || 'nothing found'}`
}

export function storeLine({ status, backend }: HealthReport): string {
  if (status === 'connected')
    return `The results are in ${backend}. Run the demo again: another process now hits what this one computed.`
  if (status === 'disabled') return 'CACHE_ENABLED is off: nothing was cached.'
  return [
    `No Redis answered, so the results were kept in the memory of this process and are gone with it.`,
    `To keep them and share them:  docker compose -f infra/compose.yaml up -d`,
    `or with a Redis elsewhere:    REDIS_URL=redis://<host>:6379 npm run demo`,
  ].join('\n')
}

const NOTHING: RunFigures = { hits: 0, loads: 0, loadMs: 0, savedMs: 0 }

function difference(before: OperationStats | undefined, after: OperationStats | undefined): RunFigures {
  const [from, to] = [flat(before), flat(after)]
  return {
    hits: to.hits - from.hits,
    loads: to.loads - from.loads,
    loadMs: to.loadMs - from.loadMs,
    savedMs: to.savedMs - from.savedMs,
  }
}

function flat(stats: OperationStats | undefined): RunFigures {
  if (stats === undefined) return NOTHING
  const { hits, fallbackHits, loads, loadMs, savedMs } = stats
  return { hits: hits.l1 + hits.l2 + hits.stale + fallbackHits, loads, loadMs, savedMs }
}

function add(one: RunFigures, other: RunFigures): RunFigures {
  return {
    hits: one.hits + other.hits,
    loads: one.loads + other.loads,
    loadMs: one.loadMs + other.loadMs,
    savedMs: one.savedMs + other.savedMs,
  }
}

function row(name: string, first: RunFigures, second: RunFigures): string[] {
  const pair = (one: number, other: number): string => `${String(one).padStart(3)} ${String(other).padStart(5)}`
  return [
    name,
    seconds(first.loadMs),
    seconds(second.loadMs),
    pair(first.hits, second.hits),
    pair(first.loads, second.loads),
    seconds(first.savedMs + second.savedMs),
  ]
}

export function seconds(ms: number): string {
  return ms >= 1000 || ms === 0 ? `${(ms / 1000).toFixed(ms === 0 ? 0 : 1)} s` : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`
}
