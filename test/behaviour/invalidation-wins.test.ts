// C1: an invalidation wins against everything in flight. A load that was running when it came answers its own callers and stores nothing;
// whoever asks afterwards gets a new load.
import { afterEach, describe, expect, test } from 'vitest'
import type { CacheBackend, CacheManager, LoadOutcome } from '../../src/index.ts'
import { createCache, MemoryBackend } from '../../src/index.ts'
import { gate, until } from '../support/gate.ts'
import { asyncMapBackend, mapBackend } from '../support/map-backend.ts'
import { startRedis } from '../support/redis-server.ts'

const open: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function openManager(kind: string): Promise<CacheManager> {
  if (kind === 'Redis') {
    const redis = await startRedis()
    open.push(() => redis.stop())
    const manager = await createCache({ url: redis.url }).init()
    open.unshift(() => manager.close())
    return manager
  }
  const backend = kind === 'memory' ? new MemoryBackend() : kind === 'literal' ? mapBackend() : asyncMapBackend()
  const manager = await createCache({ backend }).init()
  open.push(() => manager.close())
  return manager
}

const invalidations: ReadonlyArray<readonly [string, (manager: CacheManager) => Promise<unknown>, unknown]> = [
  ['delete', (manager) => manager.delete('k'), undefined],
  ['deleteMany', (manager) => manager.deleteMany(['other', 'k']), undefined],
  ['set', (manager) => manager.set('k', '"set"'), 'set'],
  ['setValue', (manager) => manager.setValue('k', 'set'), 'set'],
  ['invalidateTags', (manager) => manager.invalidateTags(['t']), undefined],
  ['clear', (manager) => manager.clear(), undefined],
]

describe.each(['memory', 'literal', 'asynchronous literal', 'Redis'])('on %s', (kind) => {
  test.each(invalidations)(
    '%s during a load: the late value is stored nowhere, the next caller loads anew',
    async (_, invalidate, after) => {
      const manager = await openManager(kind)
      const outcomes: LoadOutcome[] = []
      manager.on('load', (event) => outcomes.push(event.outcome))
      const held = gate()
      const slow = manager.getOrSet(
        'k',
        async () => {
          await held.wait()
          return 'old'
        },
        { tags: ['t'] },
      )
      await held.reached
      await invalidate(manager)
      let runs = 0
      const load = async (): Promise<string> => {
        runs++
        return 'new'
      }
      // While the old load still runs: it is not joined.
      expect(await manager.getOrSet('k', load, { tags: ['t'] })).toBe(after ?? 'new')
      held.open()
      expect(await slow).toBe('old')
      await manager.drain()
      await until('the old load has settled', () => outcomes.includes('fenced'))
      expect(await manager.getValue('k')).toBe(after ?? 'new')
      expect(await manager.getOrSet('k', load, { tags: ['t'] })).toBe(after ?? 'new')
      expect(runs).toBe(after === undefined ? 1 : 0)
    },
  )

  test('an entry with a tag is gone when the tag is invalidated, one without it stays', async () => {
    const manager = await openManager(kind)
    await manager.setValue('tagged', 1, { tags: ['a', 'b'] })
    await manager.setValue('other', 2, { tags: ['c'] })
    await manager.getOrSet('loaded', () => 3, { tags: (result) => [`n:${result}`, 'b'] })
    expect(await manager.invalidateTags(['b'])).toBe('applied')
    expect(await manager.getValue('tagged')).toBeUndefined()
    expect(await manager.getValue('loaded')).toBeUndefined()
    expect(await manager.getValue('other')).toBe(2)
    await manager.setValue('tagged', 4, { tags: ['a', 'b'] })
    expect(await manager.getValue('tagged')).toBe(4)
    expect(await manager.clear()).toBe('applied')
    expect(await manager.getValue('tagged')).toBeUndefined()
    expect(await manager.getValue('other')).toBeUndefined()
    await manager.setValue('tagged', 5)
    expect(await manager.getValue('tagged')).toBe(5)
  })

  test('a refresh replaces what an older load brings', async () => {
    const manager = await openManager(kind)
    const held = gate()
    const slow = manager.getOrSet('k', async () => {
      await held.wait()
      return 'old'
    })
    await held.reached
    await manager.delete('k')
    await manager.getOrSet('k', () => 'new')
    held.open()
    await slow
    await manager.drain()
    expect(await manager.getValue('k')).toBe('new')
  })
})

test('another manager on the same Redis sees deletes, tags and clear', async () => {
  const redis = await startRedis()
  const one = await createCache({ url: redis.url }).init()
  const two = await createCache({ url: redis.url }).init()
  open.push(
    () => one.close(),
    () => two.close(),
    () => redis.stop(),
  )
  await one.setValue('k', 1, { tags: ['t'] })
  expect(await two.getValue('k')).toBe(1)
  await two.delete('k')
  expect(await one.getValue('k')).toBeUndefined()
  await one.setValue('k', 2, { tags: ['t'] })
  await two.invalidateTags(['t'])
  expect(await one.getValue('k')).toBeUndefined()
  await one.setValue('k', 3, { tags: ['t'] })
  expect(await two.getValue('k')).toBe(3)
  await two.clear()
  expect(await one.getValue('k')).toBeUndefined()
  await redis.cli('SET', 'foreign', '{"from":"python"}')
  // A value without our header counts as older than the clear.
  expect(await one.getValue('foreign')).toBeUndefined()
})

test('the loss of the tag clock makes everything void, never something valid', async () => {
  const redis = await startRedis()
  const manager = await createCache({ url: redis.url }).init()
  open.push(
    () => manager.close(),
    () => redis.stop(),
  )
  await manager.setValue('k', 1, { tags: ['t'] })
  await manager.invalidateTags(['t'])
  await redis.cli('DEL', 'speedrun-cache#t')
  expect(await manager.getValue('k')).toBeUndefined()
  await manager.setValue('k', 2, { tags: ['t'] })
  expect(await manager.getValue('k')).toBe(2)
  // A value of another program was readable, was cleared away, and does not come back with the loss of the clock that knew.
  const other = await createCache({ url: redis.url, namespace: 'other' }).init()
  open.unshift(() => other.close())
  await redis.cli('SET', 'other:foreign', '{"from":"python"}')
  expect(await other.getValue('foreign')).toEqual({ from: 'python' })
  await other.clear()
  expect(await other.getValue('foreign')).toBeUndefined()
  await redis.cli('DEL', 'other:speedrun-cache#t')
  expect(await other.getValue('foreign')).toBeUndefined()
})

test('a delete that overtakes a write under way on a backend that answers out of order still wins', async () => {
  const held = gate()
  const texts = new Map<string, string>()
  let first = true
  const backend: CacheBackend = {
    get: async (key) => texts.get(key) ?? null,
    async set(key, value) {
      if (first) {
        first = false
        await held.wait()
      }
      texts.set(key, value)
      return true
    },
    delete: async (key) => texts.delete(key),
    exists: async (key) => texts.has(key),
    ping: async () => true,
    close: async () => {},
  }
  const manager = await createCache({ backend, budget: 10 }).init()
  open.push(() => manager.close())
  const filling = manager.getOrSet('k', () => 'old')
  await held.reached
  const deleting = manager.delete('k')
  held.open()
  expect(await deleting).toBe('applied')
  await filling
  await manager.drain()
  expect(await manager.getValue('k')).toBeUndefined()
})
