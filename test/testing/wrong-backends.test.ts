// The contract suite finds what is wrong: backends that break one rule each, and the outcomes that must say so. A suite that nothing fails proves nothing.
import { expect, test } from 'vitest'
import type { ContractCapability } from '../../src/testing.ts'
import { backendOutcomes, checkBackend } from '../../src/testing.ts'
import { everyCapability, openMock } from './mock-fleet.ts'
import { wrongBackends } from './wrong-backends.ts'

test('the right one, of which all others are made, passes every outcome', async () => {
  const results = await checkBackend(() => openMock(), { capabilities: everyCapability })
  expect(results.filter(({ status }) => status !== 'passed')).toEqual([])
  expect(results.length).toBeGreaterThan(60)
})

test.each(wrongBackends)('a backend that $name fails $fails', async ({ make, fails, hangs = false }) => {
  // One that does not answer is given up after a while; nothing else may depend on how long that is.
  const except = hangs ? allBut(fails) : {}
  const results = await checkBackend(() => openMock(make), { except, ...(hangs && { limitMs: 1000 }) })
  const failed = results.filter(({ status }) => status === 'failed')
  for (const { id, reason } of failed) {
    expect(reason).toMatch(new RegExp(`^${id} .*: expected .+, came .+`, 's'))
  }
  expect(failed.map(({ id }) => id)).toEqual(fails)
})

test('capabilities that are named must be there, and no other', async () => {
  const except = allBut(['B-02'])
  const results = async (capabilities: readonly ContractCapability[]): Promise<unknown> => {
    const all = await checkBackend(() => openMock(undefined, ['batch', 'tags']), { except, capabilities })
    return all.map(({ id, status, reason }) => [id, status, reason?.replace(/^.*: (?=\w+: expected)/, '')])
  }
  expect(await results(['batch', 'tags'])).toEqual([['B-02', 'passed', undefined]])
  expect(await results(['batch', 'tags', 'leases'])).toEqual([
    ['B-02', 'failed', 'leases: expected it, since `capabilities` names it, came undefined'],
  ])
  expect(await results(['batch'])).toMatchObject([['B-02', 'failed', expect.stringContaining('does not name it')]])
})

test('there are enough of them, and every outcome has one that fails it', () => {
  expect(wrongBackends.length).toBeGreaterThan(50)
  const failing = new Set(wrongBackends.flatMap(({ fails }) => fails))
  const without = backendOutcomes.filter(({ id }) => !failing.has(id)).map(({ id }) => id)
  expect(without).toEqual([])
})

function allBut(ids: readonly string[]): Record<string, string> {
  const others = backendOutcomes.filter(({ id }) => !ids.includes(id))
  return Object.fromEntries(others.map(({ id }) => [id, 'it is about another one']))
}
