// Whether the oracles have teeth: every break of mutants.ts must show within a bounded number of schedules, and the schedule that shows it must be
// without fault on the real library. Those that matter most by default, and those that are so rare that their schedules are kept;
// TEST_SIMULATION_MUTANT=all searches for all anew, a part of a name for those with it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CompiledSimulation } from './compiled.ts'
import { breakSimulation, compileSimulation } from './compiled.ts'
import { runBlock, runSchedules } from './farm.ts'
import { keep, keptFor } from './kept.ts'
import { mutants } from './mutants.ts'

const {
  TEST_SIMULATION_MUTANT: chosen,
  TEST_SIMULATION_MOST: most = '20000',
  TEST_SIMULATION_KEEP: keeps,
  TEST_SIMULATION_SEED: first = '1',
} = process.env
/** Without these the whole of it would be worthless. */
const always = [
  'what is read is kept whatever was told meanwhile',
  'what is told does not reach the memory',
  'a fill does not compare the lease',
  'a lost connection leaves the memory as it is',
  'the journal is not replayed',
  'leases are not prolonged',
]

/** What takes more schedules to show is kept. */
const rare = 1000

let whole: CompiledSimulation
beforeAll(async () => void (whole = await compileSimulation()))
afterAll(() => whole[Symbol.dispose]())

test.each(
  mutants.filter(({ what }) =>
    chosen === undefined
      ? always.includes(what) || keptFor(what) !== undefined
      : chosen === 'all' || what.includes(chosen),
  ),
)('noticed: $what', { timeout: 3_600_000 }, async ({ what, edits }) => {
  using broken = await breakSimulation(whole, edits)
  const kept = chosen === undefined ? keptFor(what) : undefined
  const order = { from: Number(first), count: Number(most), mutant: what, shrinks: keeps !== undefined }
  const { found, runs } =
    kept === undefined
      ? await runSchedules({ file: broken.file, ...order })
      : await runBlock(broken.file, { ...order, schedules: [kept] })
  expect(found, `${runs} schedules`).toBeDefined()
  if (found === undefined) return
  console.log(
    `${what}: ${kept === undefined ? `seed ${found.seed}, after ${runs} schedules` : 'kept'}: ${found.violations[0]}`,
  )
  if (keeps !== undefined && found.seed > rare)
    keep({ what, found: found.violations[0] ?? '', schedule: found.schedule })
  const real = await runBlock(whole.file, { from: 1, count: 0, schedules: [found.schedule] })
  expect(real.found).toBeUndefined()
})
