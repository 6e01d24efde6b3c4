import type { Awaitable, CacheBackend, TagPosition } from '../contracts/backend.ts'
import type { Marks } from '../contracts/entry.ts'
import type { CacheState, Invalidation } from '../contracts/events.ts'
import type { MemoryTier } from '../contracts/memory-tier.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { Background } from '../support/background.ts'
import { withTimeLimit } from '../support/deadline.ts'
import { Availability } from './availability.ts'
import type { BreakerState } from './circuit-breaker.ts'
import { Coherence } from './coherence.ts'
import type { Emitter } from './emit.ts'
import { EntryWriter } from './entry-writer.ts'
import type { Fallback } from './fallback.ts'
import type { Fence, FenceToken } from './fence.ts'
import { Fills } from './fills.ts'
import type { Journal } from './journal.ts'
import type { CodecLookup } from './judge.ts'
import { judgeText } from './judge.ts'
import { L1 } from './l1.ts'
import { processTagsOf } from './process-tags.ts'
import { recentlyConfirmedBy } from './recent-invalidations.ts'
import { Recovery } from './recovery.ts'
import { RemoteInvalidation } from './remote-invalidation.ts'
import { isStoreDown, RemoteTier } from './remote-tier.ts'
import type { Item, Read } from './found.ts'
import type { FillOutcome, Store } from './store.ts'
import { absent, beginningOf } from './found.ts'
import { TagNews } from './tag-news.ts'
import { everything, TagTable } from './tags.ts'
import { Turns } from './turns.ts'
import { Waiters } from './waiters.ts'

// The store of a backend behind a call: the primary, with memory in front of it where that can be kept true.
//   up     entries are read from L1 or from the primary, judged, and written to both
//   down   L1 serves as long as it hears of changes; a bounded memory stands in for the rest (or nothing does), invalidations go to the
//          journal, a probe waits
//
// Before the primary is read again after an outage the journal has been replayed, what the fallback holds is dropped, and every load begun
// meanwhile is detached. Done otherwise, a value invalidated during the outage would be served after it.

export interface RemoteStoreOptions {
  readonly backend: CacheBackend
  readonly runtime: Runtime
  readonly emitter: Emitter
  /** The loads in flight of this store's manager. */
  readonly fence: Fence
  readonly budgetMs: number
  readonly socketTimeoutMs: number
  readonly maxValueBytes: number
  /** Belongs to the cache, not to this store: what one store could not apply, the next must. */
  readonly journal: Journal
  /** Memory in front of the primary; `undefined`: none. */
  readonly l1: MemoryTier | undefined
  /** How long it keeps an entry, milliseconds; `Infinity`: as long as it hears of changes. */
  readonly l1MaxAgeMs: number
  /** Stands in while the primary is away; `undefined`: nothing does. */
  readonly fallback: Fallback | undefined
  /**
   * Called when the truth changed under every load in flight.
   * @param mayFill whether the store itself finds out which of them are void
   */
  readonly detachFlights: (mayFill?: boolean) => void
  readonly stateChanged: (to: CacheState, reason: string) => void
}

export class RemoteStore implements Store {
  readonly #options: RemoteStoreOptions
  readonly #table: TagTable = new TagTable()
  readonly #remote: RemoteTier
  readonly #journal: Journal
  readonly #recovery: Recovery
  readonly #availability: Availability
  readonly #coherence: Coherence
  readonly #writer: EntryWriter
  readonly #fills: Fills
  readonly #invalidation: RemoteInvalidation
  readonly isEmbedded = false
  readonly hot: L1 | undefined
  readonly turns: Turns | undefined
  readonly background: Background = new Background()

  constructor(options: RemoteStoreOptions) {
    const { backend, runtime, fallback, l1, l1MaxAgeMs } = options
    this.#options = options
    this.#journal = options.journal
    const table = this.#table
    this.hot = l1 === undefined ? undefined : new L1({ ...options, tier: l1, table, maxAgeMs: l1MaxAgeMs })
    const waiters = new Waiters(runtime, (limit) => options.emitter.limit({ table: 'waiters', limit }))
    const tagNews = new TagNews({
      read: () => this.#remote.readTags(),
      failed: () => this.hot?.close(),
      recovered: () => (this.#availability.isUp ? this.#coherence.opened() : undefined),
      caughtUp: () => this.#coherence.hear(),
    })
    this.#coherence = new Coherence({ ...options, waiters, tagNews, l1: this.hot, maxAgeMs: l1MaxAgeMs })
    this.#remote = new RemoteTier({
      ...options,
      tags: backend.tags ?? processTagsOf(backend, () => runtime.now()),
      table,
      succeeded: () => this.#availability.succeeded(),
      failed: (error, epoch) => this.#availability.failed(error, epoch),
      epoch: () => this.#availability.epoch,
      landedLate: (keys) => this.#invalidation.repeat(keys),
      tagNews: () => (this.#coherence.isTold ? tagNews : undefined),
    })
    const shared = {
      ...options,
      remote: this.#remote,
      coherence: this.#coherence,
      recent: recentlyConfirmedBy(backend, runtime),
      isUp: () => this.#availability.isUp,
      tracked: <T>(work: Promise<T>) => this.#tracked(work),
    }
    const { leases } = backend
    this.turns = leases === undefined ? undefined : new Turns({ ...shared, leases, waiters })
    table.onNews(() => this.turns?.reconsider())
    this.#recovery = new Recovery({ ...shared, tagNews })
    this.#writer = new EntryWriter(this.#remote, {
      ...options,
      unconfirmed: (key) => this.#invalidation.repeat([key]),
    })
    this.#fills = new Fills({
      ...shared,
      table,
      writer: this.#writer,
      turns: this.turns,
      isTold: () => this.#coherence.isTold,
      keep: (key, item, token) => this.keep(key, item, token),
    })
    this.#invalidation = new RemoteInvalidation({ ...shared, recovery: this.#recovery })
    this.#availability = new Availability({
      ...options,
      recovery: this.#recovery,
      answers: () => this.#remote.ping(),
      awayState: fallback === undefined ? 'disconnected' : 'degraded',
      linkLost: () => this.#coherence.lost(),
      // Nobody is told of anything now.
      wentDown: () => waiters.wakeAll(),
      cameBack: (isSame) => this.#comeBack(isSame),
    })
  }

  get state(): 'connected' | 'degraded' | 'disconnected' {
    return this.#availability.state
  }

  get breaker(): BreakerState {
    return this.#availability.breaker
  }

  get journalSize(): number {
    return this.#journal.size
  }

  get memory(): MemoryTier | undefined {
    if (this.hot?.isOpen === true) return this.hot.tier
    return this.#availability.isDown ? this.#options.fallback?.tier : undefined
  }

  get l1(): 'coherent' | 'bounded' | 'off' {
    return this.hot?.isOpen !== true ? 'off' : this.#coherence.isTold ? 'coherent' : 'bounded'
  }

  get stalenessBoundMs(): number {
    return this.#coherence.boundMs
  }

  get isDeaf(): boolean {
    return this.#coherence.isDeaf
  }

  get clockPosition(): TagPosition | undefined {
    return this.#table.position
  }

  get tagsAreShared(): boolean {
    return this.#options.backend.tags !== undefined
  }

  get impliedTags(): readonly string[] {
    return this.tagsAreShared ? [] : [everything]
  }

  connect(deadlineMs: number): Promise<boolean> {
    return this.#availability.connect(deadlineMs)
  }

  readNow(key: string, codecFor: CodecLookup, impliedTags: readonly string[] | undefined): Read | undefined {
    const here = this.hot?.read(key, codecFor, impliedTags)
    if (here !== undefined || this.#availability.isUp) return here
    const { fallback, runtime } = this.#options
    return (this.#availability.isDown ? fallback?.read(key, runtime.now(), codecFor) : undefined) ?? absent
  }

  async read(key: string, codecFor: CodecLookup, impliedTags: readonly string[] | undefined): Promise<Read> {
    const here = this.readNow(key, codecFor, impliedTags)
    if (here !== undefined) return here
    if (this.#journal.covers(key)) return { entry: undefined, reason: 'invalidated' }
    const { emitter, runtime } = this.#options
    const askedUnder = this.#table.position?.id
    try {
      const text = await this.#remote.read(key)
      if (text === undefined) return absent
      // Invalidated while the read was on its way: what it brings may be older than that.
      if (this.#journal.covers(key)) return { entry: undefined, reason: 'invalidated' }
      const judged = judgeText(text, runtime.now(), this.#table, askedUnder, codecFor, impliedTags)
      const seen = beginningOf(text)
      return judged.entry === undefined ? { ...judged, seen } : { entry: judged.entry, source: 'l2', seen }
    } catch (error) {
      emitter.problem({ error, during: 'read', key })
      // The store went down under this read: what stands in for it may have the value.
      return (isStoreDown(error) ? this.readNow(key, codecFor, impliedTags) : undefined) ?? absent
    }
  }

  keeps({ key, followed, readLive }: FenceToken): boolean {
    return this.hot?.isOpen === true && followed && readLive && !this.#journal.covers(key)
  }

  keep(key: string, item: Pick<Item, 'entry' | 'bytes'>, token: FenceToken): void {
    if (this.keeps(token)) this.hot?.keep(key, item)
  }

  isValid(marks: Marks): boolean {
    // Of a primary that never answered no clock is known; what stands in for it is dropped by own invalidations.
    return this.#table.position === undefined || this.#table.isValid(marks)
  }

  fill(key: string, item: Item, token: FenceToken): Awaitable<FillOutcome> {
    const { entry } = item
    if (!token.live) return 'fenced'
    if (this.#availability.isDown) {
      // A tag may have been invalidated before the store went down. Of one that never answered no clock is known.
      if (this.#table.position !== undefined && !this.#table.isValid(entry)) return 'fenced'
      return this.#options.fallback?.fill(key, item) ?? 'uncached'
    }
    if (!this.#availability.isUp || entry.clockId === undefined || this.#journal.covers(key)) return 'uncached'
    return this.#fills.fill(key, item, token)
  }

  async write(key: string, item: Item): Promise<boolean> {
    if (this.#availability.isDown) {
      this.#coherence.writing([key])
      // The primary holds an older value that must not come back with it.
      const stored = this.#options.fallback?.fill(key, item) === 'stored'
      await this.#invalidation.remember(key)
      return stored
    }
    if (!this.#availability.isUp || item.entry.clockId === undefined) return false
    this.#coherence.writing([key])
    const outcome = await this.#tracked(this.#writer.write(key, item, () => true))
    this.#coherence.written([key])
    if (outcome === 'stored') this.#invalidation.replaced(key)
    else await this.delete([key])
    return outcome === 'stored'
  }

  delete(keys: readonly string[]): Promise<Invalidation> {
    return this.#invalidation.delete(keys)
  }

  invalidateTags(tags: readonly string[]): Promise<Invalidation> {
    return this.#invalidation.stamp(tags)
  }

  clear(): Promise<Invalidation> {
    return this.#invalidation.renew()
  }

  clearPrefix(prefix: string, tags: readonly string[]): Promise<Invalidation> {
    return this.#invalidation.deletePrefix(prefix, tags)
  }

  ping(): Promise<boolean> {
    return this.#availability.ping()
  }

  async close(deadlineMs: number): Promise<void> {
    const { runtime, budgetMs, fallback } = this.#options
    await withTimeLimit(this.background.drain(), deadlineMs, runtime)
    // What waits for the store is told to it now, should it listen.
    if (this.#journal.size > 0) await withTimeLimit(this.#recovery.replayOnce(), budgetMs, runtime)
    this.#availability.close()
    this.turns?.close()
    this.#coherence.stop()
    fallback?.tier.clear()
  }

  /** `drain` and `close` wait for it. */
  #tracked<T>(work: Promise<T>): Promise<T> {
    this.background.run(work, () => {})
    return work
  }

  #comeBack(isSame: boolean): void {
    this.#options.fallback?.tier.clear()
    this.#options.detachFlights(isSame && this.turns !== undefined)
    this.#coherence.opened()
  }
}
