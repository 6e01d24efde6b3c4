// `npm run test:model`: the read path's model at length. 20,000 random schedules against the contract, then every deliberate break, each of
// which must be noticed. Ten minutes or so; `npm test` runs a small part of it. TEST_MODEL_RUNS and TEST_MODEL_MUTANTS change how much.
import './require-node.mjs'
import { run, tool } from './project.mjs'

const env = { TEST_MODEL_RUNS: '20000', TEST_MODEL_MUTANTS: 'all', ...process.env }
const { code } = await run([...tool('vitest'), 'run', 'test/model', ...process.argv.slice(2)], { show: true, env })
process.exitCode = code
