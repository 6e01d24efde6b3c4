import type { LeaseRequest, TagPosition } from '../contracts/backend.ts'
import type { LoadReason } from '../contracts/cache-manager.ts'
import type { Entry, Marks } from '../contracts/entry.ts'
import type { LoadOutcome } from '../contracts/events.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { withTimeLimit } from '../support/deadline.ts'
import { CacheError } from '../support/errors.ts'
import type { Account } from './account.ts'
import type { Admission, Admitted } from './admission.ts'
import type { Emitter } from './emit.ts'
import type { Failures } from './failures.ts'
import { freshnessOf } from './freshness.ts'
import type { Kept } from './isolation.ts'
import { give, isShared } from './isolation.ts'
import type { Landing } from './landing.ts'
import { firstThen, landingOf, notOvertaken, servedFrom, unshared } from './landing.ts'
import type { LoadedValue } from './new-entry.ts'
import { marksOf } from './new-entry.ts'
import type { Call } from './call.ts'
import type { Load } from './run-loader.ts'
import { runLoader } from './run-loader.ts'
import type { Flight, SingleFlight } from './single-flight.ts'
import type { Read } from './found.ts'
import type { Store } from './store.ts'
import { absent, seenOf } from './found.ts'

// The second half of a flight: the loader runs, and what it brings fills the store, unless an invalidation came meanwhile. What stands in
// when it fails or takes too long is the flight's candidate, judged again at the moment it is served.

export interface LoadsOptions {
  readonly runtime: Runtime
  readonly emitter: Emitter
  readonly flights: SingleFlight<Landing>
  readonly failures: Failures
  readonly account: Account
  readonly admission: Admission
}

export class Loads {
  /** How long a caller waits for the store to take what was loaded. */
  budgetMs = 200
  readonly #options: LoadsOptions

  constructor(options: LoadsOptions) {
    this.#options = options
    // Keeps the shape of landings alive with that of flights.
    const { template } = options.flights
    const provenance = { clockId: undefined, tags: [], stale: false, deleteAt: 0 }
    template.land(landingOf('load', false, 0, 0, 0, provenance, notOvertaken, () => undefined, unshared, undefined))
  }

  /** The flight's candidate, if it may be served now: not invalidated since it was read, and within its windows. */
  standIn({ policy }: Call, flight: Flight<Landing>, store: Store): Landing | undefined {
    const { candidate, token } = flight
    if (candidate === undefined || !token.readLive || !store.isValid(candidate)) return undefined
    // Others may have invalidated it, and been heard or not.
    if (!token.followed || store.isDeaf) return undefined
    // 0: whoever stands in begins no load of its own, so it draws for none.
    const freshness = freshnessOf(candidate, policy, this.#options.runtime.now(), () => 0)
    if (freshness === 'expired') return undefined
    const source = store.isEmbedded ? 'l1' : store.state === 'connected' ? 'l2' : 'fallback'
    const take = (): unknown => give(candidate, policy)
    return servedFrom({ entry: candidate, source }, freshness !== 'fresh', take, candidate.cost, flight)
  }

  /**
   * What a caller gets instead of a load while the source is left in peace after a failure: the stale value, or nothing.
   * @throws the error that the policy remembers
   */
  heldBack(call: Call, flight: Flight<Landing>, store: Store): Landing | undefined {
    const { failures, runtime } = this.#options
    const failure = failures.find(call.key, runtime.now(), store)
    if (failure === undefined) return undefined
    const standIn = this.standIn(call, flight, store)
    if (standIn === undefined && failure.cached) throw failure.error
    return standIn
  }

  /**
   * Waits until it is this process' turn to load.
   * @param read what the store has, and why it is loaded
   * @returns `undefined`: load · `'again'`: the store may have a value by now · what stands in while the source is left in peace
   */
  async turn(
    call: Call,
    flight: Flight<Landing>,
    store: Store,
    despite: LeaseRequest['despite'],
    read: Read = absent,
  ): Promise<'again' | Landing | undefined> {
    const { turns } = store
    if (turns === undefined || !keeps(call)) return undefined
    const { token, control, asking } = flight
    this.#beginPatience(call, flight, store)
    const request = { seen: seenOf(read), despite }
    for (;;) {
      const turn = await turns.ask(token, request, asking, (waiting) => control.guard(waiting))
      if (turn === 'again' && despite !== 'anyone') return turn
      if (turn === 'load' || turn === 'alone') return undefined
      if (turn === 'again') continue
      const { failures, runtime } = this.#options
      const position = store.clockPosition
      const { key } = call
      const { pauseMs } = turn
      failures.note({ key, error: undefined, cachedMs: undefined, pauseMs, marks: undefined, position }, runtime.now())
      const standIn = this.standIn(call, flight, store)
      if (standIn !== undefined) return standIn
      request.despite = 'failure'
    }
  }

  async load(call: Call, flight: Flight<Landing>, store: Store | undefined, reason: LoadReason): Promise<Landing> {
    const { account, admission, failures, runtime } = this.#options
    const { policy, key } = call
    const { token } = flight
    // All who wanted it left before it began.
    const { ended } = flight.control
    if (ended !== undefined) throw ended.reason
    // From here on, what comes is newer than any invalidation so far.
    token.loading = true
    const position = store?.clockPosition
    const load: Load = {
      reason,
      signal: () => flight.control.signal(),
      stale: () => (store === undefined ? undefined : this.standIn(call, flight, store)?.take()),
      inherited: undefined,
    }
    const known = store === undefined ? undefined : knownMarksOf(call, store, position)
    if (store !== undefined && known !== undefined) {
      // A loader that collects the tags of others says so when it starts.
      flight.isUntouched = () => load.inherited === undefined && store.isValid(known)
      // What an invalidated tag has made void already nobody need wait for.
      store.turns?.began(token, () => !store.isValid(known))
    }
    account.loading(call)
    const started = runtime.monotonic()
    this.#beginPatience(call, flight, store)
    let value: unknown
    try {
      value = await runLoader(call.loader, load, flight.control, policy.hardTimeoutMs, runtime)
    } catch (error) {
      const computeMs = runtime.monotonic() - started
      account.loaded(call, computeMs, flight.abandoned ? 'aborted' : 'failed')
      if (flight.abandoned || store === undefined) throw error
      return this.#failed(call, flight, store, { error, position })
    } finally {
      this.#endPatience(flight)
    }
    const computeMs = runtime.monotonic() - started
    const target = keeps(call) ? store : undefined
    if (target !== undefined) failures.forget(key)
    const loaded = { value, computeMs, cost: admission.costOf(call, value), position, inherited: load.inherited }
    const marks = admission.marksOf(call, loaded, store?.impliedTags ?? [])
    const kept = admission.keepable(call, value)
    const admitted =
      target === undefined || kept === undefined ? undefined : await admission.admit(call, kept, loaded, marks)
    let outcome: LoadOutcome | undefined = target === undefined ? 'uncached' : 'refused'
    if (target !== undefined && admitted !== undefined) outcome = await this.#fill(call, admitted, flight, target)
    else account.loaded(call, computeMs, outcome, loaded.cost)
    const isOvertaken = (): boolean => marks.clockId !== undefined && store?.isValid(marks) === false
    const provenance = { clockId: marks.clockId, tags: marks.tags, stale: false, deleteAt: Infinity }
    const own = admitted?.entry ?? kept
    const shared = own?.form === 'live' && isShared(own, policy) ? { isShared: true, value: own.value } : unshared
    const take = takeLoaded(call, value, own)
    return landingOf(
      'load',
      false,
      runtime.now(),
      computeMs,
      loaded.cost,
      provenance,
      isOvertaken,
      take,
      shared,
      flight,
    )
  }

  /** Arms the soft timeout, where there is something to serve when it passes. It counts the waiting for others too. */
  #beginPatience(call: Call, flight: Flight<Landing>, store: Store | undefined): void {
    const { softTimeoutMs } = call.policy
    if (store === undefined || softTimeoutMs === Infinity || flight.candidate === undefined) return
    if (flight.candidateFirst || flight.patience !== undefined) return
    const patienceOver = (): void => {
      const standIn = this.standIn(call, flight, store)
      if (standIn === undefined) return
      // Who comes later has waited long enough already.
      flight.candidateFirst = true
      flight.answerEarly(standIn)
      store.background.run(flight.over, () => {})
    }
    flight.patience = this.#options.runtime.setTimer(patienceOver, softTimeoutMs, 'deadline')
  }

  /** The flight has ended. */
  leave(flight: Flight<Landing>, store: Store | undefined): void {
    this.#endPatience(flight)
    // A fill under way ends the lease itself.
    if (!flight.token.held) store?.turns?.giveBack(flight.token)
  }

  #endPatience(flight: Flight<Landing>): void {
    if (flight.patience !== undefined) this.#options.runtime.clearTimer(flight.patience)
    flight.patience = undefined
  }

  /** A failure that nothing made void is remembered; the stale value stands in where there is one. @throws the loader's error */
  #failed(
    call: Call,
    flight: Flight<Landing>,
    store: Store,
    { error, position }: { readonly error: unknown } & Pick<LoadedValue, 'position'>,
  ): Landing {
    const { emitter, failures, runtime } = this.#options
    const { key, policy } = call
    const { token } = flight
    const standIn = call.mode === 'refresh' ? undefined : this.standIn(call, flight, store)
    const cachedMs = this.#cachesError(call, error) ? policy.cacheErrors?.ttlMs : undefined
    if (keeps(call) && token.live && (standIn !== undefined || cachedMs !== undefined)) {
      const marks = knownMarksOf(call, store, position)
      const pauseMs = failures.note({ key, error, cachedMs, marks, position }, runtime.now())
      // Other processes with something to stand in need not find out for themselves.
      if (standIn !== undefined) store.turns?.giveBack(token, pauseMs)
    }
    // No caller hears of it.
    if (standIn !== undefined || flight.kept) emitter.problem({ error, during: 'load', key })
    if (standIn === undefined) throw error
    return standIn
  }

  #cachesError({ policy, key }: Call, error: unknown): boolean {
    try {
      return policy.cacheErrors?.when(error) === true
    } catch (thrown) {
      this.#options.emitter.problem({ error: thrown, during: 'policy', key })
      return false
    }
  }

  /** Waits for the store as long as the budget allows; the write goes on without the caller. */
  async #fill(
    call: Call,
    { entry, bytes }: Admitted,
    { token }: Flight<Landing>,
    store: Store,
  ): Promise<LoadOutcome | undefined> {
    const { account, emitter, flights, runtime } = this.#options
    const filling = store.fill(call.key, { entry, bytes, plain: call.policy.wire === 'plain' }, token)
    if (typeof filling === 'string') {
      if (filling === 'refused') emitter.problem({ error: tooLarge(), during: 'write', key: call.key })
      account.loaded(call, entry.computeMs, filling, entry.cost)
      return filling
    }
    token.held = true
    const filled = filling.then((outcome) => {
      flights.fence.release(token)
      account.loaded(call, entry.computeMs, outcome, entry.cost)
      return outcome
    })
    store.background.run(filled, () => {})
    return await withTimeLimit(filled, this.budgetMs, runtime)
  }
}

/** By what the load will be judged, as far as it is known before its end; tags that come from a result are not. */
function knownMarksOf(
  { policy, args, impliedTags }: Call,
  store: Store,
  position: TagPosition | undefined,
): Marks | undefined {
  if (typeof policy.tags === 'function') return undefined
  const loaded = { value: undefined, computeMs: 0, cost: 0, position, inherited: undefined }
  return marksOf(loaded, policy, args, [...store.impliedTags, ...impliedTags])
}

function tooLarge(): CacheError {
  return new CacheError('CACHE_UNSTORABLE_VALUE', 'The value is larger than maxValueBytes or than the memory takes')
}

/** Whether anything of the load is to stay. */
function keeps({ mode }: Call): boolean {
  return mode !== 'bypass' && mode !== 'readonly'
}

/** Frozen: what was kept, for all. Copied: the loader's own object for the first, what was kept is copied for everybody else. */
function takeLoaded({ policy }: Call, value: unknown, kept: Kept | Entry | undefined): () => unknown {
  if (kept === undefined) return () => value
  const own = (): unknown => give(kept, policy)
  return policy.isolation === 'frozen' ? own : firstThen(value, own)
}
