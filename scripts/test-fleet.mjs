// `npm run test:fleet`: several processes on one Redis, behind networks that fail at random, for 50,000 checks (`--checks 200000` for more);
// then everybody asks for one cold key at once, 100 times (`--rounds 1000`); then every deliberate break of it with `--mutants` (or
// `--mutants tags` for those with that word). `--seed 7` repeats the choices of a run; which of them meet is chance. Ends with 1 when
// something too old was served, or a key loaded twice.
import './require-node.mjs'
import { parseArgs } from 'node:util'
import { run, tool } from './project.mjs'

// A word may follow `--mutants`, or none.
const args = process.argv.slice(2)
const bare = args.findIndex((arg, at) => arg === '--mutants' && !/^[^-]/.test(args[at + 1] ?? ''))
if (bare >= 0) args.splice(bare + 1, 0, 'all')

const { values } = parseArgs({
  args,
  options: {
    checks: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    mutants: { type: 'string' },
  },
})
for (const name of /** @type {const} */ (['checks', 'rounds', 'seed'])) {
  if (/^[1-9]\d*$/.test(values[name])) continue
  console.error(`--${name} must be a whole number, at least 1; got '${values[name]}'`)
  process.exit(1)
}

const { checks, rounds, seed, mutants } = values
console.log(`fleet: ${checks} checks, ${rounds} rounds, seed ${seed}`)
const env = {
  ...process.env,
  TEST_FLEET_CHECKS: checks,
  TEST_FLEET_ROUNDS: rounds,
  TEST_FLEET_SEED: seed,
  ...(mutants === undefined ? {} : { TEST_FLEET_MUTANTS: mutants }),
}
const files = ['fuzz', 'stampede', ...(mutants === undefined ? [] : ['mutants'])]
// One after the other: each of them is many processes, and what they wait for is measured.
const flags = ['--no-file-parallelism', '--disable-console-intercept']
const paths = files.map((file) => `test/fleet/${file}.test.ts`)
const { code } = await run([...tool('vitest'), 'run', ...paths, ...flags], { show: true, env })
process.exitCode = code
