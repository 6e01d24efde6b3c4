// One load per key for all processes that share a Redis. Two caches with connections of their own stand for two processes; test/fleet has real
// ones.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { CacheManager, GetOrSetOptions } from '../../src/index.ts'
import { createCache } from '../../src/index.ts'
import { gate, until } from '../support/gate.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startRedis } from '../support/redis-server.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

const managers: CacheManager[] = []
afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.close()))
})

/** A busy machine is not what is tested here. */
async function two(): Promise<[CacheManager, CacheManager]> {
  const open = async (): Promise<CacheManager> =>
    await createCache({ url: redis.url, budget: '5s', env: {}, logLevel: 'silent' }).init()
  const pair: [CacheManager, CacheManager] = [await open(), await open()]
  managers.push(...pair)
  return pair
}

let serial = 0
const named = (): string => `one-loader:${++serial}`
const loadsOf = (...caches: CacheManager[]): number => caches.reduce((sum, cache) => sum + cache.stats().total.loads, 0)
const waiting = (key: string): Promise<void> =>
  until('somebody waits', async () => (await redis.cli('EXISTS', `{${key}}#l`)) === '1')

test('who comes while another process loads waits for it, and gets what it stored', async () => {
  const [one, other] = await two()
  const key = named()
  const held = gate()
  const first = one.getOrSet(key, async () => {
    await held.wait()
    return 'theirs'
  })
  await held.reached
  const second = Promise.all(Array.from({ length: 100 }, () => other.getOrSet(key, () => 'mine')))
  await waiting(key)
  held.open()
  expect(await first).toBe('theirs')
  expect(new Set(await second)).toEqual(new Set(['theirs']))
  expect(loadsOf(one) + loadsOf(other)).toBe(1)
})

test.each<readonly [string, (cache: CacheManager, key: string) => Promise<unknown>]>([
  ['delete', (cache, key) => cache.delete(key)],
  ['invalidateTags', (cache) => cache.invalidateTags(['tag'])],
  ['clear', (cache) => cache.clear()],
  ['setValue', (cache, key) => cache.setValue(key, 'set', { tags: ['tag'] })],
  ['getOrSet with refresh', (cache, key) => cache.getOrSet(key, () => 'set', { mode: 'refresh', tags: ['tag'] })],
])('%s of another process makes a load under way void: stored nowhere, and nobody waits for it', async (_, change) => {
  const [one, other] = await two()
  const key = named()
  const held = gate()
  const options: GetOrSetOptions<string> = { tags: ['tag'] }
  const old = one.getOrSet(
    key,
    async () => {
      await held.wait()
      return 'old'
    },
    options,
  )
  await held.reached
  await change(other, key)
  // The load still runs: whoever asks now must not wait for it.
  expect(['new', 'set']).toContain(await other.getOrSet(key, () => 'new', options))
  await until('the other process has heard of it', async () => {
    const impatient = { ...options, signal: AbortSignal.timeout(500) }
    const value = await one.getOrSet(key, () => 'new', impatient).catch(() => undefined)
    return value === 'new' || value === 'set'
  })
  held.open()
  expect(await old).toBe('old')
  for (const cache of [one, other]) expect(await cache.getOrSet(key, () => 'newer', options)).not.toBe('old')
})

test('a value that is over is served by both, and one of them loads', async () => {
  const [one, other] = await two()
  const key = named()
  let loads = 0
  const ask = async (cache: CacheManager): Promise<number> =>
    await cache.getOrSet(key, () => ++loads, { ttl: '1s', swr: '1h' })
  expect(await ask(one)).toBe(1)
  await until('it is over, and one has loaded anew', async () => {
    await Promise.all([ask(one), ask(other)])
    return loads > 1
  })
  await until('both have the new one', async () => (await ask(one)) >= 2 && (await ask(other)) >= 2)
})

test('a pause after a failed load is everybody’s who has something to serve', async () => {
  const [one, other] = await two()
  const key = named()
  let runs = 0
  let fails = false
  const ask = async (cache: CacheManager): Promise<string> =>
    await cache.getOrSet(
      key,
      () => {
        runs++
        if (fails) throw new Error('origin away')
        return 'good'
      },
      { ttl: '1s', staleIfError: '1h' },
    )
  await ask(one)
  fails = true
  await until('it is over, and a load has failed', async () => {
    expect(await ask(one)).toBe('good')
    return runs > 1
  })
  await until('the pause is known', async () => (await redis.cli('GET', `{${key}}#l`)) === '!')
  const before = runs
  expect(await ask(other)).toBe('good')
  expect(runs).toBe(before)
})

test('expectMiss asks for the lease first: one command less on a miss, and a hit is a hit', async () => {
  const [one, other] = await two()
  const [expected, usual] = [named(), named()]
  await redis.cli('CONFIG', 'RESETSTAT')
  expect(await one.getOrSet(expected, () => 'loaded', { expectMiss: true })).toBe('loaded')
  const reads = async (): Promise<number> =>
    Number(/^cmdstat_mget:calls=(\d+)/m.exec(await redis.cli('INFO', 'commandstats'))?.[1] ?? 0)
  expect(await reads()).toBe(0)
  await one.getOrSet(usual, () => 'loaded')
  expect(await reads()).toBe(1)
  expect(await other.getOrSet(expected, () => 'never', { expectMiss: true })).toBe('loaded')
  expect(loadsOf(other)).toBe(0)
})

test('what another program writes and deletes while a key is loaded makes the load void', async () => {
  const [one, other] = await two()
  const key = named()
  const held = gate()
  const first = one.getOrSet(key, async () => {
    await held.wait()
    return 'old'
  })
  await held.reached
  await redis.cli('SET', key, 'theirs')
  await redis.cli('DEL', key)
  // Told by now: a read that is answered comes after it.
  await one.get(named())
  held.open()
  expect(await first).toBe('old')
  expect(await other.getOrSet(key, () => 'new')).toBe('new')
  expect(await one.getOrSet(key, () => 'newer')).toBe('new')
})

test('a tag that a load does not have, invalidated by its own process, begins no second load', async () => {
  const [one] = await two()
  const key = named()
  const held = gate()
  let loads = 0
  const load = async (): Promise<string> => {
    loads++
    await held.wait()
    return 'value'
  }
  const first = one.getOrSet(key, load, { tags: ['mine'] })
  await held.reached
  expect(await one.invalidateTags(['another'])).toBe('applied')
  const joined = one.getOrSet(key, load, { tags: ['mine'] })
  expect(await one.invalidateTags(['mine'])).toBe('applied')
  const anew = one.getOrSet(key, () => Promise.resolve('anew'), { tags: ['mine'] })
  expect(await anew).toBe('anew')
  held.open()
  // Who joined before its tag was invalidated, and while the load ran, is answered by what came after.
  expect(await Promise.all([first, joined])).toEqual(['value', 'anew'])
  expect(loads).toBe(1)
})

test('a key that ends by itself while its own process loads it is not loaded twice', async () => {
  const [one] = await two()
  const key = named()
  await one.getOrSet(key, () => 'first', { ttl: '1s', staleIfError: '1s' })
  await until('it is stale', async () => Number(await redis.cli('PTTL', key)) < 900)
  const held = gate()
  let loads = 0
  const load = async (): Promise<string> => {
    loads++
    await held.wait()
    return 'second'
  }
  const first = one.getOrSet(key, load, { ttl: '10m', staleIfError: '1s' })
  await held.reached
  await until('it has ended', async () => (await redis.cli('EXISTS', key)) === '0')
  await one.get(named())
  const other = one.getOrSet(key, load, { ttl: '10m', staleIfError: '1s' })
  await one.get(named())
  held.open()
  expect(await Promise.all([first, other])).toEqual(['second', 'second'])
  expect(loads).toBe(1)
})
