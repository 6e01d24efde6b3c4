import type { Entry } from './entry.ts'

/**
 * A store of live entries in this process, bounded by bytes. All operations are synchronous and O(1).
 * Whoever stores an entry hands over a value that nobody else can reach.
 */
export interface MemoryTier {
  /** The entry if it exists at `now` (wall-clock milliseconds). */
  get(key: string, now: number): Entry | undefined
  /** @returns false when the entry is larger than a single entry may be; an older entry of the key is dropped all the same. */
  set(key: string, entry: Entry, bytes: number): boolean
  delete(key: string): boolean
  clear(): void
  readonly size: number
  readonly bytes: number
  readonly maxBytes: number
  readonly evictions: number
}
