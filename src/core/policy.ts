import type { Codec, StandardSchema } from '../contracts/codec.ts'
import type { Isolation, WireFormat } from '../contracts/load-policy.ts'
import type { Windows } from './freshness.ts'
import type { CodecLookup } from './judge.ts'
import type { OperationCounters } from './statistics.ts'

/**
 * Everything a read needs to know about how its value is kept, resolved and checked once: options have become numbers and plain
 * functions `(result, args)`.
 */
export interface Policy extends Windows {
  readonly operation: string
  readonly counters: OperationCounters
  /** Milliseconds. May throw `CACHE_BAD_DURATION` when it comes from the result. */
  readonly ttlMs: number | ((result: unknown, args: readonly unknown[]) => number)
  /** 0 to 1. */
  readonly jitter: number
  /** Milliseconds; `Infinity`: none. */
  readonly softTimeoutMs: number
  /** Milliseconds; `Infinity`: none. */
  readonly hardTimeoutMs: number
  readonly cacheErrors: { readonly ttlMs: number; readonly when: (error: unknown) => boolean } | undefined
  readonly tags: readonly string[] | ((result: unknown, args: readonly unknown[]) => readonly string[])
  readonly shouldCache: ((result: unknown, args: readonly unknown[]) => boolean) | undefined
  readonly cost: number | ((result: unknown, args: readonly unknown[]) => number)
  readonly schema: StandardSchema | undefined
  readonly codec: Codec
  /** The codecs a reader of this policy understands: its own. */
  readonly codecFor: CodecLookup
  /** The codec is the caller's own: values are kept as its text, since only it knows how to copy them. */
  readonly customCodec: boolean
  readonly isolation: Isolation
  readonly wire: WireFormat
  readonly expectMiss: boolean
  /** Milliseconds. */
  readonly deafForMs: number
}
