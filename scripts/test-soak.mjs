// `npm run test:soak`: a client at work while its Redis is killed, emptied and frozen at random. Ten minutes;
// `--minutes 30` or `--seconds 90` for another length, `--seed 7` to repeat one. Prints the seed and a table; ends with
// 1 when a check does not hold.
import './require-node.mjs'
import { parseArgs } from 'node:util'
import { run, tool } from './project.mjs'

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, seconds: { type: 'string' }, seed: { type: 'string' } },
})

/** @param {string} name @param {number} smallest */
function number(name, smallest) {
  const text = values[/** @type {keyof typeof values} */ (name)]
  const value = Number(text)
  if (text === undefined) return undefined
  if (Number.isFinite(value) && text.trim() !== '' && value >= smallest) return value
  console.error(`--${name} must be a number, at least ${smallest}; got '${text}'`)
  process.exit(1)
}

const seconds = (number('minutes', 0) ?? (values.seconds === undefined ? 10 : 0)) * 60 + (number('seconds', 0) ?? 0)
const seed = number('seed', 0) ?? Date.now() % 1_000_000_000
const env = { ...process.env, TEST_SOAK_SECONDS: String(seconds), TEST_SOAK_SEED: String(seed) }
const { code } = await run([...tool('vitest'), 'run', 'test/soak', '--disable-console-intercept'], { show: true, env })
process.exitCode = code
