// The rows of one case for people: one line per subject, and what our rows have to reach.
import type { Row, Target } from './suite.ts'

/** In a line: wall time, its ratio, the ratio of CPU time, bytes; then everything else that was observed. */
const columns = ['ns', 'cpu ns', 'bytes']

export function printTable(rows: readonly Row[], targets: readonly Target[]): void {
  for (const name of new Set(rows.map((row) => row.case))) {
    const all = rows.filter((row) => row.case === name)
    console.log(`\n${name}`)
    console.log(
      `  ${'subject'.padEnd(22)}${'time'.padStart(11)}${'x floor'.padStart(10)}${'cpu x'.padStart(10)}${'bytes'.padStart(12)}`,
    )
    for (const subject of new Set(all.map((row) => row.subject))) {
      const own = all.filter((row) => row.subject === subject)
      const [wall, cpu, bytes] = columns.map((unit) => own.find((row) => row.unit === unit))
      const cells = [
        (wall === undefined ? '' : time(wall.value)).padStart(11),
        ratio(wall).padStart(10),
        ratio(cpu).padStart(10),
        (bytes === undefined ? '' : amount(bytes.value)).padStart(12),
      ]
      const others = own
        .filter(({ unit }) => !columns.includes(unit))
        .map((row) => `  ${amount(row.value)} ${row.unit}`)
      console.log(`  ${subject.padEnd(22)}${cells.join('')}${others.join('')}`)
      for (const line of own.flatMap((row) => verdicts(row, targets))) console.log(`    ${line}`)
    }
  }
}

function verdicts(row: Row, targets: readonly Target[]): string[] {
  return targets.flatMap((target) => {
    if (target.unit !== row.unit || !target.subject.test(row.subject) || !target.case.test(row.case)) return []
    const [limit, reached, mark] =
      target.ratio === undefined
        ? [target.value ?? 0, row.value, ` ${row.unit}`]
        : [target.ratio, row.ratio ?? Number.NaN, 'x']
    return `${reached <= limit ? 'met   ' : 'MISSED'} target ${row.unit === 'cpu ns' ? 'cpu ' : ''}<= ${limit}${mark}`
  })
}

function ratio(row: Row | undefined): string {
  return row === undefined || row.ratio === null ? '' : `${amount(row.ratio)}x`
}

function time(ns: number): string {
  if (ns < 10_000) return `${amount(ns)} ns`
  return ns < 1e7 ? `${amount(ns / 1000)} us` : `${amount(ns / 1e6)} ms`
}

function amount(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(value < 10 ? 2 : 1)
}
