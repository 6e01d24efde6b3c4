import type { TagPosition } from '../contracts/backend.ts'
import type { Entry } from '../contracts/entry.ts'
import type { Invalidation } from '../contracts/events.ts'
import type { MemoryTier } from '../contracts/memory-tier.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { Background } from '../support/background.ts'
import type { Fence, FenceToken } from './fence.ts'
import type { CodecLookup } from './judge.ts'
import type { ProcessTags } from './process-tags.ts'
import { createProcessTags } from './process-tags.ts'
import type { FillOutcome, Read, Store } from './store.ts'
import { absent } from './store.ts'
import { TagTable } from './tags.ts'

// The store of a backend that lives in this process: its memory tier is the whole cache. Nothing here waits, nothing can fail, and an
// invalidation is exact the moment it is called.

export interface EmbeddedStoreOptions {
  readonly tier: MemoryTier
  readonly runtime: Runtime
  readonly maxValueBytes: number
  /** The loads in flight of this store's manager. */
  readonly fence: Fence
}

/** What all managers on one tier share: one clock to judge its entries by, and each other's loads in flight to make void. */
interface Shared {
  readonly clock: ProcessTags
  readonly table: TagTable
  readonly fences: Set<Fence>
}

const sharedByTier = new WeakMap<MemoryTier, Shared>()

function sharedBy(tier: MemoryTier): Shared {
  let shared = sharedByTier.get(tier)
  if (shared === undefined) {
    shared = { clock: createProcessTags(), table: new TagTable(), fences: new Set() }
    shared.table.apply(shared.clock.read(undefined))
    sharedByTier.set(tier, shared)
  }
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
  readonly #options: EmbeddedStoreOptions
  readonly #clock: ProcessTags
  readonly #table: TagTable
  readonly #fences: Set<Fence>

  constructor(options: EmbeddedStoreOptions) {
    this.#options = options
    this.memory = options.tier
    const { clock, table, fences } = sharedBy(options.tier)
    this.#clock = clock
    this.#table = table
    this.#fences = fences.add(options.fence)
  }

  get clockPosition(): TagPosition | undefined {
    return this.#table.position
  }

  connect(): Promise<boolean> {
    return Promise.resolve(true)
  }

  peek(key: string): Entry | undefined {
    const entry = this.memory.get(key, this.#options.runtime.now())
    // Raw strings written by the backend's own `set` know no clock.
    return entry === undefined || (entry.clockId !== undefined && !this.#table.isValid(entry)) ? undefined : entry
  }

  read(key: string, codecFor: CodecLookup): Promise<Read> {
    const entry = this.peek(key)
    if (entry === undefined) return Promise.resolve(absent)
    const readable = entry.codec === undefined || codecFor(entry.codec.name) !== undefined
    return Promise.resolve(readable ? { entry, source: 'l1' } : { entry: undefined, reason: 'version' })
  }

  fill(key: string, entry: Entry, bytes: number, token: FenceToken): FillOutcome {
    if (!token.live || !this.#table.isValid(entry)) return 'fenced'
    return this.#set(key, entry, bytes) ? 'stored' : 'refused'
  }

  write(key: string, entry: Entry, bytes: number): Promise<boolean> {
    for (const fence of this.#fences) fence.void(key)
    return Promise.resolve(this.#set(key, entry, bytes))
  }

  delete(keys: readonly string[]): Promise<Invalidation> {
    for (const key of keys) {
      for (const fence of this.#fences) fence.void(key)
      this.memory.delete(key)
    }
    return Promise.resolve('applied')
  }

  invalidateTags(tags: readonly string[]): Promise<Invalidation> {
    this.#table.apply(this.#clock.stamp(tags, this.#table.position))
    return Promise.resolve('applied')
  }

  clear(): Promise<Invalidation> {
    for (const fence of this.#fences) fence.voidAll()
    this.memory.clear()
    return Promise.resolve('applied')
  }

  ping(): Promise<boolean> {
    return Promise.resolve(true)
  }

  close(): Promise<void> {
    this.#fences.delete(this.#options.fence)
    return Promise.resolve()
  }

  #set(key: string, entry: Entry, bytes: number): boolean {
    // A size that is no number is refused too.
    if (bytes <= this.#options.maxValueBytes) return this.memory.set(key, entry, bytes)
    this.memory.delete(key)
    return false
  }
}
