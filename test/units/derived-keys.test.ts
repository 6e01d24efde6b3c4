// Two calls share a derived key if and only if their arguments are equal. A collision is one caller reading another's result, so
// these tests look for one: pairs that are equal by construction, pairs that differ in one place, and all pairs of many values.
// TEST_PROPERTY_FACTOR multiplies the runs.
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deriveKey, identityOf } from '../../src/core/key-encoding.ts'
import { isCacheError } from '../../src/support/errors.ts'

const factor = Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)

function keyOf(...args: readonly unknown[]): string {
  return deriveKey('p:n', undefined, args)
}

// What is equal, independent of the implementation: `isDeepStrictEqual`, with the promises on top of it. Null prototypes equal plain
// ones, an invalid date equals another, trailing `undefined` is dropped. (`isDeepStrictEqual` of some Node versions finds all urls equal.)

const marker = Symbol('marker')

function comparable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const copied = new Array<unknown>(value.length)
    for (const index of Object.keys(value)) copied[Number(index)] = comparable(value[Number(index)])
    return copied
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? { [marker]: 'an invalid date' } : value
  if (value instanceof URL) return { [marker]: value.href }
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [comparable(key), comparable(item)]))
  if (value instanceof Set) return new Set([...value].map(comparable))
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value
  return withEntries({}, Object.entries(value), comparable)
}

function withEntries(
  object: object,
  entries: ReadonlyArray<readonly [string, unknown]>,
  change: (value: unknown) => unknown,
): object {
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value: change(value), enumerable: true, configurable: true, writable: true })
  }
  return object
}

function isEqual(one: readonly unknown[], other: readonly unknown[]): boolean {
  const comparableArgs = (args: readonly unknown[]): unknown => {
    const last = args.findLastIndex((arg) => arg !== undefined)
    // A call has no holes in its arguments.
    return comparable([...args].slice(0, last + 1))
  }
  try {
    return isDeepStrictEqual(comparableArgs(one), comparableArgs(other))
  } catch {
    // That of Node 22 throws for some sets with null in them: nothing can be said of this pair.
    fc.pre(false)
    return false
  }
}

// Values

const texts = [
  '', ' ', 'a', 'b', 'ab', 'ba', 'a:b', ':', '1', '01', '-0', '0', '1n', '1.5', '1e3', 'true', 'false', 'null', 'undefined',
  'NaN', 'Infinity', '-Infinity', "'1'", "'", '~', '~AAAA', 's1:a', 'n;', 'u;', '(a)', '%41', 'A', '{}', '[]', '#l', 'a#l', '__proto__',
  'é', 'e\u0301', '漢', '😀', '\ud83d', '\ude00', '\ufffd', '\u0000', '1970-01-01T00:00:00.000Z', 'https://a.example/',
] // prettier-ignore
const numbers = [0, -0, 1, -1, 2, 1.5, 0.1 + 0.2, 0.3, 1e21, 1e-7, 2 ** 53, Number.NaN, Infinity, -Infinity, 5e-324]
const keys = ['a', 'b', 'ab', '', '0', '1', 'length', '__proto__', 'toJSON', 'toCacheKey', 'constructor', 'é', '\ud83d']

const leaf = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...texts) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
  { weight: 3, arbitrary: fc.constantFrom(...numbers) },
  { weight: 1, arbitrary: fc.double() },
  fc.constantFrom(0n, 1n, -1n, 10n ** 30n),
  fc.constantFrom(true, false, null, undefined),
  fc.constantFrom(0, 1, Number.NaN, 1e12).map((time) => new Date(time)),
  fc.constantFrom('https://a.example/', 'https://a.example/?b', 'file:///a').map((href) => new URL(href)),
  fc
    .tuple(fc.constantFrom('Buffer', 'Uint8Array', 'Int8Array', 'Uint32Array', 'Float64Array', 'DataView', 'ArrayBuffer'), fc.nat(2), fc.nat(2))
    .map(([kind, size, fill]) => bytesOf(kind, new Uint8Array(size * 8).fill(fill))),
) // prettier-ignore

function bytesOf(kind: string, bytes: Uint8Array): object {
  if (kind === 'Buffer') return Buffer.from(bytes)
  const { buffer } = new Uint8Array(bytes)
  if (kind === 'ArrayBuffer') return buffer
  const constructors = { Uint8Array, Int8Array, Uint32Array, Float64Array, DataView }
  return new (constructors[kind as keyof typeof constructors] as new (buffer: ArrayBuffer) => object)(buffer)
}

const hole = Symbol('hole')

const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => {
  const inside = tie('value')
  return {
    value: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      { weight: 5, arbitrary: leaf },
      fc.array(fc.oneof({ weight: 8, arbitrary: inside }, fc.constant(hole)), { maxLength: 4 }).map((items) => {
        const array = new Array<unknown>(items.length)
        items.forEach((item, index) => {
          if (item !== hole) array[index] = item
        })
        return array
      }),
      fc
        .tuple(fc.boolean(), fc.uniqueArray(fc.tuple(fc.constantFrom(...keys), inside), { maxLength: 3, selector: ([key]) => key }))
        .map(([plain, entries]) => withEntries(plain ? {} : (Object.create(null) as object), entries, (item) => item)),
      fc.array(fc.tuple(inside, inside), { maxLength: 3 }).map((entries) => new Map(entries)),
      fc.array(inside, { maxLength: 3 }).map((items) => new Set(items)),
    ),
  }
}) // prettier-ignore
const anyArgs = fc.array(anyValue, { maxLength: 3 })

// The two kinds of change. Choices come from a seeded sequence, so that a failing pair can be shrunk and repeated.

type Choose = (below: number) => number

function chooser(seed: number): Choose {
  let state = seed | 0
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
    return ((state ^ (state >>> 13)) >>> 0) % below
  }
}

function shuffled<T>(items: readonly T[], choose: Choose): T[] {
  const rest = [...items]
  return items.map(() => rest.splice(choose(rest.length), 1)[0] as T)
}

/** An equal value that shares nothing with the given one and has every order changed. */
function disguise(value: unknown, choose: Choose): unknown {
  if (typeof value !== 'object' || value === null) return value
  const again = (item: unknown): unknown => disguise(item, choose)
  if (Array.isArray(value)) {
    const copied = new Array<unknown>(value.length)
    for (const index of Object.keys(value)) copied[Number(index)] = again(value[Number(index)])
    return copied
  }
  if (value instanceof Date) return new Date(value.getTime())
  if (value instanceof URL) return new URL(value.href)
  if (value instanceof Map) return new Map(shuffled([...value], choose).map(([key, item]) => [again(key), again(item)]))
  if (value instanceof Set) return new Set(shuffled([...value], choose).map(again))
  if (ArrayBuffer.isView(value)) {
    // In the middle of a larger buffer: only the bytes count.
    const { byteLength } = value
    const buffer = new Uint8Array(byteLength + 16).fill(7)
    buffer.set(new Uint8Array(value.buffer, value.byteOffset, byteLength), 8)
    if (Buffer.isBuffer(value)) return Buffer.from(buffer.buffer, 8, byteLength)
    const size = 'BYTES_PER_ELEMENT' in value ? (value.BYTES_PER_ELEMENT as number) : 1
    const constructor = value.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => object
    return new constructor(buffer.buffer, 8, byteLength / size)
  }
  if (value instanceof ArrayBuffer) return value.slice(0)
  const target = choose(2) === 0 ? {} : (Object.create(null) as object)
  return withEntries(target, shuffled(Object.entries(value), choose), again)
}

function sizeOf(value: unknown): number {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return 1
  const inside = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value)
  return inside.reduce((sum: number, item) => sum + sizeOf(item), 1)
}

/** The value with one change at the place numbered `at`. */
function mutate(value: unknown, at: { left: number }, choose: Choose): unknown {
  if (at.left-- === 0) return changed(value, choose)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  const again = (item: unknown): unknown => mutate(item, at, choose)
  if (Array.isArray(value)) {
    const copied = new Array<unknown>(value.length)
    for (const index of Object.keys(value)) copied[Number(index)] = again(value[Number(index)])
    return copied
  }
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [again(key), again(item)]))
  if (value instanceof Set) return new Set([...value].map(again))
  if (value instanceof Date || value instanceof URL || value instanceof ArrayBuffer) return value
  return withEntries({}, Object.entries(value), again)
}

function changed(value: unknown, choose: Choose): unknown {
  const options: unknown[] = [[value], { a: value }, new Set([value]), new Map([[value, value]]), null, undefined]
  if (typeof value === 'string') {
    options.push(
      Number(value),
      `${value}:`,
      ` ${value}`,
      value + value,
      value.normalize('NFD'),
      value.slice(1),
      '',
      {},
      [],
    )
    options.push(`${value}\ud800`, value.toUpperCase(), value === 'true', new String(value).split(''))
    if (/^-?\d+$/.test(value)) options.push(BigInt(value))
  } else if (typeof value === 'number') {
    options.push(String(value), -value, value + 1, value === 1, new Date(value), `'${value}'`, `${value}n`)
    if (Number.isInteger(value)) options.push(BigInt(value))
  } else if (typeof value === 'bigint') options.push(Number(value), String(value), `${value}n`, -value, value + 1n)
  else if (typeof value === 'boolean') options.push(!value, String(value), Number(value))
  else if (value === null || value === undefined) options.push('', 0, false, String(value), Number.NaN)
  else if (Array.isArray(value)) {
    options.push(
      [...value, undefined],
      value.slice(1),
      value.slice(0, -1),
      Object.assign({}, value),
      new Set(value),
      value.length,
    )
    // A moved border between two parts, one level less, a hole for a value and a value for a hole.
    options.push(value.flat(), Array.from(value), [value.slice(0, 1), value.slice(1)], value.toReversed())
    const [first, second] = value as unknown[]
    if (typeof first === 'string' && typeof second === 'string')
      options.push([first + second.slice(0, 1), second.slice(1)], [first.slice(0, -1), first.slice(-1) + second])
    const holed = [...(value as unknown[])]
    Reflect.deleteProperty(holed, choose(holed.length + 1))
    options.push(holed)
  } else if (value instanceof Date) options.push(value.getTime(), new Date(value.getTime() + 1), String(value), {})
  else if (value instanceof URL) options.push(value.href, new URL('?c', value), {})
  else if (value instanceof Map) {
    options.push([...value], new Set(value.keys()), new Map([...value].slice(1)), new Map([...value, ['a', 1]]), {})
    options.push(
      new Map([...value].map(([key, item]) => [item, key])),
      Object.fromEntries([...value.values()].map((item, index) => [index, item])),
    )
  } else if (value instanceof Set) {
    options.push([...value], new Map([...value].entries()), new Set([...value, 1]), new Set([...value].slice(1)), {})
  } else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    const bytes = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value)
    for (const kind of ['Buffer', 'Uint8Array', 'Int8Array', 'DataView', 'ArrayBuffer'])
      options.push(bytesOf(kind, bytes))
    options.push(
      [...bytes],
      Buffer.from(bytes).toString('latin1'),
      bytesOf(
        'Uint8Array',
        bytes.map((byte) => byte ^ 1),
      ),
    )
  } else if (typeof value === 'object') {
    const entries = Object.entries(value)
    options.push(new Map(entries), entries, Object.values(value), Object.keys(value))
    options.push(
      withEntries({}, entries.slice(1), (item) => item),
      withEntries({}, [...entries, ['z', undefined]], (item) => item),
    )
    options.push(
      withEntries(
        {},
        entries.map(([key, item]) => [`${key}a`, item] as const),
        (item) => item,
      ),
    )
    options.push(
      withEntries(
        {},
        entries.map(([key, item]) => [key, item === undefined ? null : undefined] as const),
        (item) => item,
      ),
    )
  }
  return options[choose(options.length)]
}

// Properties

const count = { equal: 0, different: 0 }

function checkPair(one: readonly unknown[], other: readonly unknown[]): void {
  const equal = isEqual(one, other)
  count[equal ? 'equal' : 'different']++
  expect(keyOf(...one) === keyOf(...other)).toBe(equal)
}

describe('derived keys', () => {
  test('are equal if and only if the arguments are', { timeout: 120_000 * factor }, () => {
    fc.assert(
      fc.property(anyArgs, fc.integer(), fc.nat(), fc.nat(2), (args, seed, at, trailing) => {
        const choose = chooser(seed)
        const same = [...args.map((arg) => disguise(arg, choose)), ...Array.from({ length: trailing }, () => undefined)]
        checkPair(args, same)
        const size = args.reduce((sum: number, arg) => sum + sizeOf(arg), 0)
        // One more than there are: the list of arguments itself.
        const place = at % (size + 1)
        const other = place === size ? changed(args, choose) : args.map(mutateAt(place, choose))
        checkPair(args, Array.isArray(other) ? other : [other])
      }),
      { numRuns: 12_500 * factor },
    )
    // Unless both kinds are common, the property proves little.
    expect(count.equal).toBeGreaterThan(10_000 * factor)
    expect(count.different).toBeGreaterThan(8_000 * factor)
  })

  test('are different for all pairs of many small argument lists', () => {
    const lists = fc.sample(fc.array(fc.oneof(leaf, anyValue), { maxLength: 2 }), { numRuns: 700, seed: 7 })
    const byKey = new Map<string, readonly unknown[]>()
    for (const list of [...lists, ...texts.map((text) => [text]), ...numbers.map((number) => [number])]) {
      const key = keyOf(...list)
      const known = byKey.get(key)
      if (known === undefined) byKey.set(key, list)
      else expect(isEqual(known, list)).toBe(true)
    }
    const distinct = [...byKey.values()]
    expect(distinct.length).toBeGreaterThan(300)
    distinct.forEach((list, index) => {
      for (const other of distinct.slice(index + 1)) expect(isEqual(list, other)).toBe(false)
    })
  })

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
    expect(keyOf(...args)).toBe('p:n:~oCd96IXPOPyOwvyC1HaQNv5s8JvhV0JIpl6Gra-9b8E')
  })

  test('hold no characters a store cannot take, whatever the arguments', () => {
    fc.assert(
      fc.property(
        anyArgs,
        fc.oneof(fc.constant(undefined), fc.string({ minLength: 1, unit: 'binary' })),
        (args, scope) => {
          expect(deriveKey('p:n', scope, args)).toMatch(/^[\x21-\x7e]+$/)
          expect(deriveKey('p:n', scope, args)).not.toMatch(/[{}]|#l$/)
        },
      ),
      { numRuns: 500 },
    )
  })
})

function mutateAt(place: number, choose: Choose): (arg: unknown) => unknown {
  const at = { left: place }
  return (arg) => mutate(arg, at, choose)
}

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
    expect(errorOf('a', { list: [1, { run: () => 1 }] }).message).toMatch(/^argument 2\.list\[1\]\.run cannot /)
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
