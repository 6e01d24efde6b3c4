import type { Codec, StandardSchema } from '../contracts/codec.ts'
import type { Isolation } from '../contracts/load-policy.ts'
import type { OperationCounters } from './statistics.ts'

/**
 * Everything a read needs to know about how its value is kept, resolved and checked once: options have become numbers and plain
 * functions `(result, args)`.
 */
export interface Policy {
  readonly operation: string
  readonly counters: OperationCounters
  /** Milliseconds. May throw `CACHE_BAD_DURATION` when it comes from the result. */
  readonly ttlMs: number | ((result: unknown, args: readonly unknown[]) => number)
  /** 0 to 1. */
  readonly jitter: number
  /** Milliseconds; `Infinity`: none. */
  readonly hardTimeoutMs: number
  readonly tags: readonly string[] | ((result: unknown, args: readonly unknown[]) => readonly string[])
  readonly shouldCache: ((result: unknown, args: readonly unknown[]) => boolean) | undefined
  readonly schema: StandardSchema | undefined
  readonly codec: Codec
  /** The codec is the caller's own: values are kept as its text, since only it knows how to copy them. */
  readonly customCodec: boolean
  readonly isolation: Isolation
}
