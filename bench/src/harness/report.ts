// The rows of one case for people: one line per subject, and what our rows have to reach.
import type { Row, Target } from './suite.ts'

interface Column {
  readonly title: string
  readonly width: number
  readonly unit: string
  readonly text: (row: Row) => string
}

/** In a line, as far as there is something to say; behind them everything else that was observed. */
const columns: readonly Column[] = [
  { title: 'time', width: 11, unit: 'ns', text: (row) => time(row.value) },
  { title: 'x floor', width: 10, unit: 'ns', text: ratio },
  { title: 'cpu', width: 11, unit: 'cpu ns', text: (row) => time(row.value) },
  { title: 'cpu x', width: 10, unit: 'cpu ns', text: ratio },
  { title: 'bytes', width: 12, unit: 'bytes', text: (row) => amount(row.value) },
]

export function printTable(rows: readonly Row[], targets: readonly Target[]): void {
  for (const name of new Set(rows.map((row) => row.case))) {
    const all = rows.filter((row) => row.case === name)
    const shown = columns.filter(({ unit, text }) => all.some((row) => row.unit === unit && text(row) !== ''))
    console.log(`\n${name}`)
    console.log(`  ${'subject'.padEnd(22)}${shown.map(({ title, width }) => title.padStart(width)).join('')}`)
    for (const subject of new Set(all.map((row) => row.subject))) {
      const own = all.filter((row) => row.subject === subject)
      const cells = shown.map(({ width, unit, text }) => {
        const row = own.find((one) => one.unit === unit)
        return (row === undefined ? '' : text(row)).padStart(width)
      })
      const others = own
        .filter(({ unit }) => !columns.some((column) => column.unit === unit))
        .map((row) => `  ${count(row.value)} ${row.unit}`)
      console.log(`  ${subject.padEnd(22)}${cells.join('')}${others.join('')}`)
      for (const line of own.flatMap((row) => verdicts(row, targets))) console.log(`    ${line}`)
    }
  }
}

function verdicts(row: Row, targets: readonly Target[]): string[] {
  return targets.flatMap((target) => {
    if (target.unit !== row.unit || !target.subject.test(row.subject) || !target.case.test(row.case)) return []
    const { ratio, value = 0 } = target
    const [limit, reached, text] =
      ratio === undefined
        ? [value, row.value, row.unit === 'ns' ? time(value) : `${value} ${row.unit}`]
        : [ratio, row.ratio ?? Number.NaN, `${ratio}x`]
    return `${reached <= limit ? 'met   ' : 'MISSED'} target ${row.unit === 'cpu ns' ? 'cpu ' : ''}<= ${text}`
  })
}

function ratio(row: Row): string {
  return row.ratio === null ? '' : `${amount(row.ratio)}x`
}

function count(value: number): string {
  return Number.isInteger(value) ? String(value) : amount(value)
}

function time(ns: number): string {
  if (ns < 10_000) return `${amount(ns)} ns`
  return ns < 1e7 ? `${amount(ns / 1000)} us` : `${amount(ns / 1e6)} ms`
}

function amount(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(value < 10 ? 2 : 1)
}
