/** A pending timer. Opaque: only `Runtime.clearTimer` takes it. */
export interface Timer {
  readonly timer: unknown
}

/**
 * The one door to the world outside the process' memory: time, timers and randomness. Core and backends use nothing else
 * (lint proves it), so that a simulation can own them all.
 */
export interface Runtime {
  /** Wall clock, milliseconds. May jump. For absolute times that are stored. */
  now(): number
  /**
   * The wall clock as of a few milliseconds ago (16 at most while the event loop runs), for a fraction of what `now` costs. Default:
   * `now`.
   */
  readonly recent?: (() => number) | undefined
  /** Milliseconds since some start. Never goes back. For measuring. */
  monotonic(): number
  /**
   * `monotonic` as of the present turn of the event loop, for a fraction of what it costs. Never older: a process that was frozen, or a loop
   * that was blocked, reads the clock anew. Default: `monotonic`.
   */
  readonly turn?: (() => number) | undefined
  /** Uniform in [0, 1). */
  random(): number
  /**
   * Runs `callback` once after `ms`. `'background'` timers do not keep the process alive; `'deadline'` timers do, since
   * a caller waits for what they bound.
   */
  setTimer(callback: () => void, ms: number, kind: 'background' | 'deadline'): Timer
  clearTimer(timer: Timer): void
  /** Runs `callback` when what runs now, and every promise continuation it queued, is done. */
  defer(callback: () => void): void
}
