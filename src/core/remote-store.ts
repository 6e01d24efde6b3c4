import type { Awaitable, CacheBackend, TagPosition } from '../contracts/backend.ts'
import type { Marks } from '../contracts/entry.ts'
import type { CacheState, Invalidation } from '../contracts/events.ts'
import type { MemoryTier } from '../contracts/memory-tier.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { Background } from '../support/background.ts'
import { withTimeLimit } from '../support/deadline.ts'
import type { BreakerState } from './circuit-breaker.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import type { Emitter } from './emit.ts'
import { reasonOf } from './emit.ts'
import { EntryWriter } from './entry-writer.ts'
import type { Fallback } from './fallback.ts'
import type { FenceToken } from './fence.ts'
import type { Journal } from './journal.ts'
import type { CodecLookup } from './judge.ts'
import { judgeText } from './judge.ts'
import { processTagsOf } from './process-tags.ts'
import { recentlyConfirmedBy } from './recent-invalidations.ts'
import { Recovery } from './recovery.ts'
import { RemoteInvalidation } from './remote-invalidation.ts'
import { isStoreDown, RemoteTier } from './remote-tier.ts'
import type { FillOutcome, HotMemory, Item, Read, Store } from './store.ts'
import { absent } from './store.ts'
import { everything, TagTable } from './tags.ts'

// The store of a backend behind a call: the primary. It is in one of two states, and only this file decides which.
//
//   up     the primary answers: entries are read from it, judged, and written to it
//   down   it does not: a bounded memory stands in (or nothing does), invalidations go to the journal, a probe waits
//
// The way down is taken at the first sign that the primary does not answer; everybody else then spends nothing on it. The way back has
// one order: replay the journal, read the tag clock, drop what the fallback holds, detach every load begun meanwhile, only then read
// the primary again. Done otherwise, a value invalidated during the outage would be served after it.

export interface RemoteStoreOptions {
  readonly backend: CacheBackend
  readonly runtime: Runtime
  readonly emitter: Emitter
  readonly budgetMs: number
  readonly socketTimeoutMs: number
  readonly maxValueBytes: number
  /** Belongs to the cache, not to this store: what one store could not apply, the next must. */
  readonly journal: Journal
  /** Stands in while the primary is away; `undefined`: nothing does. */
  readonly fallback: Fallback | undefined
  /** Called when the truth changed under every load in flight. */
  readonly detachFlights: () => void
  readonly stateChanged: (to: CacheState, reason: string) => void
}

/** Failures in a row after which a store that answers nothing but errors counts as away. */
const tooManyErrors = 5

export class RemoteStore implements Store {
  readonly #options: RemoteStoreOptions
  readonly #table: TagTable = new TagTable()
  readonly #remote: RemoteTier
  readonly #breaker: CircuitBreaker
  readonly #journal: Journal
  readonly #recovery: Recovery
  readonly #writer: EntryWriter
  readonly #invalidation: RemoteInvalidation
  readonly #unwatch: (() => void) | undefined
  readonly isEmbedded = false
  readonly hot: HotMemory | undefined = undefined
  readonly background: Background = new Background()
  #mode: 'up' | 'down' | 'closed' = 'down'
  #errorsInARow = 0
  #epoch = 0
  /** Why it could not be used the last time. */
  #trouble = 'it does not answer'

  constructor(options: RemoteStoreOptions) {
    const { backend, runtime, budgetMs, socketTimeoutMs } = options
    this.#options = options
    this.#journal = options.journal
    this.#remote = new RemoteTier({
      backend,
      tags: backend.tags ?? processTagsOf(backend, () => runtime.now()),
      table: this.#table,
      runtime,
      budgetMs,
      socketTimeoutMs,
      succeeded: () => this.#succeeded(),
      failed: (error, epoch) => this.#failed(error, epoch),
      epoch: () => this.#epoch,
      landedLate: (keys) => this.#invalidation.repeat(keys),
    })
    const shared = { ...options, remote: this.#remote, recent: recentlyConfirmedBy(backend, runtime) }
    this.#recovery = new Recovery(shared)
    const unconfirmed = (key: string): void => this.#invalidation.repeat([key])
    this.#writer = new EntryWriter(this.#remote, { ...options, unconfirmed })
    this.#invalidation = new RemoteInvalidation({
      ...shared,
      recovery: this.#recovery,
      isUp: () => this.#mode === 'up',
      tracked: (work) => this.#tracked(work),
    })
    this.#breaker = new CircuitBreaker(runtime, () => this.#recover())
    this.#unwatch = backend.link?.watch({
      lost: (reason) => this.#linkLost(reason),
      restored: () => void this.#linkRestored(),
    })
  }

  get state(): 'connected' | 'degraded' | 'disconnected' {
    if (this.#mode === 'up') return 'connected'
    return this.#options.fallback === undefined ? 'disconnected' : 'degraded'
  }

  get breaker(): BreakerState {
    return this.#breaker.state
  }

  get journalSize(): number {
    return this.#journal.size
  }

  get memory(): MemoryTier | undefined {
    return this.#mode === 'down' ? this.#options.fallback?.tier : undefined
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

  async connect(deadlineMs: number): Promise<boolean> {
    const inTime = await withTimeLimit(this.#recover(), deadlineMs, this.#options.runtime)
    if (inTime === true) return true
    this.#goDown(inTime === false ? this.#trouble : `it did not answer within ${deadlineMs} ms`)
    return false
  }

  readNow(key: string, codecFor: CodecLookup): Read | undefined {
    if (this.#mode === 'up') return undefined
    const { fallback, runtime } = this.#options
    return (this.#mode === 'down' ? fallback?.read(key, runtime.now(), codecFor) : undefined) ?? absent
  }

  async read(key: string, codecFor: CodecLookup, impliedTags: readonly string[] | undefined): Promise<Read> {
    const here = this.readNow(key, codecFor)
    if (here !== undefined) return here
    if (this.#journal.covers(key)) return { entry: undefined, reason: 'invalidated' }
    const { emitter, runtime } = this.#options
    const epoch = this.#epoch
    try {
      const text = await this.#remote.read(key)
      // The world may have changed while the read was under way.
      if (text === undefined || this.#mode !== 'up' || epoch !== this.#epoch || this.#journal.covers(key)) return absent
      const judged = judgeText(text, runtime.now(), this.#table, codecFor, impliedTags)
      return judged.entry === undefined ? judged : { entry: judged.entry, source: 'l2' }
    } catch (error) {
      emitter.problem({ error, during: 'read', key })
      return absent
    }
  }

  isValid(marks: Marks): boolean {
    // Of a primary that never answered no clock is known; what stands in for it is dropped by own invalidations.
    return this.#table.position === undefined || this.#table.isValid(marks)
  }

  fill(key: string, item: Item, token: FenceToken): Awaitable<FillOutcome> {
    const { entry } = item
    if (!token.live) return 'fenced'
    if (this.#mode === 'down') {
      // A tag may have been invalidated before the store went down. Of one that never answered no clock is known.
      if (this.#table.position !== undefined && !this.#table.isValid(entry)) return 'fenced'
      return this.#options.fallback?.fill(key, item) ?? 'uncached'
    }
    if (this.#mode !== 'up' || entry.clockId === undefined || this.#journal.covers(key)) return 'uncached'
    const isCurrent = (): boolean =>
      token.live && this.#mode === 'up' && this.#table.isValid(entry) && !this.#journal.covers(key)
    if (!isCurrent()) return 'fenced'
    return this.#writer
      .write(key, item, isCurrent)
      .then((outcome) => (outcome === 'failed' ? 'refused' : outcome === 'withheld' ? 'fenced' : outcome))
  }

  async write(key: string, item: Item): Promise<boolean> {
    if (this.#mode === 'down') {
      // The primary holds an older value that must not come back with it.
      const stored = this.#options.fallback?.fill(key, item) === 'stored'
      await this.#invalidation.remember(key)
      return stored
    }
    if (this.#mode !== 'up' || item.entry.clockId === undefined) return false
    const outcome = await this.#tracked(this.#writer.write(key, item, () => true))
    if (outcome === 'stored') this.#invalidation.replaced(key)
    else await this.delete([key])
    return outcome === 'stored'
  }

  async delete(keys: readonly string[]): Promise<Invalidation> {
    return await this.#invalidation.delete(keys)
  }

  async invalidateTags(tags: readonly string[]): Promise<Invalidation> {
    return await this.#invalidation.stamp(tags)
  }

  async clear(): Promise<Invalidation> {
    return await this.#invalidation.renew()
  }

  async clearPrefix(prefix: string, tags: readonly string[]): Promise<Invalidation> {
    return await this.#invalidation.deletePrefix(prefix, tags)
  }

  async ping(): Promise<boolean> {
    const answers = this.#recovery.connected && (await this.#remote.ping())
    // Whoever asks finds out for all.
    if (!answers && this.#mode === 'up') this.#goDown('it does not answer a ping')
    if (answers && this.#mode === 'down')
      await withTimeLimit(this.#recover(), this.#options.budgetMs, this.#options.runtime)
    return answers
  }

  async close(deadlineMs: number): Promise<void> {
    const { runtime, budgetMs } = this.#options
    await withTimeLimit(this.background.drain(), deadlineMs, runtime)
    // What waits for the store is told to it now, should it listen.
    if (this.#journal.size > 0) await withTimeLimit(this.#recovery.replayOnce(), budgetMs, runtime)
    this.#mode = 'closed'
    this.#breaker.close()
    this.#recovery.stop()
    this.#unwatch?.()
    this.#options.fallback?.tier.clear()
  }

  /** `drain` and `close` wait for it. */
  #tracked<T>(work: Promise<T>): Promise<T> {
    this.background.run(work, () => {})
    return work
  }

  #succeeded(): void {
    this.#errorsInARow = 0
    if (this.#mode === 'up') this.#breaker.succeeded()
  }

  #failed(error: unknown, epoch: number): void {
    if (this.#mode !== 'up' || epoch !== this.#epoch) return
    if (isStoreDown(error) || ++this.#errorsInARow >= tooManyErrors) this.#goDown(reasonOf(error))
  }

  #linkLost(reason: string): void {
    this.#recovery.linkLost()
    if (this.#mode === 'up') this.#goDown(reason)
  }

  /** The next probe would find out as well, but later. */
  async #linkRestored(): Promise<void> {
    // An attempt that began before may fail for having begun before.
    if (this.#mode === 'down' && !(await this.#recover()) && this.#mode === 'down') await this.#recover()
  }

  #goDown(reason: string): void {
    if (this.#mode === 'closed') return
    this.#mode = 'down'
    this.#errorsInARow = 0
    this.#options.stateChanged(this.state, reason)
    this.#breaker.open()
  }

  /** One attempt to use the primary; never rejects. */
  async #recover(): Promise<boolean> {
    try {
      await this.#recovery.attempt(() => this.#comeBack())
      return this.#mode === 'up'
    } catch (error) {
      this.#trouble = reasonOf(error)
      this.#options.emitter.problem({ error, during: 'connect' })
      return false
    }
  }

  #comeBack(): void {
    if (this.#mode !== 'down') return
    this.#options.fallback?.tier.clear()
    this.#options.detachFlights()
    this.#mode = 'up'
    this.#epoch++
    this.#breaker.close()
    this.#options.stateChanged('connected', 'it answers')
    // What the store refused to delete stays a miss here, and is asked for again.
    if (this.#journal.size > 0) this.#recovery.replaySoon(() => this.#mode === 'up')
  }
}
