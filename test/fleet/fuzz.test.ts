// A fleet of processes at work while each one's network delays, merges, splits, cuts and swallows what passes: nobody is served what he
// invalidated himself, nobody is served for longer than the bound what another one did, and nothing old is left anywhere.
// `npm run test:fleet` is the long mode (TEST_FLEET_CHECKS, TEST_FLEET_SEED).
import { expect, test } from 'vitest'
import { runFuzz } from './fuzz.ts'
import { summaryOf } from './summary.ts'

const {
  TEST_FLEET_CHECKS: checks,
  TEST_FLEET_SECONDS: seconds,
  TEST_FLEET_SEED: seed = '20260',
  TEST_FLEET_ONE_LOADS: oneLoads,
} = process.env

test('no process of a fleet is served what was invalidated', { timeout: 24 * 3_600_000 }, async () => {
  console.log(`fleet: seed ${seed}`)
  const result = await runFuzz({
    seed: Number(seed),
    checks: Number(checks ?? Infinity),
    ...(checks === undefined ? { rounds: 6 } : {}),
    seconds: seconds === undefined ? undefined : Number(seconds),
    oneLoads: oneLoads !== undefined,
    log: checks === undefined ? () => undefined : (line) => console.log(line),
  })
  console.log(summaryOf(result).join('\n'))
  expect(result.violations).toEqual([])
  expect(result.violated).toBe(0)
  // Nothing seen in nothing is no proof.
  expect(result.own).toBeGreaterThan(500)
  expect(result.bound).toBeGreaterThan(oneLoads === undefined ? 500 : 50)
  expect(result.rest).toBeGreaterThan(500)
  expect(result.fresh).toBeGreaterThan(20)
})
