// What cannot be told from another argument is refused, wherever it stands, by an error that names the place and says what to do: never
// a key that another call could have, never a hang.
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { deriveKey } from '../../src/core/key-encoding.ts'
import { isCacheError } from '../../src/support/errors.ts'

function keyOf(...args: readonly unknown[]): string {
  return deriveKey('p:n', undefined, args)
}

function errorOf(...args: readonly unknown[]): Error {
  try {
    keyOf(...args)
  } catch (error) {
    return error as Error
  }
  throw new Error('Expected an error, but none was thrown')
}

describe('an argument that cannot be told from another', () => {
  class Point {
    readonly x = 1
  }
  class Tenant extends Map<string, string> {
    readonly id: string
    constructor(id: string) {
      super()
      this.id = id
    }
  }
  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic
  const cyclicMap = new Map<unknown, unknown>()
  cyclicMap.set('m', [cyclicMap])
  const deep = (levels: number): unknown => Array.from({ length: levels }).reduce((inside) => [inside], 0 as unknown)
  const throwing = new Error('boom')
  const argumentsOf = function (): unknown {
    return arguments
  } as (...args: readonly unknown[]) => unknown

  test.each<[string, unknown, RegExp]>([
    [
      'a function',
      () => 1,
      /^argument 1 cannot be part of a cache key: it is an anonymous function\. Give the function/,
    ],
    ['a class', Point, /it is the function Point/],
    ['a symbol', Symbol('a'), /it is a symbol/],
    ['a class instance', new Point(), /it is an instance of Point/],
    ['a promise', Promise.resolve(), /it is an instance of Promise/],
    ['a regular expression', /a/, /it is an instance of RegExp/],
    ['an error', new Error('a'), /it is an instance of Error/],
    ['a boxed number', Object(1), /it is an instance of Number/],
    ['a WeakMap', new WeakMap(), /it is an instance of WeakMap/],
    ['shared memory', new SharedArrayBuffer(2), /it is an instance of SharedArrayBuffer/],
    ['a view of shared memory', new Uint8Array(new SharedArrayBuffer(2)), /it is an instance of Uint8Array/],
    ['a subclass of Date', new (class Stamp extends Date {})(0), /it is an instance of Stamp/],
    ['a subclass of Map', new Tenant('a'), /it is an instance of Tenant/],
    ['a subclass of Set', new (class Bag extends Set {})(), /it is an instance of Bag/],
    ['a subclass of Array', new (class List extends Array {})(), /it is an array/],
    ['a subclass of Uint8Array', new (class Bytes extends Uint8Array {})(2), /it is an instance of Bytes/],
    ['a Date with a property', Object.assign(new Date(0), { zone: 'a' }), /it is an instance of Date/],
    ['a Map with a symbol property', Object.assign(new Map(), { [Symbol('a')]: 1 }), /it is an instance of Map/],
    ['an array with a named property', Object.assign([1], { index: 1 }), /it is an array with named properties/],
    ['a match of a regular expression', 'abc'.match(/b/), /it is an array with named properties/],
    [
      'an array with a symbol property',
      Object.assign([1], { [Symbol('a')]: 1 }),
      /it is an array with named properties/,
    ],
    // Each has one hole, or the named property alone would be one key too many.
    [
      'an array with a property that reads like an index',
      Object.assign(new Array(1), { '00': 1 }),
      /with named properties/,
    ],
    ['an array with a negative property', Object.assign(new Array(1), { '-1': 1 }), /with named properties/],
    [
      'an array with a property between two indexes',
      Object.assign(new Array(3), { '1.5': 1 }),
      /with named properties/,
    ],
    [
      'an array with a property past all indexes',
      Object.assign(new Array(1), { 4294967295: 1 }),
      /with named properties/,
    ],
    [
      'bytes with a named property',
      Object.assign(Buffer.from('a'), { mime: 'a' }),
      /it is bytes with named properties/,
    ],
    [
      'many bytes with a named property',
      Object.assign(new Uint8Array(99), { a: 1 }),
      /it is bytes with named properties/,
    ],
    [
      'bytes with a symbol property',
      Object.assign(new Uint8Array(9), { [Symbol('a')]: 1 }),
      /bytes with named properties/,
    ],
    [
      'many numbers with a symbol property',
      Object.assign(new Float64Array(99), { [Symbol('a')]: 1 }),
      /bytes with named/,
    ],
    [
      'an ArrayBuffer with a property',
      Object.assign(new ArrayBuffer(2), { a: 1 }),
      /it is bytes with named properties/,
    ],
    [
      'what only looks like an ArrayBuffer',
      Object.create(ArrayBuffer.prototype),
      /it is something that cannot be read/,
    ],
    ['a proxy of an ArrayBuffer', new Proxy(new ArrayBuffer(2), {}), /it is something that cannot be read/],
    ['the arguments of a function', argumentsOf('a'), /it is an object with a symbol as a key/],
    ['a plain object of another realm', runInNewContext('({ a: 1 })'), /it is an instance of Object/],
    ['an AbortSignal', new AbortController().signal, /it is an instance of AbortSignal/],
    ['an object with a symbol as a key', { [Symbol('a')]: 1 }, /it is an object with a symbol as a key/],
    ['what only looks like a Date', Object.create(Date.prototype), /it is something that cannot be read/],
    ['what only looks like a Map', Object.create(Map.prototype), /it is something that cannot be read/],
    ['what only looks like an array', Object.create(Array.prototype), /it is an instance of Array/],
    ['a cycle', cyclic, /argument 1\.self\.self cannot .* it is nested deeper than 200 levels, or contains itself/],
    ['a cycle through a Map', cyclicMap, /contains itself/],
    ['something very deep', deep(100_000), /nested deeper than 200 levels/],
    ['a huge array of holes', new Array(2 ** 32 - 1), /it is larger than \d+ values/],
    ['a huge array of holes with one element', Object.assign(new Array(2 ** 32 - 1), { 5: 1 }), /it is larger than/],
    ['an array of more than a million holes', new Array(1_000_001), /it is an array with more than 1000000 holes/],
  ])('%s is an error that names it and says what to do', (_, wrong, message) => {
    const error = errorOf(wrong)
    expect(error).toBeInstanceOf(TypeError)
    expect(isCacheError(error, 'CACHE_UNHASHABLE_ARGUMENT')).toBe(true)
    expect(error.message).toMatch(message)
    // Anywhere inside, and beside readable arguments, it is an error as well.
    for (const inside of [[wrong], { a: wrong }, new Map([['a', wrong]]), new Map([[wrong, 1]]), new Set([wrong])]) {
      expect(isCacheError(errorOf('a', inside), 'CACHE_UNHASHABLE_ARGUMENT')).toBe(true)
    }
  })

  test.each<[string, unknown]>([
    ['a getter', { get a(): never { throw throwing } }],
    ['a proxy', new Proxy({}, { ownKeys() { throw throwing } })],
    ['a proxy that hides its kind', new Proxy([], { getPrototypeOf() { throw throwing } })],
  ])('%s that throws is an error with the cause', (_, wrong) => {
    expect(isCacheError(errorOf(wrong), 'CACHE_UNHASHABLE_ARGUMENT')).toBe(true)
    expect(errorOf(wrong).cause).toBe(throwing)
  }) // prettier-ignore

  test('a revoked proxy is an error', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(isCacheError(errorOf(proxy), 'CACHE_UNHASHABLE_ARGUMENT')).toBe(true)
  })

  test.each([new Blob(['a']), new File(['a'], 'b')])(
    'a file, %s, is an error that says how its content gets into a key',
    (file) => {
      expect(errorOf('a', { file }).message).toMatch(
        /^argument 2\.file cannot .*\. Pass the hash of the content as well, from `await CacheKeyGenerator\.computeHashStream\(file\.stream\(\)\)` or `computeHash\(bytes\)`, and give the function a `key` that takes only the hash$/,
      )
    },
  )

  test('is reported as the error of this package that a toCacheKey met', () => {
    const inner = errorOf(() => 1)
    const wrong = {
      toCacheKey() {
        throw inner
      },
    }
    expect(errorOf([wrong])).toBe(inner)
  })

  test('is what is too large only as a whole: the process never hangs', () => {
    const million = new Array(1_000_000)
    expect(errorOf([million, million, million, million, million, million]).message).toMatch(
      /it is larger than 5000000 values/,
    )
    // 2^60 objects for whoever follows all references.
    const shared = Array.from({ length: 60 }).reduce((inside) => ({ a: inside, b: inside }), million as unknown)
    expect(errorOf(shared).message).toMatch(/it is larger than 5000000 values/)
  })

  test('is named by where it stands', () => {
    const run = (): number => 1
    expect(errorOf('a', { list: [1, { run }] }).message).toMatch(/^argument 2\.list\[1\]\.run cannot /)
    expect(errorOf(new Map([['a', { run }]])).message).toMatch(/^argument 1\.<value>\.run cannot /)
    expect(errorOf(new Map([[{ run }, 'a']])).message).toMatch(/^argument 1\.<key>\.run cannot /)
    expect(errorOf([new Set(['a', run])]).message).toMatch(/^argument 1\[0\]\.<item> cannot /)
    expect(errorOf('a', { toCacheKey: () => [run] }).message).toMatch(/^argument 2\.toCacheKey\(\)\[0\] cannot /)
    expect(errorOf(run).message).toMatch(/^argument 1 cannot /)
    expect(errorOf('secret text', new Point()).message).not.toContain('secret')
  })

  test('does not become a key after all when it is trailing undefined', () => {
    expect(keyOf('a', undefined)).toBe(keyOf('a'))
    expect(keyOf(undefined, 'a')).not.toBe(keyOf('a'))
    expect(keyOf([undefined])).not.toBe(keyOf([]))
  })

  test('is not what is merely deep or large', () => {
    expect(keyOf(deep(199))).not.toBe(keyOf(deep(198)))
    expect(keyOf(Array.from({ length: 100_000 }, (_, index) => index))).toMatch(/~/)
    expect(keyOf(new Uint8Array(5_000_000))).not.toBe(keyOf(new Uint8Array(5_000_001)))
    const twice = { a: 1 }
    expect(keyOf([twice, twice])).toBe(keyOf([{ a: 1 }, { a: 1 }]))
  })
})
