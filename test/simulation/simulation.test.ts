// Random schedules of several processes, each made from its seed: what a cache promises holds in all of them. Some thousand in `npm test`, half of
// them always the same; as many as one likes with `npm run test:simulation -- --schedules 1000000`, which keeps count in the ledger.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CompiledSimulation } from './compiled.ts'
import { compileSimulation } from './compiled.ts'
import { describe as inWords, runBlock, runSchedules } from './farm.ts'
import { addToLedger, coveredBy, fingerprint } from './ledger.ts'
import { scheduleOf } from './schedule.ts'

const { TEST_SIMULATION_SCHEDULES: wanted, TEST_SIMULATION_SEED: seed } = process.env
const slice = 1200

/** What is not wanted is not there, instead of skipped. */
const testIf = (is: boolean): typeof test | ((...ignored: unknown[]) => void) => (is ? test : () => {})

let simulation: CompiledSimulation
beforeAll(async () => void (simulation = await compileSimulation()))
afterAll(() => simulation[Symbol.dispose]())

async function holds(from: number, count: number, keepsCount = false): Promise<void> {
  const print = fingerprint()
  const started = performance.now()
  let done = 0
  const { found, ...sum } = await runSchedules({
    file: simulation.file,
    from,
    count,
    blockSize: keepsCount ? 10_000 : slice / 2,
    done: (first, { runs, reads, loads, commands }) => {
      if (!keepsCount) return
      addToLedger({
        fingerprint: print,
        from: first,
        to: first + runs - 1,
        reads,
        loads,
        commands,
        node: process.version,
      })
      done += runs
      const perMinute = Math.round((done / (performance.now() - started)) * 60_000)
      console.log(`${done} of ${count} schedules, ${perMinute} a minute, 0 violations`)
    },
  })
  if (found !== undefined) expect.fail(inWords(found))
  const { runs, reads, loads, commands, cpuMs } = sum
  console.log(
    `schedules ${from} to ${from + count - 1} on ${print}: ${reads} reads, ${loads} loads, ${commands} commands, 0 violations; ` +
      `${Math.round((runs / cpuMs) * 60_000)} schedules a minute of one core`,
  )
  expect(runs).toBe(count)
  expect(reads).toBeGreaterThan(loads)
}

testIf(wanted === undefined)(
  'the same schedules as always: never stale, never twice, never stuck',
  { timeout: 600_000 },
  () => holds(1, slice),
)

testIf(wanted === undefined)('schedules that nobody has seen', { timeout: 600_000 }, () =>
  holds(Number(seed ?? 1_000_000 + (Date.now() % 1_000_000_000)), slice),
)

testIf(wanted !== undefined)('as many schedules as were asked for', { timeout: 86_400_000 }, async () => {
  if (seed !== undefined) return holds(Number(seed), Number(wanted))
  const covered = coveredBy(fingerprint())
  console.log(`${fingerprint()}: ${covered.count} schedules are in the ledger`)
  if (covered.count < Number(wanted)) await holds(covered.next, Number(wanted) - covered.count, true)
})

test('the same seeds give the same histories, to the last character', { timeout: 600_000 }, async () => {
  const schedules = Array.from({ length: 40 }, (_, index) => scheduleOf(index + 1))
  const order = { from: 1, count: 0, schedules }
  const [one, other] = await Promise.all([runBlock(simulation.file, order), runBlock(simulation.file, order)])
  expect(one.found).toBeUndefined()
  expect(one.digest).toMatch(/^[0-9a-f]{64}$/)
  expect(other.digest).toBe(one.digest)
  const less = await runBlock(simulation.file, { ...order, schedules: schedules.slice(1) })
  expect(less.digest).not.toBe(one.digest)
})
