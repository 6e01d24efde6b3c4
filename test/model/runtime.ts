// The world of one run: a clock that moves only between turns, timers fired one at a time, randomness from a seed. Each move of the clock
// comes after all that was runnable has run, so that what happened "at a time" is exact: the oracle relies on it.
import type { Runtime, Timer } from '../../src/index.ts'

export interface ModelRuntime extends Runtime {
  /** Moves both clocks; what each timer sets off has run before the next one fires. */
  advance(ms: number): Promise<void>
  /** Timers that are armed. */
  readonly pending: number
}

/** Resolves when everything that was runnable has run: nothing here waits for the world outside. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Uniform in [0, 1), the same sequence for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** @param lagMs how far the coarse clock is behind, 16 at most */
export function modelRuntime(seed: number, lagMs: number): ModelRuntime {
  const startedAt = Date.UTC(2026, 0, 1)
  let elapsed = 0
  const timers = new Map<Timer, { readonly at: number; readonly callback: () => void }>()
  return {
    now: () => startedAt + elapsed,
    recent: () => startedAt + Math.max(0, elapsed - lagMs),
    monotonic: () => elapsed,
    random: randomFrom(seed),
    defer: (callback) => queueMicrotask(() => process.nextTick(callback)),
    setTimer(callback, ms) {
      const timer: Timer = { timer: undefined }
      timers.set(timer, { at: elapsed + ms, callback })
      return timer
    },
    clearTimer: (timer) => void timers.delete(timer),
    async advance(ms) {
      const end = elapsed + ms
      await settled()
      for (;;) {
        let first: Timer | undefined
        let at = Infinity
        for (const [timer, due] of timers) if (due.at <= end && due.at < at) [first, at] = [timer, due.at]
        if (first === undefined) break
        const { callback } = timers.get(first) as { callback: () => void }
        timers.delete(first)
        elapsed = Math.max(elapsed, at)
        callback()
        await settled()
      }
      elapsed = end
    },
    get pending() {
      return timers.size
    },
  }
}
