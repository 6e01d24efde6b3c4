import { viewOf } from '../cache-view.ts'
import type { CacheManager, CacheNamespace } from '../contracts/cache-manager.ts'
import { misuse } from '../support/errors.ts'
import { checkOptionNames } from '../support/options.ts'
import { beginningOf, fromAnyKey, toAnyKey } from './any-key.ts'
import { lifeOf, ownedPart } from './owned-part.ts'
import { storedKeys } from './stored-keys.ts'

// A cache as a storage adapter of Keyv. Keyv puts its namespace before each key itself (`<namespace>:<key>`) and tells the adapter no more
// than its present name, so entries are found by their key alone; and each carries a tag for every beginning of its key that could be a
// namespace, so that clearing one is one step, however many entries it has and whoever wrote them.

export interface KeyvStoreOptions {
  /** The part of the cache that entries are kept in. Stores of one name share it. Default: `'keyv'`. */
  readonly name?: string | undefined
  /** Whether `disconnect()` also closes the cache. Default: `false`. */
  readonly closeCache?: boolean | undefined
}

/** What `new Keyv({ store })` takes. Times are milliseconds. */
export interface KeyvStore {
  /** Keyv iterates stores of dialects it knows only; this one says it is one of them. */
  readonly opts: Record<string, unknown>
  /** Set by Keyv to its own. What `clear` clears. */
  namespace: string | undefined
  get<T>(key: string): Promise<T | undefined>
  getMany<T>(keys: string[]): Promise<Array<T | undefined>>
  /** @returns whether it is stored. Without `ttl`, for as long as there is room. */
  set(key: string, value: unknown, ttl?: number): Promise<boolean>
  /** Resolves to a boolean for each, as Keyv's code wants it (its type wants nothing). */
  setMany(entries: Array<{ key: string; value: unknown; ttl?: number }>): Promise<void>
  /** @returns whether there was something, or, while the store is away, may be. */
  delete(key: string): Promise<boolean>
  /** @returns whether one of them was there. */
  deleteMany(keys: string[]): Promise<boolean>
  has(key: string): Promise<boolean>
  hasMany(keys: string[]): Promise<boolean[]>
  /** Every entry of the namespace; without one, every entry of the part. */
  clear(): Promise<void>
  /** Needs a backend in memory or with the capability `scan`. */
  iterator<T>(namespace?: string): AsyncGenerator<[string, T], void>
  /** Ends the listening. The cache stays open, unless `closeCache` says otherwise. */
  disconnect(): Promise<void>
  /** `'error'`: a problem of the cache. Calls do not reject for it: what cannot be read is not there. */
  on(event: string, listener: (error: unknown) => void): KeyvStore
}

const optionNames: ReadonlySet<string> = new Set<keyof KeyvStoreOptions>(['name', 'closeCache'])
/** Beginnings of a key that can be cleared: so many tags has an entry at most. */
const mostBeginnings = 8
const longestBeginning = 256
const longestTag = 512

/**
 * A cache as the store of a Keyv: memory in front of Redis, coherent in all processes, and calls that go on in an outage.
 *
 * @example
 * const keyv = new Keyv({ store: keyvStore(cacheManager), namespace: 'sessions' })
 *
 * @throws {TypeError} `CACHE_BAD_OPTION`, `CACHE_MISUSE`
 */
export function keyvStore(cache: CacheNamespace | CacheManager, options: KeyvStoreOptions = {}): KeyvStore {
  checkOptionNames(options, optionNames, 'keyvStore()')
  const { name = 'keyv' } = options
  const { part, closeCache } = ownedPart(cache, name, options.closeCache)
  const endings: Array<() => void> = []
  const tags = tagsUnder(viewOf(part).prefix)
  const has = async (key: string): Promise<boolean> => await part.exists(fromAnyKey(key))

  const remove = async (keys: readonly string[]): Promise<boolean> => {
    const existed = await Promise.all(keys.map(has))
    const outcome = await part.deleteMany(keys.map(fromAnyKey))
    return outcome === 'journaled' || (outcome === 'applied' && existed.some(Boolean))
  }
  const store: KeyvStore = {
    opts: { dialect: 'redis', url: 'speedrun-cache' },
    namespace: undefined,
    async get<T>(key: string) {
      return await part.getValue<T>(fromAnyKey(key))
    },
    async getMany<T>(keys: string[]) {
      return await Promise.all(keys.map((key) => store.get<T>(key)))
    },
    async set(key, value, ttl) {
      const ours = fromAnyKey(key)
      const life = lifeOf(ttl, 'ttl')
      if (life !== undefined) return await part.setValue(ours, value, { ttl: life, tags: tags.of(ours) })
      await part.delete(ours)
      return true
    },
    async setMany(entries) {
      // The last of several values of one key wins, as it would one after the other.
      const last = new Map(entries.map((entry) => [entry.key, entry]))
      const stored = new Map(
        await Promise.all(
          [...last.values()].map(async ({ key, value, ttl }) => [key, await store.set(key, value, ttl)] as const),
        ),
      )
      return entries.map(({ key }) => stored.get(key)) as unknown as void
    },
    delete: async (key) => await remove([key]),
    deleteMany: async (keys) => await remove(keys),
    has,
    hasMany: async (keys) => await Promise.all(keys.map(has)),
    async clear() {
      const { namespace } = store
      if (namespace === undefined || namespace === '') await part.clear()
      else await part.invalidateTags([tags.ofNamespace(namespace)])
    },
    async *iterator<T>(namespace?: string): AsyncGenerator<[string, T], void> {
      const beginning = beginningOf(namespace === undefined || namespace === '' ? '' : `${namespace}:`)
      for await (const keys of storedKeys(part, beginning)) {
        const values = await Promise.all(keys.map((key) => part.getValue<T>(key)))
        for (const [index, key] of keys.entries()) {
          const value = values[index]
          if (value !== undefined) yield [toAnyKey(key), value]
        }
      }
    },
    async disconnect() {
      for (const end of endings.splice(0)) end()
      await closeCache()
    },
    on(event, listener) {
      if (event === 'error') endings.push(part.on('problem', ({ error }) => listener(error)))
      return store
    },
  }
  return store
}

/** @param prefix of the part: two parts that have namespaces of one name are cleared apart */
function tagsUnder(prefix: string): {
  of: (ours: string) => string[]
  ofNamespace: (namespace: string) => string
} {
  const tagOf = (beginning: string): string => `keyv ${prefix}${beginning}`
  const longest = Math.min(longestBeginning, longestTag - tagOf('').length)
  return {
    /** One for each beginning that ends at a `:`. */
    of(ours) {
      const tags: string[] = []
      let end = ours.indexOf(':')
      while (end !== -1 && end <= longest && tags.length < mostBeginnings) {
        tags.push(tagOf(ours.slice(0, end)))
        end = ours.indexOf(':', end + 1)
      }
      return tags
    },
    /** @throws {TypeError} `CACHE_MISUSE` for a namespace whose entries have no tag for it */
    ofNamespace(namespace) {
      const beginning = beginningOf(namespace)
      if (beginning.length <= longest && beginning.split(':').length <= mostBeginnings) return tagOf(beginning)
      throw misuse(
        'CACHE_MISUSE',
        `A namespace that is to be cleared may have ${longest} characters and ${mostBeginnings - 1} colons at most, got one of ${namespace.length} characters`,
      )
    },
  }
}
