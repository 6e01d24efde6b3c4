import type { Runtime } from '../contracts/runtime.ts'

// Those who wait until somebody else has loaded a key. They are woken by what the store tells of the key, or of its lease; the time they
// are given is for the case that whoever loads has died without a word.

/** Beyond it whoever comes does not wait. One per key that is being loaded elsewhere. */
const mostWaiting = 10_000

export class Waiters {
  readonly #runtime: Pick<Runtime, 'setTimer' | 'clearTimer'>
  readonly #wakes: Map<string, Set<() => void>> = new Map()
  readonly #whenFull: (limit: number) => void
  #size = 0
  #isFullTold = false

  /** @param whenFull told once, and again after half of them have gone */
  constructor(runtime: Pick<Runtime, 'setTimer' | 'clearTimer'>, whenFull: (limit: number) => void) {
    this.#runtime = runtime
    this.#whenFull = whenFull
  }

  get isFull(): boolean {
    return this.#size >= mostWaiting
  }

  /** Resolves when the key is woken, or after `ms`. */
  wait(key: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wakes = this.#wakes.get(key) ?? new Set()
      this.#wakes.set(key, wakes)
      this.#size++
      if (this.isFull) this.#tellFull()
      const wake = (): void => {
        this.#runtime.clearTimer(timer)
        wakes.delete(wake)
        if (wakes.size === 0 && this.#wakes.get(key) === wakes) this.#wakes.delete(key)
        this.#size--
        if (this.#size <= mostWaiting / 2) this.#isFullTold = false
        resolve()
      }
      wakes.add(wake)
      const timer = this.#runtime.setTimer(wake, ms, 'deadline')
    })
  }

  wake(key: string): void {
    for (const wake of [...(this.#wakes.get(key) ?? [])]) wake()
  }

  wakeAll(): void {
    for (const key of [...this.#wakes.keys()]) this.wake(key)
  }

  #tellFull(): void {
    if (this.#isFullTold) return
    this.#isFullTold = true
    this.#whenFull(mostWaiting)
  }

  get size(): number {
    return this.#size
  }
}
