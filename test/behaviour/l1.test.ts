// Memory in front of Redis: what comes into it, what drives it out, and what it serves when nothing is heard.
import { afterEach, beforeAll, afterAll, describe, expect, test } from 'vitest'
import type { CacheManager, CacheOptions } from '../../src/index.ts'
import { createCache, RedisBackend } from '../../src/index.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { until } from '../support/gate.ts'
import { manualRuntime } from '../support/manual-runtime.ts'
import { asyncMapBackend } from '../support/map-backend.ts'
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

async function open(options: CacheOptions = {}): Promise<CacheManager> {
  // A busy machine is not what is tested here.
  const url = options.backend === undefined ? { url: redis.url } : {}
  const manager = await createCache({ budget: '5s', env: {}, logLevel: 'silent', ...url, ...options }).init()
  managers.push(manager)
  return manager
}

/** Where hits came from since the last call. */
function sourcesOf(manager: CacheManager): () => string[] {
  const sources: string[] = []
  manager.on('hit', ({ source }) => sources.push(source))
  return () => sources.splice(0)
}

let serial = 0
const named = (): string => `l1:${++serial}`

describe('what was loaded or read is served from memory', () => {
  test.each<readonly [string, (key: string) => Promise<unknown>]>([
    ['a set by another program', (key) => redis.cli('SET', key, '"theirs"')],
    ['a delete by another program', (key) => redis.cli('DEL', key)],
    ['its expiry', (key) => redis.cli('PEXPIRE', key, '1')],
    ['FLUSHALL', () => redis.cli('FLUSHALL')],
  ])('until %s', async (_, change) => {
    const manager = await open()
    const sources = sourcesOf(manager)
    const key = named()
    const ask = async (): Promise<string> => await manager.getOrSet(key, () => 'loaded')
    for (let call = 0; call < 3; call++) expect(await ask()).toBe('loaded')
    expect(sources()).toEqual(['l1', 'l1'])
    await change(key)
    await until('it has left the memory', async () => {
      await ask()
      return sources().at(-1) !== 'l1'
    })
  })

  test('and a raw text, and a typed value, that were read', async () => {
    const [one, other] = [await open(), await open()]
    const key = named()
    await one.set(`${key}:raw`, 'text')
    await one.setValue(`${key}:typed`, { at: new Date(5) })
    const sources = sourcesOf(other)
    for (let read = 0; read < 2; read++) {
      expect(await other.get(`${key}:raw`)).toBe('text')
      expect(await other.getValue(`${key}:typed`)).toEqual({ at: new Date(5) })
    }
    expect(sources()).toEqual(['l2', 'l2', 'l1', 'l1'])
    await one.set(`${key}:raw`, 'newer')
    await until('the newer one is read', async () => (await other.get(`${key}:raw`)) === 'newer')
  })

  test('within its bytes, whatever is read', async () => {
    const manager = await open({ l1: { maxBytes: 200_000 } })
    const text = 'x'.repeat(1000)
    const keys = Array.from({ length: 1000 }, () => named())
    await manager.setMany(keys.map((key) => [key, text]))
    await Promise.all(keys.map((key) => manager.get(key)))
    const { memory } = manager.stats()
    expect(memory?.bytes).toBeLessThanOrEqual(200_000)
    expect(memory?.entries).toBeGreaterThan(50)
    expect(memory?.evictions).toBeGreaterThan(500)
  })

  test('not with l1: false, nor where the store tells of nothing and no age is given', async () => {
    for (const manager of [await open({ l1: false }), await open({ backend: asyncMapBackend() })]) {
      const sources = sourcesOf(manager)
      const key = named()
      for (let call = 0; call < 3; call++) await manager.getOrSet(key, () => 'loaded')
      expect(sources()).toEqual(['l2', 'l2'])
      expect(await manager.healthReport()).toMatchObject({ l1: 'off', stalenessBoundMs: 0 })
    }
  })

  test('with maxAge also where it tells of nothing: nothing older, and nothing that was invalidated here', async () => {
    const runtime = manualRuntime()
    const backend = asyncMapBackend()
    const manager = await open({ backend, runtime, l1: { maxAge: '2s' } })
    expect(await manager.healthReport()).toMatchObject({ l1: 'bounded', stalenessBoundMs: 2000 })
    const sources = sourcesOf(manager)
    const ask = async (): Promise<string> => await manager.getOrSet('k', () => 'loaded', { tags: ['t'] })
    for (let call = 0; call < 2; call++) await ask()
    expect(sources()).toEqual(['l1'])
    runtime.advance(2000)
    await ask()
    await ask()
    expect(sources()).toEqual(['l2', 'l1'])
    for (const forget of [() => manager.delete('k'), () => manager.invalidateTags(['t']), () => manager.clear()]) {
      await forget()
      expect(await manager.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new')
      expect(sources()).toEqual([])
    }
  })
})

describe('when nothing is heard', () => {
  test('memory serves nothing but what cannot become stale, and that for as long as was said', async () => {
    await using proxy = await startFaultProxy(redis)
    const manager = await open({ url: proxy.url, budget: '100ms', onUnavailable: 'none' })
    const [plain, content] = [named(), named()]
    let loads = 0
    const ask = async (key: string, deafFor?: '1h'): Promise<number> =>
      await manager.getOrSet(key, () => ++loads, deafFor === undefined ? {} : { deafFor })
    await until('both are kept', async () => {
      const before = manager.stats().total.hits.l1
      await ask(plain)
      await ask(content, '1h')
      return manager.stats().total.hits.l1 === before + 2
    })
    const known = await ask(content, '1h')
    proxy.blackHole()
    await until('it is away', () => manager.stats().state === 'disconnected')
    const before = loads
    expect(await ask(content, '1h')).toBe(known)
    expect(loads).toBe(before)
    expect(await ask(plain)).toBe(before + 1)
    expect((await manager.healthReport()).l1).toBe('off')
    // An own invalidation counts all the same.
    await manager.delete(content)
    expect(await ask(content, '1h')).toBe(before + 2)
    proxy.cut()
    await proxy.heal()
    await until('it is back', () => manager.stats().state === 'connected')
  })
})

test.each<readonly [unknown, string]>([
  ['yes', 'l1 must be true, false or an object'],
  [{ maxBites: 1 }, 'maxBites'],
  [{ maxBytes: -1 }, 'l1.maxBytes'],
  [{ maxAge: '5x' }, 'l1.maxAge'],
])('l1: %j is refused at once', (l1, text) => {
  expect(() => createCache({ l1: l1 as never, env: {} })).toThrow(text)
})

test('an injected client tells of nothing: off, or bounded by age', async () => {
  const { createClient } = await import('@redis/client')
  const client = createClient({ url: redis.url })
  client.on('error', () => {})
  await client.connect()
  try {
    const off = await open({ backend: new RedisBackend({ client: client as never }) })
    expect((await off.healthReport()).l1).toBe('off')
    const bounded = await open({ backend: new RedisBackend({ client: client as never }), l1: { maxAge: '10s' } })
    const sources = sourcesOf(bounded)
    const key = named()
    for (let call = 0; call < 2; call++) await bounded.getOrSet(key, () => 1)
    expect(sources()).toEqual(['l1'])
  } finally {
    client.destroy()
  }
})
