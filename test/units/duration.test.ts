// One rule for time: a number is seconds, a string names its unit, nothing is guessed.
import { describe, expect, test } from 'vitest'
import type { Duration } from '../../src/contracts/duration.ts'
import { foreverSeconds, toBackendSeconds, toMs } from '../../src/support/duration.ts'
import { isCacheError } from '../../src/support/errors.ts'

function errorOf(run: () => unknown): Error {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('Expected an error, but none was thrown')
}

describe('a duration', () => {
  test.each<[Duration, number]>([
    [1, 1000],
    [0.2, 200],
    [3600, 3_600_000],
    ['500ms', 500],
    ['1ms', 1],
    ['90s', 90_000],
    ['15m', 900_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['1.5h', 5_400_000],
    ['0.5s', 500],
    ['007s', 7000],
    ['forever', Infinity],
  ])('of %j is %d ms', (duration, ms) => {
    expect(toMs(duration, 'ttl')).toBe(ms)
  })

  test.each<[unknown, string]>([
    ['', 'an empty string'],
    ['15', "'15'"],
    ['15min', "'15min'"],
    ['1 h', "'1 h'"],
    [' 1h', "' 1h'"],
    ['1h ', "'1h '"],
    ['1h\n', "'1h\n'"],
    ['1H', "'1H'"],
    ['-1s', "'-1s'"],
    ['+1s', "'+1s'"],
    ['1e3s', "'1e3s'"],
    ['.5s', "'.5s'"],
    ['1.s', "'1.s'"],
    ['1,5s', "'1,5s'"],
    ['1h30m', "'1h30m'"],
    ['Forever', "'Forever'"],
    ['Infinity', "'Infinity'"],
    ['x'.repeat(100), 'a string of 100 characters'],
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'true'],
    [5n, '5n'],
    [{}, 'an object'],
    [['1s'], 'an array'],
    [new Date(0), 'an instance of Date'],
  ])('is not %s: the error names the option, what is expected and what came', (wrong, came) => {
    const error = errorOf(() => toMs(wrong as Duration, 'hardTimeout'))
    expect(error).toBeInstanceOf(TypeError)
    expect(isCacheError(error, 'CACHE_BAD_DURATION')).toBe(true)
    expect(error.message).toMatch(
      /^hardTimeout must be a number of seconds, a string like '500ms', .* or 'forever', got /,
    )
    expect(error.message.endsWith(came)).toBe(true)
  })

  test.each<Duration>([0, -0, -1, -0.001, Number.NaN, Infinity, -Infinity, '0s', '0.0ms', '0d'])(
    'of %j has no length and is a RangeError',
    (wrong) => {
      const error = errorOf(() => toMs(wrong, 'ttl'))
      expect(error).toBeInstanceOf(RangeError)
      expect(isCacheError(error, 'CACHE_BAD_DURATION')).toBe(true)
      expect(error.message).toMatch(/^ttl must be more than zero, got /)
    },
  )

  test('of zero switches windows and timeouts off, less than zero never does', () => {
    expect(toMs(0, 'swr', 'zero-is-off')).toBe(0)
    expect(toMs('0s', 'swr', 'zero-is-off')).toBe(0)
    for (const wrong of [-1, Number.NaN, Infinity]) {
      expect(errorOf(() => toMs(wrong, 'swr', 'zero-is-off')).message).toMatch(/^swr must be zero or more, got /)
    }
  })

  test('beyond all numbers is an error and not forever', () => {
    expect(errorOf(() => toMs(1e306, 'ttl'))).toBeInstanceOf(RangeError)
    expect(errorOf(() => toMs(`${'9'.repeat(400)}s` as Duration, 'ttl'))).toBeInstanceOf(RangeError)
  })
})

describe('what a backend is told', () => {
  test.each([
    [1, 1],
    [999, 1],
    [1000, 1],
    [1001, 2],
    [-5000, 1],
    [0, 1],
    [90_500, 91],
    [Infinity, foreverSeconds],
    [1e300, foreverSeconds],
  ])('for %d ms is %d whole seconds, rounded up, from one second to ten years', (ms, seconds) => {
    expect(toBackendSeconds(ms)).toBe(seconds)
    expect(Number.isInteger(toBackendSeconds(ms))).toBe(true)
  })
})
