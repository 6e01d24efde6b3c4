// A runtime whose clock the test moves. Timers fire when the clock passes them; nothing sleeps.
import type { Runtime, Timer } from '../../src/index.ts'

export interface ManualRuntime extends Runtime {
  /** Moves both clocks and fires what is due, in order. */
  advance(ms: number): void
  /** Timers that are armed. */
  readonly pending: number
}

export function manualRuntime(startedAt = Date.UTC(2026, 0, 1)): ManualRuntime {
  let elapsed = 0
  const timers = new Map<Timer, { at: number; callback: () => void }>()
  return {
    now: () => startedAt + elapsed,
    monotonic: () => elapsed,
    random: () => 0.5,
    defer: (callback) => queueMicrotask(() => process.nextTick(callback)),
    setTimer(callback, ms) {
      const timer: Timer = { timer: undefined }
      timers.set(timer, { at: elapsed + ms, callback })
      return timer
    },
    clearTimer: (timer) => void timers.delete(timer),
    advance(ms) {
      const end = elapsed + ms
      for (;;) {
        const due = [...timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0]
        if (due === undefined) break
        timers.delete(due[0])
        elapsed = Math.max(elapsed, due[1].at)
        due[1].callback()
      }
      elapsed = end
    },
    get pending() {
      return timers.size
    },
  }
}
