import type { Entry } from '../../contracts/entry.ts'
import type { ArgumentTable, MemoryTier, Slot } from '../../contracts/memory-tier.ts'
import { argumentOf } from '../../support/key-argument.ts'

// Live entries bounded by bytes. Every operation is O(1): a Map leads to a slot, and slots are linked in the order of use. (Evicting
// through `map.keys().next()` would walk over the Map's tombstones: microseconds per eviction.) No timer per key: an entry is dropped
// when it is read after its time, when a sweep of a few slots per insert passes it, or when it is evicted.
//
// The order of use is kept by epochs, of which one goes by with every eighth of the slots inserted: a slot is moved to the front by its first
// use in an epoch. The next uses find it near the front already, and moving it again on each hit would cost more than the rest of the hit.
//
// A key `<identity>:<argument>` of a cached function stands in the table of its identity, under the argument itself, so that a hit
// builds no key. Each slot stands in one place: in its table, or under its full key. What was stored under a full key (before its
// function asked for a table, or because the key is a hash) may have its argument as an alias.

/** What a slot costs beside its key and value: the Map's cell, the slot, the entry's own fields, the answer. */
const slotBytes = 320
/** What a tag costs beside its text. */
const tagBytes = 64
/** Slots the sweep looks at per insert: every expired entry goes within a quarter of a turnover. */
const sweepPerInsert = 4
/** Longer arguments are not worth a second copy as an alias. */
const longestAlias = 1024

/** A slot as the store sees it. */
interface Cell extends Slot {
  entry: Entry
  /** Where it stands: under `argument` in `table`, or, without a table, under `key`. */
  table: Table | undefined
  argument: string | number
  /** `argument` is a string of a caller, not one cut out of a full key. */
  isNamedByCaller: boolean
  /** What of `table` leads here too. */
  aliases: ReadonlyArray<readonly [table: Table, argument: string | number]> | undefined
  bytes: number
  /** Its place for the sweep; negative when it was dropped. */
  at: number
  epoch: number
  older: Cell | undefined
  newer: Cell | undefined
}

class Table implements ArgumentTable {
  readonly identity: string
  readonly slots: Map<string | number, Cell> = new Map()
  readonly #store: MemoryStore

  constructor(identity: string, store: MemoryStore) {
    this.identity = identity
    this.#store = store
  }

  lead(argument: string | number, key: string): void {
    const cell = this.slots.get(argument)
    if (cell === undefined) this.#store.alias(this, argument, key)
    else if (!cell.isNamedByCaller && cell.table === this) {
      cell.isNamedByCaller = true
      cell.argument = argument
      this.slots.delete(argument)
      this.slots.set(argument, cell)
    }
  }
}

export class MemoryStore implements MemoryTier {
  readonly maxBytes: number
  readonly #maxEntryBytes: number
  readonly #maxEntries: number
  /** Cells that stand in no table, by their full key. */
  readonly slots: Map<string | number, Cell> = new Map()
  readonly #tables: Map<string, Table> = new Map()
  #places: Array<Cell | undefined> = []
  #free: number[] = []
  #hand = 0
  epoch = 0
  #insertsInEpoch = 0
  #newest: Cell | undefined
  #oldest: Cell | undefined
  #size = 0
  #bytes = 0
  #evictions = 0

  constructor(maxBytes: number, maxEntries: number) {
    this.maxBytes = maxBytes
    this.#maxEntries = maxEntries
    // One entry may not push out everything else.
    this.#maxEntryBytes = maxBytes / 2
  }

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#bytes
  }

  get evictions(): number {
    return this.#evictions
  }

  get(key: string, now: number): Entry | undefined {
    const cell = this.#locate(key)
    if (cell === undefined) return undefined
    if (cell.entry.deleteAt <= now) {
      this.#drop(cell)
      return undefined
    }
    this.use(cell)
    return cell.entry
  }

  find(key: string): Slot | undefined {
    return this.#locate(key)
  }

  use(slot: Slot): void {
    const cell = slot as Cell
    if (cell.epoch === this.epoch || cell.at < 0) return
    cell.epoch = this.epoch
    if (cell === this.#newest) return
    this.#unlink(cell)
    this.#linkNewest(cell)
  }

  table(identity: string): ArgumentTable {
    let table = this.#tables.get(identity)
    if (table === undefined) {
      table = new Table(identity, this)
      this.#tables.set(identity, table)
    }
    return table
  }

  set(key: string, entry: Entry, bytes: number): boolean {
    let size = bytes + slotBytes + 2 * key.length
    for (const mark of entry.tags) size += tagBytes + 2 * mark.tag.length
    const known = this.#locate(key)
    if (known !== undefined) this.#drop(known)
    if (!(size <= this.#maxEntryBytes)) return false
    this.#sweep(entry.createdAt)
    this.#insert(key, entry, size)
    while (this.#bytes > this.maxBytes || this.#size > this.#maxEntries) {
      this.#drop(this.#oldest as Cell)
      this.#evictions++
    }
    return true
  }

  delete(key: string): boolean {
    const cell = this.#locate(key)
    if (cell === undefined) return false
    this.#drop(cell)
    return true
  }

  clear(): void {
    this.slots.clear()
    for (const table of this.#tables.values()) table.slots.clear()
    for (const cell of this.#places) if (cell !== undefined) cell.at = -1
    this.#places = []
    this.#free = []
    this.#hand = 0
    this.#newest = undefined
    this.#oldest = undefined
    this.#size = 0
    this.#bytes = 0
  }

  alias(table: Table, argument: string | number, key: string): void {
    const cell = this.slots.get(key)
    const length = typeof argument === 'string' ? argument.length : 0
    if (cell === undefined || length > longestAlias || table.slots.has(argument)) return
    // Counted with the slot: what it costs is given back with it.
    const bytes = tagBytes + 2 * length
    if (this.#bytes + bytes > this.maxBytes) return
    cell.bytes += bytes
    this.#bytes += bytes
    cell.aliases = [...(cell.aliases ?? []), [table, argument]]
    table.slots.set(argument, cell)
  }

  /** The full key first: its hash is known to the string, a part of it would have to be hashed. */
  #locate(key: string): Cell | undefined {
    const other = this.slots.get(key)
    if (other !== undefined || this.#tables.size === 0) return other
    const place = this.#placeOf(key)
    return place?.table.slots.get(place.argument)
  }

  #placeOf(key: string): { readonly table: Table; readonly argument: string | number } | undefined {
    const end = key.lastIndexOf(':')
    const table = end === -1 ? undefined : this.#tables.get(key.slice(0, end))
    const argument = table === undefined ? undefined : argumentOf(key.slice(end + 1))
    return table === undefined || argument === undefined ? undefined : { table, argument }
  }

  #insert(key: string, entry: Entry, bytes: number): void {
    const place = this.#placeOf(key)
    if (++this.#insertsInEpoch >= this.#size >> 3) {
      this.epoch++
      this.#insertsInEpoch = 0
    }
    // In this order: what a hit looks at lies together.
    const cell: Cell = {
      generation: -1,
      reader: undefined,
      freshTicks: 0,
      epoch: this.epoch,
      savedUs: 0,
      savedCost: 0,
      answer: undefined,
      entry,
      table: place?.table,
      argument: place?.argument ?? key,
      isNamedByCaller: false,
      aliases: undefined,
      bytes,
      at: this.#free.pop() ?? this.#places.length,
      older: undefined,
      newer: undefined,
    }
    this.#places[cell.at] = cell
    if (place === undefined) this.slots.set(key, cell)
    else place.table.slots.set(place.argument, cell)
    this.#size++
    this.#bytes += bytes
    this.#linkNewest(cell)
  }

  #drop(cell: Cell): void {
    if (cell.table === undefined) this.slots.delete(cell.argument as string)
    else cell.table.slots.delete(cell.argument)
    if (cell.aliases !== undefined) for (const [table, argument] of cell.aliases) table.slots.delete(argument)
    this.#places[cell.at] = undefined
    this.#free.push(cell.at)
    cell.at = -1
    this.#size--
    this.#bytes -= cell.bytes
    this.#unlink(cell)
  }

  #linkNewest(cell: Cell): void {
    cell.older = this.#newest
    cell.newer = undefined
    if (this.#newest === undefined) this.#oldest = cell
    else this.#newest.newer = cell
    this.#newest = cell
  }

  #unlink(cell: Cell): void {
    const { older, newer } = cell
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
  }

  #sweep(now: number): void {
    const looks = Math.min(sweepPerInsert, this.#places.length)
    for (let look = 0; look < looks; look++) {
      this.#hand = this.#hand + 1 < this.#places.length ? this.#hand + 1 : 0
      const cell = this.#places[this.#hand]
      if (cell !== undefined && cell.entry.deleteAt <= now) this.#drop(cell)
    }
  }
}
