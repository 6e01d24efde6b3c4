import type { Codec, StandardSchema } from './codec.ts'
import type { Duration } from './duration.ts'
import type { Source } from './events.ts'

/** A value that may stand in a key between two colons. */
export type KeySegment = string | number | bigint | boolean

/** Names a kind of work; picks `CACHE_TTL_<OPERATION>` and labels statistics and events. */
export type Operation = 'document_parsing' | 'ocr' | 'image_analysis' | 'validation' | (string & {})

/** `'copy'`: each reader gets its own copy. `'frozen'`: one deeply frozen value for all readers. */
export type Isolation = 'copy' | 'frozen'

/** How one loaded value is kept, whatever asked for it. Every option accepts `undefined` as not given. */
export interface LoadPolicy<R> {
  /** A loader that runs longer rejects with `CACHE_LOAD_TIMEOUT`; its late value is stored nowhere. Default: none. */
  readonly hardTimeout?: Duration | undefined
  /** Shortens each life by a random share up to this (0 to 1), so that what was stored together does not expire together. Default: 0. */
  readonly jitter?: number | undefined
  /** Guards the entry on read (an invalid one is a miss) and on write (an invalid one is returned, not stored). */
  readonly schema?: StandardSchema<R, unknown> | undefined
  /** How the value becomes text. Default: lossless JSON. */
  readonly codec?: Codec<R> | undefined
  /** Default: `'copy'`. */
  readonly isolation?: Isolation | undefined
}

export interface ReadStatus<R> {
  readonly value: R
  readonly source: Source
  readonly stale: boolean
  /** Since the value was stored; 0 when it was loaded by this call. */
  readonly ageMs: number
}
