import type { LeaseCapability, LeaseRequest } from '../contracts/backend.ts'
import type { Runtime, Timer } from '../contracts/runtime.ts'
import type { Coherence } from './coherence.ts'
import type { Emitter } from './emit.ts'
import type { FenceToken } from './fence.ts'
import type { RemoteTier } from './remote-tier.ts'
import type { Waiters } from './waiters.ts'

// Whose turn it is to load a key, among all processes. Whoever is given the lease loads; the others wait until they are told that the key
// or its lease has changed, and look again. The lease only saves work: what keeps an old value out is that the store compares the token when
// the value comes. So where it cannot be had, one loads without it and stores nothing.

/** A process that died without a word delays the others by at most this. Renewals wake those who wait, so it is not shorter. */
const leaseMs = 5000
/** A holder that misses two renewals still holds. */
const renewMs = leaseMs / 3
/** The server ends a lease by its own clock, and counts it in whole milliseconds. */
const slackMs = 10
/**
 * Where what is loaded cannot be stored (the loader fails, the value is refused), each holder is followed by the next, and who came last would
 * wait for all of them. So whoever was overtaken twice loads for itself: a quarter of them at first, then half, then the rest.
 */
const firstOvertaken = 2
const mostOvertaken = 4
/** How often a lease is looked at again that was granted while something was told of its key. */
const mostLooks = 3
/** How long one waits who is not told of changes; each time longer. */
const firstLookMs = 20
const longestLookMs = 250

/**
 * `load` and store what comes · `alone`: load, and store nothing · `again`: look at what the store has, and ask once more · a pause: a load
 * failed a moment ago; whoever has something to stand in does not try
 */
export type Turn = 'load' | 'alone' | 'again' | { readonly pauseMs: number }

/** How one load has asked for its turn so far. */
export interface Asking {
  overtaken: number
  looks: number
  holder: string | undefined
}

export interface TurnsOptions {
  readonly leases: Pick<LeaseCapability, 'isOn'>
  readonly remote: RemoteTier
  readonly runtime: Runtime
  readonly emitter: Emitter
  readonly coherence: Coherence
  readonly waiters: Waiters
  readonly isUp: () => boolean
  /** What goes on without a caller; `close` waits for it. */
  readonly tracked: (work: Promise<unknown>) => unknown
}

export class Turns {
  readonly #options: TurnsOptions
  readonly #held: Map<string, Held> = new Map()
  /** Tokens of other processes, and of an earlier life of this one, never look like these. */
  readonly #origin: string
  #count = 0

  constructor(options: TurnsOptions) {
    this.#options = options
    const part = (): string => Math.floor(options.runtime.random() * 2 ** 48).toString(36)
    this.#origin = `${part()}${part()}`
  }

  get isOn(): boolean {
    return this.#options.leases.isOn
  }

  /**
   * Asks for the right to load, and waits while somebody else has it.
   * @param guard ends the waiting when nobody wants the load any more
   */
  async ask(
    token: FenceToken,
    request: Pick<LeaseRequest, 'seen' | 'despite'>,
    asking: Asking,
    guard: (waiting: Promise<void>) => Promise<unknown>,
  ): Promise<Turn> {
    const { remote, runtime, emitter, isUp, waiters } = this.#options
    // What it would bring is void already.
    if (!token.live) return 'alone'
    if (!this.isOn) return 'load'
    if (!isUp() || waiters.isFull || this.#hasWaitedEnough(asking)) return 'alone'
    const name = `${this.#origin}.${++this.#count}`
    const askedAt = runtime.monotonic()
    // The answer speaks for the time before it: what counts is told from here on.
    token.followed = true
    token.lease = name
    token.overwritten = false
    token.foundNothing = request.seen === undefined && request.despite !== 'anyone'
    let answer
    try {
      answer = await remote.acquire(token.key, { ...request, token: name, leaseMs })
    } catch (error) {
      token.lease = undefined
      emitter.problem({ error, during: 'write', key: token.key })
      return 'alone'
    }
    if (answer.kind !== 'granted') token.lease = undefined
    switch (answer.kind) {
      case 'granted':
        // Frozen meanwhile, this process does not know whose lease it is by now.
        if (runtime.monotonic() - askedAt >= leaseMs || !(await this.#isHeldStill(token, name))) {
          token.lease = undefined
          return 'again'
        }
        this.#held.set(name, { token, isVoid: () => false, timer: this.#renewLater(token.key, name) })
        return 'load'
      case 'changed':
        return 'again'
      case 'paused':
        return { pauseMs: answer.waitMs }
      case 'held': {
        const own = this.#held.get(answer.holder)
        // By a load of this process that will store nothing: what made it void ended its turn, though the store was not told.
        if (own !== undefined && !isUseful(own))
          return await this.ask(token, { ...request, despite: 'anyone' }, asking, guard)
        if (asking.holder !== undefined && answer.holder !== asking.holder) asking.overtaken++
        asking.holder = answer.holder
        // What it was to wait for may have been told before the answer.
        if (token.followed) await guard(this.#wait(token.key, answer.waitMs + slackMs, asking))
        return 'again'
      }
    }
  }

  /**
   * What was told before the grant was answered may have come before it in the store, or after it and have ended it. Giving it back to be sure
   * would be told to others who ask just then, and they would do the same, for ever.
   */
  async #isHeldStill(token: FenceToken, lease: string): Promise<boolean> {
    for (let looks = 0; !token.followed && looks < mostLooks; looks++) {
      token.followed = true
      token.overwritten = false
      try {
        if (!(await this.#options.remote.renewLease(token.key, lease, leaseMs))) return false
      } catch {
        return false
      }
    }
    return true
  }

  /** Takes the right to load from whoever has it: a new value is there already. */
  async take(token: FenceToken): Promise<void> {
    const asking: Asking = { overtaken: 0, looks: 0, holder: undefined }
    const never = (): Promise<void> => Promise.resolve()
    while ((await this.ask(token, { seen: undefined, despite: 'anyone' }, asking, never)) === 'again');
  }

  /** The load has begun. @param isVoid whether what it brings will be of no use */
  began(token: FenceToken, isVoid: () => boolean): void {
    const held = this.#held.get(token.lease ?? '')
    if (held !== undefined) held.isVoid = isVoid
  }

  /** Something was invalidated: whoever loads in vain gives its turn to the next. */
  reconsider(): void {
    for (const { token, isVoid } of [...this.#held.values()]) if (isVoid()) this.giveBack(token)
  }

  /** The lease was used up by a fill, or is nobody's any more. */
  ended(token: FenceToken): void {
    if (token.lease === undefined) return
    this.#forget(token.lease)
    token.lease = undefined
  }

  /** Lets others load. @param pauseMs see `LeaseCapability.release` */
  giveBack(token: FenceToken, pauseMs?: number): void {
    const { lease, key } = token
    if (lease === undefined) return
    this.ended(token)
    const { remote, isUp, tracked } = this.#options
    // Should it fail, the lease ends by itself.
    if (isUp()) tracked(remote.release(key, lease, pauseMs).catch(() => {}))
  }

  close(): void {
    for (const lease of this.#held.keys()) this.#forget(lease)
  }

  get size(): number {
    return this.#held.size
  }

  #hasWaitedEnough({ overtaken }: Asking): boolean {
    return overtaken >= firstOvertaken && this.#options.runtime.random() < 2 ** (overtaken - mostOvertaken)
  }

  #wait(key: string, ms: number, asking: Asking): Promise<void> {
    const { coherence, waiters } = this.#options
    const look = Math.min(longestLookMs, firstLookMs * 2 ** asking.looks++)
    return waiters.wait(key, coherence.isTold ? ms : Math.min(ms, look))
  }

  #renewLater(key: string, lease: string): Timer {
    return this.#options.runtime.setTimer(() => void this.#renew(key, lease), renewMs, 'background')
  }

  async #renew(key: string, lease: string): Promise<void> {
    const { remote, isUp } = this.#options
    let isHeld = true
    try {
      // While the store is away it may still be held when the store is back.
      if (isUp()) isHeld = await remote.renewLease(key, lease, leaseMs)
    } catch {
      // The next one may succeed.
    }
    const held = this.#held.get(lease)
    if (held === undefined) return
    if (isHeld) held.timer = this.#renewLater(key, lease)
    else this.#held.delete(lease)
  }

  #forget(lease: string): void {
    const held = this.#held.get(lease)
    if (held !== undefined) this.#options.runtime.clearTimer(held.timer)
    this.#held.delete(lease)
  }
}

/** Whether what it brings may be stored, as far as is known now; that somebody may not join it does not end that. */
function isUseful({ token, isVoid }: Held): boolean {
  return token.live && !(token.foundNothing && token.overwritten) && !isVoid()
}

interface Held {
  readonly token: FenceToken
  isVoid: () => boolean
  timer: Timer
}
