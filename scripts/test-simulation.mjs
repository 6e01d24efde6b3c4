// `npm run test:simulation -- [--runs 1000] [--seed 1] [--mutants all]`: random schedules of several processes, and deliberate breaks.
import './require-node.mjs'
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { root, tool } from './project.mjs'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    mutants: { type: 'string' },
  },
})
const [file, env] =
  values.mutants === undefined
    ? ['simulation', { TEST_SIMULATION_RUNS: values.runs, TEST_SIMULATION_SEED: values.seed }]
    : ['mutants', { TEST_SIMULATION_MUTANTS: values.mutants, TEST_SIMULATION_SCHEDULES: values.runs }]
const [command, ...args] = [...tool('vitest'), 'run', `test/simulation/${file}.test.ts`]
const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
child.on('exit', (code) => process.exit(code ?? 1))
