import type { CacheBackend } from './backend.ts'
import type { CacheOptions } from './cache-options.ts'
import type { LoadPolicy, Mode, Operation } from './load-policy.ts'
import type { StandardSchema } from './codec.ts'
import type { Duration } from './duration.ts'
import type { CacheEvents, Invalidation } from './events.ts'
import type { HealthReport } from './health.ts'
import type { CacheStats } from './statistics.ts'

/** `strict`: reject with `CACHE_UNAVAILABLE` instead of answering `'journaled'`. */
export interface InvalidateOptions {
  readonly strict?: boolean | undefined
}

/** `ttl`: default the manager's. `tags`: none. */
export interface WriteOptions {
  readonly ttl?: Duration | undefined
  readonly tags?: readonly string[] | undefined
}

export interface GetOrSetOptions<R> extends LoadPolicy<R> {
  readonly ttl?: Duration | undefined
  readonly operation?: Operation | undefined
  readonly tags?: readonly string[] | ((result: R) => readonly string[]) | undefined
  readonly shouldCache?: ((result: R) => boolean) | undefined
  /** What one load costs, in a unit of your own: statistics sum up what was spent and what hits saved. Default: 0. */
  readonly cost?: number | ((result: R) => number) | undefined
  /** This caller's: when it aborts, the call rejects with its reason; when all callers are gone, the load is aborted. */
  readonly signal?: AbortSignal | undefined
  /** Default: that of `withCache`, else `'normal'`. */
  readonly mode?: Mode | undefined
}

/** Why a loader runs: nothing to serve · behind a stale value · ahead of the end of a fresh one · asked for. */
export type LoadReason = 'miss' | 'stale' | 'ahead' | 'refresh'

/** Given to a loader of `getOrSet`. */
export interface LoadContext {
  readonly key: string
  readonly reason: LoadReason
  /** Aborted when the load's result is no longer wanted: at its hard timeout, or when the last caller is gone. */
  readonly signal: AbortSignal
  /**
   * The old value, where one may still be served: to ask the source only for what changed since. A copy, made when it is read.
   * `unknown`: a parameter that mentioned the result's type would keep the compiler from inferring it from what the loader returns.
   */
  readonly stale?: unknown
}

/** What `inspect` tells of an entry; never its value. */
export interface EntryInfo {
  readonly createdAt: Date
  readonly staleAt: Date | null
  readonly tags: readonly string[]
  readonly bytes: number
  readonly tier: 'l1' | 'l2'
}

/**
 * A cache, or a part of one. Reads fail open: no fault of the store rejects them or delays them beyond the budget. Invalidations
 * tell the truth about the shared store.
 *
 * Absence is `null` for raw strings and `undefined` for typed values; `exists` tells a stored `undefined` from none.
 */
export interface CacheNamespace {
  /** The text of an entry: the string that `set` stored, or the JSON text of a typed entry. */
  get(key: string): Promise<string | null>
  /**
   * Stores a string.
   * @returns `false` when it was not stored: no cache, too large, refused.
   * @throws {TypeError} for anything but a string: use `setValue`.
   */
  set(key: string, value: string, ttl?: Duration | WriteOptions): Promise<boolean>
  exists(key: string): Promise<boolean>
  /** The keys that exist, with their texts. */
  getMany(keys: Iterable<string>): Promise<Map<string, string>>
  /** @returns whether all were stored. */
  setMany(entries: Iterable<readonly [key: string, value: string]>, ttl?: Duration | WriteOptions): Promise<boolean>
  /** A typed value; `undefined` when absent or unreadable. Only a `schema` vouches for the type. */
  getValue<T = unknown>(key: string): Promise<T | undefined>
  getValue<T>(key: string, options: { readonly schema: StandardSchema<unknown, T> }): Promise<T | undefined>
  /**
   * Stores any value that survives the way to text and back.
   * @throws {CacheError} `CACHE_UNSTORABLE_VALUE`, naming the path of what does not.
   */
  setValue(key: string, value: unknown, ttl?: Duration | WriteOptions): Promise<boolean>
  /** The cached value of `key`, else what `loader` returns, loaded once for all who wait. */
  getOrSet<R>(
    key: string,
    loader: (load: LoadContext) => R | Promise<R>,
    options?: Duration | GetOrSetOptions<NoInfer<R>>,
  ): Promise<R>

  delete(key: string, options?: InvalidateOptions): Promise<Invalidation>
  deleteMany(keys: Iterable<string>, options?: InvalidateOptions): Promise<Invalidation>
  /** Makes every entry with one of the tags void, in one step, however many there are. */
  invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<Invalidation>
  /** Makes every entry void: of this namespace, if it is one, those of namespaces within it too. */
  clear(options?: InvalidateOptions): Promise<Invalidation>
  /**
   * A part of this cache under a prefix of its own, with its own `clear`. The same name gives the same part.
   * @throws {TypeError} `CACHE_BAD_OPTION` for a name that cannot stand in a key
   */
  namespace(name: string): CacheNamespace

  /** Facts about an entry, without its value. */
  inspect(key: string): Promise<EntryInfo | null>
  /** Of the whole cache. */
  stats(): CacheStats
  /** Of the whole cache. @returns the function that removes the listener. */
  on<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => void): () => void
}

/** A cache with its life: what opens it, tells how it is, and closes it. */
export interface CacheManager extends CacheNamespace, AsyncDisposable {
  /** Whether the configured primary answers within the budget. */
  healthCheck(): Promise<boolean>
  healthReport(): Promise<HealthReport>

  /** Opens the backend; done by the first operation when not called. Idempotent. */
  init(): Promise<this>
  /** Resolves when every write and every load behind a stale value under way has settled. */
  drain(): Promise<void>
  /** Drains, closes what this manager opened, leaves no timer and no handle. Idempotent. */
  close(): Promise<void>
}

export interface CacheManagerConstructor {
  new (backendOrOptions?: CacheBackend | CacheOptions): CacheManager
}
