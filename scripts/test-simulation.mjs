// `npm run test:simulation`: random schedules of several processes on a simulated server and network.
//
//   --schedules 1000000       so many on the present state of the code; those in the ledger count, so a run can go on another day
//   --seed 7 --schedules 1    these, whatever the ledger says; prints what happened when something is found
//   --mutant all              every deliberate break instead, or those with that text in their name; --most 20000 schedules each, from
//                             --seed on; --keep writes the shortened schedules of those that are rare to test/simulation/kept
//
// Ends with 1 when something was found, or a break was not.
import './require-node.mjs'
import { parseArgs } from 'node:util'
import { run, tool } from './project.mjs'

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    mutant: { type: 'string' },
    most: { type: 'string', default: '20000' },
    keep: { type: 'boolean' },
  },
})
for (const name of /** @type {const} */ (['schedules', 'seed', 'most'])) {
  if (values[name] === undefined || /^[1-9]\d*$/.test(values[name])) continue
  console.error(`--${name} must be a whole number, at least 1; got '${values[name]}'`)
  process.exit(1)
}

const { schedules, seed, mutant, most, keep } = values
const env = {
  ...process.env,
  ...(keep === true ? { TEST_SIMULATION_KEEP: '1' } : {}),
  ...(seed === undefined ? {} : { TEST_SIMULATION_SEED: seed }),
  ...(mutant === undefined
    ? { TEST_SIMULATION_SCHEDULES: schedules }
    : { TEST_SIMULATION_MUTANT: mutant, TEST_SIMULATION_MOST: most }),
}
const file = mutant === undefined ? 'simulation' : 'mutants'
const flags = ['--disable-console-intercept', '--testNamePattern', mutant === undefined ? 'as many' : '']
const { code } = await run([...tool('vitest'), 'run', ...flags, `test/simulation/${file}.test.ts`], { show: true, env })
process.exitCode = code
