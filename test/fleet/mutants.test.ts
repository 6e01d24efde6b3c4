// Whether the fleet's tests have teeth: every break of mutants.ts must be noticed within a bounded number of checks. One of them by default;
// TEST_FLEET_MUTANTS=all tries all, a part of a name those with it.
import { expect, test } from 'vitest'
import { runFuzz } from './fuzz.ts'
import { type Mutant, mutants } from './mutants.ts'
import { HangsError, settles } from './settles.ts'
import { startStampede } from './stampede.ts'

const { TEST_FLEET_MUTANTS: chosen, TEST_FLEET_SEED: seed = '20260', TEST_FLEET_ONE_LOADS: oneLoads } = process.env
const mostChecks = 150_000
const mostStampedes = 10

test.each(
  mutants.filter(({ what }, at) => (chosen === undefined ? at === 0 : chosen === 'all' || what.includes(chosen))),
)('noticed: $what', { timeout: 1_800_000 }, async (mutant) => {
  const noticed = await (mutant.seenBy === 'fuzz' ? byFuzz(mutant) : byStampede(mutant)).catch((error: unknown) => {
    // To hang is to be noticed too.
    if (error instanceof HangsError) return error.message
    throw error
  })
  console.log(`${mutant.what}: ${noticed ?? 'not noticed'}`)
  expect(noticed).toBeDefined()
})

async function byFuzz({ edits }: Mutant): Promise<string | undefined> {
  const run = { seed: Number(seed), checks: mostChecks, roundMs: 3000, impatient: true, edits }
  const { violations, checks } = await runFuzz({ ...run, oneLoads: oneLoads !== undefined })
  return violations.length === 0 ? undefined : `${checks} checks: ${violations[0]}`
}

async function byStampede({ edits }: Mutant): Promise<string | undefined> {
  await using fleet = await startStampede(4, edits)
  for (let round = 0; round < mostStampedes; round++) {
    const name = `cold-${round}`
    await fleet.truth.change([name])
    await settles('everybody is answered', Promise.all(fleet.ask({ name, callers: 100, loadMs: 50 })), 30_000)
    const loaders = await fleet.loadersOf(name)
    if (loaders.length !== 1) return `round ${round + 1}: loaded ${loaders.length} times`
  }
  return undefined
}
