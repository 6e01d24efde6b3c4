// The contract, as far as one process can see it, applied to what happened. Each value tells its origin, so "older" needs no versions: a
// loader that began before an invalidation was called may have read the source before the change.
//
//   C1  a read that begins after an invalidation (or write) was answered gets nothing that began before it was called; for what inherits
//       tags, nothing made from such a part. Failures that are remembered obey it too.
//   C3  one current loader per key
//   C4  what is given is equal to what was loaded, whoever had it before and did things to it
//   C5  a call rejects with its own loader's error, a hard timeout that passed, or the reason of its own signal; nothing else rejects
//   and: modes and `shouldCache` are kept, and nothing is served beyond its windows.
import { isDeepStrictEqual } from 'node:util'
import type { Barrier, History, Origin, Read } from './history.ts'
import type { Key } from './plan.ts'
import { originsAreOlder, reachesFailure, reachesValue } from './reach.ts'
import { lifeOf } from './life.ts'
import { isDeeplyFrozen, originOf, originOfText, valueOf } from './values.ts'

export interface Status {
  readonly source: string
  readonly stale: boolean
  readonly ageMs: number
}

export class Oracle {
  readonly running: Set<Origin> = new Set()
  readonly #history: History
  readonly #keys: readonly Key[]
  readonly #now: () => number

  constructor(history: History, keys: readonly Key[], now: () => number) {
    this.#history = history
    this.#keys = keys
    this.#now = now
  }

  /** @returns the origin of the value, if it has one */
  given(read: Read, value: unknown, status: Status | undefined): Origin | undefined {
    const { door } = read
    if ((door === 'peek' || door === 'getValue') && value === undefined) return undefined
    if (door === 'get' && value === null) return undefined
    const id = door === 'get' ? originOfText(value as string) : originOf(value)
    const origin = id === undefined ? undefined : this.#history.origins[id]
    if (origin === undefined || origin.key !== read.key) {
      this.#violated(read, 'C4: a value from nowhere, or of another key', origin)
      return undefined
    }
    this.#checkValue(read, value, origin)
    this.#checkAge(read, origin)
    this.#checkModes(read, origin)
    this.#checkTimes(read, origin, status)
    // Others may have found it in the store while its flight still waits for the store's answer.
    if (read === origin.opener) origin.delivered ??= this.#history.tick()
    return origin
  }

  #checkValue(read: Read, value: unknown, origin: Origin): void {
    if (read.door === 'get') return
    const { kind } = origin.behaviour
    const isRaw = origin.object === 'raw'
    const parts = origin.parts.map(({ id }) => id)
    const expected = isRaw ? { origin: origin.id, raw: true } : valueOf(origin.id, kind, parts)
    if (!isDeepStrictEqual(value, expected)) this.#violated(read, 'C4: not the value that was loaded', origin)
    const { policy } = this.#keys[read.key] as Key
    const isManual = read.door === 'getValue' || origin.by === 'set'
    if (policy.isolation === 'frozen' && kind === 'plain' && !isManual && !isDeeplyFrozen(value)) {
      this.#violated(read, 'C4: a value for all readers that one of them could change', origin)
    }
  }

  /**
   * A stale value is judged when it is served: it must not be older than what was answered before that, though its caller came earlier. As
   * the clock moves only when all has run, what was answered at an earlier time was answered before.
   */
  #checkAge(read: Read, origin: Origin): void {
    const now = this.#now()
    const { policy } = this.#keys[read.key] as Key
    const wasThere = origin.by !== 'set' && (origin.ended ?? Infinity) < read.started
    const isStale = wasThere && now >= lifeOf(origin, policy, now).staleTo
    for (const barrier of this.#history.barriers) {
      const { ended = Infinity, endedAt } = barrier
      const isBefore = ended < read.started || (isStale && endedAt < now)
      if (barrier.void || !isBefore || barrier.origin === origin) continue
      if (reachesValue(barrier, origin, this.#keys) && !this.#isForgotten(barrier)) {
        this.#violated(read, `C1: older than ${barrier.what} (${barrier.started}-${ended})`, origin)
      }
    }
    if (origin.stored === false && origin.ended !== undefined && origin.ended < read.started) {
      this.#violated(read, 'C1: a written value that was said not to be stored', origin)
    }
  }

  /** What is primed is an entry like any other: when the store goes or comes back, what it held before may be back. */
  #isForgotten({ origin, started }: Barrier): boolean {
    const { moments } = this.#history
    return origin?.by === 'prime' && moments.some(({ at, what }) => at > started && what === 'store changed')
  }

  #checkModes(read: Read, origin: Origin): void {
    const { mode } = read
    const opener = origin.opener
    if (mode === 'bypass' && opener !== read) this.#violated(read, 'a bypass got what it did not load', origin)
    if (mode === 'refresh' && opener?.mode !== 'refresh') this.#violated(read, 'a refresh got what was there', origin)
    if (opener?.mode === 'bypass' && opener !== read) this.#violated(read, 'what a bypass loaded is shared', origin)
    if (opener?.mode === 'readonly' && mode !== 'readonly') {
      this.#violated(read, 'what a readonly call loaded is served to others', origin)
    }
    const { cacheable, valid } = origin.behaviour
    const { policy } = this.#keys[read.key] as Key
    const isKept = cacheable && (valid || policy.guard === 'none') && opener?.mode !== 'readonly'
    if (!isKept && origin.delivered !== undefined && origin.delivered < read.started) {
      this.#violated(read, 'a value that must not be stored', origin)
    }
  }

  #checkTimes(read: Read, origin: Origin, status: Status | undefined): void {
    const { policy } = this.#keys[read.key] as Key
    const life = lifeOf(origin, policy, this.#now())
    const ran = (origin.endedAt ?? 0) - origin.startedAt
    if (origin.by === 'load' && policy.hardTimeout > 0 && ran >= policy.hardTimeout) {
      this.#violated(read, 'it came after the hard timeout', origin)
    }
    const { ended = Infinity, delivered = Infinity } = origin
    const isLoad = origin.by === 'load' && ended > read.started
    if (status?.source === 'load') {
      // Those who come before the first has it have joined the flight.
      if (origin.by !== 'load' || delivered < read.started || status.stale || status.ageMs !== 0)
        this.#violated(read, 'not loaded for this call', origin)
      return
    }
    if (status !== undefined) {
      const createdAt = this.#now() - status.ageMs
      if (createdAt < life.createdFrom || createdAt > life.createdTo) this.#violated(read, 'a wrong age', origin)
      if (status.stale && this.#now() < life.staleFrom) this.#violated(read, 'called stale, but fresh', origin)
      if (!status.stale && read.startedAt >= life.staleTo) this.#violated(read, 'stale, but not called so', origin)
      if (status.stale) this.#history.count('served stale, and said so')
    }
    if (isLoad) return
    const isManual = read.door === 'getValue' || read.door === 'get'
    const swr = isManual || origin.by === 'set' ? 0 : policy.swr
    const ifError = isManual || origin.by === 'set' || read.door === 'peek' ? 0 : policy.staleIfError
    if (read.startedAt >= life.staleTo + Math.max(swr, ifError)) this.#violated(read, 'beyond its windows', origin)
    else if (read.startedAt >= life.staleTo + swr) {
      this.#history.count('served because a load failed or was slow')
      if (policy.softTimeout === 0 && !this.#hasFailedSince(origin) && !this.#isBehind(origin, life.staleTo + swr)) {
        this.#violated(read, 'served as if a load had failed', origin)
      }
    }
  }

  #hasFailedSince(origin: Origin): boolean {
    const { hardTimeout } = (this.#keys[origin.key] as Key).policy
    return this.#history.origins.some(
      (run) =>
        run.key === origin.key &&
        run.by === 'load' &&
        ((run.error !== undefined && (run.ended as number) > origin.started) ||
          (hardTimeout > 0 && run.started > origin.started && run.startedAt + hardTimeout <= this.#now())),
    )
  }

  /** A load that began behind it within `swr` is under way: what stands in for it does so until it ends, or its last window. */
  #isBehind({ key }: Origin, until: number): boolean {
    return [...this.running].some((run) => run.key === key && run.startedAt < until)
  }

  rejected(read: Read, error: unknown): void {
    const signal = read.signal?.signal
    if (signal?.aborted === true && error === signal.reason) return this.#history.count('rejected: own signal')
    const { policy } = this.#keys[read.key] as Key
    const runs = this.#history.origins.filter((run) => run.key === read.key && run.by === 'load')
    if ((error as { readonly code?: unknown } | null)?.code === 'CACHE_LOAD_TIMEOUT') {
      const limit = policy.hardTimeout
      const hasPassed = runs.some(({ startedAt, ended, endedAt }) => {
        const over = startedAt + limit
        return over <= this.#now() && read.startedAt <= over && (ended === undefined || (endedAt as number) >= over)
      })
      if (limit > 0 && hasPassed) return this.#history.count('rejected: hard timeout')
    }
    const failed = runs.filter((run) => run.error?.thrown === error)
    const wrong = failed.map((run) => this.#whyNotToThrow(read, run))
    if (wrong.includes(undefined)) {
      for (const run of failed) run.delivered ??= this.#history.tick()
      return this.#history.count('rejected: the error of its load')
    }
    // The signal of the load it works for, which only that load knows.
    if (read.within !== undefined && failed.length === 0) return this.#history.count('rejected: its load was over')
    this.#violated(read, `C5: rejected with ${String(error)} (${wrong.join(', ') || 'not its own'})`, failed[0])
  }

  #whyNotToThrow(read: Read, run: Origin): string | undefined {
    const { policy } = this.#keys[read.key] as Key
    for (const barrier of this.#history.barriers) {
      if (barrier.void || barrier.ended === undefined || barrier.ended > read.started) continue
      if (originsAreOlder(run, barrier) && reachesFailure(barrier, run, this.#keys)) {
        return `C1: a failure older than ${barrier.what} (${barrier.started}-${barrier.ended})`
      }
    }
    // Those who come before the first hears of it have joined the flight.
    if (run.delivered === undefined || run.delivered > read.started) return undefined
    if (policy.cacheErrors === 0) return 'a failure that was over'
    if (read.startedAt >= (run.endedAt as number) + policy.cacheErrors) return 'a failure that was remembered too long'
    this.#history.count('rejected: a remembered error')
    return undefined
  }

  /** C3: whether a loader that runs for the same key is not current any more. */
  starts(origin: Origin): void {
    const mode = origin.opener?.mode
    for (const other of this.running) {
      if (other.key !== origin.key || mode === 'bypass' || other.opener?.mode === 'bypass') continue
      if ((mode === 'readonly') !== (other.opener?.mode === 'readonly')) continue
      // One that was made void before its loader began is not current either.
      if (!this.#isOver(other) && !this.#isOver(origin)) {
        this.#history.violated(`C3: load ${origin.id} of key ${origin.key} beside load ${other.id}, which is current`)
      }
    }
    this.running.add(origin)
  }

  #isOver(run: Origin): boolean {
    const { key } = run
    const opened = run.opener?.started ?? run.started
    const { hardTimeout } = (this.#keys[key] as Key).policy
    if (hardTimeout > 0 && run.startedAt + hardTimeout <= this.#now()) return true
    const { barriers, reads, moments } = this.#history
    return (
      moments.some(({ at }) => at > opened) ||
      barriers.some(
        ({ keys, tags, inside, everything, ended = Infinity }) =>
          ended > opened && (keys.includes(key) || tags.length > 0 || inside || everything),
      ) ||
      reads.some((read) => read.key === key && read.mode === 'refresh' && (read.ended ?? Infinity) > opened)
    )
  }

  #violated({ key, door, mode, started, ended, within }: Read, what: string, origin: Origin | undefined): void {
    const call = `${door}/${mode} of key ${key} (${started}-${ended ?? ''}${within === undefined ? '' : ', by a loader'})`
    const value =
      origin === undefined ? '' : `; ${origin.by} ${origin.id} (${origin.started}-${origin.ended ?? 'running'})`
    this.#history.violated(`${what}: ${call}${value}`)
  }
}
