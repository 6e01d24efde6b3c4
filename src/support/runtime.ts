import type { Runtime, Timer } from '../contracts/runtime.ts'

// The only place that touches the clock, timers and randomness of the process.

/** `setTimeout` fires at once for longer delays (it keeps a signed 32-bit count of milliseconds). */
const longestTimerMs = 2 ** 31 - 1

// The coarse clock: one interval that keeps nothing alive, and that ends when nobody has read it for a while, so that an idle process
// sleeps. Reading the real clock on each hit would cost more than the rest of the hit.
const tickMs = 8
const idleTicks = 128
const realDate = Date
/** A test's fake timers, now or later, must not be what this clock ticks by. */
const realSetInterval = setInterval
const canTick = !('clock' in setInterval)
let coarse = 0
let ticking: NodeJS.Timeout | undefined
let ticksUnread = 0

function tick(): void {
  coarse = Date.now()
  if (++ticksUnread < idleTicks) return
  clearInterval(ticking)
  ticking = undefined
}

function start(): number {
  if (Date !== realDate || !canTick) return Date.now()
  coarse = Date.now()
  ticking ??= realSetInterval(tick, tickMs).unref()
  return coarse
}

function recent(): number {
  ticksUnread = 0
  // Whoever replaced `Date` (a test's fake timers) moves it without any tick.
  return ticking !== undefined && Date === realDate ? coarse : start()
}

// The clock of a turn: read once, and again after so many readings, since what goes from promise to promise can make one turn last for ever.
const readingsPerTurn = 64
let turnAt = 0
let readingsLeft = 0
let turnEnds = false

function turn(): number {
  if (readingsLeft > 0) {
    readingsLeft--
    return turnAt
  }
  turnAt = performance.now()
  readingsLeft = readingsPerTurn
  if (!turnEnds) {
    turnEnds = true
    process.nextTick(endTurn)
  }
  return turnAt
}

function endTurn(): void {
  turnEnds = false
  readingsLeft = 0
}

export const systemRuntime: Runtime = {
  now: () => Date.now(),
  recent,
  monotonic: () => performance.now(),
  turn,
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
