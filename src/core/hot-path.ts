import type { ArgumentTable, CopySource } from '../contracts/memory-tier.ts'
import type { Entry } from '../contracts/entry.ts'
import { channels } from '../support/channels.ts'
import { epochMark, freshMark, marksPerSlot, savedMark, stampMark } from '../support/slot-marks.ts'
import type { Emitter } from './emit.ts'
import type { Engine } from './engine.ts'
import { furthestAhead } from './freshness.ts'
import { copyOf, isShared } from './isolation.ts'
import type { Landing } from './landing.ts'
import type { Policy } from './policy.ts'
import type { Flight } from './single-flight.ts'
import type { OperationCounters } from './statistics.ts'
import type { HotTier } from './hot-tier.ts'

// A hit for the price of a promise. One per caller of the cache that always asks in the same way: a cached function, or `getOrSet` with one
// set of options. Nothing is made here per call but what the reader gets: no key text, no closure, no options, no event
// that nobody hears. Whatever is not plainly a fresh hit (stale, unknown, void, unreadable, nearly over) takes the long way, which
// decides; this path only ever says yes.

/** The coarse clock may be this much behind: closer to its end an entry is judged by the real one, the long way. */
const clockLagMs = 16
/** Ends are kept in ticks since the cache was made: what ends more than a year later takes the long way then. */
const tickMs = 16
const longestMark = 2 ** 31 - 1

/** What entries are looked up by: a function's one argument (never -0), or the full key. */
export type Handle = string | number

export interface HotPathOptions {
  readonly engine: Engine
  /** Asked again whenever the engine's version changes. */
  readonly policy: () => Policy
  /** The identity whose table holds the arguments; `undefined`: what is looked up are full keys. */
  readonly identity: (() => string) | undefined
  /** The full key, for who listens. */
  readonly keyOf: (handle: Handle) => string
}

const nowhere: ReadonlyMap<Handle, number> = new Map()
const untagged: readonly string[] = []
const hitChannel = channels.hit

export class HotPath {
  readonly #options: HotPathOptions
  readonly #engine: Engine
  readonly #emitter: Emitter
  readonly #recent: () => number
  readonly #turn: () => number
  readonly #origin: number
  /** Flights in the air, by what their callers asked with. */
  readonly #boarding: Map<Handle, Flight<Landing>> = new Map()
  #version = -1
  #policy: Policy | undefined
  #counters: OperationCounters | undefined
  #isWatched = false
  #hot: HotTier | undefined
  #slots: ReadonlyMap<Handle, number> = nowhere
  /** What the slots carry that were prepared here in this generation. */
  #stamp = -1
  #generation = -1
  #table: ArgumentTable | undefined

  constructor(options: HotPathOptions) {
    this.#options = options
    this.#engine = options.engine
    this.#emitter = options.engine.emitter
    const { runtime } = options.engine
    this.#recent = runtime.recent ?? (() => runtime.now())
    this.#turn = runtime.turn ?? (() => runtime.monotonic())
    this.#origin = options.engine.origin
  }

  /** The answer of a fresh hit; `undefined`: take the long way. */
  hit(handle: Handle): Promise<unknown> | undefined {
    const engine = this.#engine
    if (this.#version !== engine.version) this.#resolve()
    const slot = this.#slots.get(handle)
    if (slot === undefined) return undefined
    const hot = this.#hot as HotTier
    if (this.#generation !== hot.generation) this.#restamp(hot)
    const { tier, readableUntil } = hot
    if (readableUntil !== Infinity && !(this.#turn() < readableUntil)) return undefined
    const at = slot * marksPerSlot
    if (tier.marks[at + stampMark] !== this.#stamp && !this.#prepare(slot, hot)) return undefined
    const { marks } = tier
    if (!(this.#recent() < this.#origin + (marks[at + freshMark] as number) * tickMs)) return undefined
    if (marks[at + epochMark] !== tier.epoch) tier.use(slot)
    const counters = this.#counters as OperationCounters
    counters.hits.l1++
    counters.hotSavedUs += marks[at + savedMark] as number
    if (this.#isWatched || hitChannel.hasSubscribers) this.#watch(handle, tier.entryAt(slot))
    return tier.answers[slot] ?? Promise.resolve(copyOf(tier.sources[slot] as CopySource, this.#policy as Policy))
  }

  /**
   * The answer of a load under way. Nobody who joins here leaves before it ends.
   * @param again the long way, for who joined a load that an invalidation overtook
   * @returns `undefined`: there is none to be joined here
   */
  join(handle: Handle, again: (handle: Handle) => Promise<unknown>): Promise<unknown> | undefined {
    const flight = this.#boarding.size === 0 ? undefined : this.#boarding.get(handle)
    if (flight === undefined) return undefined
    const { flights } = this.#engine.reads
    if (!flights.isJoinable(flight) || flight.candidateFirst) return undefined
    // Somebody may have invalidated it unheard: the long way knows what to do then.
    if (this.#engine.store?.isDeaf === true) return undefined
    flight.passengers++
    flight.whenLate ??= (landing) => (landing.isOvertaken() ? again(handle) : this.#take(landing, handle))
    return flight.answer.then(takeLate)
  }

  /** A call took the long way: what it opened may be joined here, and what it found is found here next time. */
  tookLongWay(handle: Handle, key: string): void {
    const flight = this.#engine.reads.flights.joinable(key)
    if (flight === undefined) this.#table?.lead(handle, key)
    else if (this.#boarding.get(handle) !== flight) {
      this.#boarding.set(handle, flight)
      void flight.over.then(() => {
        if (this.#boarding.get(handle) === flight) this.#boarding.delete(handle)
        this.#table?.lead(handle, key)
      })
    }
  }

  /** What one is given who came while the loader ran. */
  #take(landing: Landing, handle: Handle): unknown {
    if (landing.source !== 'load') {
      this.#engine.reads.account.hit({ key: this.#options.keyOf(handle), policy: this.#policy as Policy }, landing)
    }
    return landing.take()
  }

  /** What does not change while an entry lives, found out once per generation. @returns whether its hits may be answered here */
  #prepare(slot: number, hot: HotTier): boolean {
    const { tier } = hot
    const entry = tier.entryAt(slot)
    const policy = this.#policy as Policy
    if (entry.codec !== policy.codec || entry.form !== 'live') return false
    if (policy.schema !== undefined && entry.guardedBy !== policy.schema) return false
    if (!hot.isCurrent(slot, untagged)) return false
    const ahead = policy.refreshAhead ? furthestAhead * entry.computeMs : 0
    const ticks = (entry.staleAt - ahead - clockLagMs - this.#origin) / tickMs
    const { marks } = tier
    const at = slot * marksPerSlot
    marks[at + freshMark] = Math.max(-1, Math.floor(Math.min(longestMark, ticks)))
    marks[at + savedMark] = Math.min(longestMark, Math.round(entry.computeMs * 1000))
    marks[at + stampMark] = this.#stamp
    const shares = isShared(entry, policy)
    const { value, plan, frozen } = entry
    tier.answers[slot] = shares ? Promise.resolve(value) : undefined
    tier.sources[slot] = shares ? undefined : { value, plan, frozen }
    return true
  }

  /** Something may have been invalidated: what was prepared before is looked at once more. */
  #restamp(hot: HotTier): void {
    this.#stamp = hot.takeStamp()
    this.#generation = hot.generation
  }

  /** A hit that is more than a count: somebody listens, or it has a cost. */
  #watch(handle: Handle, entry: Entry): void {
    const { counters, operation } = this.#policy as Policy
    counters.savedCost += entry.cost
    if (this.#emitter.hearsHits) {
      this.#engine.reads.account.tellHit(this.#options.keyOf(handle), operation, 'l1', false, entry.createdAt)
    }
  }

  #resolve(): void {
    const { policy, identity } = this.#options
    this.#version = this.#engine.version
    this.#policy = policy()
    this.#counters = this.#policy.counters
    this.#isWatched = this.#policy.cost !== 0 || this.#emitter.wantsHits
    this.#generation = -1
    this.#hot = this.#engine.store?.hot
    this.#boarding.clear()
    const tier = this.#hot?.tier
    this.#table = identity === undefined ? undefined : tier?.table(identity())
    this.#slots = this.#table?.slots ?? (identity === undefined ? tier?.slots : undefined) ?? nowhere
  }
}

/** One function for all flights: one made per flight would be compiled for each. */
function takeLate(landing: Landing): unknown {
  if (landing.isShared && !landing.isOvertaken()) return landing.value
  const whenLate = landing.late?.whenLate
  return whenLate === undefined ? landing.take() : whenLate(landing)
}
