import type { Duration } from '../contracts/duration.ts'
import { misuse, outOfRange, quote } from './errors.ts'

// One rule for time everywhere: a number is seconds, a string names its unit, nothing is guessed.

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const pattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

/** What `'forever'` is told to backends that want seconds: ten years. */
export const foreverSeconds: number = 10 * 365 * 86_400

/**
 * A duration in milliseconds; `Infinity` for `'forever'`.
 *
 * @param what how the option is named in the error
 * @param zero whether `0` is allowed (windows and timeouts: off) or not (a life of no length is a mistake)
 * @throws {RangeError} `CACHE_BAD_DURATION` for negatives, `NaN`, `Infinity`, and `0` where it is not allowed
 * @throws {TypeError} `CACHE_BAD_DURATION` for anything that is not a duration
 */
export function toMs(duration: Duration, what: string, zero: 'positive' | 'zero-is-off' = 'positive'): number {
  if (duration === 'forever') return Infinity
  const ms = typeof duration === 'number' ? duration * 1000 : parse(duration, what)
  if (!Number.isFinite(ms) || ms < 0 || (ms === 0 && zero === 'positive')) {
    throw outOfRange(
      'CACHE_BAD_DURATION',
      `${what} must be ${zero === 'positive' ? 'more than zero' : 'zero or more'}, got ${quote(duration)}`,
    )
  }
  return ms
}

function parse(duration: unknown, what: string): number {
  const match = typeof duration === 'string' ? pattern.exec(duration) : null
  if (match === null) {
    throw misuse(
      'CACHE_BAD_DURATION',
      `${what} must be a number of seconds, a string like '500ms', '90s', '15m', '24h', '7d', or 'forever', got ${quote(duration)}`,
    )
  }
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
}

/** What a backend is told: whole seconds, at least 1, rounded up so that the entry's own exact time decides. */
export function toBackendSeconds(ms: number): number {
  return ms === Infinity ? foreverSeconds : Math.min(foreverSeconds, Math.max(1, Math.ceil(ms / 1000)))
}
