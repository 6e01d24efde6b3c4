import type { Runtime, Timer } from '../contracts/runtime.ts'

// The only place that touches the clock, timers and randomness of the process.

/** `setTimeout` fires at once for longer delays (it keeps a signed 32-bit count of milliseconds). */
const longestTimerMs = 2 ** 31 - 1

export const systemRuntime: Runtime = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  setTimer(callback, ms, kind) {
    const timer = setTimeout(callback, Math.min(ms, longestTimerMs))
    if (kind === 'background') timer.unref()
    return { timer }
  },
  clearTimer(timer: Timer) {
    clearTimeout(timer.timer as NodeJS.Timeout)
  },
  defer(callback) {
    // A microtask first: `nextTick` called from a microtask runs when the microtask queue is empty, called from the main
    // script it would run before the continuations of promises that are already settled.
    queueMicrotask(() => process.nextTick(callback))
  },
}
