import type { Codec, StandardSchema } from './codec.ts'

/** A tag of an entry with what was seen of the tag clock when the value behind it was loaded. */
export interface TagMark {
  readonly tag: string
  readonly t0: number
}

/** By what an entry is judged: it is valid if its clock is the current one and no tag of it was stamped after its mark. */
export interface Marks {
  /** The life of the tag clock this was written under; `undefined` for values without our header. */
  readonly clockId: string | undefined
  readonly tags: readonly TagMark[]
}

/**
 * One cached value with everything needed to judge it. All times are absolute wall-clock milliseconds, so that
 * judging needs one clock read and no knowledge of how the entry came to be. `Infinity` means never.
 */
export interface Entry extends Marks {
  /** The value itself (`live`: reachable by nobody else), or what its codec wrote (`text`). */
  readonly value: unknown
  readonly form: 'live' | 'text'
  /** Nothing in the live value can be changed: readers that ask for `frozen` may share it. */
  readonly immutable: boolean
  /** What can be frozen in the live value is frozen; the rest is each reader's own. */
  readonly frozen: boolean
  /** How a live value is copied for a reader; belongs to the values room, opaque to all others. */
  readonly plan: unknown
  /** `JSON.stringify` writes the live value without loss: found out when it was copied. */
  readonly json: boolean
  /** `undefined` for a string written by `set()`: it is its own text. */
  readonly codec: Codec | undefined
  readonly createdAt: number
  /** From here on the entry is no longer fresh. */
  readonly staleAt: number
  /** From here on the entry does not exist. Never earlier than `staleAt`. */
  readonly deleteAt: number
  /** How long the loader ran, milliseconds; what a hit saves. */
  readonly computeMs: number
  /** What the load cost in the caller's own unit; what a hit saves. Known in this process only. */
  readonly cost: number
  /** How long this process' memory serves it without hearing of changes, milliseconds. Known in this process only. */
  readonly deafForMs: number
  /** The guard that has passed this very value in this process. */
  readonly guardedBy: StandardSchema | undefined
  /** What this node had seen of the tag clock when the loader started. */
  readonly t0: number
}
