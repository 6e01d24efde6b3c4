import type { CacheBackend } from '../contracts/backend.ts'
import type { CacheState } from '../contracts/events.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { withTimeLimit } from '../support/deadline.ts'
import type { BreakerState } from './circuit-breaker.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import type { Emitter } from './emit.ts'
import { reasonOf } from './emit.ts'
import type { Journal } from './journal.ts'
import type { Recovery } from './recovery.ts'
import { isStoreDown } from './remote-tier.ts'

// Whether the primary is used. It is up or down, and only this file decides which. The way down is taken at the first sign that the primary
// does not answer; everybody else then spends nothing on it. The way back is `Recovery`'s.

export interface AvailabilityOptions {
  readonly backend: CacheBackend
  readonly runtime: Runtime
  readonly emitter: Emitter
  readonly budgetMs: number
  readonly recovery: Recovery
  readonly journal: Journal
  /** Whether the primary answers now. */
  readonly answers: () => Promise<boolean>
  /** What the cache is called while the primary is away. */
  readonly awayState: 'degraded' | 'disconnected'
  readonly stateChanged: (to: CacheState, reason: string) => void
  /** The connection is gone, whatever the state. */
  readonly linkLost: () => void
  readonly wentDown: () => void
  /**
   * Called before anything is read.
   * @param isSame the primary has still the data it had before, and what was confirmed
   */
  readonly cameBack: (isSame: boolean) => void
}

/** Failures in a row after which a store that answers nothing but errors counts as away. */
const tooManyErrors = 5

export class Availability {
  readonly #options: AvailabilityOptions
  readonly #breaker: CircuitBreaker
  readonly #unwatch: (() => void) | undefined
  #mode: 'up' | 'down' | 'closed' = 'down'
  #errorsInARow = 0
  #epoch = 0
  /** Why it could not be used the last time. */
  #trouble = 'it does not answer'

  constructor(options: AvailabilityOptions) {
    this.#options = options
    this.#breaker = new CircuitBreaker(options.runtime, () => this.#recover())
    this.#unwatch = options.backend.link?.watch({
      lost: (reason) => this.#linkLost(reason),
      restored: () => void this.#linkRestored(),
    })
  }

  get isUp(): boolean {
    return this.#mode === 'up'
  }

  get isDown(): boolean {
    return this.#mode === 'down'
  }

  /** One life of the primary's being in use. */
  get epoch(): number {
    return this.#epoch
  }

  get state(): 'connected' | 'degraded' | 'disconnected' {
    return this.#mode === 'up' ? 'connected' : this.#options.awayState
  }

  get breaker(): BreakerState {
    return this.#breaker.state
  }

  /** First contact. @returns whether the primary can be used; when not, it is probed from now on */
  async connect(deadlineMs: number): Promise<boolean> {
    const inTime = await withTimeLimit(this.#recover(), deadlineMs, this.#options.runtime)
    if (inTime === true) return true
    this.#goDown(inTime === false ? this.#trouble : `it did not answer within ${deadlineMs} ms`)
    return false
  }

  async ping(): Promise<boolean> {
    const { recovery, answers: ask, budgetMs, runtime } = this.#options
    const answers = recovery.connected && (await ask())
    // Whoever asks finds out for all.
    if (!answers && this.#mode === 'up') this.#goDown('it does not answer a ping')
    if (answers && this.#mode === 'down') await withTimeLimit(this.#recover(), budgetMs, runtime)
    return answers
  }

  /** An operation succeeded. */
  succeeded(): void {
    this.#errorsInARow = 0
    if (this.#mode === 'up') this.#breaker.succeeded()
  }

  /** @param epoch when it was begun: what fails after that has ended says nothing about the next */
  failed(error: unknown, epoch: number): void {
    if (this.#mode !== 'up' || epoch !== this.#epoch) return
    if (isStoreDown(error) || ++this.#errorsInARow >= tooManyErrors) this.#goDown(reasonOf(error))
  }

  close(): void {
    this.#mode = 'closed'
    this.#breaker.close()
    this.#options.recovery.stop()
    this.#unwatch?.()
  }

  #linkLost(reason: string): void {
    const { recovery, linkLost } = this.#options
    recovery.linkLost()
    linkLost()
    if (this.#mode === 'up') this.#goDown(reason)
  }

  /** The next probe would find out as well, but later. */
  async #linkRestored(): Promise<void> {
    // An attempt that began before may fail for having begun before.
    if (this.#mode === 'down' && !(await this.#recover()) && this.#mode === 'down') await this.#recover()
  }

  #goDown(reason: string): void {
    if (this.#mode === 'closed') return
    this.#mode = 'down'
    this.#errorsInARow = 0
    this.#options.stateChanged(this.state, reason)
    this.#breaker.open()
    this.#options.wentDown()
  }

  /** One attempt to use the primary; never rejects. */
  async #recover(): Promise<boolean> {
    try {
      await this.#options.recovery.attempt((isSame) => this.#comeBack(isSame))
      return this.#mode === 'up'
    } catch (error) {
      this.#trouble = reasonOf(error)
      this.#options.emitter.problem({ error, during: 'connect' })
      return false
    }
  }

  #comeBack(isSame: boolean): void {
    if (this.#mode !== 'down') return
    const { cameBack, stateChanged, journal, recovery } = this.#options
    cameBack(isSame)
    this.#mode = 'up'
    this.#epoch++
    this.#breaker.close()
    stateChanged('connected', 'it answers')
    // What the store refused to delete stays a miss here, and is asked for again.
    if (journal.size > 0) recovery.replaySoon(() => this.#mode === 'up')
  }
}
