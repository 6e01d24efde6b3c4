import type { Entry } from './entry.ts'

/**
 * One entry in this process' memory, and what its last reader found out about it, so that the next hit costs nothing. The tier owns
 * `entry` and `epoch`; the rest belongs to the readers and dies with the slot.
 *
 * What a hit looks at are small integers and pointers in this one object: a fraction, or a number of milliseconds since 1970, would be an
 * object of its own elsewhere in memory.
 */
export interface Slot {
  readonly entry: Entry
  /** The epoch of the tier in which it was last used. */
  readonly epoch: number
  /** The generation of the store under which the entry was last seen to be valid; -1: never. */
  generation: number
  /** For whom what follows holds. */
  reader: unknown
  /** Until then it is fresh for that reader, in ticks of its own clock. */
  freshTicks: number
  /** What a hit saves: microseconds, and in the caller's unit. */
  savedUs: number
  savedCost: number
  /** What all readers who may share the value are given; `undefined`: each gets a copy. */
  answer: Promise<unknown> | undefined
}

/** The entries of one cached function, found by the call's one argument: no key text is built or hashed on a hit. */
export interface ArgumentTable {
  /** Slots by argument, whether or not their time is over. Changed by the tier only; the same object for the life of the tier. */
  readonly slots: ReadonlyMap<string | number, Slot>
  /**
   * Lets the argument lead to the slot of its full key, by the very string of the caller: one cut out of the key is another object,
   * and comparing the two on each hit takes longer than all the rest. Forgotten with the slot.
   */
  lead(argument: string | number, key: string): void
}

/**
 * A store of live entries in this process, bounded by bytes. All operations are synchronous and O(1).
 * Whoever stores an entry hands over a value that nobody else can reach.
 */
export interface MemoryTier {
  /** The entry if it exists at `now` (wall-clock milliseconds). */
  get(key: string, now: number): Entry | undefined
  /** The slot of a key, whether or not its time is over; not counted as a use. */
  find(key: string): Slot | undefined
  /** Slots that stand under their full key, and so in no table. Changed by the tier only; the same object for its life. */
  readonly slots: ReadonlyMap<string | number, Slot>
  /** Counts a use of a slot that was found in this turn. Needs not be called for a slot of the present epoch. */
  use(slot: Slot): void
  readonly epoch: number
  /** The table of the keys `<identity>:<argument>`. The same object for the life of the tier, also across `clear`. */
  table(identity: string): ArgumentTable
  /** @returns false when the entry is larger than a single entry may be; an older entry of the key is dropped all the same. */
  set(key: string, entry: Entry, bytes: number): boolean
  delete(key: string): boolean
  clear(): void
  readonly size: number
  readonly bytes: number
  readonly maxBytes: number
  readonly evictions: number
}
