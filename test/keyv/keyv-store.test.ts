// A cache as a store of Keyv, beyond Keyv's own suite (keyv-suite.test.ts).
import { createCache as createCacheManager } from 'cache-manager'
import fc from 'fast-check'
import Keyv from 'keyv'
import { afterEach, describe, expect, test } from 'vitest'
import type { CacheManager, CacheOptions } from '../../src/index.ts'
import { cached, createCache, MemoryBackend } from '../../src/index.ts'
import { keyvStore } from '../../src/keyv.ts'
import { gate } from '../support/gate.ts'
import { manualRuntime } from '../support/manual-runtime.ts'
import { mapBackend } from '../support/map-backend.ts'
import { sharedRedisUrl } from '../support/shared-redis.ts'
import { away, switchableBackend } from '../support/slow-backend.ts'
import { connected } from './connected.ts'

const opened: CacheManager[] = []
const open = async (options: CacheOptions): Promise<CacheManager> => {
  const cache = createCache({ logLevel: 'silent', budget: '10s', ...options })
  opened.push(cache)
  return await connected(cache)
}
/** Until the store counts as away: one failure may be chance. */
const noticed = async (cache: CacheManager): Promise<void> => {
  await expect
    .poll(async () => (await cache.get('any'), (await cache.healthReport()).status), { timeout: 20_000 })
    .toBe('degraded')
}
const inMemory = async (): Promise<CacheManager> => await open({ backend: new MemoryBackend() })
afterEach(async () => {
  for (const cache of opened.splice(0)) await cache.close()
})

const pairsOf = async (keyv: Keyv): Promise<Record<string, unknown>> => {
  const pairs: Record<string, unknown> = {}
  for await (const [key, value] of keyv.iterator?.(undefined) ?? []) pairs[key as string] = value
  return pairs
}

test('Keyv takes it in both of its ways, and cache-manager takes that Keyv', async () => {
  const cache = await inMemory()
  const one = new Keyv<{ n: number }>(keyvStore(cache), { namespace: 'one' })
  const two = new Keyv<{ n: number }>({ store: keyvStore(cache), namespace: 'two' })
  await one.set('a', { n: 1 })
  expect([await one.get('a'), await two.get('a')]).toEqual([{ n: 1 }, undefined])
  expect(
    await two.setMany([
      { key: 'a', value: { n: 2 } },
      { key: 'b', value: { n: 3 }, ttl: 60_000 },
    ]),
  ).toEqual([true, true])
  expect(await two.get(['a', 'none', 'b'])).toEqual([{ n: 2 }, undefined, { n: 3 }])
  expect(await two.hasMany(['a', 'none'])).toEqual([true, false])
  const manager = createCacheManager({ stores: [two], ttl: 60_000 })
  expect(await manager.wrap('c', () => ({ n: 4 }))).toEqual({ n: 4 })
  expect(await manager.mget(['a', 'c'])).toEqual([{ n: 2 }, { n: 4 }])
})

describe('clear', () => {
  test('takes a namespace and no other, whatever its name is', async () => {
    const cache = await inMemory()
    const names = ['a', 'ab', 'a:b', 'a:b:c', 'A', 'a%3Ab', 'a b', 'é\n', 'keyv ', '@{x}(y)|', 'a#l']
    for (const cleared of names) {
      const keyvs = names.map((namespace) => new Keyv({ store: keyvStore(cache), namespace }))
      await Promise.all(keyvs.map((keyv) => keyv.set('k', keyv.namespace)))
      await keyvs[names.indexOf(cleared)]?.clear()
      for (const keyv of keyvs) {
        // `a` has the keys of `a:b` too: in Keyv they are the same keys.
        const isGone = `${keyv.namespace}:`.startsWith(`${cleared}:`)
        expect(await keyv.get('k'), `${keyv.namespace} after ${cleared}`).toBe(isGone ? undefined : keyv.namespace)
      }
    }
  })

  test('without a namespace takes what is in the store, and nothing else of the cache', async () => {
    const cache = await inMemory()
    const keyv = new Keyv({ store: keyvStore(cache), useKeyPrefix: false, namespace: '' })
    const other = new Keyv({ store: keyvStore(cache, { name: 'other' }), namespace: '' })
    await cache.set('mine', 'x')
    await keyv.set('a', 1)
    await other.set('a', 2)
    await keyv.clear()
    expect([await keyv.get('a'), await other.get('a'), await cache.get('mine')]).toEqual([undefined, 2, 'x'])
  })

  test('of the same namespace in two parts of a cache are two things', async () => {
    const cache = await inMemory()
    const [one, two] = ['one', 'two'].map((part) => new Keyv({ store: keyvStore(cache.namespace(part)) }))
    await one?.set('a', 1)
    await two?.set('a', 2)
    await one?.clear()
    expect([await one?.get('a'), await two?.get('a')]).toEqual([undefined, 2])
  })

  test('is heard in every process', async () => {
    const [here, there] = [
      await open({ url: sharedRedisUrl(), namespace: 'keyv-clear' }),
      await open({ url: sharedRedisUrl(), namespace: 'keyv-clear' }),
    ]
    const [one, two] = [here, there].map((cache) => new Keyv({ store: keyvStore(cache), namespace: 'n' }))
    await one?.set('a', { from: 'one' })
    expect(await two?.get('a')).toEqual({ from: 'one' })
    expect(await two?.get('a')).toEqual({ from: 'one' })
    await one?.clear()
    await expect.poll(() => two?.get('a'), { timeout: 20_000 }).toBeUndefined()
    await here.clear()
  })

  test('says so where a namespace is more than can be cleared in one step', async () => {
    const keyv = new Keyv({ store: keyvStore(await inMemory()), namespace: 'a:'.repeat(9), throwOnErrors: true })
    await keyv.set('k', 1)
    expect(await keyv.get('k')).toBe(1)
    await expect(keyv.clear()).rejects.toThrow(/may have 256 characters and 7 colons at most, got one of 18 characters/)
  })
})

describe('keys', () => {
  const anyKey = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(
      '',
      '%',
      '%25',
      'a#l',
      'a#t',
      '%23l',
      '\u0000',
      '\n',
      '\uD800',
      '%uD800',
      '__proto__',
      'a:b:c',
      '{x}',
    ),
  )

  test('may be any text, no two are one, and they come back as they were', async () => {
    const cache = await inMemory()
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(anyKey, { maxLength: 12 }), async (keys) => {
        const store = keyvStore(cache)
        await store.clear()
        for (const [index, key] of keys.entries()) expect(await store.set(key, `value ${index}`)).toBe(true)
        expect(await store.getMany(keys)).toEqual(keys.map((_, index) => `value ${index}`))
        const found: string[] = []
        for await (const [key] of store.iterator()) found.push(key)
        expect(found.toSorted()).toEqual(keys.toSorted())
        for (const key of keys) expect(await store.delete(key)).toBe(true)
        expect(await store.hasMany(keys)).toEqual(keys.map(() => false))
      }),
      { numRuns: 200 },
    )
  })

  test('reach no entry of a cached function', async () => {
    const cache = await inMemory()
    const parse = cached(async (hash: string) => ({ hash }), { keyPrefix: 'keyv', name: 'parse', manager: cache })
    await parse('a')
    const keyv = new Keyv({ store: keyvStore(cache), useKeyPrefix: false })
    for (const key of [parse.keyFor('a'), 'parse:a', `../${parse.keyFor('a')}`, `\n${parse.keyFor('a')}`]) {
      expect(await keyv.get(key)).toBeUndefined()
      await keyv.set(key, 'bad')
      await keyv.delete(key)
    }
    expect(parse.peek('a')).toEqual({ hash: 'a' })
  })

  test('are iterated in Redis too, each once, those of the namespace only, and no lease', async () => {
    const cache = await open({ url: sharedRedisUrl(), namespace: 'keyv-iterate' })
    await cache.clear()
    const keyv = new Keyv({ store: keyvStore(cache), namespace: 'n' })
    const other = new Keyv({ store: keyvStore(cache), namespace: 'n2' })
    await other.set('of-another', 1)
    const all = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`{k}${index}`, { index }]))
    await keyv.setMany(Object.entries(all).map(([key, value]) => ({ key, value })))
    const held = gate()
    const loading = cache.namespace('keyv').getOrSet('|n:{k}loading', () => held.wait())
    await held.reached
    expect(await pairsOf(keyv)).toEqual(all)
    held.open()
    await loading
    await cache.clear()
    expect(await pairsOf(keyv)).toEqual({})
  })

  test('of a backend that cannot tell them are not iterated, and it says why', async () => {
    const keyv = new Keyv({ store: keyvStore(await open({ backend: mapBackend() })) })
    await expect(pairsOf(keyv)).rejects.toThrow('Only a backend with the capability scan can be iterated')
  })
})

describe('times', () => {
  test('are milliseconds; without one there is no end; what is over is not stored', async () => {
    const runtime = manualRuntime()
    const cache = await open({ backend: new MemoryBackend({ runtime }), runtime, defaultTtl: '1s' })
    const store = keyvStore(cache)
    await store.set('short', 'x', 1500)
    await store.set('long', 'y')
    await store.set('zero', 'z', 0)
    await store.set('over', 'old')
    expect(await store.set('over', 'new', -1)).toBe(true)
    runtime.advance(1499)
    expect(await store.hasMany(['short', 'long', 'zero', 'over'])).toEqual([true, true, true, false])
    runtime.advance(1)
    expect(await store.getMany(['short', 'long'])).toEqual([undefined, 'y'])
    runtime.advance(9 * 365 * 86_400_000)
    expect(await store.has('long')).toBe(true)
    await expect(store.set('bad', 'x', Number.NaN)).rejects.toThrow('ttl must be a number of milliseconds, got NaN')
  })
})

test('values that Keyv does not turn into text come back equal, each reader with its own', async () => {
  const keyv = new Keyv({
    store: keyvStore(await open({ url: sharedRedisUrl(), namespace: 'keyv-values' })),
    serialize: undefined as never,
    deserialize: undefined as never,
  })
  const value = { at: new Date(5), map: new Map([['a', new Set([1n])]]), bytes: Buffer.from('x'), none: undefined }
  await keyv.set('a', value, 60_000)
  const read = await keyv.get('a')
  expect(read).toStrictEqual(value)
  read.map.clear()
  expect(await keyv.get('a')).toStrictEqual(value)
})

describe('an outage', () => {
  test('keeps calls going, and tells of what it leaves open', async () => {
    const backend = switchableBackend()
    const cache = await open({ backend })
    const store = keyvStore(cache)
    const keyv = new Keyv({ store, throwOnErrors: true })
    const errors: unknown[] = []
    keyv.on('error', (error) => errors.push(error))
    await keyv.set('a', 1)
    backend.fault = away()
    expect(await keyv.delete('a')).toBe(true)
    await noticed(cache)
    expect(await keyv.get('a')).toBeUndefined()
    await keyv.set('b', 2)
    expect(await keyv.get('b')).toBe(2)
    expect(errors.length).toBeGreaterThan(0)
    expect(errors).toContain(backend.fault)
    backend.fault = undefined
    await expect.poll(async () => (await cache.healthReport()).status, { timeout: 20_000 }).toBe('connected')
    expect([await keyv.get('a'), await keyv.get('b')]).toEqual([undefined, undefined])
    expect(backend.texts.has('keyv:|keyv:a')).toBe(false)
  })

  test('where nobody listens, does not end the process', async () => {
    const backend = switchableBackend()
    const cache = await open({ backend })
    const keyv = new Keyv({ store: keyvStore(cache) })
    backend.fault = away()
    await noticed(cache)
    expect(await keyv.set('a', 1)).toBe(true)
    expect(await keyv.get('a')).toBe(1)
  })
})

describe('disconnect', () => {
  test('leaves the cache open, and ends the listening', async () => {
    const backend = switchableBackend()
    const cache = await open({ backend })
    const keyv = new Keyv({ store: keyvStore(cache, { closeCache: undefined }) })
    const errors: unknown[] = []
    keyv.on('error', (error) => errors.push(error))
    await keyv.disconnect()
    expect(backend.closes).toBe(0)
    backend.fault = away()
    await noticed(cache)
    expect(errors).toEqual([])
  })

  test('closes it where that was asked for', async () => {
    const backend = switchableBackend()
    const keyv = new Keyv({ store: keyvStore(await open({ backend }), { closeCache: true }) })
    await keyv.disconnect()
    expect(backend.closes).toBe(1)
  })
})

test('bad input is an error at once', async () => {
  const cache = await inMemory()
  expect(() => keyvStore({} as never)).toThrow('Expected a CacheManager, got an object')
  expect(() => keyvStore(undefined as never)).toThrow('Expected a CacheManager, got undefined')
  expect(() => keyvStore(cache, { names: 'x' } as never)).toThrow("did you mean 'name'?")
  expect(() => keyvStore(cache, { name: 'a:b' })).toThrow('The name of a namespace must be')
  expect(() => keyvStore(cache, { closeCache: 1 } as never)).toThrow('closeCache must be true or false, got 1')
  expect(() => keyvStore(cache.namespace('part'), { closeCache: true })).toThrow('closeCache needs the whole cache')
  await expect(keyvStore(cache).get(7 as never)).rejects.toThrow('A key must be a string, got 7')
  await expect(keyvStore(cache).set('a', () => 1)).rejects.toMatchObject({ code: 'CACHE_UNSTORABLE_VALUE' })
})
