import type { LoadReason } from '../contracts/cache-manager.ts'
import type { Entry } from '../contracts/entry.ts'
import type { MissReason } from '../contracts/events.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { Account } from './account.ts'
import type { Asked } from './admission.ts'
import { Admission } from './admission.ts'
import type { Call } from './call.ts'
import { CallOrder } from './call-order.ts'
import type { Emitter } from './emit.ts'
import { Failures } from './failures.ts'
import { freshnessOf } from './freshness.ts'
import { keep, readable } from './isolation.ts'
import type { CodecLookup } from './judge.ts'
import type { Landing } from './landing.ts'
import { servedFrom, takeAmong } from './landing.ts'
import { Loads } from './loads.ts'
import type { Policy } from './policy.ts'
import type { Flight } from './single-flight.ts'
import { SingleFlight } from './single-flight.ts'
import type { Found, Read, Store } from './store.ts'

// The way of one call:
//
//   memory hit -> done
//   else join the flight of the key, or open one, before any I/O
//   flight: read the store -> fresh: done
//                          -> stale: served, and a load behind it
//                          -> good for errors only, or nothing: load (loads.ts), and fill the store unless invalidated meanwhile
//
// No fault of the store reaches a caller here; what the loader throws reaches all who waited, as the same object.

/** A call that loads nothing. */
export type Lookup = Pick<Call, 'key' | 'policy' | 'impliedTags'>

export interface ReadThroughOptions {
  readonly runtime: Runtime
  readonly emitter: Emitter
}

/** After so many flights that an invalidation overtook a caller no longer joins what others began. */
const mostOvertaken = 2
/** Keys hold no control characters: these names are no keys. */
const refreshOf = (key: string): string => `${key}\u0000refresh`
const readonlyOf = (key: string): string => `${key}\u0000readonly`

export class ReadThrough {
  readonly flights: SingleFlight<Landing> = new SingleFlight()
  readonly failures: Failures = new Failures(this.flights.fence)
  readonly account: Account
  readonly order: CallOrder = new CallOrder()
  /** `undefined`: no cache (before `init`, after `close`): loads are shared, nothing is kept. */
  store: Store | undefined
  readonly #options: ReadThroughOptions
  readonly #admission: Admission
  readonly #loads: Loads

  constructor(options: ReadThroughOptions) {
    const { emitter, runtime } = options
    this.#options = options
    this.account = new Account(emitter, runtime)
    this.#admission = new Admission(emitter, runtime)
    const { flights, failures, account } = this
    this.#loads = new Loads({ ...options, flights, failures, account, admission: this.#admission })
  }

  set budgetMs(ms: number) {
    this.#loads.budgetMs = ms
  }

  /** How the call ends, at once where memory has the value. Rejects with what the loader throws, or the reason a signal was aborted. */
  land(call: Call): Landing | Promise<Landing> {
    const aborted = call.signals?.find((signal) => signal.aborted)
    if (aborted !== undefined) return Promise.reject(aborted.reason as Error)
    if (call.mode === 'bypass') return this.#board(call, undefined, true)
    if (call.mode === 'refresh') return this.#board(call, undefined)
    const { key, policy } = call
    const here = this.store?.readNow(key, policy.codecFor, foreignTags(call))
    const served = here?.entry === undefined ? undefined : this.#serve(call, here)
    if (served === undefined) return this.#board(call, here)
    this.account.hit(call, served)
    return served
  }

  async read(call: Call): Promise<unknown> {
    return (await this.land(call)).take()
  }

  /** What the store has under a key, whatever its freshness. */
  async find(call: Lookup, codecFor: CodecLookup): Promise<Entry | undefined> {
    const { store } = this
    if (store === undefined) return undefined
    const { key } = call
    const tags = foreignTags(call)
    const read = store.readNow(key, codecFor, tags) ?? (await store.read(key, codecFor, tags))
    if (read.entry === undefined) return this.account.miss(call, read.reason)
    const now = this.#options.runtime.now()
    // A manual read knows no windows: what is past its ttl is not there.
    if (now >= read.entry.staleAt) return this.account.miss(call, 'expired')
    this.account.hit(call, { ...read.entry, source: read.source, stale: false })
    return read.entry
  }

  /** The value if this process' memory could serve it now. */
  peek(call: Lookup): unknown {
    const { policy, key } = call
    const here = this.store?.readNow(key, policy.codecFor, foreignTags(call))
    if (here?.entry === undefined || !this.#isGuarded(here.entry, policy)) return undefined
    const { runtime } = this.#options
    // 0: peeking begins no load, so it draws for none.
    const freshness = freshnessOf(here.entry, policy, runtime.now(), () => 0)
    return freshness === 'fresh' || freshness === 'stale' ? readable(here.entry, policy)?.value : undefined
  }

  /**
   * Stores a value as if it had been loaded now: an invalidation that comes after this call wins, so nothing is waited for before the token
   * is taken and the clock is looked at.
   */
  async prime(call: Asked, value: unknown): Promise<boolean> {
    const { store } = this
    if (store === undefined) return false
    const { fence } = this.flights
    fence.void(call.key)
    const token = fence.take(call.key)
    try {
      token.loading = true
      const kept = keep(value, call.policy)
      const loaded = { value, computeMs: 0, cost: 0, position: store.clockPosition, inherited: undefined }
      const marks = this.#admission.marksOf(call, loaded, store.impliedTags)
      const admitted = await this.#admission.admit(call, kept, loaded, marks)
      if (admitted === undefined) return false
      const plain = call.policy.wire === 'plain'
      return (await store.fill(call.key, { ...admitted, plain }, token)) === 'stored'
    } finally {
      fence.release(token)
      fence.voidReads(call.key)
    }
  }

  async #board(call: Call, here: Read | undefined, alone = false): Promise<Landing> {
    const { key } = call
    const refresh = call.mode === 'refresh'
    for (let attempt = 0; ; attempt++) {
      const joined = alone || attempt > mostOvertaken ? undefined : this.#joinable(call)
      const joinedLate = joined?.token.loading === true
      const standIn = joined?.candidateFirst === true ? this.#standIn(call, joined) : undefined
      if (standIn !== undefined) return standIn
      // What an older load brings must not replace what is loaded after it.
      if (refresh && joined === undefined) this.flights.fence.void(key)
      const known = attempt === 0 ? here : undefined
      const flight = joined ?? this.#open(call, (own) => this.#fly(call, own, known), alone)
      const landing = await this.#ride(flight, call.signals)
      // A read sent before the new value arrived may still bring the old one.
      if (refresh) this.flights.fence.voidReads(key)
      if (joinedLate && landing.isOvertaken()) continue
      this.account.hit(call, landing)
      return landing
    }
  }

  /** What a load has that is under way behind it is served at once. */
  #standIn(call: Call, flight: Flight<Landing>): Landing | undefined {
    const standIn = this.store === undefined ? undefined : this.#loads.standIn(call, flight, this.store)
    if (standIn !== undefined) this.account.hit(call, standIn)
    return standIn
  }

  /** Refreshes fly under a name of their own: whoever asks for a new load must not get the one before. */
  #joinable({ key, mode }: Call): Flight<Landing> | undefined {
    if (mode === 'refresh') return this.flights.joinable(refreshOf(key))
    return this.flights.joinable(key) ?? (mode === 'readonly' ? this.flights.joinable(readonlyOf(key)) : undefined)
  }

  #open({ key, mode }: Call, run: (flight: Flight<Landing>) => Promise<Landing>, alone: boolean): Flight<Landing> {
    if (alone) return this.flights.openAlone(key, run)
    // What a readonly call loads is stored nowhere: those who want it stored do not join.
    const name = mode === 'refresh' ? refreshOf(key) : mode === 'readonly' ? readonlyOf(key) : key
    return this.flights.open(name, key, run)
  }

  /** A passenger's way: to the flight's answer, or out of it when a signal says so. */
  #ride(flight: Flight<Landing>, signals: readonly AbortSignal[] | undefined): Promise<Landing> {
    flight.passengers++
    if (signals === undefined) return flight.answer
    return new Promise((resolve, reject) => {
      const leave = (event: Event): void => {
        const { reason } = event.target as AbortSignal
        stay()
        this.flights.leave(flight, reason)
        reject(reason as Error)
      }
      const stay = (): void => {
        for (const signal of signals) signal.removeEventListener('abort', leave)
      }
      for (const signal of signals) signal.addEventListener('abort', leave, { once: true })
      void flight.answer.then(resolve, reject).finally(stay)
    })
  }

  async #fly(call: Call, flight: Flight<Landing>, here: Read | undefined): Promise<Landing> {
    const { store } = this
    const { key, policy, mode } = call
    if (store === undefined || mode === 'bypass' || mode === 'refresh') {
      return await this.#loads.load(call, flight, store, mode === 'refresh' ? 'refresh' : 'miss')
    }
    const read = here ?? (await store.read(key, policy.codecFor, foreignTags(call)))
    const isGuarded = read.entry === undefined || this.#isGuarded(read.entry, policy)
    const verdict = this.#verdict(call, flight, read, isGuarded || (await this.#passesGuard(call, read)))
    if (typeof verdict !== 'string') return verdict
    const heldBack = this.#loads.heldBack(call, flight, store)
    if (heldBack !== undefined) return heldBack
    this.account.miss(call, verdict)
    // A refresh in the air is newer than what this flight would load beside it.
    const newer = this.flights.joinable(refreshOf(key))
    const landing = newer === undefined ? undefined : await this.#ride(newer, undefined)
    if (landing !== undefined && !landing.isOvertaken()) return landing
    return await this.#loads.load(call, flight, store, 'miss')
  }

  /** What is served of what was read, or why nothing is. Remembers in the flight what may stand in for a load. */
  #verdict(call: Call, flight: Flight<Landing>, read: Read, passes: boolean): Landing | MissReason {
    if (read.entry === undefined) return read.reason
    const { entry, source } = read
    const { policy, key } = call
    // While its guard was asked another cache on the same memory may have invalidated it.
    if (entry.clockId !== undefined && this.store?.isValid(entry) === false) return 'invalidated'
    const freshness = this.#freshnessOf(entry, policy)
    if (freshness === 'expired') return 'expired'
    const found = readable(entry, policy, (error) => this.#options.emitter.problem({ error, during: 'decode', key }))
    if (found === undefined) return 'corrupt'
    if (!passes) return 'schema'
    // What a read brings whose key was invalidated meanwhile answers those who were there before, fresh, and stands in for nothing.
    const isStale = freshness === 'stale' || freshness === 'if-error'
    if (isStale && !flight.token.readLive) return 'invalidated'
    if (freshness === 'if-error') {
      flight.candidate = entry
      return 'expired'
    }
    if (freshness !== 'fresh') this.#loadBehind(call, entry, freshness)
    // The header has no place for it.
    const cost = source === 'l2' ? this.#admission.costOf(call, found.value) : entry.cost
    return servedFrom({ entry, source }, isStale, takeAmong(flight, found.value, entry, policy), cost)
  }

  /** A hit in memory that needs no flight. */
  #serve(call: Call, found: Found): Landing | undefined {
    const { entry } = found
    const { policy } = call
    const freshness = this.#freshnessOf(entry, policy)
    if (freshness === 'expired' || freshness === 'if-error' || !this.#isGuarded(entry, policy)) return undefined
    // What is unreadable takes the long way, which says why.
    const value = readable(entry, policy)
    if (value === undefined) return undefined
    if (freshness !== 'fresh') this.#loadBehind(call, entry, freshness)
    return servedFrom(found, freshness === 'stale', () => value.value)
  }

  /** One load behind a value that is served, unless one is under way or the last one failed a moment ago. */
  #loadBehind(call: Call, entry: Entry, reason: Extract<LoadReason, 'stale' | 'ahead'>): void {
    const { store, flights } = this
    const { key, mode } = call
    const { runtime } = this.#options
    if (store === undefined || mode === 'readonly' || this.failures.find(key, runtime.now(), store) !== undefined)
      return
    if (flights.joinable(refreshOf(key)) !== undefined || flights.joinable(key)?.token.loading === true) return
    const flight = flights.open(key, key, async (own) => {
      own.kept = true
      own.candidate = entry
      own.candidateFirst = true
      own.token.loading = true
      // The reader that found the value stale does not wait for what a loader does before its first `await`.
      await new Promise<void>((resolve) => runtime.defer(resolve))
      return await this.#loads.load(call, own, store, reason)
    })
    store.background.run(flight.over, () => {})
  }

  #freshnessOf(entry: Entry, policy: Policy): ReturnType<typeof freshnessOf> {
    const { runtime } = this.#options
    return freshnessOf(entry, policy, runtime.now(), () => runtime.random())
  }

  /** Whether the guard needs not be asked: there is none, or it has passed this very value. */
  #isGuarded(entry: Entry, policy: Policy): boolean {
    return policy.schema === undefined || entry.guardedBy === policy.schema
  }

  async #passesGuard(call: Call, read: Read): Promise<boolean> {
    const found = read.entry === undefined ? undefined : readable(read.entry, call.policy)
    // What is unreadable fails for that reason, not for the guard's.
    return found === undefined || (await this.#admission.passesGuard(call, found.value))
  }
}

/** What a value without our header counts as tagged with. Where they are the rule, `clear` deletes them, and stamps nothing they carry. */
export function foreignTags({ policy, impliedTags }: Omit<Lookup, 'key'>): readonly string[] | undefined {
  return policy.wire === 'plain' ? undefined : impliedTags
}
