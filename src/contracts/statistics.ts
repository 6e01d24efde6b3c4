import type { CacheState } from './events.ts'

/** Counters of one operation (the `operation` option, else the `keyPrefix`, else the name) since the manager was made. */
export interface OperationStats {
  /** By where the value came from; `stale`: served after its ttl, wherever it came from. */
  readonly hits: { readonly l1: number; readonly l2: number; readonly stale: number }
  readonly misses: number
  readonly loads: number
  readonly loadErrors: number
  /** Loaded values that reached the store. */
  readonly fills: number
  /** Loaded values made void by an invalidation that came while they were computed. */
  readonly fenced: number
  /** Loaded values that were not to be stored, could not be, or were not taken by the store. */
  readonly refused: number
  readonly fallbackHits: number
  /** Time spent in loaders, milliseconds. */
  readonly loadMs: number
  /** Loader time that hits made unnecessary, milliseconds: each hit saves what its entry took to compute. */
  readonly savedMs: number
  /** What loads cost, by the `cost` option, in its unit. */
  readonly cost: number
  /** What hits saved of it; of entries read from a store behind a connection, what the option says of the value that was read. */
  readonly savedCost: number
}

export interface CacheStats {
  readonly operations: Readonly<Record<string, OperationStats>>
  /** All operations added up. */
  readonly total: OperationStats
  /** Entries in this process' memory, when it keeps any. */
  readonly memory:
    | { readonly entries: number; readonly bytes: number; readonly maxBytes: number; readonly evictions: number }
    | undefined
  /** Invalidations waiting for the store's return. */
  readonly journal: number
  readonly state: CacheState
  /** How often the primary was found to be away. */
  readonly outages: number
}
