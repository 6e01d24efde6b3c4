import type { Runtime, Timer } from '../contracts/runtime.ts'

// Stands before a store that failed: while it is open nobody waits for that store. Only a probe, timed by itself and backing off, finds out
// whether the store is back.

const firstProbeMs = 50
const longestProbeMs = 2000

export type BreakerState = 'closed' | 'open' | 'half-open'

export class CircuitBreaker {
  readonly #runtime: Runtime
  readonly #probe: () => Promise<boolean>
  #state: BreakerState = 'closed'
  #timer: Timer | undefined
  #delayMs = firstProbeMs

  /** @param probe resolves to whether the store may be used again; never rejects */
  constructor(runtime: Runtime, probe: () => Promise<boolean>) {
    this.#runtime = runtime
    this.#probe = probe
  }

  get state(): BreakerState {
    return this.#state
  }

  /** The store failed: keeps everybody away from it and begins to probe. */
  open(): void {
    if (this.#state !== 'closed') return
    this.#state = 'open'
    this.#schedule()
  }

  /** An operation worked: the next failure is a new one and is probed soon. */
  succeeded(): void {
    this.#delayMs = firstProbeMs
  }

  /** The store is back, whoever found out. Also ends all probing. */
  close(): void {
    if (this.#timer !== undefined) this.#runtime.clearTimer(this.#timer)
    this.#timer = undefined
    this.#state = 'closed'
  }

  #schedule(): void {
    // Jitter, so that the replicas of a fleet do not all knock at the same moment.
    const delay = this.#delayMs * (0.75 + this.#runtime.random() / 2)
    this.#delayMs = Math.min(longestProbeMs, this.#delayMs * 2)
    this.#timer = this.#runtime.setTimer(() => void this.#halfOpen(), delay, 'background')
  }

  async #halfOpen(): Promise<void> {
    this.#timer = undefined
    this.#state = 'half-open'
    const recovered = await this.#probe()
    if (this.#state !== 'half-open') return
    if (recovered) {
      this.#state = 'closed'
    } else {
      this.#state = 'open'
      this.#schedule()
    }
  }
}
