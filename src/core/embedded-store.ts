import type { TagPosition } from '../contracts/backend.ts'
import type { Marks } from '../contracts/entry.ts'
import type { Invalidation, MissReason } from '../contracts/events.ts'
import type { MemoryTier } from '../contracts/memory-tier.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { Background } from '../support/background.ts'
import type { FenceToken } from './fence.ts'
import { HotTier } from './hot-tier.ts'
import type { CodecLookup } from './judge.ts'
import type { ProcessTags } from './process-tags.ts'
import { createProcessTags } from './process-tags.ts'
import type { SingleFlight } from './single-flight.ts'
import type { Item, Read } from './found.ts'
import type { FillOutcome, Store } from './store.ts'
import { absent } from './found.ts'
import { TagTable } from './tags.ts'

// The store of a backend that lives in this process: its memory tier is the whole cache. Nothing here waits, nothing can fail, and an
// invalidation is exact the moment it is called.

export interface EmbeddedStoreOptions {
  readonly tier: MemoryTier
  readonly runtime: Runtime
  readonly maxValueBytes: number
  /** What is in the air of this store's manager. */
  readonly flights: Flights
}

type Flights = Pick<SingleFlight<unknown>, 'fence' | 'tagsInvalidated'>

/** What all managers on one tier share: one clock to judge its entries by, and each other's flights to make void. */
class Shared extends HotTier {
  readonly clock: ProcessTags = createProcessTags()
  readonly flights: Set<Flights> = new Set()

  constructor(tier: MemoryTier) {
    super(tier, new TagTable())
    this.table.apply(this.clock.read(undefined))
  }
}

const sharedByTier = new WeakMap<MemoryTier, Shared>()

function sharedBy(tier: MemoryTier): Shared {
  const shared = sharedByTier.get(tier) ?? new Shared(tier)
  sharedByTier.set(tier, shared)
  return shared
}

export class EmbeddedStore implements Store {
  readonly background: Background = new Background()
  readonly memory: MemoryTier
  readonly isEmbedded = true
  readonly state = 'connected'
  readonly breaker = 'closed'
  readonly journalSize = 0
  readonly tagsAreShared = true
  readonly impliedTags: readonly string[] = []
  readonly turns: undefined
  readonly l1 = 'embedded'
  readonly isDeaf = false
  readonly stalenessBoundMs = 0
  readonly #options: EmbeddedStoreOptions
  readonly #shared: Shared
  readonly #table: TagTable
  readonly #flights: Set<Flights>

  constructor(options: EmbeddedStoreOptions) {
    this.#options = options
    this.memory = options.tier
    this.#shared = sharedBy(options.tier)
    this.#table = this.#shared.table
    this.#flights = this.#shared.flights.add(options.flights)
  }

  get hot(): HotTier {
    return this.#shared
  }

  get clockPosition(): TagPosition | undefined {
    return this.#table.position
  }

  connect(): Promise<boolean> {
    return Promise.resolve(true)
  }

  readNow(key: string, codecFor: CodecLookup, impliedTags: readonly string[] | undefined): Read {
    const slot = this.memory.find(key)
    if (slot === undefined) return absent
    const entry = this.memory.entryAt(slot)
    const gone =
      entry.deleteAt <= this.#options.runtime.now()
        ? 'expired'
        : this.#shared.isCurrent(slot, impliedTags)
          ? undefined
          : 'invalidated'
    if (gone !== undefined) {
      this.memory.delete(key)
      return miss(gone)
    }
    if (entry.codec !== undefined && codecFor(entry.codec.name) === undefined) return miss('version')
    this.memory.use(slot)
    return { entry, source: 'l1' }
  }

  read(key: string, codecFor: CodecLookup, impliedTags: readonly string[] | undefined): Promise<Read> {
    return Promise.resolve(this.readNow(key, codecFor, impliedTags))
  }

  /** Whatever is here has been kept already. */
  keeps(): boolean {
    return false
  }

  keep(): void {}

  isValid(marks: Marks): boolean {
    return this.#table.isValid(marks)
  }

  fill(key: string, item: Item, token: FenceToken): FillOutcome {
    if (!token.live || !this.#table.isValid(item.entry)) return 'fenced'
    return this.#set(key, item) ? 'stored' : 'refused'
  }

  write(key: string, item: Item): Promise<boolean> {
    for (const { fence } of this.#flights) fence.void(key)
    return Promise.resolve(this.#set(key, item))
  }

  delete(keys: readonly string[]): Promise<Invalidation> {
    for (const key of keys) {
      for (const { fence } of this.#flights) fence.void(key)
      this.memory.delete(key)
    }
    return Promise.resolve('applied')
  }

  invalidateTags(tags: readonly string[]): Promise<Invalidation> {
    this.#table.apply(this.#shared.clock.stamp(tags, this.#table.position))
    // What one of them has read and judged may not have reached its callers: nobody joins them now.
    for (const flights of this.#flights) flights.tagsInvalidated()
    return Promise.resolve('applied')
  }

  clear(): Promise<Invalidation> {
    for (const { fence } of this.#flights) fence.voidAll()
    this.memory.clear()
    return Promise.resolve('applied')
  }

  clearPrefix(_prefix: string, tags: readonly string[]): Promise<Invalidation> {
    return tags.length === 0 ? this.clear() : this.invalidateTags(tags)
  }

  ping(): Promise<boolean> {
    return Promise.resolve(true)
  }

  close(): Promise<void> {
    this.#flights.delete(this.#options.flights)
    return Promise.resolve()
  }

  #set(key: string, { entry, bytes }: Item): boolean {
    // A size that is no number is refused too.
    if (bytes <= this.#options.maxValueBytes) return this.memory.set(key, entry, bytes)
    this.memory.delete(key)
    return false
  }
}

function miss(reason: MissReason): Read {
  return { entry: undefined, reason }
}
