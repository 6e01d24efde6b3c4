// Whether the oracle has teeth: every break of mutants.ts must be noticed within a bounded number of runs, and the run that notices it must
// be without fault on the real library. Four of them by default; TEST_MODEL_MUTANTS=all tries all, a part of a name those with it.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as library from '../../src/index.ts'
import { mutants, withMutant } from './mutants.ts'
import { plans } from './plan.ts'
import { runPlan } from './run.ts'
import type { Library } from './world.ts'

const chosen = process.env['TEST_MODEL_MUTANTS']
const fast = ['a fill does not look at its token', 'a load is joined across an invalidated tag'].concat(
  'an invalidated tag is no news to the hot path',
  'readers are given the stored object',
)
const mostRuns = 10_000
const seed = 20_260_101

const property = (broken: Library) =>
  fc.asyncProperty(plans, fc.scheduler(), async (plan, scheduler) => {
    await runPlan(broken, plan, scheduler)
  })

test.each(
  mutants.filter(({ what }) =>
    chosen === undefined ? fast.includes(what) : chosen === 'all' || what.includes(chosen),
  ),
)('noticed: $what', { timeout: 600_000 }, async (mutant) => {
  const found = await withMutant(mutant, (broken) =>
    fc.check(property(broken), { numRuns: mostRuns, seed, endOnFailure: true }),
  )
  expect(found.failed).toBe(true)
  const error = found.errorInstance as Error
  console.log(`${mutant.what}: run ${found.numRuns}: ${error.message.split('\n')[0] ?? ''}`)
  const path = found.counterexamplePath as string
  const same = await fc.check(property(library), { numRuns: 1, seed, path, endOnFailure: true })
  expect(same.errorInstance).toBeNull()
})
