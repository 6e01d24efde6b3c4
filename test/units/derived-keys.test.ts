// What single arguments do in derived keys: which are readable, and pairs that a careless encoding would confuse. That keys are equal if
// and only if the arguments are is proven in key-properties.test.ts, what is refused in key-refused.test.ts.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deriveKey, identityOf } from '../../src/core/key-encoding.ts'
import { hashOf } from '../../src/support/argument-hash.ts'
import { isCacheError } from '../../src/support/errors.ts'

function keyOf(...args: readonly unknown[]): string {
  return deriveKey('p:n', undefined, args)
}

describe('derived keys', () => {
  test('are different for other functions, versions, scopes and arguments', () => {
    const parts = ['a', 'b', 'ab', 'a-b', '1', "'1'", 'true', '~', 'x.y', 'é']
    const scopes = [undefined, 'a', 'b', '1', 1, 1n, '1n', true, 'true', ')', '(a)', 'a:b', "'1'", '~a', '%61', '\ud800', '\ud801', ' ']
    const anything = fc.record({
      // A prefix is never the whole identity of another function: definitions that clash are refused.
      prefix: fc.constantFrom(undefined, 'p', 'q', 'p-q'),
      name: fc.constantFrom(...parts),
      version: fc.constantFrom(undefined, 1, 2, 'a', '1-a'),
      scope: fc.constantFrom(...scopes),
      args: fc.array(fc.constantFrom<unknown>(...parts, 1, 1n, true, '(a)', ':', '@1', '~x'), { maxLength: 2 }),
    })
    const text = (one: { readonly args: readonly unknown[] }): string =>
      JSON.stringify(one, (_, item: unknown) => (typeof item === 'bigint' ? { bigint: String(item) } : item))
    const byKey = new Map<string, string>()
    for (const one of fc.sample(anything, { numRuns: 20_000, seed: 11 })) {
      const key = deriveKey(identityOf(one.prefix, one.name, one.version), one.scope, one.args)
      expect(byKey.get(key) ?? text(one)).toBe(text(one))
      byKey.set(key, text(one))
    }
    expect(byKey.size).toBeGreaterThan(5_000)
  }) // prettier-ignore

  test('do not collide with what looks like a key, a hash or another kind', () => {
    const hashed = keyOf('a', 'b')
    const tail = hashed.slice('p:n:'.length)
    const args: unknown[][] = [
      ['a', 'b'], [tail], [tail.slice(1)], ['a:b'], [['a', 'b']], ['a,b'], [], [null], [''], [[]], [{}], [[[]]],
      [1], ['1'], [1n], ['1n'], [true], ['true'], ["'1'"], ["'true'"], [-1], ['-1'], [0], [-0], ['0'], ['-0'], [Number.NaN], ['NaN'],
      [Infinity], ['Infinity'], [new Date(0)], [new Date(Number.NaN)], ['Invalid Date'], [1e21], ['1e+21'], [undefined, 1], [null, 1],
      [[undefined]], [new Array(1)], [[null]], [{ a: undefined }], [{ a: null }], [{ '': 1 }], [['', 1]], [new Map([['', 1]])],
      [new Set(['', 1])], [{ __proto__: null, a: 1 }], [JSON.parse('{"__proto__":{"a":1}}')], [{ ['__proto__']: 1 }],
      [Buffer.from('a')], [new Uint8Array([97])], [[97]], [new Uint8Array([97]).buffer], ['\ud800'], ['\ud801'], ['\ufffd'],
      ['a', ''], ['', 'a'], [['a'], 'b'], ['a', ['b']], [[['a', 'b']]], ['ab', ''], ['a'.repeat(129)], ['a'.repeat(130)],
      // What an encoding without lengths would write for the one before.
      ['a', 'sb'], ['as', 'b'], [{ a: '=t;' }], [{ 'a=s3:': true }], [new Map([['a', '=>t;']])], [new Map([['a=>s4:', true]])],
    ] // prettier-ignore
    const keyTexts = args.map((list) => keyOf(...list))
    expect(new Set(keyTexts).size).toBe(args.length)
  })

  test('are readable for one short safe text or number, and name nothing else', () => {
    expect(keyOf()).toBe('p:n')
    expect(keyOf(undefined, undefined)).toBe('p:n')
    expect(keyOf('abc')).toBe('p:n:abc')
    expect(keyOf('abc', undefined)).toBe('p:n:abc')
    expect(keyOf(42)).toBe('p:n:42')
    expect(keyOf('42')).toBe("p:n:'42'")
    expect(keyOf(-1.5)).toBe('p:n:-1.5')
    expect(deriveKey('p:n', 'a tenant', ['x'])).toBe('p:n:(a%20tenant):x')
    for (const arg of ['Ada Lovelace', 'a:b', '漢', 'a{b}', 'x'.repeat(129), '', 1n, true, null, {}, ['abc']]) {
      expect(keyOf(arg)).toMatch(/^p:n:~[\w-]{43}$/)
    }
  })

  test('stay the same from release to release: entries of the last one are still found', () => {
    const args = [
      { b: [1, '1', 1n, true, null, undefined], a: new Date(0) },
      new Map([['k', new Set([1])]]),
      Buffer.from('x'),
    ]
    expect(keyOf(...args)).toBe('p:n:~FXZ_qqzHgE0v03OSbOrCjJYaJhJ-BKBUiogdZDrUejs')
  })
})

describe('a toCacheKey method', () => {
  class Money {
    readonly amount: number
    readonly note: string
    constructor(amount: number, note: string) {
      this.amount = amount
      this.note = note
    }
    toCacheKey(): unknown {
      return ['money', this.amount]
    }
  }

  test('alone decides, on instances and on object literals', () => {
    expect(keyOf(new Money(1, 'a'))).toBe(keyOf(new Money(1, 'b')))
    expect(keyOf(new Money(1, 'a'))).not.toBe(keyOf(new Money(2, 'a')))
    expect(keyOf({ deep: [new Money(1, 'a')] })).toBe(keyOf({ deep: [new Money(1, 'b')] }))
    expect(keyOf({ id: 1, callback: () => 1, toCacheKey: () => 1 })).toBe(keyOf({ id: 1, toCacheKey: () => 1 }))
  })

  test('never makes an object equal to what it returns', () => {
    expect(keyOf({ toCacheKey: () => 'a' })).not.toBe(keyOf('a'))
    expect(keyOf({ toCacheKey: () => 'a' })).not.toBe(keyOf('ka'))
    expect(keyOf({ toCacheKey: () => 'a' })).not.toBe(keyOf({ toCacheKey: () => ({ toCacheKey: () => 'a' }) }))
    expect(keyOf({ toCacheKey: 'a' })).not.toBe(keyOf({ toCacheKey: () => 'a' }))
  })

  test('that returns nothing usable, itself, or throws is an error', () => {
    const self = { toCacheKey: (): unknown => self }
    const boom = new Error('boom')
    const throwing = {
      toCacheKey() {
        throw boom
      },
    }
    for (const wrong of [self, throwing, { toCacheKey: () => () => 1 }, { toCacheKey: () => Symbol('a') }]) {
      expect(isCacheError(errorOf(wrong), 'CACHE_UNHASHABLE_ARGUMENT')).toBe(true)
    }
    expect(errorOf(throwing).cause).toBe(boom)
  })
})

function errorOf(...args: readonly unknown[]): Error {
  try {
    keyOf(...args)
  } catch (error) {
    return error as Error
  }
  throw new Error('Expected an error, but none was thrown')
}

describe('a list that a `key` option returned', () => {
  test('is hashed as arguments are: without trailing undefined', () => {
    expect(hashOf(['a', undefined])).toBe(hashOf(['a']))
    expect(hashOf([undefined])).toBe(hashOf([]))
    expect(hashOf([undefined, 'a'])).not.toBe(hashOf(['a']))
    expect(hashOf(['a', 'b'])).toBe(keyOf('a', 'b').slice('p:n:'.length))
  })

  test('is refused when it is more than its elements', () => {
    expect(() => hashOf('abc'.match(/b/) as readonly unknown[])).toThrow(
      /^An argument cannot be part of a cache key: it is an array with named properties/,
    )
    expect(() => hashOf(new (class List extends Array {})())).toThrow(/it is an array/)
  })
})

describe('the properties of an argument', () => {
  test('are read once, in whatever order they were made', () => {
    let reads = 0
    const counted = {
      get b() {
        reads += 1
        return 1
      },
      a: 1,
    }
    expect(keyOf(counted)).toBe(keyOf({ a: 1, b: 1 }))
    expect(reads).toBe(1)
  })

  test('count only if they are enumerable, as for isDeepStrictEqual', () => {
    expect(keyOf(Object.defineProperty({ a: 1 }, 'b', { value: 1 }))).toBe(keyOf({ a: 1 }))
  })
})

describe('a scope', () => {
  test.each([undefined as never, null, {}, [], Symbol('a'), '', Number.NaN])('may not be %s', (scope) => {
    if (scope === undefined) return expect(deriveKey('p:n', scope, [])).toBe('p:n')
    let error: unknown
    try {
      deriveKey('p:n', scope as never, [])
    } catch (caught) {
      error = caught
    }
    expect(isCacheError(error, 'CACHE_BAD_KEY')).toBe(true)
    expect((error as Error).message).toMatch(/^scope must /)
    return undefined
  })
})
