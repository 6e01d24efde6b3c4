import type { ReadStatus } from '../contracts/cached-function.ts'
import type { Entry } from '../contracts/entry.ts'
import type { LoadOutcome, MissReason, Source } from '../contracts/events.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { withTimeLimit } from '../support/deadline.ts'
import type { Emitter } from './emit.ts'
import { messageOf } from './emit.ts'
import type { FenceToken } from './fence.ts'
import type { Kept } from './isolation.ts'
import { give, keep } from './isolation.ts'
import type { CodecLookup } from './judge.ts'
import { newEntry } from './new-entry.ts'
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
  take(): unknown
}

/** How often a caller whose flight was overtaken by an invalidation asks again before it takes what there is. */
const mostRetries = 3

export class ReadThrough {
  readonly flights: SingleFlight<Landing> = new SingleFlight()
  readonly #options: ReadThroughOptions
  readonly #reported: WeakSet<Policy> = new WeakSet()
  /** `undefined`: no cache (before `init`, after `close`): loads are shared, nothing is kept. */
  store: Store | undefined
  /** How long a caller waits for the store to take what was loaded. */
  budgetMs = 200

  constructor(options: ReadThroughOptions) {
    this.#options = options
  }

  read(call: Call): Promise<unknown> {
    const entry = this.#inMemory(call)
    if (entry !== undefined) {
      try {
        const value = give(entry, call.policy)
        this.#countHit(call, this.#memorySource(), entry)
        return Promise.resolve(value)
      } catch {
        // Another function's codec wrote it: the flight finds out the same and says so.
      }
    }
    return this.#board(call, false).then((landing) => landing.take())
  }

  async readWithStatus(call: Call, fresh = false): Promise<ReadStatus<unknown>> {
    const { runtime } = this.#options
    const entry = fresh ? undefined : this.#inMemory(call)
    if (entry !== undefined) {
      this.#countHit(call, this.#memorySource(), entry)
      return {
        value: give(entry, call.policy),
        source: this.#memorySource(),
        stale: false,
        ageMs: runtime.now() - entry.createdAt,
      }
    }
    const landing = await this.#board(call, fresh)
    const ageMs = landing.source === 'load' ? 0 : Math.max(0, runtime.now() - landing.createdAt)
    return { value: landing.take(), source: landing.source, stale: false, ageMs }
  }

  /** Loads anew whatever is stored. A refresh under way is joined, an ordinary load is not: it may be older than the request. */
  async refresh(call: Call): Promise<unknown> {
    return (await this.#board(call, true)).take()
  }

  /** What the store has under a key, for reads that load nothing. */
  async find(call: Pick<Call, 'key' | 'policy'>, codecFor: CodecLookup): Promise<Entry | undefined> {
    if (this.store === undefined) return undefined
    const read = await this.store.read(call.key, codecFor)
    if (read.entry === undefined) return this.#countMiss(call, read.reason)
    this.#countHit(call, read.source, read.entry)
    return read.entry
  }

  /** The value if this process' memory holds it. */
  peek(call: Pick<Call, 'key' | 'policy'>): unknown {
    const entry = this.#inMemory(call)
    return entry === undefined ? undefined : give(entry, call.policy)
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
      const entry = newEntry(kept, {
        ...call,
        value,
        computeMs: 0,
        store,
        position: store.clockPosition,
        runtime: this.#options.runtime,
      })
      return (await store.fill(call.key, entry, kept.bytes, token)) === 'stored'
    } finally {
      this.flights.fence.release(token)
    }
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
      if (joined !== undefined && landing.source !== 'load') this.#countHit(call, landing.source, landing)
      if (!landing.overtaken || !joinedLate || attempt >= mostRetries) return landing
    }
  }

  async #fly(call: Call, token: FenceToken, fresh: boolean): Promise<Landing> {
    const { store } = this
    if (store === undefined) return await this.#load(call, token, undefined)
    if (!fresh) {
      const hit = await this.#readStore(call, store)
      if (hit !== undefined) return hit
    }
    return await this.#load(call, token, store)
  }

  async #readStore(call: Call, store: Store): Promise<Landing | undefined> {
    const { key, policy } = call
    const read = await store.read(key, (name) => (name === policy.codec.name ? policy.codec : undefined))
    if (read.entry === undefined) return this.#countMiss(call, read.reason)
    let decoded: unknown
    try {
      decoded = give(read.entry, policy)
    } catch (error) {
      this.#options.emitter.problem({ error, during: 'decode', key })
      return this.#countMiss(call, 'corrupt')
    }
    if (!(await this.#passesGuard(call, decoded))) return this.#countMiss(call, 'schema')
    this.#countHit(call, read.source, read.entry)
    const { entry, source } = read
    return {
      source,
      createdAt: entry.createdAt,
      computeMs: entry.computeMs,
      overtaken: false,
      take: firstThen(decoded, () => give(entry, policy)),
    }
  }

  async #load(call: Call, token: FenceToken, store: Store | undefined): Promise<Landing> {
    const { runtime } = this.#options
    const { policy, loader } = call
    // From here on, what comes is newer than any invalidation so far.
    token.loading = true
    const position = store?.clockPosition
    policy.counters.loads++
    let loaded
    try {
      loaded = await runLoader(loader, policy.hardTimeoutMs, runtime)
    } catch (error) {
      policy.counters.loadErrors++
      this.#emitLoad(call, 0, 'failed')
      throw error
    }
    const { value, ms } = loaded
    policy.counters.loadMs += ms
    const kept = await this.#keepable(call, value)
    const landing = (overtaken: boolean): Landing => ({
      source: 'load',
      createdAt: runtime.now(),
      computeMs: ms,
      overtaken,
      take:
        kept === undefined
          ? () => value
          : policy.isolation === 'frozen'
            ? () => give(kept, policy)
            : firstThen(value, () => give(kept, policy)),
    })
    if (store === undefined) {
      this.#emitLoad(call, ms, 'uncached')
      return landing(false)
    }
    const entry = kept === undefined ? undefined : this.#entryFor(call, value, kept, ms, store, position)
    if (kept === undefined || entry === undefined) {
      this.#settleLoad(call, ms, 'refused')
      return landing(false)
    }
    const outcome = await this.#fill(call, entry, kept.bytes, token, store, ms)
    return landing(outcome === 'fenced' && token.live)
  }

  /** Waits for the store as long as the budget allows; the write goes on without the caller. */
  async #fill(
    call: Call,
    entry: Entry,
    bytes: number,
    token: FenceToken,
    store: Store,
    ms: number,
  ): Promise<LoadOutcome | undefined> {
    const filling = store.fill(call.key, entry, bytes, token)
    if (typeof filling === 'string') {
      this.#settleLoad(call, ms, filling)
      return filling
    }
    token.held = true
    const filled = filling.then((outcome) => {
      this.flights.fence.release(token)
      this.#settleLoad(call, ms, outcome)
      return outcome
    })
    store.background.run(filled, () => {})
    return await withTimeLimit(filled, this.budgetMs, this.#options.runtime)
  }

  /** What may be stored of a loaded value; `undefined` when nothing: it cannot be, it must not be, or the guard refused it. */
  async #keepable(call: Call, value: unknown): Promise<Kept | undefined> {
    const { policy, args, key } = call
    try {
      if (policy.shouldCache !== undefined && !policy.shouldCache(value, args)) return undefined
      if (!(await this.#passesGuard(call, value))) return undefined
    } catch (error) {
      this.#options.emitter.problem({ error, during: 'policy', key })
      return undefined
    }
    try {
      return keep(value, policy)
    } catch (error) {
      this.#reportOnce(policy, error, key)
      return undefined
    }
  }

  #entryFor(
    call: Call,
    value: unknown,
    kept: Kept,
    computeMs: number,
    store: Store,
    position: Store['clockPosition'],
  ): Entry | undefined {
    try {
      return newEntry(kept, { ...call, value, computeMs, store, position, runtime: this.#options.runtime })
    } catch (error) {
      this.#options.emitter.problem({ error, during: 'policy', key: call.key })
      return undefined
    }
  }

  async #passesGuard(call: Call, value: unknown): Promise<boolean> {
    const { schema } = call.policy
    if (schema === undefined) return true
    try {
      return (await schema['~standard'].validate(value)).issues === undefined
    } catch (error) {
      this.#options.emitter.problem({ error, during: 'policy', key: call.key })
      return false
    }
  }

  #inMemory(call: Pick<Call, 'key' | 'policy'>): Entry | undefined {
    const { store } = this
    // A guard may be asynchronous: guarded values take the long way.
    if (store?.memory === undefined || call.policy.schema !== undefined) return undefined
    const entry = store.peek(call.key)
    return entry === undefined || (entry.codec !== undefined && entry.codec.name !== call.policy.codec.name)
      ? undefined
      : entry
  }

  #memorySource(): 'l1' | 'fallback' {
    return this.store?.isEmbedded === true ? 'l1' : 'fallback'
  }

  #countHit(
    call: Pick<Call, 'key' | 'policy'>,
    source: Exclude<Source, 'load'>,
    entry: Pick<Entry, 'createdAt' | 'computeMs'>,
  ): void {
    const { counters, operation } = call.policy
    if (source === 'fallback') counters.fallbackHits++
    else counters.hits[source]++
    counters.savedMs += entry.computeMs
    const { emitter, runtime } = this.#options
    if (emitter.log.debugs) emitter.hitLine(call.key)
    if (emitter.hears('hit')) {
      emitter.emit('hit', {
        key: call.key,
        operation,
        source,
        stale: false,
        ageMs: Math.max(0, runtime.now() - entry.createdAt),
      })
    }
  }

  #countMiss(call: Pick<Call, 'key' | 'policy'>, reason: MissReason): undefined {
    const { emitter } = this.#options
    call.policy.counters.misses++
    if (emitter.log.debugs) emitter.missLine(call.key)
    if (emitter.hears('miss')) emitter.emit('miss', { key: call.key, operation: call.policy.operation, reason })
  }

  #settleLoad(call: Call, ms: number, outcome: LoadOutcome): void {
    const { counters } = call.policy
    if (outcome === 'stored') counters.fills++
    else if (outcome === 'fenced') counters.fenced++
    else if (outcome === 'refused') counters.refused++
    this.#emitLoad(call, ms, outcome)
  }

  #emitLoad(call: Call, ms: number, outcome: LoadOutcome): void {
    const { emitter } = this.#options
    if (emitter.hears('load')) emitter.emit('load', { key: call.key, operation: call.policy.operation, ms, outcome })
  }

  /** A function whose results cannot be cached says so once, not once per call. */
  #reportOnce(policy: Policy, error: unknown, key: string): void {
    const { emitter } = this.#options
    emitter.emit('problem', { error, during: 'encode', key })
    if (this.#reported.has(policy)) return
    this.#reported.add(policy)
    emitter.log.warn('cache', `Results of '${policy.operation}' are not cached: ${messageOf(error)}`)
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
