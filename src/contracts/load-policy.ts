import type { Codec, StandardSchema } from './codec.ts'
import type { Duration } from './duration.ts'
import type { Source } from './events.ts'

/** A value that may stand in a key between two colons. */
export type KeySegment = string | number | bigint | boolean

/** Names a kind of work; picks `CACHE_TTL_<OPERATION>` and labels statistics and events. */
export type Operation = 'document_parsing' | 'ocr' | 'image_analysis' | 'validation' | (string & {})

/** `'copy'`: each reader gets its own copy. `'frozen'`: one deeply frozen value for all readers. */
export type Isolation = 'copy' | 'frozen'

/**
 * What a call does with the cache. `'normal'` reads and stores · `'refresh'` loads anew and stores · `'bypass'` neither reads nor
 * stores · `'readonly'` reads, and stores nothing.
 */
export type Mode = 'normal' | 'refresh' | 'bypass' | 'readonly'

/** `'envelope'`: with a header that carries everything. `'plain'`: bare JSON, for readers in other languages; only `ttl` is kept. */
export type WireFormat = 'envelope' | 'plain'

/** Which failures are remembered, and for how long. */
export interface ErrorPolicy {
  readonly ttl: Duration
  /** Asked once per failure; only those it says `true` to are remembered. */
  readonly when: (error: unknown) => boolean
}

/**
 * How one loaded value is kept, whatever asked for it. Every option accepts `undefined` as not given. `swr` and `staleIfError` both
 * count from the end of `ttl`; they overlap, they do not add. Nothing older than an invalidation is ever served by either.
 */
export interface LoadPolicy<R> {
  /**
   * Stale while revalidate: for this long after `ttl` the old value is served at once while one load runs behind it. Default: off.
   * The name and meaning are those of RFC 5861.
   */
  readonly swr?: Duration | undefined
  /** For this long after `ttl` the old value is served when the loader fails. Default: off. RFC 5861. */
  readonly staleIfError?: Duration | undefined
  /**
   * A load that takes longer is answered with the old value, while there is one to serve, and goes on behind it. Needs a
   * `staleIfError` longer than `swr`: within `swr` nobody waits. Default: off.
   */
  readonly softTimeout?: Duration | undefined
  /** A loader that runs longer rejects with `CACHE_LOAD_TIMEOUT`; its late value is stored nowhere. Default: none. */
  readonly hardTimeout?: Duration | undefined
  /**
   * Loads anew before `ttl` ends, behind the value that is still fresh. When is drawn at each read from how long the load took, so that
   * of many readers about one begins (XFetch: Vattani, Chierichetti, Lowenstein, VLDB 2015). Default: `false`.
   */
  readonly refreshAhead?: boolean | undefined
  /** Shortens each life by a random share up to this (0 to 1), so that what was stored together does not expire together. Default: 0. */
  readonly jitter?: number | undefined
  /** Remembers failures: until `ttl` is over, calls get the same error object and nothing runs. Default: failures are not cached. */
  readonly cacheErrors?: ErrorPolicy | undefined
  /** Guards the entry on read (an invalid one is a miss) and on write (an invalid one is returned, not stored). */
  readonly schema?: StandardSchema<R, unknown> | undefined
  /** How the value becomes text. Default: lossless JSON. */
  readonly codec?: Codec<R> | undefined
  /** Default: `'copy'`. */
  readonly isolation?: Isolation | undefined
  /** Default: `CACHE_WIRE_FORMAT`, else `'envelope'`. */
  readonly wire?: WireFormat | undefined
  /**
   * Mostly nothing is stored (first sight of a document, say): asks for the right to load at once instead of reading first, which saves one
   * round trip on a miss and costs one on a hit. Default: `false`.
   */
  readonly expectMiss?: boolean | undefined
  /**
   * For how long values in this process' memory are served while it cannot hear what others invalidate. For results that cannot become
   * stale, because the key names their content. Own invalidations count all the same. Default: 0.
   */
  readonly deafFor?: Duration | undefined
}

export interface ReadStatus<R> {
  readonly value: R
  readonly source: Source
  readonly stale: boolean
  /** Since the value was stored; 0 when it was loaded by this call. */
  readonly ageMs: number
}
