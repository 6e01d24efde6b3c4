// The same calls on cache-manager and on the cache in its shape: equal where they should be, and where they differ, as
// docs/from-cache-manager.md says.
import type { Cache, CreateCacheOptions } from 'cache-manager'
import { createCache as createOriginal } from 'cache-manager'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { CacheBackend, CacheManager } from '../../src/index.ts'
import { createCache, MemoryBackend } from '../../src/index.ts'
import type { CompatibleCache, CompatibleCacheOptions } from '../../src/keyv.ts'
import { compatibleCache } from '../../src/keyv.ts'
import { gate } from '../support/gate.ts'
import { sharedRedisUrl } from '../support/shared-redis.ts'
import { away, switchableBackend } from '../support/slow-backend.ts'
import { connected } from './connected.ts'

type Options = Pick<CompatibleCacheOptions, 'ttl' | 'refreshThreshold' | 'cacheId'>
/** What both have. */
type Both = Pick<
  CompatibleCache,
  'get' | 'mget' | 'ttl' | 'set' | 'mset' | 'del' | 'mdel' | 'clear' | 'wrap' | 'cacheId'
>

const opened: CacheManager[] = []
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 }))
afterEach(async () => {
  vi.useRealTimers()
  for (const cache of opened.splice(0)) await cache.close()
})

const manager = (backend: CacheBackend = new MemoryBackend()): CacheManager => {
  const cache = createCache({ backend, logLevel: 'silent' })
  opened.push(cache)
  return cache
}
const ours = (options: Options = {}): CompatibleCache => compatibleCache(manager(), options)
const later = (ms: number): void => void vi.advanceTimersByTime(ms)
/** Loads behind a caller have their say. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
}
const outcomeOf = async (call: () => Promise<unknown>): Promise<unknown> => {
  try {
    return { resolved: await call() }
  } catch (error) {
    return { rejected: error }
  }
}
const eventNames = ['get', 'mget', 'ttl', 'set', 'mset', 'del', 'mdel', 'clear', 'refresh'] as const

interface Script {
  readonly name: string
  readonly options?: Options
  readonly run: (cache: Both, note: (what: unknown) => void) => Promise<void>
}

interface Followed {
  readonly results: unknown[]
  readonly events: unknown[]
}

/**
 * What a script's calls gave, and what was told meanwhile. cache-manager tells of a `set` for each store as well, and of an `undefined` that it
 * does not find again: those are left out.
 */
async function follow(cache: Both & { on: unknown }, { run }: Script): Promise<Followed> {
  const results: unknown[] = []
  const events: unknown[] = []
  const on = cache.on as (event: string, listener: (what: unknown) => void) => unknown
  for (const event of eventNames) {
    on(event, (what) => {
      const { store, ...rest } = (what ?? {}) as { store?: unknown; value?: unknown }
      if (event === 'set' && (store !== undefined || rest.value === undefined)) return
      events.push([event, rest])
    })
  }
  await run(cache, (what) => results.push(what))
  return { results, events }
}

const failure = new Error('the source is away')
const scripts: readonly Script[] = [
  {
    name: 'values of every JSON kind, and what is not there',
    run: async (cache, note) => {
      for (const value of [0, '', false, null, 'text', 1.5, [1, { a: null }], { a: [] }]) {
        note(await cache.set('k', value))
        note(await cache.get('k'))
      }
      note(await cache.get('none'))
      note(await cache.set('u', undefined))
      note(await cache.get('u'))
      note(await cache.mget(['k', 'none', 'u', 'k']))
    },
  },
  {
    name: 'times',
    options: { ttl: 5000 },
    run: async (cache, note) => {
      await cache.set('default', 1)
      await cache.set('own', 2, 1000)
      await cache.set('zero', 3, 0)
      await cache.mset([
        { key: 'm1', value: 4 },
        { key: 'm2', value: 5, ttl: 1000 },
        { key: 'm3', value: 6, ttl: 0 },
      ])
      for (const key of ['default', 'own', 'zero', 'm1', 'm2', 'm3', 'none']) note(await cache.ttl(key))
      for (const ms of [999, 2, 3998, 2, 10_000_000]) {
        later(ms)
        note(await cache.mget(['default', 'own', 'zero', 'm1', 'm2', 'm3']))
      }
      note(await cache.ttl('default'))
      note(await cache.set('over', 1, -1))
      later(1)
      note(await cache.get('over'))
    },
  },
  {
    name: 'no time at all',
    run: async (cache, note) => {
      await cache.set('k', 1)
      later(10 * 365 * 86_400_000 - 1)
      note([await cache.get('k'), await cache.ttl('k')])
    },
  },
  {
    name: 'mset, mdel, del, clear',
    run: async (cache, note) => {
      note(
        await cache.mset([
          { key: 'a', value: 1 },
          { key: 'b', value: 2, ttl: 60_000 },
        ]),
      )
      note(await cache.mset([]))
      note(await cache.mget([]))
      note(await cache.del('a'))
      note(await cache.del('a'))
      note(await cache.mdel(['a', 'b']))
      note(await cache.mget(['a', 'b']))
      await cache.set('c', 3)
      note(await cache.clear())
      note(await cache.get('c'))
    },
  },
  {
    name: 'keys of any kind',
    run: async (cache, note) => {
      for (const key of ['a b', 'a:b', '\n', '#l', 'é', '__proto__', '{x}', '%', '|', 'a'.repeat(2000)]) {
        await cache.set(key, key)
        note(await cache.get(key))
        note(await cache.del(key))
        note(await cache.get(key))
      }
    },
  },
  {
    name: 'wrap',
    options: { ttl: 5000 },
    run: async (cache, note) => {
      let loads = 0
      const load = async (): Promise<number> => ++loads
      note(await cache.wrap('a', load))
      note(await cache.wrap('a', load))
      note(await cache.get('a'))
      note(await cache.ttl('a'))
      later(5001)
      note(await cache.wrap('a', load, 1000))
      later(1001)
      note(await cache.wrap('a', load, { ttl: 1000 }))
      later(1001)
      note(await cache.wrap('a', load, (value) => value * 1000))
      note(await cache.ttl('a'))
      note(await cache.wrap('b', () => 'not a promise', { ttl: (value) => value.length }))
      note(await cache.ttl('b'))
      note(await cache.wrap('c', load, { ttl: 100, raw: true }))
      note(await cache.wrap('c', load, { ttl: 100, raw: true }))
    },
  },
  {
    name: 'wrap of nothing, null and failures',
    options: { ttl: 5000 },
    run: async (cache, note) => {
      let loads = 0
      const give = (value: unknown) => () => (loads++, value)
      note([await cache.wrap('null', give(null)), await cache.wrap('null', give(1)), loads])
      note([await cache.wrap('none', give(undefined)), await cache.wrap('none', give(undefined)), loads])
      for (let call = 0; call < 2; call++) {
        note(await outcomeOf(() => cache.wrap('fails', () => (loads++, Promise.reject(failure)))))
        note(
          await outcomeOf(() =>
            cache.wrap('throws', () => {
              loads++
              throw failure
            }),
          ),
        )
      }
      note(loads)
      note(await cache.get('fails'))
    },
  },
  {
    name: 'wrap of many at once is one load, and one failure',
    run: async (cache, note) => {
      let loads = 0
      const held = gate()
      const calls = Array.from({ length: 50 }, () => cache.wrap('k', async () => (await held.wait(), ++loads), 1000))
      await held.reached
      held.open()
      note([await Promise.all(calls), loads])
      const fails = Array.from({ length: 50 }, () =>
        outcomeOf(() => cache.wrap('f', () => (loads++, Promise.reject(failure)))),
      )
      note([await Promise.all(fails), loads])
    },
  },
  {
    name: 'a value near its end is returned and loaded anew',
    options: { ttl: 5000, refreshThreshold: 2000 },
    run: async (cache, note) => {
      let loads = 0
      const load = async (): Promise<number> => ++loads
      note(await cache.wrap('a', load))
      later(3000)
      note(await cache.wrap('a', load))
      await settled()
      later(1)
      note(await Promise.all([cache.wrap('a', load), cache.wrap('a', load)]))
      await settled()
      note([await cache.get('a'), await cache.ttl('a'), loads])
      // What was loaded just now is not loaded anew.
      note(await cache.wrap('new', load, 1000, 5000))
      await settled()
      note(loads)
      // By the call, by the value, and not for a value without an end.
      note(await cache.wrap('b', load, 10_000, 9000))
      later(1001)
      note(await cache.wrap('b', load, { ttl: 10_000, refreshThreshold: (value) => value * 3000 }))
      await settled()
      note([await cache.get('b'), await cache.wrap('c', load, 0), await cache.wrap('c', load, 0), loads])
      await settled()
      note(loads)
    },
  },
  {
    name: 'a load behind a value that fails is told, and nothing else',
    run: async (cache, note) => {
      await cache.set('a', 'old', 1000)
      later(900)
      note(await cache.wrap('a', () => Promise.reject(failure), { ttl: 1000, refreshThreshold: 500 }))
      await settled()
      note(await cache.get('a'))
    },
  },
  { name: 'its id', options: { cacheId: 'mine' }, run: async (cache, note) => note(cache.cacheId()) },
]

test.each(scripts)('is equal: $name', async (script) => {
  const theirs = await follow(createOriginal(script.options as CreateCacheOptions) as Cache & Both, script)
  vi.setSystemTime(1_000_000)
  const own = await follow(ours(script.options), script)
  expect(own).toEqual(theirs)
  expect(own.results.length).toBeGreaterThan(0)
})

describe('is better', () => {
  test('a value that was deleted while it was loaded is not stored', async () => {
    const after = async (cache: Both): Promise<unknown> => {
      const held = gate()
      const loading = cache.wrap('a', async () => (await held.wait(), 'old'), 60_000)
      await held.reached
      await cache.del('a')
      held.open()
      await loading
      return await cache.get('a')
    }
    expect(await after(createOriginal() as Cache & Both)).toBe('old')
    expect(await after(ours())).toBeUndefined()
  })

  test('who changes a result changes nobody else’s', async () => {
    const after = async (cache: Both): Promise<unknown> => {
      const value = { list: [1] }
      await cache.set('a', value)
      value.list.push(2)
      ;(await cache.get<typeof value>('a'))?.list.push(3)
      return await cache.get('a')
    }
    expect(await after(createOriginal() as Cache & Both)).toEqual({ list: [1, 2, 3] })
    expect(await after(ours())).toEqual({ list: [1] })
  })

  test('two processes load a cold key once, and what one deletes the other does not serve', async () => {
    vi.useRealTimers()
    const options = { url: sharedRedisUrl(), namespace: 'compatible', budget: '10s' } as const
    const [one, two] = [createCache(options), createCache(options)] as const
    opened.push(one, two)
    await Promise.all([connected(one), connected(two)])
    await one.clear()
    let loads = 0
    const load = async () => ({ load: ++loads, at: new Date(0) })
    const [here, there] = [compatibleCache(one), compatibleCache(two)]
    const both = await Promise.all([here.wrap('a', load, 60_000), there.wrap('a', load, 60_000)])
    expect(both).toEqual([
      { load: 1, at: new Date(0) },
      { load: 1, at: new Date(0) },
    ])
    await here.del('a')
    await expect.poll(() => there.get('a'), { timeout: 20_000 }).toBeUndefined()
    await one.clear()
  })

  test('an outage is nobody’s error', async () => {
    vi.useRealTimers()
    const backend = switchableBackend()
    const cache = compatibleCache(manager(backend))
    await cache.set('a', 1)
    backend.fault = away()
    expect(await cache.get('a')).toBeUndefined()
    expect(await cache.wrap('b', () => 2)).toBe(2)
    expect(await cache.del('a')).toBe(true)
    expect(await cache.clear()).toBe(true)
  })

  test('a listener that throws fails no call', async () => {
    const broken = (): never => {
      throw new Error('listener')
    }
    const theirs = createOriginal()
    theirs.on('set', broken)
    await expect(theirs.set('a', 1)).rejects.toThrow('listener')
    const problems: unknown[] = []
    const whole = manager()
    whole.on('problem', ({ error, during }) => problems.push([String(error), during]))
    const cache = compatibleCache(whole).on('set', broken)
    expect(await cache.set('a', 1)).toBe(1)
    expect(problems).toEqual([['Error: listener', 'listener']])
    cache.off('set', broken)
    await cache.set('a', 1)
    expect(problems).toHaveLength(1)
  })
})

describe('is different', () => {
  test('what cannot be text is returned by wrap, and refused by set', async () => {
    const cache = ours()
    const told: unknown[] = []
    cache.on('set', ({ error }) => void (error === undefined ? undefined : told.push(error)))
    let loads = 0
    const load = () => ({ load: ++loads, call: () => 1 })
    expect((await cache.wrap('a', load)).load).toBe(1)
    expect((await cache.wrap('a', load)).load).toBe(2)
    await expect(cache.set('a', load)).rejects.toMatchObject({ code: 'CACHE_UNSTORABLE_VALUE' })
    expect(told).toEqual([expect.objectContaining({ code: 'CACHE_UNSTORABLE_VALUE' })])
  })

  test('a ttl that is no number is an error', async () => {
    await expect(ours().set('a', 1, '1s' as never)).rejects.toThrow("ttl must be a number of milliseconds, got '1s'")
    await expect(ours().set('a', 1, Number.NaN)).rejects.toThrow('got NaN')
    expect(() => ours({ ttl: '1s' as never })).toThrow("ttl must be a number of milliseconds, got '1s'")
  })

  test('disconnect leaves the cache open, waits for loads behind callers, and closes where that was asked for', async () => {
    const backend = switchableBackend()
    const whole = manager(backend)
    const cache = compatibleCache(whole, { ttl: 1000, refreshThreshold: 1001 })
    await cache.set('a', 1)
    const held = gate()
    expect(await cache.wrap('a', async () => (await held.wait(), 2))).toBe(1)
    let isOver = false
    const ending = cache.disconnect().then(() => (isOver = true))
    await held.reached
    await settled()
    expect(isOver).toBe(false)
    held.open()
    await ending
    expect(await cache.get('a')).toBe(2)
    expect(backend.closes).toBe(0)
    expect(await compatibleCache(whole, { closeCache: true }).disconnect()).toBeUndefined()
    expect(backend.closes).toBe(1)
  })

  test('bad input is an error at once', async () => {
    expect(() => compatibleCache({} as never)).toThrow('Expected a CacheManager')
    expect(() => ours({ stores: [] } as never)).toThrow("compatibleCache() has no option 'stores'")
    expect(() => ours({ cacheId: 7 } as never)).toThrow('cacheId must be a string, got 7')
    expect(() => ours().on('gets' as never, () => {})).toThrow(
      "Events are get, mget, ttl, set, mset, del, mdel, clear, refresh; got 'gets'",
    )
    expect(() => ours().on('get', 7 as never)).toThrow('A listener must be a function, got 7')
    await expect(ours().wrap('a', 7 as never)).rejects.toThrow('wrap() needs a function that loads, got 7')
    await expect(ours().wrap('a', () => 1, { ttl: 1, swr: 2 } as never)).rejects.toThrow("wrap() has no option 'swr'")
    await expect(ours().mget('a' as never)).rejects.toThrow('mget() takes an array, got a string of 1 characters')
    await expect(ours().get(7 as never)).rejects.toThrow('A key must be a string, got 7')
  })
})
