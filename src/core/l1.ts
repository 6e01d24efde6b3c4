import type { MemoryTier } from '../contracts/memory-tier.ts'
import type { Runtime } from '../contracts/runtime.ts'
import type { CodecLookup } from './judge.ts'
import { HotTier } from './hot-tier.ts'
import type { Found, Item } from './found.ts'
import type { TagTable } from './tags.ts'

// Memory in front of a store that others write to. What is in it may be served without asking for one of two reasons, and is not kept for
// any other:
//
//   coherent   the store tells of every change, and a sign of life proves that none is on its way for longer than the bound; without
//              one nothing is served, and when the connection is lost everything is dropped
//   bounded    nothing in it is older than `maxAge`
//
// Entries that cannot become stale (`deafFor`) are the exception: they are served for a while without a sign of life.

export interface L1Options {
  readonly tier: MemoryTier
  readonly table: TagTable
  readonly runtime: Runtime
  /** How long an entry may be kept, milliseconds; `Infinity`: as long as it lives. */
  readonly maxAgeMs: number
  /** Entries larger than this are not kept; the tier may refuse smaller ones. */
  readonly maxValueBytes: number
}

export class L1 extends HotTier {
  override readableUntil: number = -Infinity
  readonly #options: L1Options
  readonly #turn: () => number
  #boundMs = 0
  /** Whether any entry may be served without hearing of changes. */
  #servesDeaf = false
  /** By `turn`: when the last sign of life was over. */
  #deafSince = -Infinity

  constructor(options: L1Options) {
    super(options.tier, options.table)
    const { runtime } = options
    this.#options = options
    this.#turn = runtime.turn ?? (() => runtime.monotonic())
  }

  /** Whether anything is kept now. */
  get isOpen(): boolean {
    return this.#boundMs > 0
  }

  get isReadable(): boolean {
    return this.#turn() < this.readableUntil
  }

  /** From now on entries are kept. @param boundMs how long after a sign of life they are served; `Infinity`: always */
  open(boundMs: number): void {
    // What is left from a connection before is not followed on this one.
    if (!this.isOpen) this.tier.clear()
    this.#boundMs = boundMs
    if (boundMs === Infinity) this.readableUntil = Infinity
  }

  /** Nothing that is kept is followed any more. */
  lose(): void {
    if (this.isOpen) this.#deafSince = Math.min(this.#turn(), this.readableUntil)
    this.#boundMs = 0
    this.readableUntil = -Infinity
    if (this.#servesDeaf) this.tier.retain((entry) => entry.deafForMs > 0)
    else this.tier.clear()
  }

  close(): void {
    this.#servesDeaf = false
    this.lose()
  }

  /** Whatever was changed before `at` has been dropped by now. */
  heard(at: number): void {
    if (this.#boundMs > 0) this.readableUntil = Math.max(this.readableUntil, at + this.#boundMs)
  }

  read(key: string, codecFor: CodecLookup, impliedTags: readonly string[] | undefined): Found | undefined {
    const { tier } = this
    const { isReadable } = this
    if (tier.size === 0 || !(isReadable || this.#servesDeaf)) return undefined
    const slot = tier.find(key)
    if (slot === undefined) return undefined
    const entry = tier.entryAt(slot)
    if (!isReadable && this.#turn() >= this.#deafFrom + entry.deafForMs) return undefined
    if (entry.deleteAt <= this.#options.runtime.now() || !this.isCurrent(slot, impliedTags)) {
      tier.delete(key)
      return undefined
    }
    if (entry.codec !== undefined && codecFor(entry.codec.name) === undefined) return undefined
    tier.use(slot)
    return { entry, source: 'l1' }
  }

  /** By `turn`: since when nothing was heard that entries may be served by. */
  get #deafFrom(): number {
    return this.isOpen ? this.readableUntil : this.#deafSince
  }

  /** Keeps an entry that the store holds, and of whose changes it is told from now on. */
  keep(key: string, { entry, bytes }: Pick<Item, 'entry' | 'bytes'>): void {
    const { runtime, maxAgeMs, maxValueBytes, table, tier } = this.#options
    if (!this.isOpen || !(bytes <= maxValueBytes) || !table.isValid(entry)) return
    if (entry.deafForMs > 0) this.#servesDeaf = true
    if (maxAgeMs === Infinity) tier.set(key, entry, bytes)
    else {
      const latest = runtime.now() + maxAgeMs
      const brief = { ...entry, staleAt: Math.min(entry.staleAt, latest), deleteAt: Math.min(entry.deleteAt, latest) }
      tier.set(key, brief, bytes)
    }
  }
}
