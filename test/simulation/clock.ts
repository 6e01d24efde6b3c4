// The world's time: it stands still while anything can run, and moves only when the schedule says so. Timers fire one at a time.
import type { Runtime, Timer } from '../../src/index.ts'

interface Armed extends Timer {
  readonly at: number
  readonly order: number
  readonly callback: () => void
  readonly owner: number
  /** It belongs to what the cache is used by. */
  readonly isOutside: boolean
}

export const epoch = Date.UTC(2026, 0, 1)

export class WorldClock {
  elapsed = 0
  readonly #timers: Set<Armed> = new Set()
  readonly #deferred: Array<() => void> = []
  #order = 0

  /** When the next timer of a living owner fires. */
  next(isAwake: (owner: number) => boolean): number | undefined {
    return this.#first(isAwake)?.at
  }

  /** Fires the first timer, moving time to it. */
  fire(isAwake: (owner: number) => boolean): void {
    const first = this.#first(isAwake)
    if (first === undefined) return
    this.#timers.delete(first)
    this.elapsed = Math.max(this.elapsed, first.at)
    first.callback()
  }

  set(callback: () => void, ms: number, owner: number, isOutside = false): Timer {
    const timer: Armed = {
      timer: undefined,
      at: this.elapsed + Math.max(0, ms),
      order: ++this.#order,
      callback,
      owner,
      isOutside,
    }
    this.#timers.add(timer)
    return timer
  }

  clear(timer: Timer): void {
    this.#timers.delete(timer as Armed)
  }

  clearOf(owner: number): void {
    for (const timer of this.#timers) if (timer.owner === owner) this.#timers.delete(timer)
  }

  /** Timers of the cache of that owner. */
  armed(owner: number): number {
    let count = 0
    for (const timer of this.#timers) if (timer.owner === owner && !timer.isOutside) count++
    return count
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback)
  }

  /**
   * Resolves when everything that can run has run: continuations of promises, then what was deferred until those were done, and again. A turn
   * of the event loop would do the same, for ten times as much.
   */
  async settled(): Promise<void> {
    for (;;) {
      await new Promise<void>((resolve) => process.nextTick(resolve))
      const next = this.#deferred.shift()
      if (next === undefined) return
      next()
    }
  }

  #first(isAwake: (owner: number) => boolean): Armed | undefined {
    let first: Armed | undefined
    for (const timer of this.#timers) {
      if (first !== undefined && (timer.at > first.at || (timer.at === first.at && timer.order > first.order))) continue
      if (isAwake(timer.owner)) first = timer
    }
    return first
  }
}

/** What one process sees of it. Its wall clock may be off, and may jump. */
export function runtimeOf(clock: WorldClock, owner: number, random: () => number, skewMs: () => number): Runtime {
  return {
    now: () => epoch + Math.floor(clock.elapsed + skewMs()),
    monotonic: () => clock.elapsed,
    random,
    setTimer: (callback, ms) => clock.set(callback, ms, owner),
    clearTimer: (timer) => clock.clear(timer),
    defer: (callback) => clock.defer(callback),
  }
}
