// The shape of what `createCache` of cache-manager 7 returns, with the differences that docs/from-cache-manager.md names. Times are
// milliseconds.

/** A value with the time it ends at, milliseconds since 1970; without one it has no end. */
export interface RawEntry<T> {
  value: T
  expires?: number
}

/** One life for all, or by the value. */
export type LifeOption<T> = number | ((value: T) => number | undefined)

export interface WrapOptions<T> {
  readonly ttl?: LifeOption<T> | undefined
  /** A value that has less than this to live is returned, and loaded anew behind the caller. */
  readonly refreshThreshold?: LifeOption<T> | undefined
}

export interface EntryToSet<T> {
  key: string
  value: T
  ttl?: number | undefined
}

export interface CompatibleEvents {
  /** A value was found. */
  get: { readonly key: string; readonly value: unknown }
  mget: { readonly keys: readonly string[]; readonly values: readonly unknown[] }
  ttl: { readonly key: string; readonly value: RawEntry<unknown> }
  /** A value was set, or loaded by `wrap`; whether the cache had room for it is not said. With an `error`: the call rejected. */
  set: { readonly key: string; readonly value: unknown; readonly error?: unknown }
  mset: { readonly list: ReadonlyArray<EntryToSet<unknown>>; readonly error?: unknown }
  del: { readonly key: string; readonly error?: unknown }
  mdel: { readonly keys: readonly string[]; readonly error?: unknown }
  clear: unknown
  /** A load behind a value that was returned has ended; with an `error`, `value` is the old one. */
  refresh: { readonly key: string; readonly value: unknown; readonly error?: unknown }
}

export interface CompatibleCache {
  get<T>(key: string): Promise<T | undefined>
  mget<T>(keys: string[]): Promise<Array<T | undefined>>
  /** When the value ends, milliseconds since 1970; `undefined`: never, or there is none. */
  ttl(key: string): Promise<number | undefined>
  /** @returns `value` @throws {CacheError} `CACHE_UNSTORABLE_VALUE` for what does not survive the way to text and back */
  set<T>(key: string, value: T, ttl?: number): Promise<T>
  mset<T>(list: Array<EntryToSet<T>>): Promise<Array<EntryToSet<T>>>
  del(key: string): Promise<boolean>
  mdel(keys: string[]): Promise<boolean>
  clear(): Promise<boolean>
  wrap<T>(key: string, load: () => T | Promise<T>, ttl?: LifeOption<T>, refreshThreshold?: LifeOption<T>): Promise<T>
  wrap<T>(
    key: string,
    load: () => T | Promise<T>,
    options: WrapOptions<T> & { readonly raw: true },
  ): Promise<RawEntry<T>>
  wrap<T>(key: string, load: () => T | Promise<T>, options: WrapOptions<T>): Promise<T>
  on<E extends keyof CompatibleEvents>(event: E, listener: (event: CompatibleEvents[E]) => void): CompatibleCache
  off<E extends keyof CompatibleEvents>(event: E, listener: (event: CompatibleEvents[E]) => void): CompatibleCache
  /** The cache stays open, unless `closeCache` says otherwise. */
  disconnect(): Promise<undefined>
  cacheId(): string
}
