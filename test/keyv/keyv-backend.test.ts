// What is particular to Keyv stores as a backend, beyond the contract of all backends.
import { EventEmitter } from 'node:events'
import fc from 'fast-check'
import Keyv from 'keyv'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createCache, isCacheError } from '../../src/index.ts'
import { keyvBackend } from '../../src/keyv.ts'
import { manualRuntime } from '../support/manual-runtime.ts'
import { ManyStore, smallStore } from './stores.ts'

afterEach(() => void vi.useRealTimers())

const listed = async (backend: ReturnType<typeof keyvBackend>, prefix = ''): Promise<string[]> => {
  const keys: string[] = []
  for await (const page of backend.scan?.keys(prefix) ?? []) keys.push(...page)
  return keys.toSorted()
}

describe('the time of an entry', () => {
  test.each([
    ['a Keyv over a Map', () => new Keyv()],
    ['a Keyv over a store', () => new Keyv({ store: new ManyStore(false) })],
    ['a Map', () => new Map()],
    ['a store', () => new ManyStore(false)],
  ])('ends to the millisecond: %s', async (_name, open) => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const backend = keyvBackend(open())
    await backend.set('a', 'x', 2)
    vi.advanceTimersByTime(1999)
    expect(await backend.get('a')).toBe('x')
    expect(await backend.exists('a')).toBe(true)
    if (backend.batch !== undefined) expect(await backend.batch.get(['a'])).toEqual(['x'])
    // Keyv by itself would serve it for one more.
    vi.advanceTimersByTime(1)
    expect(await backend.get('a')).toBeNull()
    expect(await backend.exists('a')).toBe(false)
    if (backend.batch !== undefined) expect(await backend.batch.get(['a'])).toEqual([null])
  })

  test('is by the clock that was given', async () => {
    const runtime = manualRuntime()
    const backend = keyvBackend(new Map(), { runtime })
    await backend.set('a', 'x', 1)
    runtime.advance(1000)
    expect(await backend.get('a')).toBeNull()
  })
})

describe('namespaces', () => {
  test('a key that begins as the namespace does is another key', async () => {
    const store = new ManyStore(false)
    const backend = keyvBackend(new Keyv({ store, namespace: 'keyv' }))
    const keys = ['a', 'keyv:a', 'keyv:keyv:a', '.keyv:a', '.a', ':a']
    for (const key of keys) await backend.set(key, `text of ${key}`, 60)
    for (const key of keys) expect(await backend.get(key)).toBe(`text of ${key}`)
    expect(await backend.batch?.get(keys)).toEqual(keys.map((key) => `text of ${key}`))
    expect(await listed(backend)).toEqual(keys.toSorted())
    expect(await listed(backend, 'keyv:')).toEqual(['keyv:a', 'keyv:keyv:a'])
    expect(await backend.batch?.delete(['keyv:a', 'none'])).toBe(1)
    expect(await backend.get('a')).toBe('text of a')
    expect(await backend.get('keyv:keyv:a')).toBe('text of keyv:keyv:a')
  })

  test('keep apart what shares a store, also where the name of one is in the keys of the other', async () => {
    const map = new Map<string, unknown>()
    const one = keyvBackend(new Keyv({ store: map, namespace: 'one' }))
    const two = keyvBackend(new Keyv({ store: map, namespace: 'two' }))
    await one.set('a', '1', 60)
    await two.set('a', '2', 60)
    await two.set('one:b', '3', 60)
    expect([await one.get('a'), await two.get('a')]).toEqual(['1', '2'])
    expect(await listed(one)).toEqual(['a'])
    expect(await listed(two)).toEqual(['a', 'one:b'])
    expect([...map.keys()].toSorted()).toEqual(['one:a', 'two:a', 'two:one:b'])
  })

  test('of a store without a Keyv are its own', async () => {
    const store = new ManyStore(false)
    store.namespace = 'mine'
    const backend = keyvBackend(store)
    await backend.set('a', 'x', 60)
    await store.set('other:a', '{"value":"y"}')
    expect([...store.texts.keys()]).toEqual(['mine:a', 'other:a'])
    expect(await listed(backend)).toEqual(['a'])
  })
})

describe('what the application itself does with its Keyv', () => {
  test('goes on as it was: nothing is set on it', async () => {
    const store = smallStore()
    const keyv = new Keyv({ store })
    const before = { ...keyv.opts }
    const backend = keyvBackend(keyv)
    await backend.set('a', 'x', 60)
    expect(keyv.throwOnErrors).toBe(false)
    expect(keyv.opts).toEqual(before)
    store.broken = true
    await expect(backend.get('a')).rejects.toThrow('the store is away')
    expect(await keyv.get('a')).toBeUndefined()
    expect(await keyv.delete('a')).toBe(false)
  })

  test('its hooks, serializer, compression and errors are used', async () => {
    const heard: unknown[] = []
    const store = smallStore()
    const compression = {
      compress: async (value: string) => Buffer.from(value).toString('hex'),
      decompress: async (value: string) => Buffer.from(value, 'hex').toString(),
    }
    const keyv = new Keyv({ store, compression })
    keyv.hooks.addHandler('preSet', ({ key }) => heard.push(key))
    keyv.on('error', (error) => heard.push(error))
    const backend = keyvBackend(keyv)
    await backend.set('a', 'text', 60)
    expect(await backend.get('a')).toBe('text')
    expect(store.texts.get('keyv:a')).toContain(Buffer.from('text').toString('hex'))
    store.broken = true
    await expect(backend.set('a', 'text', 60)).rejects.toThrow('the store is away')
    expect(heard).toEqual(['a', 'a', expect.objectContaining({ message: 'the store is away' })])
  })

  test('reads what was written here, and is read here, where it is a text', async () => {
    const keyv = new Keyv()
    const backend = keyvBackend(keyv)
    await backend.set('a', ':base64:no bytes', 60)
    await keyv.set('b', ':text')
    await keyv.set('c', { not: 'a text' })
    expect(await keyv.get('a')).toBe(':base64:no bytes')
    expect(await backend.get('b')).toBe(':text')
    expect(await backend.get('c')).toBeNull()
  })

  test('reads also what was written to its store without it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string().map((text) => `:${text}`),
        ),
        async (text) => {
          const store = new ManyStore(false)
          const keyv = new Keyv({ store, namespace: 'n' })
          const backend = keyvBackend(store)
          await backend.set('a', text, 60)
          expect(await keyv.get('a')).toBe(text)
          await keyv.set('b', text)
          expect(await backend.get('b')).toBe(text)
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('errors that are only told', () => {
  test('count for whatever found nothing meanwhile, and for every write', async () => {
    const store = new ManyStore(true)
    const backend = keyvBackend(store)
    await backend.set('a', 'x', 60)
    const slow = new ManyStore(true)
    slow.get = async (key) => {
      await new Promise((resolve) => setImmediate(resolve))
      return slow.texts.get(key)
    }
    const other = keyvBackend(slow)
    await other.set('a', 'x', 60)
    const answers = Promise.allSettled([other.get('a'), other.get('b'), other.set('c', 'y', 60)])
    const told = new Error('told')
    slow.emit('error', told)
    expect(await answers).toEqual([
      { status: 'fulfilled', value: 'x' },
      { status: 'rejected', reason: told },
      { status: 'rejected', reason: told },
    ])
    expect(await other.get('b')).toBeNull()
    expect(await backend.get('b')).toBeNull()
  })

  test('that are no errors become one, without what they say', async () => {
    const store = new ManyStore(true)
    store.delete = async () => {
      store.emit('error', 'a secret')
      return false
    }
    const error: unknown = await Promise.resolve(keyvBackend(store).delete('a')).catch((reason: unknown) => reason)
    expect(isCacheError(error, 'CACHE_UNAVAILABLE')).toBe(true)
    expect(String(error)).not.toContain('secret')
  })

  test('do not end the process when nobody else listens, also after close', async () => {
    const store = new ManyStore(true)
    const backend = keyvBackend(store)
    expect(store.emit('error', new Error('lost the connection'))).toBe(true)
    await backend.close()
    expect(store.emit('error', new Error('lost it again'))).toBe(true)
    // One listener, however many backends there were.
    for (let count = 0; count < 20; count++) keyvBackend(store)
    expect(store.listenerCount('error')).toBe(1)
    expect(() => new EventEmitter().emit('error', new Error('without one'))).toThrow('without one')
  })

  test('a Keyv that could keep a failure to itself is refused', () => {
    const old = { opts: { store: new Map(), emitErrors: false }, get() {}, set() {}, delete() {} }
    expect(() => keyvBackend(old as never)).toThrow(/emitErrors: false.*Keyv 5\.6/)
  })
})

test.each([
  ['a Keyv', (store: Map<string, unknown>) => new Keyv({ store })],
  ['its store', (store: Map<string, unknown>) => store],
])('what cannot be read is a miss, and shows nothing: %s', async (_name, open) => {
  const store = new Map<string, unknown>()
  const backend = keyvBackend(open(store))
  await backend.set('good', 'x', 60)
  for (const [index, bad] of ['{"value":"sec', 'null', '7', '[]', '""', '{}', '{"value":7}', undefined, 7].entries()) {
    store.set(`keyv:${index}`, bad)
    expect(await backend.get(String(index))).toBeNull()
    expect(await backend.exists(String(index))).toBe(false)
  }
  expect(await backend.get('good')).toBe('x')
})

test.each([
  ['a store', (store: ManyStore) => store],
  ['a Keyv', (store: ManyStore) => new Keyv({ store })],
])('a store that never answers is given up: %s', async (_name, open) => {
  const store = new ManyStore(false)
  const never = new Promise<never>(() => {})
  Object.assign(store, { get: () => never, set: () => never, delete: () => never, getMany: () => never })
  store.iterator = async function* () {
    yield await never
  }
  const runtime = manualRuntime()
  const backend = keyvBackend(open(store), { runtime, timeout: '3s' })
  const calls = [backend.get('a'), backend.set('a', 'x', 60), backend.delete('a'), backend.batch?.get(['a'])]
  const answers = Promise.allSettled([...calls, listed(backend)])
  await new Promise((resolve) => setImmediate(resolve))
  runtime.advance(3000)
  expect((await answers).map((answer) => answer.status === 'rejected' && String(answer.reason))).toEqual(
    ['get', 'set', 'delete', 'getMany', 'the iterator'].map(
      (what) => `CacheError: ${what} did not answer within 3000 ms`,
    ),
  )
  expect(runtime.pending).toBe(0)
})

test.each([
  [undefined, /takes a Keyv, a storage adapter of Keyv or a Map, got undefined without get, set, delete/],
  [{ get() {} }, /got an object without set, delete/],
])('bad input is an error at once: %o', (storage, message) => {
  expect(() => keyvBackend(storage as never)).toThrow(message)
})

test('bad options are an error at once', () => {
  expect(() => keyvBackend(new Map(), { disconectOnClose: true } as never)).toThrow("did you mean 'disconnectOnClose'?")
  expect(() => keyvBackend(new Map(), { timeout: 0 })).toThrow('timeout must be more than zero, got 0')
  expect(() => keyvBackend(new Map(), { disconnectOnClose: 'yes' } as never)).toThrow(
    "disconnectOnClose must be true or false, got 'yes'",
  )
})

test.each([
  ['a store', (store: ManyStore) => store],
  ['a Keyv', (store: ManyStore) => new Keyv({ store })],
])('is disconnected by whoever made it, unless it is asked for: %s', async (_name, open) => {
  const store = new ManyStore(false)
  await keyvBackend(open(store), { disconnectOnClose: undefined }).close()
  expect(store.disconnected).toBe(0)
  await keyvBackend(open(store), { disconnectOnClose: true }).close()
  expect(store.disconnected).toBe(1)
})

test.each([
  ['a store that rejects', false, (store: ManyStore) => store],
  ['a Keyv around one that only tells', true, (store: ManyStore) => new Keyv({ store, emitErrors: false })],
])('a cache on it goes through an outage: %s', async (_name, isQuiet, open) => {
  const store = new ManyStore(isQuiet)
  const cache = createCache({ backend: keyvBackend(open(store)), logLevel: 'silent' })
  let loads = 0
  const load = async () => ({ load: ++loads, at: new Date(0) })
  expect(await cache.getOrSet('a', load)).toEqual({ load: 1, at: new Date(0) })
  expect(await cache.getOrSet('a', load)).toEqual({ load: 1, at: new Date(0) })
  expect((await cache.healthReport()).backend).toBe('keyv')
  store.broken = true
  expect(await cache.delete('a')).toBe('journaled')
  expect(await cache.getOrSet('a', load)).toMatchObject({ load: 2 })
  expect(await cache.healthCheck()).toBe(false)
  store.broken = false
  await vi.waitFor(async () => expect((await cache.healthReport()).status).toBe('connected'), { timeout: 20_000 })
  // Neither what was deleted nor what stood in.
  expect(await cache.getOrSet('a', load)).toMatchObject({ load: 3 })
  await cache.close()
})

test('any keys and texts come back, by a Keyv and by its store', async () => {
  const key = fc.string({ unit: 'binary', minLength: 1 })
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(
        fc.oneof(
          key,
          key.map((rest) => `keyv:${rest}`),
          key.map((rest) => `.${rest}`),
        ),
        { maxLength: 8 },
      ),
      fc.string({ unit: 'binary' }),
      async (keys, text) => {
        for (const storage of [
          new Keyv(),
          new Map(),
          new Keyv({ store: new ManyStore(true) }),
          new Keyv({ namespace: '.' }),
        ]) {
          const backend = keyvBackend(storage)
          for (const [index, one] of keys.entries()) await backend.set(one, text + index, 60)
          for (const [index, one] of keys.entries()) expect(await backend.get(one)).toBe(text + index)
          expect(await listed(backend)).toEqual(keys.toSorted())
          for (const one of keys) expect(await backend.delete(one)).toBe(true)
          expect(await listed(backend)).toEqual([])
        }
      },
    ),
    { numRuns: 60 },
  )
})
