// What a run of the fuzz tells beside its verdict.
import type { FuzzResult } from './fuzz.ts'

export function summaryOf({
  rounds,
  own,
  bound,
  rest,
  fresh,
  checks,
  violated,
  delays,
  reports,
}: FuzzResult): string[] {
  const sum = (of: (report: FuzzResult['reports'][number]) => Readonly<Record<string, number>>): string => {
    const all: Record<string, number> = {}
    for (const report of reports) {
      for (const [name, count] of Object.entries(of(report))) all[name] = (all[name] ?? 0) + count
    }
    return Object.entries(all)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')
  }
  const most = (of: (report: FuzzResult['reports'][number]) => number): string =>
    Math.max(...reports.map(of)).toFixed(0)
  return [
    `${rounds} rounds, ${checks} checks: ${own} after an own invalidation, ${bound} after another process', ` +
      `${rest} at rest, ${fresh} by new processes; ${violated} violations`,
    `done: ${sum(({ counts }) => counts)}`,
    `served from: ${sum(({ hits }) => hits)}`,
    `outages: ${reports.map(({ outages }) => outages).join(', ')}; ` +
      `worst lag of a process: ${most(({ worstLagMs }) => worstLagMs)} ms; slowest read: ${most(({ slowestMs }) => slowestMs)} ms`,
    `heap after the first round and the last: ${reports.map(({ heap }) => heap.map(inMb).join(' to ')).join(', ')} MB; ` +
      `handles: ${reports.map(({ handles }) => handles.join(' to ')).join(', ')}`,
    `a remote invalidation was not seen for, of ${delays.length}: ` +
      `p50 ${quantile(delays, 0.5).toFixed(2)} ms, p99 ${quantile(delays, 0.99).toFixed(2)} ms, most ${quantile(delays, 1).toFixed(2)} ms`,
  ]
}

const inMb = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)

/** @param sorted smallest first */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
