import type { Runtime, Timer } from '../contracts/runtime.ts'

// What a link to a server waits by: one background timer, either for the next look at the connection or for the next attempt to have one.
// Attempts go on for ever and back off, so that a server that is gone costs next to nothing, and one that is back is found within a
// second or so; with jitter, so that the replicas of a fleet do not all knock at the same moment.

const firstRetryMs = 50
const longestRetryMs = 1000

export class LinkTimer {
  readonly #runtime: Pick<Runtime, 'setTimer' | 'clearTimer' | 'random'>
  #isRunning = false
  #retryMs = firstRetryMs
  #timer: Timer | undefined

  constructor(runtime: Pick<Runtime, 'setTimer' | 'clearTimer' | 'random'>) {
    this.#runtime = runtime
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  start(): void {
    this.#isRunning = true
  }

  /** Nothing fires until it is started again. */
  stop(): void {
    this.#isRunning = false
    this.#clear()
  }

  /** In place of whatever it waits for. */
  set(ms: number, callback: () => void): void {
    this.#clear()
    if (!this.#isRunning) return
    this.#timer = this.#runtime.setTimer(
      () => {
        this.#timer = undefined
        callback()
      },
      ms,
      'background',
    )
  }

  /** Another attempt: each in a row is twice as far away, up to a second. */
  retry(attempt: () => void): void {
    if (!this.#isRunning) return
    const delay = this.#retryMs * (0.75 + this.#runtime.random() / 2)
    this.#retryMs = Math.min(longestRetryMs, this.#retryMs * 2)
    this.set(delay, attempt)
  }

  /** The next attempt is the first of its row. */
  connected(): void {
    this.#retryMs = firstRetryMs
  }

  #clear(): void {
    if (this.#timer !== undefined) this.#runtime.clearTimer(this.#timer)
    this.#timer = undefined
  }
}
