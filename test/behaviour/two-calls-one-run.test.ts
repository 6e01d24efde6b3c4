// The promise of the layer: decorate a function, and the second call does not run it. Whatever the backend, whenever it was decorated.
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { CacheBackend, CacheOptions } from '../../src/index.ts'
import {
  cached,
  cacheManager,
  cacheOf,
  CacheManager,
  closeCache,
  createCache,
  initCache,
  MemoryBackend,
} from '../../src/index.ts'
import { asyncMapBackend, mapBackend } from '../support/map-backend.ts'
import { startRedis } from '../support/redis-server.ts'

afterEach(async () => {
  await closeCache()
})

function mockBackend(): CacheBackend {
  const store = new Map<string, string>()
  return {
    get: vi.fn(async (key: string) => store.get(key) ?? null),
    set: vi.fn(async (key: string, value: string) => {
      store.set(key, value)
      return true
    }),
    delete: vi.fn(async (key: string) => store.delete(key)),
    exists: vi.fn(async (key: string) => store.has(key)),
    ping: vi.fn(async () => true),
    close: vi.fn(async () => {}),
  }
}

const backends: ReadonlyArray<
  readonly [string, () => Promise<{ give: CacheBackend | CacheOptions; stop?: () => Promise<void> }>]
> = [
  ['memory', async () => ({ give: new MemoryBackend() })],
  ['a literal with synchronous methods', async () => ({ give: mapBackend() })],
  ['a literal with asynchronous methods', async () => ({ give: asyncMapBackend() })],
  ['mocks from vi.fn()', async () => ({ give: mockBackend() })],
  [
    'Redis',
    async () => {
      const redis = await startRedis()
      return { give: { url: redis.url }, stop: () => redis.stop() }
    },
  ],
]

let serial = 0
/** A function under an identity of its own that counts its runs. */
function counted(): {
  readonly fn: (hash: string) => Promise<{ hash: string; run: number }>
  readonly runs: () => number
} {
  let runs = 0
  const fn = cached(async (hash: string) => ({ hash, run: ++runs }), { keyPrefix: 'test', name: `counted-${++serial}` })
  return { fn, runs: () => runs }
}

describe.each(backends)('on %s', (_, open) => {
  test('a function decorated before, after and between inits runs once for two calls', async () => {
    const before = counted()
    const { give, stop } = await open()
    await initCache(give)
    const after = counted()
    for (const { fn, runs } of [before, after]) {
      const first = await fn('a')
      expect(await fn('a')).toEqual(first)
      expect(await fn('b')).toEqual({ hash: 'b', run: 2 })
      expect(runs()).toBe(2)
    }
    await initCache(new MemoryBackend())
    const between = counted()
    await initCache((await open()).give)
    await between.fn('c')
    await between.fn('c')
    expect(between.runs()).toBe(1)
    await closeCache()
    await stop?.()
  })

  test('every falsy result and undefined are values, not misses', async () => {
    const { give, stop } = await open()
    await initCache(give)
    for (const value of [null, undefined, 0, '', false, -0, Number.NaN]) {
      let runs = 0
      const fn = cached(
        async () => {
          runs++
          return value
        },
        { name: `falsy-${++serial}` },
      )
      expect(await fn()).toBe(value)
      expect(await fn()).toBe(value)
      expect(runs).toBe(1)
    }
    await closeCache()
    await stop?.()
  })

  test('manual operations: what is set is got byte by byte, what is deleted is gone, and exists agrees', async () => {
    const { give, stop } = await open()
    await initCache(give)
    for (const text of ['', '0', 'null', '{"a":1}', '#sc1 json 1 2 3\n', '!["$d",0]', 'grüße\u0000\n😀']) {
      expect(await cacheManager.set('manual:key', text, 60)).toBe(true)
      expect(await cacheManager.get('manual:key')).toBe(text)
      expect(await cacheManager.exists('manual:key')).toBe(true)
      expect(await cacheManager.delete('manual:key')).toBe('applied')
      expect(await cacheManager.get('manual:key')).toBeNull()
      expect(await cacheManager.exists('manual:key')).toBe(false)
    }
    expect(
      await cacheManager.setMany([
        ['m:1', 'a'],
        ['m:2', 'b'],
      ]),
    ).toBe(true)
    expect(await cacheManager.getMany(['m:1', 'm:none', 'm:2'])).toEqual(
      new Map([
        ['m:1', 'a'],
        ['m:2', 'b'],
      ]),
    )
    expect(await cacheManager.deleteMany(['m:1', 'm:2'])).toBe('applied')
    expect(await cacheManager.getMany(['m:1', 'm:2'])).toEqual(new Map())
    const value = { when: new Date(5), set: new Set([1n]), nothing: undefined }
    expect(await cacheManager.setValue('typed', value)).toBe(true)
    expect(await cacheManager.getValue('typed')).toStrictEqual(value)
    await closeCache()
    await stop?.()
  })
})

describe('in all its forms', () => {
  test('methods, across instances, with cacheOf for the members', async () => {
    let runs = 0
    class Documents {
      async parse(hash: string): Promise<string> {
        runs++
        return `parsed ${hash}`
      }
    }
    const method = cached({ keyPrefix: 'documents', ttl: 60 })
    // What the compiler makes of a standard decorator.
    Documents.prototype.parse = method(Documents.prototype.parse, {
      kind: 'method',
      name: 'parse',
      access: { has: (object: object) => 'parse' in object },
    } as never) as never
    await initCache(new MemoryBackend())
    expect(await new Documents().parse('a')).toBe('parsed a')
    const other = new Documents()
    expect(await other.parse('a')).toBe('parsed a')
    expect(runs).toBe(1)
    expect(await cacheOf(other, 'parse').invalidate('a')).toBe('applied')
    await other.parse('a')
    expect(runs).toBe(2)
    expect(() => cacheOf({ plain: async () => 1 }, 'plain')).toThrow("'plain' of an object is not a cached method")
  })

  test('scope keeps tenants apart; without it, this is not in the key', async () => {
    class Tenant {
      readonly id: string
      constructor(id: string) {
        this.id = id
      }
    }
    const fn = cached(
      async function (this: Tenant, hash: string) {
        return `${this.id} ${hash}`
      },
      { name: 'scoped', scope: (self: Tenant) => self.id },
    )
    await initCache(new MemoryBackend())
    expect(await fn.call(new Tenant('acme'), 'h')).toBe('acme h')
    expect(await fn.call(new Tenant('other'), 'h')).toBe('other h')
    expect(await fn.call(new Tenant('acme'), 'h')).toBe('acme h')
  })

  test('the wrapper has the name, length and own properties of the function', async () => {
    const original = vi.fn(async (a: number, b: number) => a + b)
    const fn = cached(original, { name: 'carried' })
    await initCache(new MemoryBackend())
    await fn(1, 2)
    await fn(1, 2)
    expect(fn.mock.calls).toEqual([[1, 2]])
    async function named(_one: string, _two: string): Promise<void> {}
    const wrapped = cached(named, { keyPrefix: 'carried-over' })
    expect([wrapped.name, wrapped.length]).toEqual(['named', 2])
  })

  test('members: keyFor, peek, refresh, prime, withStatus, invalidate', async () => {
    await initCache(new MemoryBackend())
    let runs = 0
    const fn = cached(async (id: number) => ({ id, run: ++runs }), { keyPrefix: 'members', name: 'get', version: 2 })
    expect(fn.keyFor(7)).toBe('members:get@2:7')
    expect(fn.peek(7)).toBeUndefined()
    expect(await fn.withStatus(7)).toEqual({ value: { id: 7, run: 1 }, source: 'load', stale: false, ageMs: 0 })
    expect(fn.peek(7)).toEqual({ id: 7, run: 1 })
    expect((await fn.withStatus(7)).source).toBe('l1')
    expect(await fn.refresh(7)).toEqual({ id: 7, run: 2 })
    expect(await fn(7)).toEqual({ id: 7, run: 2 })
    expect(await fn.prime({ id: 7, run: 99 }, 7)).toBe(true)
    expect(await fn(7)).toEqual({ id: 7, run: 99 })
    expect(await fn.invalidate(7)).toBe('applied')
    expect(fn.peek(7)).toBeUndefined()
    expect(await fn(7)).toEqual({ id: 7, run: 3 })
  })

  test('a key function shares the key of the generator; an array is hashed in place of the arguments', async () => {
    await initCache(new MemoryBackend())
    const fn = cached(async (options: { id: string; trace: string }) => options.id, {
      name: 'by-array',
      key: (options) => [options.id],
    })
    expect(fn.keyFor({ id: 'x', trace: '1' })).toBe(fn.keyFor({ id: 'x', trace: '2' }))
    const whole = cached(async (hash: string) => hash, { key: (hash) => `document:parse:${hash}` })
    await whole('abc')
    expect(await cacheManager.get('document:parse:abc')).toBe('"abc"')
  })

  test('enabled, shouldCache, ttl and tags from the result, and a manager of its own', async () => {
    const manager = createCache({ backend: new MemoryBackend() })
    let on = false
    let runs = 0
    const fn = cached(async (n: number) => ({ n, run: ++runs }), {
      name: 'with-options',
      manager,
      enabled: () => on,
      shouldCache: (result) => result.n > 0,
      ttl: (result) => (result.n > 1 ? '1h' : 60),
      tags: (result, n) => [`n:${result.n}`, `arg:${n}`],
    })
    await fn(1)
    await fn(1)
    expect(runs).toBe(2)
    on = true
    await fn(1)
    await fn(1)
    expect(runs).toBe(3)
    await fn(0)
    await fn(0)
    expect(runs).toBe(5)
    expect((await manager.inspect(fn.keyFor(1)))?.tags).toEqual(['n:1', 'arg:1'])
    expect(await manager.invalidateTags(['arg:1'])).toBe('applied')
    await fn(1)
    expect(runs).toBe(6)
    expect(await cacheManager.get(fn.keyFor(1))).toBeNull()
  })

  test('constructor injection: any six methods, opened by the first call', async () => {
    const manager = await new CacheManager(mapBackend()).init()
    expect(await manager.getOrSet('k', () => ({ a: 1 }))).toEqual({ a: 1 })
    expect(await manager.getOrSet('k', () => ({ a: 2 }))).toEqual({ a: 1 })
    const lazy = new CacheManager(mapBackend())
    expect(await lazy.set('k', 'v')).toBe(true)
    expect(await lazy.get('k')).toBe('v')
    await manager.close()
    await lazy.close()
    expect(await lazy.get('k')).toBeNull()
    expect(await lazy.set('k', 'v')).toBe(false)
    expect(await lazy.healthCheck()).toBe(false)
  })
})

describe('isolation', () => {
  test.each(['memory', 'literal'])('a caller that changes a result changes nobody else’s (%s)', async (kind) => {
    const manager = createCache({ backend: kind === 'memory' ? new MemoryBackend() : mapBackend() })
    const own = { list: [1], nested: { a: 1 } }
    const fn = cached(async () => own, { name: `isolated-${kind}`, manager })
    const [first, second] = await Promise.all([fn(), fn()])
    first.list.push(2)
    second.nested.a = 2
    expect(await fn()).toEqual({ list: [1], nested: { a: 1 } })
    const third = await fn()
    third.list.push(3)
    expect(await fn()).toEqual({ list: [1], nested: { a: 1 } })
  })

  test('frozen: one value for all readers, the loader’s own object stays its own', async () => {
    const manager = createCache({ backend: new MemoryBackend() })
    const own = { list: [1] }
    const fn = cached(async () => own, { name: 'frozen-once', manager, isolation: 'frozen' })
    const first = await fn()
    expect(await fn()).toBe(first)
    expect(Object.isFrozen(first) && Object.isFrozen(first.list)).toBe(true)
    own.list.push(2)
    expect(await fn()).toEqual({ list: [1] })
  })
})
