import type { CacheBackend } from '../contracts/backend.ts'
import type { OnUnavailable } from '../contracts/cache-options.ts'
import type { CacheState } from '../contracts/events.ts'
import type { JournalLog } from '../contracts/journal-log.ts'
import type { WireFormat } from '../contracts/load-policy.ts'
import type { MemoryTier } from '../contracts/memory-tier.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { Background } from '../support/background.ts'
import { withTimeLimit } from '../support/deadline.ts'
import { CacheError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { EmbeddedStore } from './embedded-store.ts'
import { Emitter } from './emit.ts'
import { Fallback } from './fallback.ts'
import { Journal } from './journal.ts'
import { Life } from './life.ts'
import { ReadThrough } from './read-through.ts'
import { RemoteStore } from './remote-store.ts'
import { Statistics } from './statistics.ts'
import type { Store } from './store.ts'

// The life of one cache: it opens a store, swaps it for another while calls go on, and closes it. What callers hold (listeners, counters,
// flights) outlives every store, so that functions decorated before, between and after go on working.

export interface Settings {
  readonly enabled: boolean
  readonly backend: CacheBackend
  readonly backendName: string
  readonly onUnavailable: OnUnavailable
  /** A store that stands in while the backend is away; made only when it may be needed. */
  readonly createFallback: (() => MemoryTier) | undefined
  /** Memory in front of a backend behind a call; made only where it can be used. */
  readonly createL1: (() => MemoryTier) | undefined
  /** How long it keeps an entry, milliseconds; `Infinity`: as long as the backend tells of changes. */
  readonly l1MaxAgeMs: number
  readonly fallbackTtlMs: number
  readonly defaultTtlMs: number
  readonly ttlsMs: Readonly<Record<string, number>>
  readonly budgetMs: number
  readonly socketTimeoutMs: number
  readonly maxValueBytes: number
  readonly journalLimit: number
  /** Opens what keeps the journal beyond the process; `undefined`: nothing does. */
  readonly openJournalLog: (() => Promise<JournalLog>) | undefined
  /** How entries are written whose policy does not say. */
  readonly wire: WireFormat
  readonly namespace: string | undefined
  readonly log: Log
  readonly redactKey: (key: string) => string
}

/** How long `open` waits for a first answer before it goes on without. */
const connectMs = 1500
/** How long `close` waits for writes under way and for the backend. */
const closeMs = 5000

export class Engine {
  readonly emitter: Emitter
  readonly statistics: Statistics
  readonly reads: ReadThrough
  readonly life: Life
  readonly runtime: Runtime
  /** When it was made, wall-clock milliseconds. */
  readonly origin: number
  /** Raised whenever what functions resolved from the settings may have changed. */
  version = 0
  /** Whether values without our header may have been written: `clear` must then go through the keys. */
  writesPlain = false
  settings: Settings | undefined
  #prepared: Settings | undefined
  #autoOpen = false
  #opening: Promise<void> | undefined
  #grace: Promise<unknown> | undefined
  #closing: Promise<void> | undefined
  #turn: Promise<void> = Promise.resolve()
  /** Stores out of service whose writes are ending; `close` waits for them, the next backend does not. */
  readonly #retired: Background = new Background()
  /** Survives every store: what one could not apply, the next must. */
  readonly #journal: Journal

  constructor(runtime: Runtime, log: Log) {
    this.runtime = runtime
    this.emitter = new Emitter(log)
    this.emitter.whenWanted = () => void this.version++
    this.statistics = new Statistics(1000, (limit) => this.emitter.limit({ table: 'operations', limit }))
    this.#journal = new Journal(Infinity, (limit) => this.emitter.limit({ table: 'journal', limit }))
    this.reads = new ReadThrough({ runtime, emitter: this.emitter })
    this.origin = runtime.now()
    this.life = new Life(this.emitter, runtime)
  }

  get state(): CacheState {
    return this.life.state
  }

  get store(): Store | undefined {
    return this.reads.store
  }

  /**
   * Opens the settings' backend in place of the present one, which goes on serving until the new one can. One opening at a time.
   * @throws {CacheError} `CACHE_UNAVAILABLE` with `onUnavailable: 'throw'`
   */
  open(settings: Settings): Promise<void> {
    this.#autoOpen = false
    // Whoever closes from here on means this one too.
    this.#closing = undefined
    const opening: Promise<void> = this.#inTurn(() => this.#open(settings)).finally(() => {
      if (this.#opening === opening) this.#opening = undefined
    })
    this.#opening = opening
    // All who come while it opens wait together, once, and no longer than a budget.
    this.#grace = withTimeLimit(
      opening.catch(() => {}),
      settings.budgetMs,
      this.runtime,
    )
    return opening
  }

  async #open(settings: Settings): Promise<void> {
    this.emitter.logTo(settings.log, settings.redactKey)
    if (!settings.enabled) {
      this.#retire(settings)
      this.#enter('disabled', 'CACHE_ENABLED is false')
      return
    }
    if (settings.openJournalLog !== undefined) await this.#journal.keepIn(await settings.openJournalLog())
    const store = this.#createStore(settings)
    // The first store serves at once: until it is connected its fallback does.
    if (this.reads.store === undefined) this.#use(store, settings)
    const connected = await store.connect(connectMs)
    if (!connected && settings.onUnavailable === 'throw') {
      if (this.reads.store === store) this.#use(undefined, undefined)
      await this.#dismiss(store, settings.backend)
      if (this.reads.store === undefined) this.#enter('idle', 'the backend could not be reached')
      throw new CacheError('CACHE_UNAVAILABLE', `The cache backend '${settings.backendName}' could not be reached`)
    }
    if (this.reads.store !== store) {
      this.#retire(settings, store, connected ? 'it answers' : 'it could not be reached')
    }
    if (store.isEmbedded) this.#enter('connected', 'the backend lives in this process')
  }

  /** Takes settings to be opened by `init` or by the first call; a backend in this process serves at once. */
  prepare(settings: Settings): void {
    this.#prepared = settings
    this.settings = settings
    this.version++
    this.emitter.logTo(settings.log, settings.redactKey)
    if (!settings.enabled) {
      this.#enter('disabled', 'CACHE_ENABLED is false')
    } else if (settings.backend.embedded !== undefined) {
      this.#use(this.#createStore(settings), settings)
      this.#enter('connected', 'the backend lives in this process')
    } else {
      this.#autoOpen = true
    }
  }

  /** What a call has to wait for before it uses the store, never longer than the budget; `undefined` when nothing. */
  ready(): Promise<unknown> | undefined {
    if (this.state !== 'idle' && this.state !== 'closed') return undefined
    if (this.#autoOpen && this.#prepared !== undefined) {
      this.open(this.#prepared).catch((error: unknown) => this.emitter.problem({ error, during: 'connect' }))
    }
    if (this.#opening !== undefined) return this.#grace
    this.life.warnUnopened()
    return undefined
  }

  /** Opens what `prepare` was given; tries again when that failed before. */
  async init(): Promise<void> {
    if (this.#opening !== undefined) await this.#opening
    else if (this.state === 'idle' && this.#prepared !== undefined) await this.open(this.#prepared)
  }

  async drain(): Promise<void> {
    await this.reads.store?.background.drain()
  }

  /** Waits for what is being opened, then closes it. Whoever closes meanwhile waits for the same. */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    const closing: Promise<void> = this.#inTurn(() => this.#close()).finally(() => {
      if (this.#closing === closing) this.#closing = undefined
    })
    this.#closing = closing
    return closing
  }

  async #close(): Promise<void> {
    this.#autoOpen = false
    this.reads.flights.giveUpUnattended(new CacheError('CACHE_CLOSED', 'The cache was closed'))
    if (this.state !== 'closed' && (this.state !== 'idle' || this.settings !== undefined)) {
      this.#retire(undefined)
      this.#enter('closed', 'close() was called')
    }
    await this.#retired.drain()
  }

  /** Opening and closing happen one after the other, in the order they were asked for. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => {})
    return mine
  }

  /** The key as the store has it. */
  fullKey(key: string): string {
    const namespace = this.settings?.namespace
    return namespace === undefined ? key : `${namespace}:${key}`
  }

  /** Life of an entry of that operation, milliseconds. */
  ttlMsOf(operation: string | undefined): number {
    const { settings } = this
    if (settings === undefined) return 3_600_000
    return operation !== undefined && Object.hasOwn(settings.ttlsMs, operation)
      ? (settings.ttlsMs[operation] as number)
      : settings.defaultTtlMs
  }

  #createStore(settings: Settings): Store {
    const { backend, maxValueBytes } = settings
    if (backend.embedded !== undefined) {
      const { flights } = this.reads
      return new EmbeddedStore({ tier: backend.embedded.tier, runtime: this.runtime, maxValueBytes, flights })
    }
    const fallback = settings.createFallback?.()
    const mayKeep = backend.push !== undefined || settings.l1MaxAgeMs !== Infinity
    this.#journal.setLimit(settings.journalLimit)
    const store: RemoteStore = new RemoteStore({
      ...settings,
      runtime: this.runtime,
      emitter: this.emitter,
      fence: this.reads.flights.fence,
      journal: this.#journal,
      l1: mayKeep ? settings.createL1?.() : undefined,
      fallback: fallback === undefined ? undefined : new Fallback(fallback, settings.fallbackTtlMs, maxValueBytes),
      detachFlights: (mayFill) => (this.reads.store === store ? this.#detachFlights(mayFill) : undefined),
      stateChanged: (to, reason) => (this.reads.store === store ? this.#enter(to, reason) : undefined),
    })
    return store
  }

  #use(store: Store | undefined, settings: Settings | undefined): void {
    this.reads.store = store
    this.reads.budgetMs = settings?.budgetMs ?? this.reads.budgetMs
    this.settings = settings
    this.version++
    this.#detachFlights()
  }

  /** Takes the present store out of service, then lets its writes end and closes its backend. */
  #retire(next: Settings | undefined, nextStore?: Store, reason = 'the backend was replaced'): void {
    const { settings } = this
    const { store } = this.reads
    this.#use(nextStore, next)
    if (nextStore !== undefined) this.#enter(nextStore.state, reason)
    if (settings === undefined || store === undefined) return
    const goesOn = next?.enabled === true && settings.backend === next.backend
    this.#retired.run(this.#dismiss(store, goesOn ? undefined : settings.backend), () => {})
  }

  async #dismiss(store: Store, backend: CacheBackend | undefined): Promise<void> {
    await store.close(closeMs)
    if (backend === undefined) return
    try {
      await withTimeLimit(
        (async () => {
          await backend.close(store.journalSize > 0)
        })(),
        closeMs,
        this.runtime,
      )
    } catch (error) {
      this.emitter.problem({ error, during: 'close' })
    }
  }

  /**
   * None of the loads in the air may be joined or stored: the truth they were begun under is gone.
   * @param mayFill see `RemoteStoreOptions.detachFlights`
   */
  #detachFlights(mayFill = false): void {
    const { flights } = this.reads
    if (mayFill) flights.fence.changedAll()
    else flights.fence.voidAll()
    flights.detach()
  }

  #enter(to: CacheState, reason: string): void {
    this.life.enter(to, reason, this.settings?.backendName)
  }
}
