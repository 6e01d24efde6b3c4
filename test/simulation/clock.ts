// The world's time: it stands still while anything can run, and moves only when the schedule says so. Timers fire one at a time.
import type { Runtime, Timer } from '../../src/index.ts'

interface Armed {
  readonly at: number
  readonly order: number
  readonly callback: () => void
  readonly owner: number
}

export const epoch = Date.UTC(2026, 0, 1)

export class WorldClock {
  elapsed = 0
  readonly #timers: Map<Timer, Armed> = new Map()
  #order = 0

  /** When the next timer of a living owner fires. */
  next(isAwake: (owner: number) => boolean): number | undefined {
    return this.#first(isAwake)?.[1].at
  }

  /** Fires the first timer, moving time to it. */
  fire(isAwake: (owner: number) => boolean): void {
    const first = this.#first(isAwake)
    if (first === undefined) return
    const [timer, { at, callback }] = first
    this.#timers.delete(timer)
    this.elapsed = Math.max(this.elapsed, at)
    callback()
  }

  set(callback: () => void, ms: number, owner: number): Timer {
    const timer: Timer = { timer: undefined }
    this.#timers.set(timer, { at: this.elapsed + Math.max(0, ms), order: ++this.#order, callback, owner })
    return timer
  }

  clear(timer: Timer): void {
    this.#timers.delete(timer)
  }

  clearOf(owner: number): void {
    for (const [timer, armed] of this.#timers) if (armed.owner === owner) this.#timers.delete(timer)
  }

  armed(owner: number): number {
    return [...this.#timers.values()].filter((timer) => timer.owner === owner).length
  }

  #first(isAwake: (owner: number) => boolean): [Timer, Armed] | undefined {
    let first: [Timer, Armed] | undefined
    for (const entry of this.#timers) {
      if (!isAwake(entry[1].owner)) continue
      if (
        first === undefined ||
        entry[1].at < first[1].at ||
        (entry[1].at === first[1].at && entry[1].order < first[1].order)
      )
        first = entry
    }
    return first
  }
}

/** What one node sees of it. Its wall clock may be off. */
export function runtimeOf(clock: WorldClock, owner: number, random: () => number, skewMs: () => number): Runtime {
  return {
    now: () => epoch + Math.floor(clock.elapsed + skewMs()),
    monotonic: () => clock.elapsed,
    random,
    setTimer: (callback, ms) => clock.set(callback, ms, owner),
    clearTimer: (timer) => clock.clear(timer),
    defer: (callback) => queueMicrotask(() => process.nextTick(callback)),
  }
}
