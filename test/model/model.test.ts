// The read path against its contract: random scripts on every kind of store, under a scheduler that decides what goes on next. About 1,500
// runs; TEST_MODEL_RUNS=20000 is the long mode, TEST_MODEL_SEED and TEST_MODEL_PATH repeat one. On failure fast-check prints the seed, the
// shortest plan that was found in a limited time, and its schedule. What was met how often is printed, and asserted from below.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as library from '../../src/index.ts'
import { plans } from './plan.ts'
import { runPlan } from './run.ts'

const numRuns = Number(process.env['TEST_MODEL_RUNS'] ?? 1500)
// The short mode is the same each time: what it finds is of the change that is being made. The long mode looks for what is new.
const seed = process.env['TEST_MODEL_SEED'] ?? (numRuns > 1500 ? undefined : '20260101')
const path = process.env['TEST_MODEL_PATH']
const longestShrinkMs = 20_000

const times = (count: number, ...what: readonly string[]): ReadonlyArray<readonly [string, number]> =>
  what.map((one) => [one, count])
const doors = [
  'call',
  'constant',
  'literal',
  'status',
  'peek',
  'refresh',
  'getValue',
  'get',
  'set',
  'setValue',
  'prime',
]
const ways = ['invalidate', 'delete', 'deleteMany', 'tag', 'shared', 'clear', 'namespace']
/** How often, at least, a thousand runs meet what the oracle is about: half of what is usual, or less. */
const perThousand = [
  ...times(90, ...doors.map((door) => `door ${door}`)),
  ...times(60, ...ways.map((way) => `invalidated by ${way}`)),
  ...times(100, 'mode normal', 'mode refresh', 'mode bypass', 'mode readonly'),
  ...times(60, 'store six', 'store link'),
  ...times(30, 'store six, with faults', 'store link, with faults'),
  ...times(1000, 'hit l1', 'load stored'),
  ...times(300, 'hit l2', 'load fenced', 'load refused', 'load uncached', 'load failed', 'store memory'),
  ...times(100, 'hit l1, stale', 'hit fallback', 'state degraded', 'parts of other values', 'answered journaled'),
  ...times(60, 'rejected: a remembered error', 'rejected: hard timeout'),
  ...times(20, 'rejected: own signal', 'served because a load failed or was slow', 'served stale, and said so'),
  ...times(5, 'hit l2, stale', 'load aborted'),
]

test('no read is older than what was invalidated, and every call settles', { timeout: 3_600_000 }, async () => {
  const counts = new Map<string, number>()
  const started = performance.now()
  let failedAt = Infinity
  await fc.assert(
    fc.asyncProperty(plans, fc.scheduler(), async (plan, scheduler) => {
      // The search for a shorter plan comes to an end: from here on nothing fails any more.
      if (performance.now() > failedAt + longestShrinkMs) return
      try {
        const history = await runPlan(library, plan, scheduler)
        for (const [what, count] of history.counts) counts.set(what, (counts.get(what) ?? 0) + count)
      } catch (error) {
        failedAt = Math.min(failedAt, performance.now())
        throw error
      }
    }),
    { numRuns, ...(seed === undefined ? {} : { seed: Number(seed) }), ...(path === undefined ? {} : { path }) },
  )
  const lines = [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([what, count]) => `${what}: ${count}`)
  console.log([`${numRuns} runs, ${((performance.now() - started) / 1000).toFixed(1)} s`, ...lines].join('\n'))
  // Few runs meet little by chance.
  if (numRuns < 1000) return
  const missed = perThousand.filter(([what, least]) => (counts.get(what) ?? 0) < (least * numRuns) / 1000)
  expect(missed, 'what these runs did not meet often enough').toEqual([])
})
