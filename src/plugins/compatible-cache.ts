import type { CacheManager, CacheNamespace } from '../contracts/cache-manager.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { viewOf } from '../cache-view.ts'
import { describe, misuse, quote } from '../support/errors.ts'
import { checkOptionNames } from '../support/options.ts'
import { systemRuntime } from '../support/runtime.ts'
import { fromAnyKey } from './any-key.ts'
import type { CompatibleCache, CompatibleEvents, LifeOption, RawEntry, WrapOptions } from './compatible-shape.ts'
import { Listeners } from './listeners.ts'
import { lifeOf, ownedPart } from './owned-part.ts'
import { Refreshing } from './refreshing.ts'

// A cache in the shape that cache-manager 7 has, for programs that use it in many places. An entry is kept as `{ value, expires }`: its end
// must be known with it, to answer `ttl` and to see that it is near.

export interface CompatibleCacheOptions {
  /** The part of the cache that entries are kept in. Caches of one name share it. Default: `'cache-manager'`. */
  readonly name?: string | undefined
  /** Milliseconds. Default, and with 0: no end. */
  readonly ttl?: number | undefined
  /** Milliseconds. Default: nothing is loaded ahead. */
  readonly refreshThreshold?: number | undefined
  /** What `cacheId()` answers. Default: random. */
  readonly cacheId?: string | undefined
  /** Whether `disconnect()` also closes the cache. Default: `false`. */
  readonly closeCache?: boolean | undefined
  /** The clock. Default: the system's; it must be that of the cache. */
  readonly runtime?: Runtime | undefined
}

const optionNames: ReadonlySet<string> = new Set<keyof CompatibleCacheOptions>([
  'name',
  'ttl',
  'refreshThreshold',
  'cacheId',
  'closeCache',
  'runtime',
])
const wrapOptionNames: ReadonlySet<string> = new Set(['ttl', 'refreshThreshold', 'raw'])
const eventNames = ['get', 'mget', 'ttl', 'set', 'mset', 'del', 'mdel', 'clear', 'refresh'] as const

/**
 * A cache with the methods that `createCache` of cache-manager 7 gives: milliseconds, `undefined` for a miss, `wrap`.
 *
 * @example
 * const cache = compatibleCache(cacheManager, { ttl: 60_000, refreshThreshold: 5_000 })
 * const user = await cache.wrap(`user:${id}`, () => loadUser(id))
 *
 * @throws {TypeError} `CACHE_BAD_OPTION`, `CACHE_BAD_DURATION`, `CACHE_MISUSE`
 */
export function compatibleCache(
  cache: CacheNamespace | CacheManager,
  options: CompatibleCacheOptions = {},
): CompatibleCache {
  checkOptionNames(options, optionNames, 'compatibleCache()')
  const { runtime = systemRuntime, refreshThreshold } = options
  const { cacheId = runtime.random().toString(36).slice(2) } = options
  lifeOf(options.ttl, 'ttl')
  lifeOf(refreshThreshold, 'refreshThreshold')
  if (typeof cacheId !== 'string') throw misuse('CACHE_BAD_OPTION', `cacheId must be a string, got ${quote(cacheId)}`)
  const { part, closeCache } = ownedPart(cache, options.name ?? 'cache-manager', options.closeCache)
  const listeners = new Listeners<CompatibleEvents>(eventNames, (error) =>
    viewOf(part).engine.emitter.problem({ error, during: 'listener' }),
  )
  const refreshing = new Refreshing(part, runtime, listeners)

  const find = async <T>(key: string): Promise<RawEntry<T> | undefined> => {
    const entry = await part.getValue<RawEntry<T>>(fromAnyKey(key))
    return entry?.expires !== undefined && entry.expires <= runtime.now() ? undefined : entry
  }
  const get = async <T>(key: string): Promise<T | undefined> => (await find<T>(key))?.value
  const store = async (key: string, value: unknown, ttl: number | undefined): Promise<void> => {
    const life = lifeOf(ttl, 'ttl')
    if (life === undefined) await part.delete(fromAnyKey(key))
    else await part.setValue(fromAnyKey(key), entryOf(value, ttl, runtime.now()), { ttl: life })
  }
  /** Does it, and tells of it, also where it fails. */
  const told = async <E extends 'set' | 'mset' | 'del' | 'mdel', R>(
    event: E,
    what: CompatibleEvents[E],
    work: () => Promise<R>,
  ): Promise<R> => {
    try {
      const result = await work()
      listeners.emit(event, what)
      return result
    } catch (error) {
      listeners.emit(event, { ...what, error })
      throw error
    }
  }

  const compatible: CompatibleCache = {
    async get<T>(key: string) {
      const value = await get<T>(key)
      if (value !== undefined) listeners.emit('get', { key, value })
      return value
    },
    async mget<T>(keys: string[]) {
      const values = await Promise.all(arrayOf(keys, 'mget').map((key) => get<T>(key)))
      listeners.emit('mget', { keys, values })
      return values
    },
    async ttl(key) {
      const entry = await find(key)
      if (entry !== undefined) listeners.emit('ttl', { key, value: entry })
      return entry?.expires
    },
    async set(key, value, ttl) {
      return await told('set', { key, value }, async () => {
        await store(key, value, ttl ?? options.ttl)
        return value
      })
    },
    async mset(list) {
      const entries = arrayOf(list, 'mset').map(({ key, value, ttl }) => ({ key, value, ttl: ttl ?? options.ttl }))
      return await told('mset', { list: entries }, async () => {
        const last = new Map(entries.map((entry) => [entry.key, entry]))
        await Promise.all([...last.values()].map(({ key, value, ttl }) => store(key, value, ttl)))
        return entries
      })
    },
    del: async (key) =>
      await told('del', { key }, async () => {
        await part.delete(fromAnyKey(key))
        return true
      }),
    mdel: async (keys) =>
      await told('mdel', { keys }, async () => {
        await part.deleteMany(arrayOf(keys, 'mdel').map(fromAnyKey))
        return true
      }),
    async clear() {
      await part.clear()
      listeners.emit('clear', undefined)
      return true
    },
    async wrap<T>(
      key: string,
      load: () => T | Promise<T>,
      given?: LifeOption<T> | (WrapOptions<T> & { readonly raw?: boolean | undefined }),
      threshold?: LifeOption<T>,
    ): Promise<never> {
      const { ttl, refreshThreshold: ahead, raw } = wrapOptionsOf(given, threshold)
      const entry = await refreshing.read(key, checkLoad(load), {
        ttlOf: (value) => lengthOf(ttl, value as T) ?? options.ttl,
        thresholdOf: (value) => lengthOf(ahead, value as T) ?? refreshThreshold,
      })
      return (raw === true ? entry : entry.value) as never
    },
    on(event, listener) {
      listeners.add(event, listener)
      return compatible
    },
    off(event, listener) {
      listeners.remove(event, listener)
      return compatible
    },
    async disconnect() {
      await refreshing.ended()
      await closeCache()
      return undefined
    },
    cacheId: () => cacheId,
  }
  return compatible
}

export function entryOf<T>(value: T, ttl: number | undefined, now: number): RawEntry<T> {
  return ttl === undefined || ttl === 0 || ttl === Infinity ? { value } : { value, expires: now + ttl }
}

function wrapOptionsOf<T>(
  given: LifeOption<T> | (WrapOptions<T> & { readonly raw?: boolean | undefined }) | undefined,
  refreshThreshold: LifeOption<T> | undefined,
): WrapOptions<T> & { readonly raw?: boolean | undefined } {
  if (typeof given !== 'object' || given === null) return { ttl: given, refreshThreshold }
  checkOptionNames(given, wrapOptionNames, 'wrap()')
  return given
}

function lengthOf<T>(life: LifeOption<T> | undefined, value: T): number | undefined {
  return typeof life === 'function' ? life(value) : life
}

function checkLoad<T>(load: () => T): () => T {
  if (typeof load === 'function') return load
  throw misuse('CACHE_MISUSE', `wrap() needs a function that loads, got ${describe(load)}`)
}

function arrayOf<T>(items: T[], method: string): T[] {
  if (Array.isArray(items)) return items
  throw misuse('CACHE_MISUSE', `${method}() takes an array, got ${describe(items)}`)
}
