// A signal says how long a caller waits, not what is asked for: it is never in the key, and the function gets the flight's signal in its
// place. What only looks like one stays where it is, and nothing of the caller's is ever changed.
import { runInNewContext } from 'node:vm'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deriveKey } from '../../src/core/key-encoding.ts'
import { signalsIn, withoutSignals, withSignal } from '../../src/support/argument-signals.ts'
import { isCacheError } from '../../src/support/errors.ts'
import { anyArgs } from './key-pairs.ts'

const { signal } = new AbortController()
const { signal: other } = new AbortController()
const { signal: flight } = new AbortController()

function keyOf(...args: readonly unknown[]): string {
  return deriveKey('p:n', undefined, withoutSignals(args))
}

/** An AbortSignal of another class: a polyfill, a DOM in tests. */
class ForeignSignal extends EventTarget {
  readonly aborted = false
  get [Symbol.toStringTag](): string {
    return 'AbortSignal'
  }
}
const foreign = new ForeignSignal() as unknown as AbortSignal

class Request {
  readonly signal = signal
}

describe('a signal', () => {
  test('is found as an argument and as the property of a plain object, in order', () => {
    expect(signalsIn([signal])).toEqual([signal])
    expect(signalsIn(['a', { signal, b: 1 }, other])).toEqual([signal, other])
    expect(signalsIn([Object.assign(Object.create(null), { signal })])).toEqual([signal])
    expect(signalsIn([Object.freeze({ signal })])).toEqual([signal])
    expect(signalsIn([AbortSignal.abort()])).toHaveLength(1)
    expect(signalsIn([foreign, { signal: foreign }])).toEqual([foreign, foreign])
  })

  test('is not in the key', () => {
    expect(keyOf(signal)).toBe(keyOf())
    expect(keyOf('a', signal)).toBe(keyOf('a'))
    expect(keyOf('a', signal, 'b')).toBe(keyOf('a', undefined, 'b'))
    expect(keyOf({ signal, b: 1 })).toBe(keyOf({ b: 1 }))
    expect(keyOf('a', { signal })).toBe(keyOf('a', {}))
    expect(keyOf({ signal: undefined, b: 1 })).toBe(keyOf({ b: 1 }))
    expect(keyOf({ signal: undefined })).toBe(keyOf({}))
    expect(keyOf(Object.freeze({ signal, b: 1 }))).toBe(keyOf({ b: 1 }))
    expect(keyOf(Object.assign(Object.create(null), { signal, b: 1 }))).toBe(keyOf({ b: 1 }))
    expect(keyOf(JSON.parse('{"__proto__":1,"b":1}'))).toBe(keyOf(Object.assign(JSON.parse('{"__proto__":1,"b":1}'), { signal })))
    expect(keyOf(foreign, { signal: foreign, b: 1 })).toBe(keyOf(undefined, { b: 1 }))
  }) // prettier-ignore

  test('is replaced in the call, where it stood and nowhere else', () => {
    expect(withSignal(['a', signal, { signal: other, b: 1 }, 1], flight)).toStrictEqual(['a', flight, { signal: flight, b: 1 }, 1])
    expect(withSignal(['a', { signal: undefined }], flight)).toStrictEqual(['a', { signal: undefined }])
    expect(withSignal(['a', {}], flight)).toStrictEqual(['a', {}])
    expect(withSignal([foreign], flight)).toStrictEqual([flight])
    const bare = withSignal([Object.assign(Object.create(null), { signal, b: 1 })], flight)[0] as object
    expect(Object.getPrototypeOf(bare)).toBeNull()
    expect(Object.entries(bare)).toEqual([['signal', flight], ['b', 1]])
    expect(Object.getPrototypeOf(withSignal([{ signal }], flight)[0])).toBe(Object.prototype)
    const own = withSignal([Object.assign(JSON.parse('{"__proto__":1}'), { signal })], flight)[0]
    expect(isDeepStrictEqual(own, Object.assign(JSON.parse('{"__proto__":1}'), { signal: flight }))).toBe(true)
  }) // prettier-ignore

  test('is replaced in a copy: the objects of the caller stay as they are', () => {
    const nested = { deep: [1] }
    const options = { signal, nested }
    const frozen = Object.freeze({ signal, nested })
    const args = Object.freeze(['a', signal, options, frozen])
    const called = withSignal(args, flight)
    expect(called).not.toBe(args)
    expect(called.slice(2)).toStrictEqual([
      { signal: flight, nested },
      { signal: flight, nested },
    ])
    expect((called[2] as typeof options).nested).toBe(nested)
    keyOf(...args)
    expect(args).toStrictEqual(['a', signal, { signal, nested }, { signal, nested }])
    expect(args[2]).toBe(options)
    expect(args[1]).toBe(signal)
  })

  test('leaves the getters of its object getters for the function', () => {
    let reads = 0
    const options = {
      signal,
      get page() {
        reads += 1
        return reads
      },
    }
    const [copy] = withSignal([options], flight) as [typeof options]
    expect(reads).toBe(0)
    expect([copy.page, copy.page]).toEqual([1, 2])
  })

  test('makes no other argument of its object unhashable, and none hashable', () => {
    const boom = new Error('boom')
    const throwing = {
      signal,
      get page(): never {
        throw boom
      },
    }
    for (const wrong of [throwing, { signal, run: () => 1 }, { signal, [Symbol('a')]: 1 }]) {
      let error: unknown
      try {
        keyOf('a', wrong)
      } catch (caught) {
        error = caught
      }
      expect(isCacheError(error, 'CACHE_UNHASHABLE_ARGUMENT')).toBe(true)
      expect((error as Error).message).toMatch(/^argument 2/)
      if (wrong === throwing) expect((error as Error).cause).toBe(boom)
    }
  })

  test('beside a toCacheKey is left to it', () => {
    const own = { signal, id: 1, toCacheKey: () => 1 }
    expect(withoutSignals([own])[0]).toBe(own)
    expect(keyOf(own)).toBe(keyOf({ toCacheKey: () => 1 }))
    expect(signalsIn([own])).toEqual([signal])
  })
})

describe('what is no signal', () => {
  const withGetter = (read: () => unknown): object =>
    Object.defineProperty({}, 'signal', { get: read, enumerable: true })
  const { proxy: revoked, revoke } = Proxy.revocable({}, {})
  revoke()
  const throwing = new Proxy(
    {},
    {
      getOwnPropertyDescriptor() {
        throw new Error('boom')
      },
    },
  )
  const left: ReadonlyArray<readonly [string, unknown]> = [
    ['a signal in an array', [signal]],
    ['a signal deeper in an object', { options: { signal } }],
    ['a class instance with a signal', new Request()],
    ['an array with a property signal', Object.assign(['a'], { signal })],
    ['a Map with a signal', new Map([['signal', signal]])],
    ['an inherited signal', Object.create({ signal })],
    ['an object of another realm', runInNewContext('(signal) => ({ signal })')(signal)],
    ['a signal that is null', { signal: null }],
    ['a signal that is a name', { signal: 'SIGTERM' }],
    ['an object in the shape of a signal', { signal: { aborted: false, addEventListener: () => 1 } }],
    ['a plain object with the tag of a signal', { signal: { [Symbol.toStringTag]: 'AbortSignal', aborted: false, addEventListener: () => 1 } }],
    ['an instance with the tag only', new (class { readonly [Symbol.toStringTag] = 'AbortSignal' })()],
    ['a controller', new AbortController()],
    ['a revoked proxy', revoked],
    ['a proxy that throws', throwing],
    ['a getter', withGetter(() => signal)],
    ['a getter that throws', withGetter(() => { throw new Error('boom') })],
  ] // prettier-ignore

  test.each(left)('%s is left alone', (_, arg) => {
    const args = ['a', arg]
    expect(signalsIn(args)).toBeUndefined()
    expect(withoutSignals(args)).toBe(args)
    const called = withSignal(args, flight)
    expect(called[1] === arg).toBe(true)
  })

  test('a getter is read by the hash alone, and refused there when it gives a signal', () => {
    let reads = 0
    const arg = withGetter(() => {
      reads += 1
      return signal
    })
    signalsIn([arg])
    withSignal([arg], flight)
    expect(reads).toBe(0)
    expect(() => keyOf(arg)).toThrow(/^argument 1\.signal cannot be part of a cache key: it is an instance of AbortSignal/)
    expect(reads).toBe(1)
  }) // prettier-ignore

  test('a list of signals is refused by the hash', () => {
    expect(() => keyOf([signal])).toThrow(
      /^argument 1\[0\] cannot be part of a cache key: it is an instance of AbortSig/,
    )
    expect(() => keyOf(new Request())).toThrow(/it is an instance of Request/)
  })

  test('is left as it is in all arguments without a signal', () => {
    fc.assert(
      fc.property(anyArgs, (args) => {
        const some = args.some((arg) => typeof arg === 'object' && arg !== null && Object.hasOwn(arg, 'signal'))
        expect(signalsIn(args)).toBeUndefined()
        if (!some) expect(withoutSignals(args)).toBe(args)
        const called = withSignal(args, flight)
        expect(called).not.toBe(args)
        expect(called.length).toBe(args.length)
        expect(called.every((arg, index) => Object.is(arg, args[index]))).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})
