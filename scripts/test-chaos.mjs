// `npm run test:chaos`: real processes and real servers behind networks that fail, for as long as one likes (`--minutes 20`, default 10): half of it
// several processes on one Redis, each history checked by what the others invalidated, then a client at work while its Redis is killed, emptied
// and frozen. Both tell what memory and what handles grew to. `--seed 7` repeats the choices of a run. Ends with 1 when a check does not hold.
import './require-node.mjs'
import { parseArgs } from 'node:util'
import { run, tool } from './project.mjs'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
  },
})
const minutes = Number(values.minutes)
if (!(minutes > 0) || !/^[1-9]\d*$/.test(values.seed)) {
  console.error('--minutes must be a number above 0, --seed a whole number, at least 1')
  process.exit(1)
}
const seconds = String((minutes * 60) / 2)
console.log(`chaos: ${minutes} minutes, seed ${values.seed}`)
const env = {
  ...process.env,
  TEST_FLEET_SECONDS: seconds,
  TEST_FLEET_CHECKS: '1000000000',
  TEST_FLEET_SEED: values.seed,
  TEST_SOAK_SECONDS: seconds,
  TEST_SOAK_SEED: values.seed,
}
const files = ['test/fleet/fuzz.test.ts', 'test/soak/soak.test.ts']
const flags = ['--no-file-parallelism', '--disable-console-intercept']
const { code } = await run([...tool('vitest'), 'run', ...files, ...flags], { show: true, env })
process.exitCode = code
