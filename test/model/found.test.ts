// What the model found, each as the shortest script that shows it. Fixed things stay here: whoever changes the read path sees at once what
// the model would need hundreds of runs for.
import { expect, test } from 'vitest'
import type { CacheBackend } from '../../src/index.ts'
import { cached, createCache, MemoryBackend } from '../../src/index.ts'
import { gate } from '../support/gate.ts'
import { manualRuntime } from '../support/manual-runtime.ts'
import { asyncMapBackend } from '../support/map-backend.ts'
import { away, switchableBackend } from '../support/slow-backend.ts'
import { settled } from './runtime.ts'

const quiet = { logLevel: 'silent', env: {} } as const
const stores = [
  ['memory', () => new MemoryBackend()],
  ['six methods', () => asyncMapBackend()],
] as const satisfies ReadonlyArray<readonly [string, () => CacheBackend]>

let serial = 0
const named = (): string => `found-${++serial}`

test('a stale value that was read while a delete was on its way is not served once the delete has been answered', async () => {
  const runtime = manualRuntime()
  const backend = switchableBackend()
  const manager = createCache({ backend, runtime, ...quiet })
  const load = gate()
  let run = 0
  const fn = cached(
    async (_id: string) => {
      if (++run > 1) await load.wait()
      return run
    },
    { name: named(), manager, ttl: 10, swr: 60 },
  )
  await fn('a')
  runtime.advance(10_000)
  const held = gate()
  backend.beforeDelete = () => held.wait()
  const deleting = fn.invalidate('a')
  await held.reached
  expect(await fn('a')).toBe(1)
  await load.reached
  held.open()
  expect(await deleting).toBe('applied')
  const after = fn('a')
  await settled()
  load.open()
  expect(await after).toBe(2)
})

test('a value that was read before a delete was answered does not stand in for a load that fails after it', async () => {
  const runtime = manualRuntime()
  const backend = switchableBackend()
  const manager = createCache({ backend, runtime, ...quiet })
  const load = gate()
  const failure = new Error('origin away')
  let run = 0
  const fn = cached(
    async (_id: string) => {
      if (++run === 1) return run
      await load.wait()
      throw failure
    },
    { name: named(), manager, ttl: 10, staleIfError: 60 },
  )
  await fn('a')
  runtime.advance(10_000)
  const held = gate()
  backend.beforeDelete = () => held.wait()
  const deleting = fn.invalidate('a')
  await held.reached
  const before = fn('a')
  await load.reached
  held.open()
  expect(await deleting).toBe('applied')
  const after = fn('a').catch((error: unknown) => error)
  await settled()
  load.open()
  expect(await after).toBe(failure)
  await before.catch(() => {})
})

test('a write that waited for an older one and then hangs is not an unhandled rejection', async () => {
  const runtime = manualRuntime()
  const backend = switchableBackend()
  const manager = createCache({ backend, runtime, ...quiet })
  await manager.init()
  const unhandled: unknown[] = []
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', (error) => unhandled.push(error))
  try {
    const [first, second] = [gate(), gate()]
    backend.beforeDelete = () => first.wait()
    const one = manager.delete('k')
    await first.reached
    backend.beforeDelete = () => second.wait()
    const two = manager.delete('k')
    first.open()
    expect(await one).toBe('applied')
    await second.reached
    runtime.advance(200)
    await settled()
    runtime.advance(400)
    expect(await two).toBe('journaled')
    second.open()
    await settled()
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const listener of listeners) process.on('unhandledRejection', listener)
  }
  expect(unhandled).toEqual([])
})

test.each(stores)('a prime does not outlive an invalidation called right after it, on %s', async (_, backend) => {
  const manager = createCache({ backend: backend(), ...quiet })
  await manager.init()
  const fn = cached(async (_id: string) => 'loaded', { name: named(), manager, tags: ['tag'] })
  for (const invalidate of [
    () => fn.invalidate('a'),
    () => manager.delete(fn.keyFor('a')),
    () => manager.invalidateTags(['tag']),
    () => manager.clear(),
  ]) {
    await Promise.all([fn.prime('primed', 'a'), invalidate()])
    expect(await fn('a')).toBe('loaded')
  }
})

test('an invalidated tag ends a remembered failure while the store is away', async () => {
  const runtime = manualRuntime()
  const backend = switchableBackend()
  const manager = createCache({ backend, runtime, ...quiet })
  await manager.init()
  backend.fault = away()
  let run = 0
  const options = { name: named(), manager, tags: ['tag'], cacheErrors: { ttl: 30, when: () => true } }
  const fn = cached(async (_id: string) => {
    throw new Error(`failure ${++run}`)
  }, options)
  expect(await manager.healthCheck()).toBe(false)
  await expect(fn('a')).rejects.toThrow('failure 1')
  await expect(fn('a')).rejects.toThrow('failure 1')
  await manager.invalidateTags(['tag'])
  await expect(fn('a')).rejects.toThrow('failure 2')
  await manager.close()
})

test('a stale value that a soft timeout answered with is not what those get who come when its windows are over', async () => {
  const runtime = manualRuntime()
  const manager = createCache({ backend: new MemoryBackend({ runtime }), runtime, ...quiet })
  const held = gate()
  let run = 0
  const fn = cached(
    async (_id: string) => {
      if (++run > 1) await held.wait()
      return run
    },
    { name: named(), manager, ttl: 10, staleIfError: 60, softTimeout: '500ms' },
  )
  await fn('a')
  runtime.advance(10_000)
  const early = fn('a')
  await held.reached
  runtime.advance(500)
  expect(await early).toBe(1)
  runtime.advance(3_600_000)
  const late = fn('a')
  await settled()
  held.open()
  expect(await late).toBe(2)
})

test('a key is cached again after a write that nobody confirmed, also when the store came back meanwhile', async () => {
  const runtime = manualRuntime()
  const backend = switchableBackend()
  const manager = createCache({ backend, runtime, ...quiet })
  await manager.init()
  let run = 0
  const fn = cached(async (_id: string) => ++run, { name: named(), manager })
  const held = gate()
  backend.beforeSet = () => held.wait()
  const first = fn('a')
  await held.reached
  // It goes and comes back while that write is on its way.
  backend.fault = away()
  expect(await manager.healthCheck()).toBe(false)
  backend.fault = undefined
  expect(await manager.healthCheck()).toBe(true)
  runtime.advance(250)
  await first
  backend.beforeSet = () => undefined
  held.open()
  for (let round = 0; round < 20; round++) {
    await settled()
    runtime.advance(1000)
  }
  expect(manager.stats().journal).toBe(0)
  await fn('a')
  const before = run
  await fn('a')
  expect(run).toBe(before)
})

test('a key is cached again after a set that nobody confirmed, also when the store came back meanwhile', async () => {
  const runtime = manualRuntime()
  const backend = switchableBackend()
  const manager = createCache({ backend, runtime, ...quiet })
  await manager.init()
  const held = gate()
  backend.beforeSet = () => held.wait()
  const setting = manager.set('k', 'text')
  await held.reached
  backend.fault = away()
  expect(await manager.healthCheck()).toBe(false)
  backend.fault = undefined
  expect(await manager.healthCheck()).toBe(true)
  runtime.advance(250)
  await settled()
  backend.beforeSet = () => undefined
  held.open()
  expect(await setting).toBe(false)
  for (let round = 0; round < 20; round++) {
    await settled()
    runtime.advance(1000)
  }
  expect(manager.stats().journal).toBe(0)
})

test('a prime that waits for the cache to be opened loses against every delete called after it, and is stored without one', async () => {
  for (let ticks = 0; ticks < 60; ticks++) {
    const manager = createCache({ backend: asyncMapBackend(), ...quiet })
    const fn = cached(async (_id: string) => 'loaded', { name: named(), manager })
    const priming = fn.prime('primed', 'a')
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
    await fn.invalidate('a')
    await priming
    expect(await fn('a')).toBe('loaded')
  }
  const manager = createCache({ backend: asyncMapBackend(), ...quiet })
  const fn = cached(async (_id: string) => 'loaded', { name: named(), manager })
  expect(await fn.prime('primed', 'a')).toBe(true)
  expect(await fn('a')).toBe('primed')
})

test('of two primes of one key the later wins, also when the earlier had to wait for the cache to be opened', async () => {
  for (let ticks = 0; ticks < 60; ticks++) {
    const manager = createCache({ backend: asyncMapBackend(), ...quiet })
    const fn = cached(async (_id: string) => 'loaded', { name: named(), manager })
    const [early, elsewhere] = [fn.prime('early', 'a'), fn.prime('elsewhere', 'b')]
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
    expect(await fn.prime('late', 'a')).toBe(true)
    expect(await Promise.all([early, elsewhere])).toEqual([expect.any(Boolean), true])
    expect(await Promise.all([fn('a'), fn('b')])).toEqual(['late', 'elsewhere'])
  }
})
