// C1 where things overlap: outages and loads, slow writes and deletes, two stores of one backend, two managers of one memory.
import { afterEach, expect, test } from 'vitest'
import type { CacheManager, CacheOptions, TagCapability } from '../../src/index.ts'
import { cached, cacheManager, closeCache, createCache, initCache, MemoryBackend } from '../../src/index.ts'
import { gate, until } from '../support/gate.ts'
import { startRedis } from '../support/redis-server.ts'
import { away, switchableBackend } from '../support/slow-backend.ts'

const managers: CacheManager[] = []
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close()
  await closeCache()
})

async function open(options: CacheOptions): Promise<CacheManager> {
  const manager = await createCache({ logLevel: 'silent', ...options }).init()
  managers.push(manager)
  return manager
}

async function goDown(manager: CacheManager): Promise<void> {
  for (let call = 0; call < 10; call++) await manager.get('notices')
  expect((await manager.healthReport()).status).toBe('degraded')
}

test('a load overtaken by a tag invalidation is not stored in the fallback either: Redis, invalidated before it froze', async () => {
  await using redis = await startRedis()
  const manager = await open({ url: redis.url })
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
  expect(await manager.invalidateTags(['t'])).toBe('applied')
  redis.pause()
  await manager.healthCheck()
  held.open()
  expect(await slow).toBe('old')
  expect(await manager.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new')
})

test('a load overtaken by a tag invalidation is not stored in the fallback either: six methods, invalidated while away', async () => {
  const backend = switchableBackend()
  const manager = await open({ backend })
  backend.fault = away()
  await goDown(manager)
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
  await manager.invalidateTags(['t'])
  held.open()
  await slow
  expect(await manager.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new')
})

test('what another life of the process left on a backend without a tag clock obeys this one’s invalidations', async () => {
  const backend = switchableBackend()
  const before = await open({ backend })
  for (let stamp = 0; stamp < 3; stamp++) await before.invalidateTags(['t'])
  await before.setValue('tagged', 'old', { tags: ['t'] })
  await before.setValue('other', 'old')
  await before.close()
  const survivor = switchableBackend()
  for (const [key, text] of backend.texts) survivor.texts.set(key, text)
  const after = await open({ backend: survivor })
  expect(await after.getValue('tagged')).toBe('old')
  await after.invalidateTags(['t'])
  expect(await after.getValue('tagged')).toBeUndefined()
  expect(await after.getValue('other')).toBe('old')
  await after.clear()
  expect(await after.getValue('other')).toBeUndefined()
})

test('initCache again in an outage keeps what is to be deleted, what was invalidated, and the order of writes', async () => {
  const backend = switchableBackend()
  const options = { logLevel: 'silent', backend } as const
  await initCache({ ...options })
  await cacheManager.setValue('deleted', 'old')
  await cacheManager.setValue('tagged', 'old', { tags: ['t'] })
  expect(await cacheManager.invalidateTags(['t'])).toBe('applied')
  backend.fault = away()
  await goDown(cacheManager)
  expect(await cacheManager.delete('deleted')).toBe('journaled')
  await initCache({ ...options, defaultTtl: 60 })
  backend.fault = undefined
  await until('the store is used', async () => (await cacheManager.healthReport()).status === 'connected')
  expect(await cacheManager.getValue('deleted')).toBeUndefined()
  expect(await cacheManager.getValue('tagged')).toBeUndefined()

  const held = gate()
  backend.beforeSet = () => held.wait()
  const filling = cacheManager.getOrSet('k', () => 'old')
  await held.reached
  await initCache({ ...options, defaultTtl: 120 })
  const deleting = cacheManager.delete('k')
  backend.beforeSet = () => undefined
  held.open()
  await deleting
  await filling
  await until('the delete is confirmed', () => cacheManager.stats().journal === 0)
  expect(await cacheManager.getValue('k')).toBeUndefined()
})

test('values read while the tag clock cannot be read are not served', async () => {
  const backend = switchableBackend()
  const stamps = new Map<string, number>()
  const clock: { fault?: Error } = {}
  const delta = () => ({ id: '0-one', floor: 0, stamps: [...stamps] })
  const tags: TagCapability = {
    read() {
      if (clock.fault !== undefined) throw clock.fault
      return delta()
    },
    stamp(names) {
      for (const name of names) stamps.set(name, stamps.size + 1)
      return delta()
    },
    renew: delta,
  }
  const one = await open({ backend: { ...backend, tags } })
  const two = await open({ backend: { ...backend, tags } })
  await one.setValue('k', 'old', { tags: ['t'] })
  expect(await two.getValue('k')).toBe('old')
  await one.invalidateTags(['t'])
  clock.fault = new Error('WRONGTYPE')
  expect(await two.getValue('k')).toBeUndefined()
})

test('a set voids loads begun while it was on its way', async () => {
  const backend = switchableBackend()
  const manager = await open({ backend, budget: 10 })
  const setting = gate()
  const loading = gate()
  backend.beforeSet = () => setting.wait()
  const set = manager.setValue('k', 'set')
  await setting.reached
  const load = manager.getOrSet('k', async () => {
    await loading.wait()
    return 'loaded'
  })
  await loading.reached
  backend.beforeSet = () => undefined
  setting.open()
  expect(await set).toBe(true)
  const next = manager.getOrSet('k', () => 'loaded later')
  loading.open()
  expect(await load).toBe('loaded')
  expect(await next).toBe('set')
  await manager.drain()
  expect(await manager.getValue('k')).toBe('set')
})

test('a reader after refresh or prime does not join a read that was sent before', async () => {
  for (const way of ['refresh', 'prime'] as const) {
    const backend = switchableBackend()
    const held = gate()
    const { get } = backend
    const manager = await open({ backend, budget: 10 })
    let version = 'old'
    const fn = cached(async () => version, { name: `read-before-${way}`, manager })
    await fn()
    backend.get = async (key) => {
      const text = await get(key)
      await held.wait()
      return text
    }
    const early = fn()
    await held.reached
    backend.get = get
    version = 'new'
    if (way === 'refresh') await fn.refresh()
    else await fn.prime('new')
    const late = fn()
    held.open()
    expect(await early).toBe('old')
    expect(await late).toBe('new')
  }
})

test('a write given up for hanging, that lands after the delete, is deleted again', async () => {
  const backend = switchableBackend()
  const manager = await open({ backend, budget: '20ms', socketTimeout: '50ms' })
  const held = gate()
  backend.beforeSet = () => held.wait()
  await manager.setValue('k', 'old')
  await held.reached
  backend.beforeSet = () => undefined
  await until('the delete is confirmed', async () => {
    await manager.delete('k')
    return manager.stats().journal === 0
  })
  held.open()
  await until('it landed', () => backend.texts.has('k') || manager.stats().journal > 0)
  expect(await manager.getValue('k')).toBeUndefined()
  await until('it is gone again', () => !backend.texts.has('k') && manager.stats().journal === 0)
  expect(await manager.getValue('k')).toBeUndefined()
})

test('two managers on one memory: what one invalidates, the other’s load in flight cannot bring back', async () => {
  const backend = new MemoryBackend()
  const one = await open({ backend })
  const two = await open({ backend })
  for (const invalidate of [() => one.delete('k'), () => one.clear(), () => one.invalidateTags(['t'])]) {
    const held = gate()
    const slow = two.getOrSet(
      'k',
      async () => {
        await held.wait()
        return 'old'
      },
      { tags: ['t'] },
    )
    await held.reached
    await invalidate()
    held.open()
    await slow
    expect(await one.getValue('k')).toBeUndefined()
  }
})

test('what waits for a store that is back is told to it by close()', async () => {
  const backend = switchableBackend()
  const manager = await open({ backend })
  await manager.setValue('k', 'old')
  backend.fault = away()
  await goDown(manager)
  expect(await manager.delete('k')).toBe('journaled')
  backend.fault = undefined
  await manager.close()
  expect(backend.texts.has('k')).toBe(false)
})

test('one key that cannot be deleted keeps no other from anything', async () => {
  const backend = switchableBackend()
  const manager = await open({ backend })
  await manager.setValue('bad', 'old')
  await manager.setValue('good', 1)
  backend.beforeDelete = async (key) => {
    if (key === 'bad') throw new Error('refused')
  }
  expect(await manager.delete('bad')).toBe('journaled')
  expect(await manager.getValue('bad')).toBeUndefined()
  backend.fault = away()
  await goDown(manager)
  await manager.delete('good')
  backend.fault = undefined
  await until('the store is used', async () => (await manager.healthReport()).status === 'connected')
  expect(await manager.getValue('good')).toBeUndefined()
  expect(await manager.getValue('bad')).toBeUndefined()
  expect(manager.stats().journal).toBe(1)
  backend.beforeDelete = () => undefined
  await until('the last delete is confirmed', () => manager.stats().journal === 0)
  expect(backend.texts.has('bad')).toBe(false)
})

test('a slow set and a delete behind it say nothing about the store', async () => {
  const backend = switchableBackend()
  const manager = await open({ backend, budget: '100ms', socketTimeout: '10s' })
  await manager.setValue('other', 1)
  const held = gate()
  // Longer than the delete's budget, shorter than the set's own.
  backend.beforeSet = () => held.wait()
  const set = manager.setValue('k', 'x'.repeat(4_000_000))
  await held.reached
  backend.beforeSet = () => undefined
  expect(await manager.delete('k')).toBe('journaled')
  expect((await manager.healthReport()).status).toBe('connected')
  expect(await manager.getValue('other')).toBe(1)
  held.open()
  await set
  await until('the delete is confirmed', () => manager.stats().journal === 0)
  expect(await manager.getValue('k')).toBeUndefined()
})

test('a confirmed set is readable though a delete of its key was waiting to be repeated', async () => {
  const backend = switchableBackend()
  const manager = await open({ backend })
  backend.beforeDelete = () => Promise.reject(new Error('passing'))
  expect(await manager.delete('k')).toBe('journaled')
  backend.beforeDelete = () => undefined
  expect(await manager.setValue('k', 'new')).toBe(true)
  expect(await manager.getValue('k')).toBe('new')
})

test('a caller cannot take the place of the tag clock, and whoever does otherwise only voids entries', async () => {
  await using redis = await startRedis()
  const manager = await open({ url: redis.url })
  await expect(manager.set('speedrun-cache#t', 'boom')).rejects.toMatchObject({ code: 'CACHE_BAD_KEY' })
  await manager.setValue('k', 1)
  await redis.cli('SET', 'speedrun-cache#t', 'boom')
  expect(await manager.getValue('k')).toBeUndefined()
  await manager.setValue('k', 2)
  expect(await manager.getValue('k')).toBe(2)
})
