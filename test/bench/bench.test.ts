// The benchmarks work: a suite in its quick form compiles, every subject answers right and has its rows, and stdout is one JSON
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

/** @returns the rows of a quick run, each of the right shape */
async function rowsOf(suite: string, ...args: string[]): Promise<readonly Row[]> {
  const { stdout } = await bench(suite, '--quick', '--json', ...args)
  const report = JSON.parse(stdout) as { suite: string; node: string; rows: Row[] }
  expect(Object.keys(report)).toEqual(['suite', 'node', 'rows'])
  expect(report).toMatchObject({ suite, node: process.version })
  for (const row of report.rows) {
    expect(Object.keys(row)).toEqual(['subject', 'case', 'value', 'unit', 'ratio'])
    expect(row.value).toBeGreaterThanOrEqual(0)
    if (row.ratio !== null) expect(row.ratio).toBeGreaterThanOrEqual(0)
  }
  return report.rows
}

beforeAll(async () => {
  requireBuild()
  const { code, output } = await run([...tool('typescript', 'tsc'), '-p', join(root, 'bench')])
  expect(code, output).toBe(0)
})

test('without a suite, the suites are listed', async () => {
  const { stdout } = await bench()
  for (const suite of ['l1-hit', 'l2-hit', 'stampede', 'fleet-stampede', 'invalidation', 'values', 'keys', 'outage'])
    expect(stdout).toMatch(new RegExp(`^ +${suite} `, 'm'))
})

test('a suite that does not exist is an error', async () => {
  await expect(bench('l3-hit')).rejects.toMatchObject({ code: 1 })
})

test('a run answers right everywhere and prints one document of rows', { timeout: 120_000 }, async () => {
  const name = 'cached, reused key: 90 B'
  const rows = await rowsOf('l1-hit', '--only', name)
  for (const row of rows) {
    expect(row.case).toBe(name)
    expect(['ns', 'cpu ns', 'bytes']).toContain(row.unit)
  }
  const timed = rows.filter(({ unit }) => unit === 'ns')
  expect(timed.map(({ subject }) => subject).sort()).toEqual([
    '@epic-web/cachified',
    'async-cache-dedupe',
    'bentocache',
    'bound (copy by hand)',
    'bound (stored promise)',
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

// Of the three faults the one that passes through the proxy, of the subjects ours alone: some peers wait as long as they are let.
test('a drill has a floor, a time and what became of its calls', { timeout: 120_000 }, async () => {
  const rows = await rowsOf('outage', '--only', 'black hole', '--only', 'speedrun')
  const counts = ['calls', 'capped', 'rejections']
  for (const [name, units] of [
    ['black hole, first call', ['ns', ...counts]],
    ['black hole, breaker open', ['ns', ...counts, 'keys sent']],
    ['black hole, back in use', ['ns', ...counts]],
  ] as const) {
    const of = (subject: string): readonly Row[] => rows.filter((row) => row.case === name && row.subject === subject)
    expect(of('floor').map(({ unit }) => unit)).toEqual(['ns'])
    expect(of('speedrun copy').map(({ unit }) => unit)).toEqual(units)
    const value = (wanted: string): number | undefined => of('speedrun copy').find(({ unit }) => unit === wanted)?.value
    expect(value('calls')).toBeGreaterThan(0)
    expect(value('rejections')).toBe(0)
  }
  expect(rows).toHaveLength(16)
})

test('a hit in Redis has the time and the CPU time of its floor beside it', { timeout: 120_000 }, async () => {
  const rows = await rowsOf('l2-hit', '--only', '90 B, 64 at once', '--only', 'speedrun copy')
  expect(rows.map(({ subject, unit }) => `${subject} ${unit}`)).toEqual([
    'floor ns',
    'floor cpu ns',
    'speedrun copy ns',
    'speedrun copy cpu ns',
  ])
  for (const { value, ratio } of rows) {
    expect(value).toBeGreaterThan(0)
    expect(ratio).toBeGreaterThan(0)
  }
})

test('a fleet counts its loads, and times those who waited for the load of another', { timeout: 120_000 }, async () => {
  const rows = await rowsOf('fleet-stampede', '--only', 'speedrun')
  const crowd = '4 processes x 1,000 callers of a cold key'
  expect(rows.map((row) => `${row.subject} | ${row.case} | ${row.unit}`)).toEqual([
    ...['loads per key', 'most loads per key', 'cpu ns'].map((unit) => `floor | ${crowd} | ${unit}`),
    ...['loads per key', 'most loads per key', 'cpu ns'].map((unit) => `speedrun copy | ${crowd} | ${unit}`),
    ...['p50', 'p99'].map((of) => `speedrun copy | ${crowd}, after the load, ${of} | ns`),
  ])
  expect(rows.find(({ subject, unit }) => subject === 'floor' && unit === 'loads per key')?.value).toBe(4)
})

test(
  'an invalidation has its rows: seen elsewhere, by tag, and hits of tagged entries',
  { timeout: 120_000 },
  async () => {
    const rows = await rowsOf('invalidation', '--only', 'speedrun')
    expect(rows.filter(({ subject }) => subject === 'speedrun').map((row) => `${row.case} | ${row.unit}`)).toEqual(
      expect.arrayContaining([
        'seen in another process / PING, p50 | ns',
        'seen in another process / PING, p99 | ns',
        'tag of 1 member | server us',
        'tag of 1,000 members | server us',
        ...['frozen', 'copy'].flatMap((isolation) =>
          ['ns', 'cpu ns', 'commands'].map((unit) => `hit with three tags / hit without tags, ${isolation} | ${unit}`),
        ),
      ]),
    )
    for (const { unit, value } of rows) if (unit === 'commands') expect(value).toBe(0)
  },
)
