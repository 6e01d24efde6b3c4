import type { Entry } from '../../contracts/entry.ts'
import type { ArgumentTable, CopySource, MemoryTier } from '../../contracts/memory-tier.ts'
import { argumentOf } from '../../support/key-argument.ts'
import { epochMark, marksPerSlot, stampMark } from '../../support/slot-marks.ts'

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

/** What a slot costs beside its key and value: the Map's cell, the columns, the entry's own fields, the answer. */
const slotBytes = 320
/** What a tag costs beside its text. */
const tagBytes = 64
/** Slots the sweep looks at per insert: every expired entry goes within a quarter of a turnover. */
const sweepPerInsert = 4
/** Longer arguments are not worth a second copy as an alias. */
const longestAlias = 1024
const firstCapacity = 64

/** What the store knows of a slot. */
interface Cell {
  readonly entry: Entry
  readonly slot: number
  /** Where it stands: under `argument` in `table`, or, without a table, under that full key. */
  readonly table: Table | undefined
  argument: string | number
  /** `argument` is a string of a caller, not one cut out of a full key. */
  isNamedByCaller: boolean
  /** What of tables leads here too. */
  aliases: ReadonlyArray<readonly [table: Table, argument: string | number]> | undefined
  bytes: number
  older: Cell | undefined
  newer: Cell | undefined
}

class Table implements ArgumentTable {
  readonly slots: Map<string | number, number> = new Map()
  readonly #store: MemoryStore

  constructor(store: MemoryStore) {
    this.#store = store
  }

  lead(argument: string | number, key: string): void {
    this.#store.lead(this, argument, key)
  }
}

export class MemoryStore implements MemoryTier {
  readonly maxBytes: number
  readonly slots: Map<string | number, number> = new Map()
  marks: Int32Array = new Int32Array(firstCapacity * marksPerSlot)
  generations: Float64Array = new Float64Array(firstCapacity).fill(-1)
  answers: Array<Promise<unknown> | undefined> = []
  sources: Array<CopySource | undefined> = []
  epoch = 0
  readonly #maxEntryBytes: number
  readonly #maxEntries: number
  readonly #tables: Map<string, Table> = new Map()
  #cells: Array<Cell | undefined> = []
  #free: number[] = []
  #hand = 0
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
    this.use(cell.slot)
    return cell.entry
  }

  find(key: string): number | undefined {
    return this.#locate(key)?.slot
  }

  entryAt(slot: number): Entry {
    return (this.#cells[slot] as Cell).entry
  }

  use(slot: number): void {
    const at = slot * marksPerSlot + epochMark
    const cell = this.#cells[slot]
    if (cell === undefined || this.marks[at] === this.epoch) return
    this.marks[at] = this.epoch
    if (cell === this.#newest) return
    this.#unlink(cell)
    this.#linkNewest(cell)
  }

  table(identity: string): ArgumentTable {
    let table = this.#tables.get(identity)
    if (table === undefined) {
      table = new Table(this)
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

  retain(wanted: (entry: Entry) => boolean): void {
    for (const cell of this.#cells) if (cell !== undefined && !wanted(cell.entry)) this.#drop(cell)
  }

  clear(): void {
    this.slots.clear()
    for (const table of this.#tables.values()) table.slots.clear()
    this.marks = new Int32Array(firstCapacity * marksPerSlot)
    this.generations = new Float64Array(firstCapacity).fill(-1)
    this.answers = []
    this.sources = []
    this.#cells = []
    this.#free = []
    this.#hand = 0
    this.#newest = undefined
    this.#oldest = undefined
    this.#size = 0
    this.#bytes = 0
  }

  /** @param table of an argument of that full key */
  lead(table: Table, argument: string | number, key: string): void {
    const cell = this.#cells[table.slots.get(argument) ?? -1]
    if (cell === undefined) this.#alias(table, argument, key)
    else if (!cell.isNamedByCaller && cell.table === table) {
      cell.isNamedByCaller = true
      cell.argument = argument
      table.slots.delete(argument)
      table.slots.set(argument, cell.slot)
    }
  }

  #alias(table: Table, argument: string | number, key: string): void {
    const cell = this.#cells[this.slots.get(key) ?? -1]
    const length = typeof argument === 'string' ? argument.length : 0
    if (cell === undefined || length > longestAlias) return
    // Counted with the slot: what it costs is given back with it.
    const bytes = tagBytes + 2 * length
    if (this.#bytes + bytes > this.maxBytes) return
    cell.bytes += bytes
    this.#bytes += bytes
    cell.aliases = [...(cell.aliases ?? []), [table, argument]]
    table.slots.set(argument, cell.slot)
  }

  /** The full key first: its hash is known to the string, a part of it would have to be hashed. */
  #locate(key: string): Cell | undefined {
    const other = this.slots.get(key)
    if (other !== undefined) return this.#cells[other]
    const place = this.#placeOf(key)
    return place === undefined ? undefined : this.#cells[place.table.slots.get(place.argument) ?? -1]
  }

  #placeOf(key: string): { readonly table: Table; readonly argument: string | number } | undefined {
    if (this.#tables.size === 0) return undefined
    const end = key.lastIndexOf(':')
    const table = end === -1 ? undefined : this.#tables.get(key.slice(0, end))
    const argument = table === undefined ? undefined : argumentOf(key.slice(end + 1))
    return table === undefined || argument === undefined ? undefined : { table, argument }
  }

  #insert(key: string, entry: Entry, bytes: number): void {
    const { table, argument } = this.#placeOf(key) ?? { table: undefined, argument: key }
    if (++this.#insertsInEpoch >= this.#size >> 3) {
      // Only compared for equality: it may wrap.
      this.epoch = (this.epoch + 1) | 0
      this.#insertsInEpoch = 0
    }
    const slot = this.#free.pop() ?? this.#cells.length
    this.#reserve(slot)
    const links = { older: undefined, newer: undefined }
    const cell: Cell = { entry, slot, table, argument, isNamedByCaller: false, aliases: undefined, bytes, ...links }
    this.#cells[slot] = cell
    this.answers[slot] = undefined
    this.sources[slot] = undefined
    this.marks[slot * marksPerSlot + epochMark] = this.epoch
    ;(table ?? this).slots.set(argument, slot)
    this.#size++
    this.#bytes += bytes
    this.#linkNewest(cell)
  }

  /** Columns that have room for a slot. */
  #reserve(slot: number): void {
    const capacity = this.generations.length
    if (slot < capacity) return
    const { marks, generations } = this
    this.marks = new Int32Array(2 * capacity * marksPerSlot)
    this.marks.set(marks)
    this.generations = new Float64Array(2 * capacity).fill(-1)
    this.generations.set(generations)
  }

  #drop(cell: Cell): void {
    const { slot, table, argument, aliases } = cell
    ;(table ?? this).slots.delete(argument)
    if (aliases !== undefined) for (const [other, alias] of aliases) other.slots.delete(alias)
    this.#cells[slot] = undefined
    this.answers[slot] = undefined
    this.sources[slot] = undefined
    this.generations[slot] = -1
    this.marks[slot * marksPerSlot + stampMark] = 0
    this.#free.push(slot)
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
    const looks = Math.min(sweepPerInsert, this.#cells.length)
    for (let look = 0; look < looks; look++) {
      this.#hand = this.#hand + 1 < this.#cells.length ? this.#hand + 1 : 0
      const cell = this.#cells[this.#hand]
      if (cell !== undefined && cell.entry.deleteAt <= now) this.#drop(cell)
    }
  }
}
