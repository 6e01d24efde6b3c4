import type { Entry } from '../../contracts/entry.ts'
import type { MemoryTier } from '../../contracts/memory-tier.ts'

// Live entries bounded by bytes. Every operation is O(1): a Map from key to slot, and the order of use as links between slots in typed
// arrays. (Evicting through `map.keys().next()` would walk over the Map's tombstones: microseconds per eviction.) No timer per
// key: an entry is dropped when it is read after its time, when a sweep of a few slots per insert passes it, or when it is evicted.

const none = -1
/** What a slot costs beside its key and value: the Map's cell, the links, the entry's own fields. */
const slotBytes = 160
/** What a tag costs beside its text. */
const tagBytes = 64
/** Slots the sweep looks at per insert: every expired entry goes within a quarter of a turnover. */
const sweepPerInsert = 4
const firstCapacity = 64

export class MemoryStore implements MemoryTier {
  readonly maxBytes: number
  readonly #maxEntryBytes: number
  readonly #maxEntries: number
  #slots: Map<string, number> = new Map()
  #keys: Array<string | undefined> = []
  #entries: Array<Entry | undefined> = []
  #sizes: Float64Array = new Float64Array(firstCapacity)
  /** Towards the least recently used. */
  #older: Int32Array = new Int32Array(firstCapacity)
  #newer: Int32Array = new Int32Array(firstCapacity)
  #newest: number = none
  #oldest: number = none
  #free: number[] = []
  #used = 0
  #hand = 0
  #bytes = 0
  #evictions = 0

  constructor(maxBytes: number, maxEntries: number) {
    this.maxBytes = maxBytes
    this.#maxEntries = maxEntries
    // One entry may not push out everything else.
    this.#maxEntryBytes = maxBytes / 2
  }

  get size(): number {
    return this.#slots.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get evictions(): number {
    return this.#evictions
  }

  get(key: string, now: number): Entry | undefined {
    const slot = this.#slots.get(key)
    if (slot === undefined) return undefined
    const entry = this.#entries[slot] as Entry
    if (entry.deleteAt <= now) {
      this.#drop(slot)
      return undefined
    }
    if (slot !== this.#newest) {
      this.#unlink(slot)
      this.#linkNewest(slot)
    }
    return entry
  }

  set(key: string, entry: Entry, bytes: number): boolean {
    let size = bytes + slotBytes + 2 * key.length
    for (const mark of entry.tags) size += tagBytes + 2 * mark.tag.length
    const known = this.#slots.get(key)
    if (known !== undefined) this.#drop(known)
    if (!(size <= this.#maxEntryBytes)) return false
    this.#sweep(entry.createdAt)
    const slot = this.#take()
    this.#slots.set(key, slot)
    this.#keys[slot] = key
    this.#entries[slot] = entry
    this.#sizes[slot] = size
    this.#bytes += size
    this.#linkNewest(slot)
    while (this.#bytes > this.maxBytes || this.#slots.size > this.#maxEntries) {
      this.#drop(this.#oldest)
      this.#evictions++
    }
    return true
  }

  delete(key: string): boolean {
    const slot = this.#slots.get(key)
    if (slot === undefined) return false
    this.#drop(slot)
    return true
  }

  clear(): void {
    this.#slots = new Map()
    this.#keys = []
    this.#entries = []
    this.#sizes = new Float64Array(firstCapacity)
    this.#older = new Int32Array(firstCapacity)
    this.#newer = new Int32Array(firstCapacity)
    this.#newest = none
    this.#oldest = none
    this.#free = []
    this.#used = 0
    this.#hand = 0
    this.#bytes = 0
  }

  #take(): number {
    const freed = this.#free.pop()
    if (freed !== undefined) return freed
    const slot = this.#used++
    if (slot === this.#older.length) {
      this.#older = grown(this.#older)
      this.#newer = grown(this.#newer)
      const sizes = new Float64Array(slot * 2)
      sizes.set(this.#sizes)
      this.#sizes = sizes
    }
    return slot
  }

  #drop(slot: number): void {
    this.#slots.delete(this.#keys[slot] as string)
    this.#keys[slot] = undefined
    this.#entries[slot] = undefined
    this.#bytes -= this.#sizes[slot] as number
    this.#unlink(slot)
    this.#free.push(slot)
  }

  #linkNewest(slot: number): void {
    this.#older[slot] = this.#newest
    this.#newer[slot] = none
    if (this.#newest === none) this.#oldest = slot
    else this.#newer[this.#newest] = slot
    this.#newest = slot
  }

  #unlink(slot: number): void {
    const older = this.#older[slot] as number
    const newer = this.#newer[slot] as number
    if (older === none) this.#oldest = newer
    else this.#newer[older] = newer
    if (newer === none) this.#newest = older
    else this.#older[newer] = older
  }

  #sweep(now: number): void {
    const looks = Math.min(sweepPerInsert, this.#used)
    for (let look = 0; look < looks; look++) {
      this.#hand = this.#hand + 1 < this.#used ? this.#hand + 1 : 0
      const entry = this.#entries[this.#hand]
      if (entry !== undefined && entry.deleteAt <= now) this.#drop(this.#hand)
    }
  }
}

function grown(links: Int32Array): Int32Array {
  const larger = new Int32Array(links.length * 2)
  larger.set(links)
  return larger
}
