import type { Entry } from './entry.ts'

/** The entries of one cached function, found by the call's one argument: no key text is built or hashed on a hit. */
export interface ArgumentTable {
  /** Slots by argument, whether or not their time is over. Changed by the tier only; the same object for the life of the tier. */
  readonly slots: ReadonlyMap<string | number, number>
  /**
   * Lets the argument lead to the slot of its full key, by the very string of the caller: one cut out of the key is another object,
   * and comparing the two on each hit takes longer than all the rest. Forgotten with the slot.
   */
  lead(argument: string | number, key: string): void
}

/** A live value and how it is copied: what a hit needs of an entry, without the entry. */
export type CopySource = Pick<Entry, 'value' | 'plan' | 'frozen'>

/**
 * A store of live entries in this process, bounded by bytes. All operations are synchronous and O(1).
 * Whoever stores an entry hands over a value that nobody else can reach.
 *
 * A slot is a number, good until its entry is dropped. What a hit looks at stands in columns: small integers side by side in one array
 * (`marks`), so that many entries share what the processor keeps near. Columns are replaced when they grow: take them anew each time.
 */
export interface MemoryTier {
  /** The entry if it exists at `now` (wall-clock milliseconds). */
  get(key: string, now: number): Entry | undefined
  /** The slot of a key, whether or not its time is over; not counted as a use. */
  find(key: string): number | undefined
  entryAt(slot: number): Entry
  /** Counts a use. Needs not be called for a slot whose mark has the present epoch. */
  use(slot: number): void
  /** Goes by with every eighth of the slots inserted. */
  readonly epoch: number
  /**
   * Four integers per slot, see `support/slot-marks.ts`. The tier writes the epoch and, for a new or dropped entry, a stamp of 0; the rest
   * is the readers'.
   */
  readonly marks: Int32Array
  /** The generation of the store in which an entry was last judged to be valid; -1: never. The readers'. */
  readonly generations: Float64Array
  /** What all readers who may share a value are given. The readers'. */
  readonly answers: Array<Promise<unknown> | undefined>
  /** What each reader's own copy is made from, where they may not. The readers'. */
  readonly sources: Array<CopySource | undefined>

  /** Slots that stand under their full key, and so in no table. Changed by the tier only; the same object for its life. */
  readonly slots: ReadonlyMap<string | number, number>
  /** The table of the keys `<identity>:<argument>`. The same object for the life of the tier, also across `clear`. */
  table(identity: string): ArgumentTable
  /** @returns false when the entry is larger than a single entry may be; an older entry of the key is dropped all the same. */
  set(key: string, entry: Entry, bytes: number): boolean
  delete(key: string): boolean
  /** Drops all but these. Goes through all. */
  retain(wanted: (entry: Entry) => boolean): void
  clear(): void
  readonly size: number
  readonly bytes: number
  readonly maxBytes: number
  readonly evictions: number
}
