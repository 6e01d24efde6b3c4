// What the clients saw, as a table for people (and for the docs): a phase a line, its latencies in milliseconds.
// `lost`: answers that there is no report of a document that was uploaded and not deleted.
import type { Phase } from './load.ts'

const columns = ['phase', 'seconds', 'requests', 'per second', 'p50 ms', 'p99 ms', 'max ms', 'lost', 'failed']

export function latencyTable(phases: readonly Phase[]): string {
  const rows = phases.map((phase) => {
    const { seconds, latencies } = phase
    const sorted = latencies.toSorted((a, b) => a - b)
    return [
      phase.name,
      seconds.toFixed(1),
      String(latencies.length),
      (latencies.length / seconds).toFixed(0),
      ms(percentile(sorted, 0.5)),
      ms(percentile(sorted, 0.99)),
      ms(sorted.at(-1) ?? Number.NaN),
      String(phase.count('GET lost')),
      String(phase.failed),
    ]
  })
  const all = [columns, ...rows]
  const widths = columns.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const padded = (row: readonly string[], fill: (cell: string, width: number, column: number) => string): string =>
    `| ${row.map((cell, column) => fill(cell, widths[column] ?? 0, column)).join(' | ')} |`
  const line = (row: readonly string[]): string =>
    padded(row, (cell, width, column) => (column === 0 ? cell.padEnd(width) : cell.padStart(width)))
  // Numbers to the right.
  const ruler = padded(columns, (_, width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(columns), ruler, ...rows.map(line)].join('\n')
}

/** What was answered how often, all phases together. */
export function answersLine(phases: readonly Phase[]): string {
  const sum = new Map<string, number>()
  for (const { answers } of phases) {
    for (const [answer, count] of answers) sum.set(answer, (sum.get(answer) ?? 0) + count)
  }
  return [...sum]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([answer, count]) => `${answer}: ${count}`)
    .join(', ')
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

function ms(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0)
}
