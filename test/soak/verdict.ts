// What a soak has shown, check by check.
import type { Census } from './census.ts'
import type { Report, Sample } from './client.ts'

export interface Check {
  readonly what: string
  readonly seen: string
  readonly wanted: string
  readonly holds: boolean
  /** The first of what was seen, for whoever has to find out. */
  readonly details: readonly string[]
}

export interface Outcome {
  readonly samples: readonly Sample[]
  readonly report: Report | undefined
  readonly ended: number | string
  readonly errorOutput: string
}

const mb = 1024 * 1024
/** With fewer the quarters are too small to be compared. */
const fewestSamples = 16

export function verdict({ samples, report, ended, errorOutput }: Outcome): Check[] {
  const checks: Check[] = []
  const check = (what: string, seen: string, wanted: string, holds: boolean, details: readonly string[] = []): void =>
    void checks.push({ what, seen, wanted, holds, details })
  const none = (what: string, list: readonly string[]): void =>
    check(what, String(list.length), '0', list.length === 0, list)

  check('the client has reported', report === undefined ? 'no' : 'yes', 'yes', report !== undefined)
  if (report !== undefined) {
    const { rejected, unhandled, checked, violated, violations, unsettled, journal, start, end } = report
    none('calls rejected, but for planned errors', rejected)
    none('unhandled rejections, warnings', unhandled)
    check('values older than an invalidation', `${violated} of ${checked} reads`, '0', violated === 0, violations)
    check('invalidations waiting at the end', String(journal), '0', journal === 0)
    none('what did not come to rest', unsettled)
    check('sockets at the end', String(end.sockets), `at most ${start.sockets}`, end.sockets <= start.sockets)
    check('timers of the cache at the end', String(end.timers), `at most ${start.timers}`, end.timers <= start.timers)
    const isMore = ([kind, count]: [string, number]): boolean => count > (start.resources[kind] ?? 0)
    const grown = Object.entries(end.resources).some(isMore)
    check('open resources at the end', listed(end), `at most ${listed(start)}`, !grown)
  }
  checks.push(memoryCheck(samples))
  check('printed on stderr', errorOutput === '' ? 'nothing' : 'something', 'nothing', errorOutput === '', [errorOutput])
  check('ended by itself', String(ended), '0', ended === 0)
  return checks
}

/** The first quarter is for what is compiled, loaded and filled once. */
function memoryCheck(samples: readonly Sample[]): Check {
  const what = 'heap after a collection, median of the second and the last quarter'
  const quarter = (index: number): number[] =>
    samples
      .slice(Math.floor((samples.length * index) / 4), Math.floor((samples.length * (index + 1)) / 4))
      .map(({ heapUsed }) => heapUsed)
  const [second, last] = [median(quarter(1)), median(quarter(3))]
  const most = second * 1.1 + 4 * mb
  const seen = `${inMb(second)}, ${inMb(last)}`
  if (samples.length < fewestSamples) {
    return { what, seen, wanted: `not judged: ${samples.length} samples`, holds: true, details: [] }
  }
  return { what, seen, wanted: `at most ${inMb(most)}`, holds: last <= most, details: [] }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

export function inMb(bytes: number): string {
  return `${(bytes / mb).toFixed(1)} MB`
}

function listed({ resources }: Census): string {
  const kinds = Object.entries(resources).sort(([a], [b]) => a.localeCompare(b))
  return kinds.map(([kind, count]) => `${count} ${kind}`).join(', ')
}

export function tableOf(checks: readonly Check[]): string {
  const rows = checks.map(({ what, seen, wanted, holds }) => [holds ? 'ok' : 'FAILED', what, seen, wanted])
  const all = [['', 'what', 'seen', 'wanted'], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const details = checks.flatMap((check) =>
    check.holds ? [] : check.details.slice(0, 5).map((text) => `${check.what}: ${text}`),
  )
  return [...lines, ...details].join('\n')
}

/** What is told and not judged. */
export function summaryOf(samples: readonly Sample[], report: Report | undefined): string[] {
  if (report === undefined || samples.length === 0) return []
  const { operations, planned, slowestMs, states } = report
  const most = (of: (sample: Sample) => number): number => Math.max(...samples.map(of))
  const entered = Object.entries(states).map(([state, count]) => `${count} times ${state}`)
  return [
    `the cache became ${entered.join(', ')}`,
    `${operations} operations, ${planned} of them ended by an error on purpose, slowest ${slowestMs.toFixed(0)} ms`,
    `most at once: ${most(({ journal }) => journal)} invalidations waiting, ` +
      `${most(({ memoryEntries }) => memoryEntries)} entries in memory, ${most(({ sockets }) => sockets)} sockets, ` +
      `${most(({ timers }) => timers)} timers, ${inMb(most(({ rss }) => rss))} rss`,
  ]
}
