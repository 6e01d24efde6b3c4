// Whether the oracles have teeth: every break of mutants.ts must show within a bounded number of schedules, and the schedule that shows it must
// be without fault on the real library. Some by default; TEST_SIMULATION_MUTANTS=all tries all, a part of a name those with it.
import { expect, test } from 'vitest'
import { withBrokenSource } from '../support/broken-source.ts'
import { libraryIn } from './library.ts'
import { mutants } from './mutants.ts'
import { planOf, run } from './run.ts'

const chosen = process.env['TEST_SIMULATION_MUTANTS']
/** The three that would make the whole of it worthless, and what a lost connection must do. */
const always = [
  'what is read is kept whatever was told meanwhile',
  'what is told does not reach the memory',
  'a fill does not compare the lease',
  'a lost connection leaves the memory as it is',
]
const mostSchedules = Number(process.env['TEST_SIMULATION_SCHEDULES'] ?? 2000)

test.each(
  mutants.filter(({ what }) =>
    chosen === undefined ? always.includes(what) : chosen === 'all' || what.includes(chosen),
  ),
)('noticed: $what', { timeout: 3_600_000 }, async ({ what, edits, programs }) => {
  const found = await withBrokenSource(edits, async (folder) => {
    const broken = await libraryIn(folder)
    for (let seed = 1; seed <= mostSchedules; seed++) {
      const { violations } = await run(planOf(seed), broken, programs)
      if (violations.length > 0) return { seed, violation: violations[0] }
    }
    return undefined
  })
  expect(found).toBeDefined()
  console.log(`${what}: schedule ${found?.seed}: ${found?.violation}`)
  expect((await run(planOf(found?.seed ?? 0), await libraryIn())).violations).toEqual([])
})
