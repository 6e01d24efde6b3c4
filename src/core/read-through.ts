import type { ReadStatus } from '../contracts/load-policy.ts'
import type { Entry } from '../contracts/entry.ts'
import type { LoadOutcome, Source } from '../contracts/events.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { withTimeLimit } from '../support/deadline.ts'
import { Account } from './account.ts'
import type { Admitted } from './admission.ts'
import { Admission } from './admission.ts'
import type { Emitter } from './emit.ts'
import type { FenceToken } from './fence.ts'
import { give, keep } from './isolation.ts'
import type { CodecLookup } from './judge.ts'
import type { Policy } from './policy.ts'
import type { Loader } from './run-loader.ts'
import { runLoader } from './run-loader.ts'
import { SingleFlight } from './single-flight.ts'
import type { Store } from './store.ts'

// The way of one call:
//
//   memory hit -> done
//   else join the flight of the key, or open one, before any I/O
//   flight: read the store -> hit, or run the loader -> fill the store, unless an invalidation came meanwhile
//
// No fault of the store reaches a caller here; what the loader throws reaches all who waited, as the same object.

export interface Call {
  readonly key: string
  readonly policy: Policy
  readonly loader: Loader
  /** The arguments, for the callbacks of the policy. */
  readonly args: readonly unknown[]
}

/** A call that loads nothing. */
type Lookup = Pick<Call, 'key' | 'policy'>

export interface ReadThroughOptions {
  readonly runtime: Runtime
  readonly emitter: Emitter
}

/** How a flight ended, for everybody who was on it. */
interface Landing {
  readonly source: Source
  readonly createdAt: number
  readonly computeMs: number
  /** A tag was invalidated while it loaded: only for those who came before the load began. */
  readonly overtaken: boolean
  /** Each passenger's own value. */
  readonly take: () => unknown
}

/** How often a caller whose flight was overtaken by an invalidation asks again before it takes what there is. */
const mostRetries = 3

export class ReadThrough {
  readonly flights: SingleFlight<Landing> = new SingleFlight()
  /** `undefined`: no cache (before `init`, after `close`): loads are shared, nothing is kept. */
  store: Store | undefined
  /** How long a caller waits for the store to take what was loaded. */
  budgetMs = 200
  readonly #options: ReadThroughOptions
  readonly #account: Account
  readonly #admission: Admission

  constructor(options: ReadThroughOptions) {
    this.#options = options
    this.#account = new Account(options.emitter, options.runtime)
    this.#admission = new Admission(options.emitter)
  }

  read(call: Call): Promise<unknown> {
    const landing = this.#inMemory(call)
    if (landing !== undefined) return Promise.resolve(landing.take())
    return this.#board(call, false).then((landed) => landed.take())
  }

  async readWithStatus(call: Call): Promise<ReadStatus<unknown>> {
    const { source, createdAt, take } = this.#inMemory(call) ?? (await this.#board(call, false))
    const ageMs = source === 'load' ? 0 : Math.max(0, this.#options.runtime.now() - createdAt)
    return { value: take(), source, stale: false, ageMs }
  }

  /** Loads anew whatever is stored. A refresh under way is joined, an ordinary load is not: it may be older than the request. */
  async refresh(call: Call): Promise<unknown> {
    return (await this.#board(call, true)).take()
  }

  /** What the store has under a key. */
  async find(call: Lookup, codecFor: CodecLookup): Promise<Entry | undefined> {
    if (this.store === undefined) return undefined
    const read = await this.store.read(call.key, codecFor)
    if (read.entry === undefined) return this.#account.miss(call, read.reason)
    this.#account.hit(call, read.source, read.entry)
    return read.entry
  }

  /** The value if this process' memory holds it. */
  peek(call: Lookup): unknown {
    const entry = this.#peekEntry(call)
    return entry === undefined ? undefined : readable(entry, call.policy)?.value
  }

  /** Stores a value as if it had been loaded now: an invalidation that comes while it is written wins. */
  async prime(call: Omit<Call, 'loader'>, value: unknown): Promise<boolean> {
    const { store } = this
    if (store === undefined) return false
    this.flights.fence.void(call.key)
    const token = this.flights.fence.take(call.key)
    try {
      token.loading = true
      const kept = keep(value, call.policy)
      const position = store.clockPosition
      const loaded = { value, computeMs: 0, store, position, runtime: this.#options.runtime }
      const admitted = await this.#admission.admit(call, kept, loaded)
      return admitted !== undefined && (await store.fill(call.key, admitted.entry, admitted.bytes, token)) === 'stored'
    } finally {
      this.flights.fence.release(token)
      this.flights.fence.voidReads(call.key)
    }
  }

  #inMemory(call: Call): Landing | undefined {
    const entry = this.#peekEntry(call)
    const found = entry === undefined ? undefined : readable(entry, call.policy)
    // What is unreadable takes the long way, which says why.
    if (entry === undefined || found === undefined) return undefined
    const source = this.store?.isEmbedded === true ? 'l1' : 'fallback'
    this.#account.hit(call, source, entry)
    return landed(source, entry, () => found.value)
  }

  #peekEntry(call: Lookup): Entry | undefined {
    const { store } = this
    // A guard may be asynchronous: guarded values take the long way.
    if (store?.memory === undefined || call.policy.schema !== undefined) return undefined
    const entry = store.peek(call.key)
    return entry?.codec === undefined || entry.codec.name === call.policy.codec.name ? entry : undefined
  }

  async #board(call: Call, fresh: boolean): Promise<Landing> {
    for (let attempt = 0; ; attempt++) {
      // Refreshes fly under a name of their own: whoever asks for a new load must not get the one before.
      const name = fresh ? `${call.key}\u0000refresh` : call.key
      const joined = this.flights.joinable(name)
      const joinedLate = joined?.token.loading === true
      // What an older load brings must not replace what is loaded after it.
      if (fresh && joined === undefined) this.flights.fence.void(call.key)
      const flight = joined ?? this.flights.open(name, call.key, (token) => this.#fly(call, token, fresh))
      const landing = await flight.result
      // A read sent before the new value arrived may still bring the old one.
      if (fresh) this.flights.fence.voidReads(call.key)
      if (joined !== undefined && landing.source !== 'load') this.#account.hit(call, landing.source, landing)
      if (!landing.overtaken || !joinedLate || attempt >= mostRetries) return landing
    }
  }

  async #fly(call: Call, token: FenceToken, fresh: boolean): Promise<Landing> {
    const { store } = this
    const hit = store === undefined || fresh ? undefined : await this.#readStore(call, store)
    return hit ?? (await this.#load(call, token, store))
  }

  async #readStore(call: Call, store: Store): Promise<Landing | undefined> {
    const { key, policy } = call
    const read = await store.read(key, (name) => (name === policy.codec.name ? policy.codec : undefined))
    if (read.entry === undefined) return this.#account.miss(call, read.reason)
    const { entry, source } = read
    const found = readable(entry, policy, (error) => this.#options.emitter.problem({ error, during: 'decode', key }))
    if (found === undefined) return this.#account.miss(call, 'corrupt')
    if (!(await this.#admission.passesGuard(call, found.value))) return this.#account.miss(call, 'schema')
    this.#account.hit(call, source, entry)
    const take = firstThen(found.value, () => give(entry, policy))
    return landed(source, entry, take)
  }

  async #load(call: Call, token: FenceToken, store: Store | undefined): Promise<Landing> {
    const { runtime } = this.#options
    const { policy } = call
    // From here on, what comes is newer than any invalidation so far.
    token.loading = true
    const position = store?.clockPosition
    this.#account.loading(call)
    const started = runtime.monotonic()
    let value: unknown
    try {
      value = await runLoader(call.loader, policy.hardTimeoutMs, runtime)
    } catch (error) {
      this.#account.loaded(call, runtime.monotonic() - started, 'failed')
      throw error
    }
    const computeMs = runtime.monotonic() - started
    const kept = this.#admission.keepable(call, value)
    let outcome: LoadOutcome | undefined = store === undefined ? 'uncached' : 'refused'
    const admitted =
      store === undefined || kept === undefined
        ? undefined
        : await this.#admission.admit(call, kept, { value, computeMs, store, position, runtime })
    if (store === undefined || admitted === undefined) this.#account.loaded(call, computeMs, outcome)
    else outcome = await this.#fill(call, admitted, token, store)
    const own = kept === undefined ? () => value : () => give(kept, policy)
    return {
      source: 'load',
      createdAt: runtime.now(),
      computeMs,
      overtaken: outcome === 'fenced' && token.live,
      take: policy.isolation === 'frozen' ? own : firstThen(value, own),
    }
  }

  /** Waits for the store as long as the budget allows; the write goes on without the caller. */
  async #fill(
    call: Call,
    { entry, bytes }: Admitted,
    token: FenceToken,
    store: Store,
  ): Promise<LoadOutcome | undefined> {
    const filling = store.fill(call.key, entry, bytes, token)
    if (typeof filling === 'string') {
      this.#account.loaded(call, entry.computeMs, filling)
      return filling
    }
    token.held = true
    const filled = filling.then((outcome) => {
      this.flights.fence.release(token)
      this.#account.loaded(call, entry.computeMs, outcome)
      return outcome
    })
    store.background.run(filled, () => {})
    return await withTimeLimit(filled, this.budgetMs, this.#options.runtime)
  }
}

function landed(source: Source, entry: Entry, take: () => unknown): Landing {
  return { source, createdAt: entry.createdAt, computeMs: entry.computeMs, overtaken: false, take }
}

/** The reader's own value, or nothing where the codec cannot read the text. */
function readable(entry: Entry, policy: Policy, unreadable?: (error: unknown) => void): { value: unknown } | undefined {
  try {
    return { value: give(entry, policy) }
  } catch (error) {
    unreadable?.(error)
    return undefined
  }
}

/** The first to take gets `first`, everybody else a value of their own. */
function firstThen(first: unknown, more: () => unknown): () => unknown {
  let taken = false
  return () => {
    if (taken) return more()
    taken = true
    return first
  }
}
