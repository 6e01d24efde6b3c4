// Random schedules of several processes on one server, each made from its seed: what a cache promises holds in all of them. Some hundred in
// `npm test`, as many as one likes with `npm run test:simulation -- --runs 10000 --seed 1`.
import { expect, test } from 'vitest'
import { libraryIn } from './library.ts'
import { planOf, run } from './run.ts'

const {
  TEST_SIMULATION_SEED: seed = '1',
  TEST_SIMULATION_RUNS: runs = '150',
  TEST_SIMULATION_LOG: lines = '200',
} = process.env
const first = Number(seed)
const last = first + Number(runs) - 1

test(`schedules ${first} to ${last}: never stale, never stuck, nothing left`, { timeout: 86_400_000 }, async () => {
  const library = await libraryIn()
  const sum = { reads: 0, loads: 0, commands: 0 }
  for (let one = first; one <= last; one++) {
    const { violations, log, ...counts } = await run(planOf(one), library)
    if (violations.length > 0) {
      console.log(log.slice(-Number(lines)).join('\n'))
      expect.fail(`seed ${one}: ${violations.join('; ')}`)
    }
    sum.reads += counts.reads
    sum.loads += counts.loads
    sum.commands += counts.commands
  }
  console.log(
    `schedules ${first} to ${last}: ${sum.reads} reads, ${sum.loads} loads, ${sum.commands} commands, 0 violations`,
  )
  expect(sum.reads).toBeGreaterThan(sum.loads)
})

test('the same seed gives the same history', async () => {
  const library = await libraryIn()
  for (const one of [7, 12]) {
    const [before, after] = [await run(planOf(one), library), await run(planOf(one), library)]
    expect(after.log).toEqual(before.log)
  }
})
