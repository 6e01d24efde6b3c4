// `npm run test:crash`: processes killed in an outage with `journalFile`, and whether the next one serves what they had invalidated. 200 runs
// in ten minutes or so; `--runs 1000` for more, `--seed 7` to repeat the schedules of one (where exactly a kill falls is chance). Ends with
// 1 when something stale was served, or when the same runs without the file serve nothing stale.
import './require-node.mjs'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run, tool } from './project.mjs'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '200' }, seed: { type: 'string' } } })
for (const [name, text] of Object.entries(values)) {
  if (/^[1-9]\d*$/.test(text)) continue
  console.error(`--${name} must be a whole number, at least 1; got '${text}'`)
  process.exit(1)
}

const folder = mkdtempSync(join(tmpdir(), 'test-crash-report-'))
try {
  const report = join(folder, 'line')
  const seed = values.seed ?? String(Date.now() % 1_000_000_000)
  const env = { ...process.env, TEST_CRASH_RUNS: values.runs, TEST_CRASH_SEED: seed, TEST_CRASH_REPORT: report }
  console.log(`crash: ${values.runs} runs, seed ${seed}`)
  const command = [...tool('vitest'), 'run', 'test/faults/crash.test.ts', '--disable-console-intercept']
  const { code } = await run(command, { show: true, env })
  process.exitCode = code
  // Without a report nothing was checked to its end.
  console.log(readFileSync(report, 'utf8'))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
