// The benchmarks work: one suite in its quick form compiles, every subject answers right and has its rows, and stdout is one JSON
// document. What the numbers are is no matter for a test.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { root, run, tool } from '../../scripts/project.mjs'
import { requireBuild } from '../support/built-package.ts'

interface Row {
  readonly subject: string
  readonly case: string
  readonly value: number
  readonly unit: string
  readonly ratio: number | null
}

const main = join(root, 'bench/dist/main.js')
const bench = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, [main, ...args], { cwd: root })

beforeAll(async () => {
  requireBuild()
  const { code, output } = await run([...tool('typescript', 'tsc'), '-p', join(root, 'bench')])
  expect(code, output).toBe(0)
})

test('without a suite, the suites are listed', async () => {
  const { stdout } = await bench()
  for (const suite of ['l1-hit', 'stampede', 'values', 'keys']) expect(stdout).toMatch(new RegExp(`^ +${suite} `, 'm'))
})

test('a suite that does not exist is an error', async () => {
  await expect(bench('l2-hit')).rejects.toMatchObject({ code: 1 })
})

test('a run answers right everywhere and prints one document of rows', { timeout: 120_000 }, async () => {
  const name = 'cached, reused key: 90 B'
  const { stdout } = await bench('l1-hit', '--quick', '--json', '--only', name)
  const report = JSON.parse(stdout) as { suite: string; node: string; rows: Row[] }
  expect(Object.keys(report)).toEqual(['suite', 'node', 'rows'])
  expect(report).toMatchObject({ suite: 'l1-hit', node: process.version })
  for (const row of report.rows) {
    expect(Object.keys(row)).toEqual(['subject', 'case', 'value', 'unit', 'ratio'])
    expect(row.case).toBe(name)
    expect(['ns', 'cpu ns', 'bytes']).toContain(row.unit)
    expect(row.value).toBeGreaterThanOrEqual(0)
    if (row.ratio !== null) expect(row.ratio).toBeGreaterThanOrEqual(0)
  }
  const timed = report.rows.filter(({ unit }) => unit === 'ns')
  expect(timed.map(({ subject }) => subject).sort()).toEqual([
    '@epic-web/cachified',
    'async-cache-dedupe',
    'bentocache',
    'cache-manager',
    'cacheable',
    'floor',
    'layered-loader',
    'lru-cache',
    'p-memoize',
    'speedrun copy',
    'speedrun frozen',
  ])
  for (const { value, ratio } of timed) {
    expect(value).toBeGreaterThan(0)
    expect(ratio).toBeGreaterThan(0)
  }
})
