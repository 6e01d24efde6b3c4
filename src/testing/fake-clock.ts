import type { Runtime, Timer } from '../contracts/runtime.ts'
import { describe, outOfRange } from '../support/errors.ts'
import { checkOptionNames } from '../support/options.ts'
import { systemRuntime } from '../support/runtime.ts'
import { seededRandom } from './seeded-random.ts'

export interface FakeClockOptions {
  /** What the wall clock says first, milliseconds since 1970. Default: the beginning of 2026. */
  readonly startsAt?: number | undefined
  /** Of `random()`: the same seed gives the same numbers. Default: 1. */
  readonly seed?: number | undefined
}

/** Time that stands still until a test moves it. A `Runtime`, so it fits wherever one is taken. */
export interface FakeClock extends Runtime {
  /**
   * Moves both clocks on. Each timer that becomes due runs at its own time, in order; whatever it sets off (promises, and timers that become due
   * on the way) is done before the next one runs.
   *
   * @param ms milliseconds, not negative
   * @throws {RangeError} `CACHE_BAD_OPTION`; and what a timer's callback threw, once all have run
   */
  readonly advance: (ms: number) => Promise<void>
  /** Sets the wall clock alone, as its owner might: forwards or backwards. Runs nothing. @param ms by how much */
  readonly jump: (ms: number) => void
  /** Lets everything be done that waits for no timer. */
  readonly settle: () => Promise<void>
  /** Timers that are armed. */
  readonly pending: number
}

interface Armed {
  readonly at: number
  readonly callback: () => void
}

/** Promises that wait for promises take turns: so many in a row without anything deferred, and nothing is going on any more. */
const quietTurns = 4

/**
 * A clock for tests: nothing waits, and nothing depends on how fast the machine is.
 *
 * @throws {TypeError | RangeError} `CACHE_BAD_OPTION`
 * @example
 * const clock = fakeClock()
 * const cache = createCache({ backend: new MemoryBackend({ runtime: clock }), runtime: clock })
 * await clock.advance(60_000)
 */
export function fakeClock(options: FakeClockOptions = {}): FakeClock {
  checkOptionNames(options, new Set(['startsAt', 'seed']), 'fakeClock')
  const { startsAt = 1_767_225_600_000, seed = 1 } = options
  if (!Number.isFinite(startsAt))
    throw outOfRange('CACHE_BAD_OPTION', `startsAt must be a number of milliseconds, got ${describe(startsAt)}`)
  const timers = new Map<Timer, Armed>()
  let elapsed = 0
  let jumped = 0
  let deferred = 0

  const settle = async (): Promise<void> => {
    let seen = -1
    for (let quiet = 0; quiet < quietTurns; quiet = seen === deferred ? quiet + 1 : 0) {
      seen = deferred
      await new Promise<void>((resolve) => systemRuntime.defer(resolve))
    }
  }

  const nextDue = (end: number): Timer | undefined => {
    let next: Timer | undefined
    let at = Infinity
    for (const [timer, armed] of timers) {
      // Of those due at the same time the first armed comes first: a Map keeps that order.
      if (armed.at <= end && armed.at < at) [next, at] = [timer, armed.at]
    }
    return next
  }

  return {
    now: () => startsAt + jumped + elapsed,
    monotonic: () => elapsed,
    random: seededRandom(seed),
    setTimer(callback, ms) {
      const timer: Timer = { timer: undefined }
      timers.set(timer, { at: elapsed + Math.max(0, ms), callback })
      return timer
    },
    clearTimer: (timer) => void timers.delete(timer),
    defer(callback) {
      deferred++
      systemRuntime.defer(callback)
    },
    async advance(ms) {
      if (!(typeof ms === 'number' && ms >= 0 && ms < Infinity)) {
        throw outOfRange('CACHE_BAD_OPTION', `advance takes milliseconds, not negative, got ${describe(ms)}`)
      }
      const end = elapsed + ms
      const errors: unknown[] = []
      await settle()
      for (let timer = nextDue(end); timer !== undefined; timer = nextDue(end)) {
        const { at, callback } = timers.get(timer) as Armed
        timers.delete(timer)
        elapsed = Math.max(elapsed, at)
        try {
          callback()
        } catch (error) {
          errors.push(error)
        }
        await settle()
      }
      // Another advance may have gone further meanwhile.
      elapsed = Math.max(elapsed, end)
      await settle()
      if (errors.length > 0) throw errors[0]
    },
    jump(ms) {
      if (!Number.isFinite(ms)) throw outOfRange('CACHE_BAD_OPTION', `jump takes milliseconds, got ${describe(ms)}`)
      jumped += ms
    },
    settle,
    get pending() {
      return timers.size
    },
  }
}
