import type { LoadReason } from '../contracts/cache-manager.ts'
import type { Entry } from '../contracts/entry.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { Account } from './account.ts'
import type { Asked } from './admission.ts'
import { Admission } from './admission.ts'
import type { Call } from './call.ts'
import { CallOrder } from './call-order.ts'
import type { Emitter } from './emit.ts'
import { Failures } from './failures.ts'
import { keep } from './isolation.ts'
import type { Landing } from './landing.ts'
import { foreignTags, Lookups } from './lookups.ts'
import { Loads } from './loads.ts'
import { Serving } from './serving.ts'
import type { Flight } from './single-flight.ts'
import { SingleFlight } from './single-flight.ts'
import type { Read } from './found.ts'
import type { Store } from './store.ts'
import { absent } from './found.ts'

// The way of one call:
//
//   memory hit -> done
//   else join the flight of the key, or open one, before any I/O
//   flight: read the store -> fresh: done
//                          -> stale: served, and a load behind it
//                          -> good for errors only, or nothing: load (loads.ts), and fill the store unless invalidated meanwhile
//
// No fault of the store reaches a caller here; what the loader throws reaches all who waited, as the same object.

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
  readonly #serving: Serving
  /** What asks for a value and loads none. */
  readonly lookups: Lookups

  constructor(options: ReadThroughOptions) {
    const { emitter, runtime } = options
    this.#options = options
    this.account = new Account(emitter, runtime)
    this.#admission = new Admission(emitter, runtime)
    const { flights, failures, account } = this
    const admission = this.#admission
    this.#loads = new Loads({ ...options, flights, failures, account, admission })
    const loadBehind = this.#loadBehind.bind(this)
    const serving = new Serving({ ...options, admission, loadBehind })
    this.#serving = serving
    this.lookups = new Lookups({ runtime, account, serving, fence: flights.fence, store: () => this.store })
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
    const served = here?.entry === undefined ? undefined : this.#serving.serve(call, here)
    if (served === undefined) return this.#board(call, here)
    this.account.hit(call, served)
    return served
  }

  async read(call: Call): Promise<unknown> {
    return (await this.land(call)).take()
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
      // Whoever loads it now loads what is older.
      await store.turns?.take(token)
      const plain = call.policy.wire === 'plain'
      return (await store.fill(call.key, { ...admitted, plain }, token)) === 'stored'
    } finally {
      store.turns?.giveBack(token)
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
      // What others invalidated since the load began may not have been heard.
      const joinedDeaf = joinedLate && this.store?.isDeaf === true && this.store.state === 'connected'
      const standIn = joined?.candidateFirst === true ? this.#standIn(call, joined) : undefined
      if (standIn !== undefined) return standIn
      // What an older load brings must not replace what is loaded after it.
      if (refresh && joined === undefined) this.flights.fence.void(key)
      const known = attempt === 0 ? here : undefined
      const flight = joined ?? this.#open(call, (own) => this.#flyAndLeave(call, own, known), alone)
      const landing = await this.#ride(flight, call.signals)
      // A read sent before the new value arrived may still bring the old one.
      if (refresh) this.flights.fence.voidReads(key)
      if (joinedDeaf || (joinedLate && landing.isOvertaken())) continue
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

  /** However it ends, others may load then. */
  async #flyAndLeave(call: Call, flight: Flight<Landing>, here: Read | undefined): Promise<Landing> {
    const { store } = this
    try {
      return await this.#fly(call, flight, here)
    } finally {
      this.#loads.leave(flight, store)
    }
  }

  async #fly(call: Call, flight: Flight<Landing>, here: Read | undefined): Promise<Landing> {
    const { store } = this
    const { key, policy, mode } = call
    if (store === undefined || mode === 'bypass') return await this.#loads.load(call, flight, store, 'miss')
    if (mode === 'refresh') {
      await this.#loads.turn(call, flight, store, 'anyone')
      return await this.#loads.load(call, flight, store, 'refresh')
    }
    // Whoever expects nothing asks for its turn first; should there be something after all, it is told so.
    const expectsNothing = policy.expectMiss && here === undefined && store.turns !== undefined
    const read = expectsNothing ? absent : (here ?? (await store.read(key, policy.codecFor, foreignTags(call))))
    const judged = this.#serving.verdict(call, flight, store, read)
    const verdict = judged instanceof Promise ? await judged : judged
    if (typeof verdict !== 'string') return verdict
    const heldBack = this.#loads.heldBack(call, flight, store)
    if (heldBack !== undefined) return heldBack
    // A refresh in the air is newer than what this flight would load beside it.
    const newer = this.flights.joinable(refreshOf(key))
    const landing = newer === undefined ? undefined : await this.#ride(newer, undefined)
    if (landing !== undefined && !landing.isOvertaken()) return landing
    const brought = store.turns === undefined ? undefined : await this.#elsewhere(call, flight, store, read)
    if (brought !== undefined) return brought
    this.account.miss(call, verdict)
    return await this.#loads.load(call, flight, store, 'miss')
  }

  /** Waits for its turn to load. @returns what another process has loaded meanwhile; `undefined`: it is its turn */
  async #elsewhere(
    call: Call,
    flight: Flight<Landing>,
    store: Store,
    first: Read,
    onlyFresh = false,
  ): Promise<Landing | undefined> {
    const { key, policy } = call
    let read = first
    for (;;) {
      const turn = await this.#loads.turn(call, flight, store, 'nothing', read)
      if (turn !== 'again') return turn
      // What is asked now is newer than whatever was told until now.
      flight.candidate = undefined
      flight.token.followed = true
      read = await store.read(key, policy.codecFor, foreignTags(call))
      const verdict = await this.#serving.verdict(call, flight, store, read, onlyFresh)
      if (typeof verdict !== 'string') return verdict
    }
  }

  /** One load behind a value that is served, unless one is under way or the last one failed a moment ago. */
  #loadBehind(call: Call, entry: Entry, reason: Extract<LoadReason, 'stale' | 'ahead'>): void {
    const { store, flights } = this
    const { key, mode } = call
    const { runtime } = this.#options
    if (store === undefined || mode === 'readonly' || this.failures.find(key, runtime.now(), store) !== undefined)
      return
    const other = flights.joinable(key)
    if (flights.joinable(refreshOf(key)) !== undefined || other?.token.loading === true || other?.candidateFirst) return
    const flight = flights.open(key, key, async (own) => {
      own.kept = true
      own.candidate = entry
      own.candidateFirst = true
      own.token.loading = store.turns === undefined
      // The reader that found the value stale does not wait for what a loader does before its first `await`.
      await new Promise<void>((resolve) => runtime.defer(resolve))
      try {
        const read: Read = { entry, source: 'l2' }
        const landing = store.turns === undefined ? undefined : await this.#elsewhere(call, own, store, read, true)
        return landing ?? (await this.#loads.load(call, own, store, reason))
      } finally {
        this.#loads.leave(own, store)
      }
    })
    store.background.run(flight.over, () => {})
  }
}
