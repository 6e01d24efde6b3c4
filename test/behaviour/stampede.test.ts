// One cold key, many callers: one load, one read of the store, one error for all when it fails.
import { describe, expect, test } from 'vitest'
import type { CacheManager } from '../../src/index.ts'
import { cached, createCache, MemoryBackend } from '../../src/index.ts'
import { gate } from '../support/gate.ts'
import { startRedis } from '../support/redis-server.ts'

const callers = 10_000

describe('10,000 callers of a cold key', () => {
  test('make one load in memory', async () => {
    const manager = createCache({ backend: new MemoryBackend() })
    await expectOneLoad(manager)
  })

  test('make one load and one read in Redis, and afterwards one read for all hits of a turn without memory in front of it', async () => {
    await using redis = await startRedis()
    await using manager = await createCache({ url: redis.url, l1: false }).init()
    await redis.cli('CONFIG', 'RESETSTAT')
    await expectOneLoad(manager)
    expect(await reads(redis)).toBe(1)
    await Promise.all(Array.from({ length: callers }, () => manager.getOrSet('cold', () => 'never')))
    expect(await reads(redis)).toBe(2)
    await Promise.all(Array.from({ length: 100 }, (_, index) => manager.get(`key:${index}`)))
    expect(await reads(redis)).toBe(3)
  })
})

async function expectOneLoad(manager: CacheManager): Promise<void> {
  let loads = 0
  const held = gate()
  const all = Promise.all(
    Array.from({ length: callers }, () =>
      manager.getOrSet('cold', async () => {
        loads++
        await held.wait()
        return { page: 1 }
      }),
    ),
  )
  await held.reached
  held.open()
  const values = await all
  expect(loads).toBe(1)
  expect(new Set(values).size).toBe(callers)
  expect(values.every((value) => value.page === 1)).toBe(true)
  expect(manager.stats().total).toMatchObject({ loads: 1, misses: 1 })
}

/** Commands that read values; the tag clock is not one, and scripts look at leases. */
async function reads(redis: { cli(...args: string[]): Promise<string> }): Promise<number> {
  const stats = await redis.cli('INFO', 'commandstats')
  return [...stats.matchAll(/^cmdstat_mget:calls=(\d+)/gm)].reduce((sum, match) => sum + Number(match[1]), 0)
}

test('100 callers of a failing loader: one run, the same error object for all, nothing cached', async () => {
  const manager = createCache({ backend: new MemoryBackend() })
  const failure = new Error('no such document')
  let runs = 0
  const fn = cached(
    async () => {
      runs++
      throw failure
    },
    { name: 'failing', manager },
  )
  const errors = await Promise.all(Array.from({ length: 100 }, () => fn().catch((error: unknown) => error)))
  expect(runs).toBe(1)
  expect(new Set(errors)).toEqual(new Set([failure]))
  await expect(fn()).rejects.toBe(failure)
  expect(runs).toBe(2)
})

test('a loader that throws at once rejects with the same object', async () => {
  const manager = createCache({ backend: new MemoryBackend() })
  const failure = { not: 'an error' }
  await expect(
    manager.getOrSet('k', () => {
      throw failure
    }),
  ).rejects.toBe(failure)
})

test('a loader beyond its hard timeout rejects its callers and stores nothing when it ends', async () => {
  const manager = createCache({ backend: new MemoryBackend() })
  const held = gate()
  let signal: AbortSignal | undefined
  const late = manager.getOrSet(
    'k',
    async (load) => {
      signal = load.signal
      await held.wait()
      return 'late'
    },
    { hardTimeout: '20ms' },
  )
  await expect(late).rejects.toMatchObject({ code: 'CACHE_LOAD_TIMEOUT' })
  expect(signal?.aborted).toBe(true)
  held.open()
  await new Promise((resolve) => setImmediate(resolve))
  expect(await manager.getValue('k')).toBeUndefined()
})

test('a result that cannot be cached is returned every time, and said once', async () => {
  const lines: string[] = []
  const logger = { debug() {}, info() {}, warn: (line: string) => lines.push(line), error() {} }
  const manager = createCache({ backend: new MemoryBackend(), logger })
  const problems: unknown[] = []
  manager.on('problem', (event) => problems.push(event.error))
  class Model {
    secret = 'value'
  }
  const fn = cached(async () => ({ inner: { model: new Model() } }), { name: 'unstorable', manager })
  for (let call = 0; call < 3; call++) expect((await fn()).inner.model).toBeInstanceOf(Model)
  expect(lines).toEqual([
    "Results of 'unstorable' are not cached: CACHE_UNSTORABLE_VALUE The value at .inner.model cannot be cached: it is an instance of Model",
  ])
  expect(problems).toHaveLength(3)
  await expect(manager.setValue('k', { at: [() => 1] })).rejects.toMatchObject({ code: 'CACHE_UNSTORABLE_VALUE' })
  expect(manager.stats().operations['unstorable']).toMatchObject({ loads: 3, refused: 3, fills: 0 })
})

test('a loader that asks for its signal after the hard timeout finds it aborted', async () => {
  const manager = createCache({ backend: new MemoryBackend() })
  const held = gate()
  let aborted: boolean | undefined
  const late = manager.getOrSet(
    'k',
    async (load) => {
      await held.wait()
      aborted = load.signal.aborted
    },
    { hardTimeout: '20ms' },
  )
  await expect(late).rejects.toMatchObject({ code: 'CACHE_LOAD_TIMEOUT' })
  held.open()
  await new Promise((resolve) => setImmediate(resolve))
  expect(aborted).toBe(true)
})

test('a load is joined across an invalidation of a tag it does not have, and of no other', async () => {
  const cache = await createCache({ backend: new MemoryBackend(), logLevel: 'silent' }).init()
  const held = gate()
  let loads = 0
  const load = async (): Promise<string> => {
    loads++
    await held.wait()
    return 'value'
  }
  const read = (): Promise<string> => cache.getOrSet('k', load, { tags: ['mine'] })
  const first = read()
  await held.reached
  await cache.invalidateTags(['another'])
  const joined = read()
  await cache.clear()
  const anew = cache.getOrSet('k', () => 'anew', { tags: ['mine'] })
  expect(await anew).toBe('anew')
  held.open()
  // They came before the clear.
  expect(await Promise.all([first, joined])).toEqual(['value', 'value'])
  expect(loads).toBe(1)
  await cache.close()
})
