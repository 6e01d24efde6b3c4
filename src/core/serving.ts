import type { Entry } from '../contracts/entry.ts'
import type { MissReason } from '../contracts/events.ts'
import type { Runtime } from '../contracts/runtime.ts'
import type { Admission } from './admission.ts'
import type { Call } from './call.ts'
import type { Emitter } from './emit.ts'
import type { Freshness } from './freshness.ts'
import { freshnessOf } from './freshness.ts'
import { give, keep, readable } from './isolation.ts'
import type { Landing } from './landing.ts'
import { servedFrom, takeAmong } from './landing.ts'
import type { Policy } from './policy.ts'
import type { Flight } from './single-flight.ts'
import type { Found, Read } from './found.ts'
import type { Store } from './store.ts'

// What is served of what was read: by its freshness, by the guard, and only if it can be read at all.

export interface ServingOptions {
  readonly runtime: Runtime
  readonly emitter: Emitter
  readonly admission: Admission
  /** Begins the load behind a value that is served although its time is over, or nearly so. */
  readonly loadBehind: (call: Call, entry: Entry, reason: 'stale' | 'ahead') => void
}

export class Serving {
  readonly #options: ServingOptions

  constructor(options: ServingOptions) {
    this.#options = options
  }

  /** A hit in memory that needs no flight. */
  serve(call: Call, found: Found): Landing | undefined {
    const { entry } = found
    const { policy } = call
    const freshness = this.#freshnessOf(entry, policy)
    if (freshness === 'expired' || freshness === 'if-error' || !this.isGuarded(entry, policy)) return undefined
    // What is unreadable takes the long way, which says why.
    const value = readable(entry, policy)
    if (value === undefined) return undefined
    if (freshness !== 'fresh') this.#options.loadBehind(call, entry, freshness)
    return servedFrom(found, freshness === 'stale', () => value.value)
  }

  /**
   * What a flight serves of what it has read, or why nothing; at once unless a guard has to be asked. Remembers in the flight what may stand
   * in for a load.
   * @param onlyFresh what is stale is what the flight is to replace
   */
  verdict(
    call: Call,
    flight: Flight<Landing>,
    store: Store,
    read: Read,
    onlyFresh = false,
  ): Landing | MissReason | Promise<Landing | MissReason> {
    if (read.entry === undefined) return read.reason
    if (this.isGuarded(read.entry, call.policy)) return this.#verdict(call, flight, store, read, true, onlyFresh)
    return this.#passesGuard(call, read.entry).then((passes) =>
      this.#verdict(call, flight, store, read, passes, onlyFresh),
    )
  }

  #verdict(
    call: Call,
    flight: Flight<Landing>,
    store: Store,
    read: Found,
    passes: boolean,
    onlyFresh: boolean,
  ): Landing | MissReason {
    const { policy, key } = call
    const { entry, source } = read
    // While its guard was asked another cache on the same memory may have invalidated it.
    if (entry.clockId !== undefined && !store.isValid(entry)) return 'invalidated'
    const freshness = this.#freshnessOf(entry, policy)
    if (freshness === 'expired') return 'expired'
    const found = readable(entry, policy, (error) => this.#options.emitter.problem({ error, during: 'decode', key }))
    if (found === undefined) return 'corrupt'
    if (!passes) return 'schema'
    // What a read brings whose key was invalidated meanwhile answers those who were there before, fresh, and stands in for nothing.
    const isStale = freshness === 'stale' || freshness === 'if-error'
    if (isStale && !(flight.token.readLive && flight.token.followed)) return 'invalidated'
    if (freshness === 'if-error' || (onlyFresh && freshness === 'stale')) {
      flight.candidate = entry
      return 'expired'
    }
    if (freshness !== 'fresh' && !onlyFresh) this.#options.loadBehind(call, entry, freshness)
    if (source !== 'l2')
      return servedFrom(read, isStale, takeAmong(flight, found.value, entry, policy), entry.cost, flight)
    // The header has no place for it.
    const cost = this.#options.admission.costOf(call, found.value)
    const take = this.#kept(call, flight, store, entry, cost, found.value)
    return servedFrom(read, isStale, take ?? takeAmong(flight, found.value, entry, policy), cost, flight)
  }

  /** Whether the guard needs not be asked: there is none, or it has passed this very value. */
  isGuarded(entry: Entry, policy: Policy): boolean {
    return policy.schema === undefined || entry.guardedBy === policy.schema
  }

  /** Keeps in memory what came from the store. @returns how each reader gets its own; `undefined`: it is not kept */
  #kept(
    call: Call,
    flight: Flight<Landing>,
    store: Store,
    entry: Entry,
    cost: number,
    value: unknown,
  ): (() => unknown) | undefined {
    const { policy, key } = call
    // A value of another program has a time to live that only the store knows.
    if (!store.keeps(flight.token) || entry.clockId === undefined) return undefined
    const { bytes, ...kept } = keep(value, policy, true)
    const { deafForMs, schema: guardedBy } = policy
    const live = { ...entry, ...kept, cost, deafForMs, guardedBy }
    store.keep(key, { entry: live, bytes }, flight.token)
    return () => give(live, policy)
  }

  async #passesGuard(call: Call, entry: Entry): Promise<boolean> {
    const found = readable(entry, call.policy)
    // What is unreadable fails for that reason, not for the guard's.
    return found === undefined || (await this.#options.admission.passesGuard(call, found.value))
  }

  #freshnessOf(entry: Entry, policy: Policy): Freshness {
    const { runtime } = this.#options
    return freshnessOf(entry, policy, runtime.now(), () => runtime.random())
  }
}
