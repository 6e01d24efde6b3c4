// What a cache must offer to take part: a way to wrap a loader. Everything a suite does with it (filling, checking, calling)
// is the same code for all.

/** `cached`: a function of one string argument, as the package wraps one. `getOrSet`: a key and a loader with each call. */
export type Shape = 'cached' | 'getOrSet'
export type Load = (id: string) => Promise<unknown>
export type Call = (id: string) => unknown

export interface Way {
  /** A call that caches `load`, under a name of its own. */
  readonly wrap: (load: Load, name: string) => Call
  readonly close?: () => unknown
}

export interface Peer {
  readonly name: string
  /** For which it has a call of its own; it takes no part in the cases of the other. */
  readonly shapes: readonly Shape[]
  /** Each hit gives the caller an object of its own. Proved before it is measured. */
  readonly copies: boolean
  readonly open: (shape: Shape) => Way | Promise<Way>
}

/** Every entry lives this long, in all packages. */
export const ttlMs = 3_600_000

/** No package has to evict anything. */
export const maxItems = 20_000
