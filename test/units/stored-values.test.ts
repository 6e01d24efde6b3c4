// A hit equals a miss, from memory and through text: what is copied and what is encoded comes back equal, and both refuse the same
// values. TEST_PROPERTY_FACTOR multiplies the runs.
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { jsonCodec } from '../../src/codecs/json.ts'
import { isCacheError } from '../../src/support/errors.ts'
import { copyValue } from '../../src/support/values.ts'

const factor = Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)

function throughText(value: unknown): unknown {
  return jsonCodec.decode(jsonCodec.encode(value))
}

// Equal: `isDeepStrictEqual`, null prototypes like plain ones, two invalid dates alike.

const marker = Symbol('marker')

function comparable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const copied = new Array<unknown>(value.length)
    for (const index of Object.keys(value)) copied[Number(index)] = comparable(value[Number(index)])
    return copied
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? { [marker]: 'an invalid date' } : value
  // Some Node versions find all urls equal.
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

function isEqual(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(comparable(one), comparable(other))
}

/** What is thrown, or `undefined`. */
function thrownBy(run: () => unknown): Error | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(Error)
    return error as Error
  }
}

// Values

const views = [
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array,
  BigInt64Array, BigUint64Array, DataView,
] as ReadonlyArray<new (buffer: ArrayBuffer, offset?: number, length?: number) => object> // prettier-ignore

const bytes = fc.tuple(fc.constantFrom('Buffer', 'ArrayBuffer', ...views), fc.nat(2), fc.nat(3), fc.uint8Array({ minLength: 48, maxLength: 48 }))
  .map(([kind, offset, length, content]) => {
    const { buffer } = new Uint8Array(content)
    if (kind === 'ArrayBuffer') return buffer.slice(0, length)
    if (kind === 'Buffer') return Buffer.from(buffer, offset, length)
    return new (kind as (typeof views)[number])(buffer, offset * 8, length)
  }) // prettier-ignore

const texts = [
  '', 'a', '$', '$u', '$h', '$o', '$b', '$$', '!', '![]', '["$u"]', '#sc1 ', '\n', '"', '\\', 'null', 'é漢😀', '\ud800', '\udc00a',
  '\u2028', '__proto__', 'constructor', 'toJSON',
] // prettier-ignore
const keys = ['a', 'b', '', '0', '$', '$u', 'length', '__proto__', 'toJSON', 'constructor', 'then', '漢', '\ud800']

const plainLeaf = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...texts) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
  { weight: 2, arbitrary: fc.integer() },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, true, false, null, 1e21, 5e-324, 2 ** 53) },
)
const leaf = fc.oneof(
  { weight: 8, arbitrary: plainLeaf },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(undefined, Number.NaN, -0, Infinity, -Infinity, 0n, -1n, 10n ** 40n),
  },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, 8.64e15, Number.NaN).map((time) => new Date(time)) },
  { weight: 1, arbitrary: fc.constantFrom('https://u:p@a.example:1/b?c#d', 'data:,a').map((href) => new URL(href)) },
  { weight: 1, arbitrary: bytes },
)

const hole = Symbol('hole')

/** Trees with the leaves given; `special` adds holes, Maps and Sets. */
function trees(leaves: fc.Arbitrary<unknown>, special: boolean): fc.Arbitrary<unknown> {
  return fc.letrec<{ value: unknown }>((tie) => {
    const inside = tie('value')
    const array = fc
      .array(special ? fc.oneof({ weight: 9, arbitrary: inside }, fc.constant(hole)) : inside, { maxLength: 4 })
      .map((items) => {
        const filled = new Array<unknown>(items.length)
        items.forEach((item, index) => {
          if (item !== hole) filled[index] = item
        })
        return filled
      })
    const entries = fc.uniqueArray(fc.tuple(fc.constantFrom(...keys), inside), {
      maxLength: 4,
      selector: ([key]) => key,
    })
    const object = fc
      .tuple(fc.boolean(), entries)
      .map(([plain, list]) => withEntries(plain ? {} : (Object.create(null) as object), list, (item) => item))
    const map = fc.array(fc.tuple(inside, inside), { maxLength: 3 }).map((list) => new Map(list))
    const set = fc.array(inside, { maxLength: 3 }).map((items) => new Set(items))
    const nodes = special ? [array, object, map, set] : [array, object]
    return { value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, { weight: 3, arbitrary: leaves }, ...nodes) }
  }).value
}
const anyValue = trees(leaf, true)
const anyJson = trees(plainLeaf, false)

const prototypeKeys = Reflect.ownKeys(Object.prototype).length
afterEach(() => {
  expect(Reflect.ownKeys(Object.prototype)).toHaveLength(prototypeKeys)
  expect(({} as { readonly x?: unknown }).x).toBeUndefined()
})

describe('a value through text', () => {
  test('comes back equal', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const text = jsonCodec.encode(value)
        const back = jsonCodec.decode(text)
        expect(isEqual(back, value)).toBe(true)
        // What was decoded is written the same way again.
        expect(jsonCodec.encode(back)).toBe(text)
      }),
      { numRuns: 6000 * factor },
    )
  })

  test('that JSON keeps is written as JSON writes it, any other is told apart by its first character', () => {
    let kept = 0
    fc.assert(
      fc.property(fc.oneof(anyJson, anyValue), (value) => {
        const text = jsonCodec.encode(value)
        let isKept = false
        try {
          isKept = isEqual(JSON.parse(JSON.stringify(value)), value)
        } catch {
          // JSON knows no bigint, and no text for undefined.
        }
        if (isKept) kept++
        expect(text.startsWith('!')).toBe(!isKept)
        if (isKept) expect(text).toBe(JSON.stringify(value))
      }),
      { numRuns: 4000 * factor },
    )
    expect(kept).toBeGreaterThan(1500 * factor)
  })

  test.each<[string, unknown]>([
    ['a toJSON that is data', { toJSON: 1, at: undefined }],
    ['a toJSON that is data alone', { toJSON: { a: 1 } }],
    ['an own __proto__', JSON.parse('{"__proto__":{"x":1},"a":1}')],
    ['an own __proto__ beside what JSON cannot keep', withEntries({}, [['__proto__', new Date(1)], ['toJSON', 1n]], (item) => item)],
    ['arrays that begin like tags', ['$', ['$u'], ['$m', 1], ['$h'], '$b', undefined]],
    ['arrays that begin like tags and are plain', ['$u', ['$']]],
    ['an array that begins with a hole', Object.assign(new Array(1), { 1: '$u', 2: undefined, length: 3 })],
    ['an array of one hole', new Array(1)],
    ['Map keys that are objects', new Map<unknown, unknown>([[{ a: 1 }, 1], [{ a: 1 }, 2], [[], new Map([[undefined, null]])]])],
    ['a Map of NaN and -0', new Map([[Number.NaN, -0]])],
    ['nested sets', new Set([new Set([new Set([])]), new Set([undefined])])],
    ['shared parts, twice', ((part) => [part, part, { part }])({ at: new Date(0) })],
    ['long bytes', new Float64Array(10_000).fill(0.1)],
    ['a large flat array', Array.from({ length: 200_000 }, (_, index) => (index === 7 ? -0 : index))],
    ['a large Map', new Map(Array.from({ length: 100_000 }, (_, index) => [index, String(index)]))],
    ['500 levels', Array.from({ length: 499 }).reduce<unknown>((inside) => [inside], [undefined])],
    ['500 levels of JSON', Array.from({ length: 499 }).reduce<unknown>((inside) => [inside], [1])],
  ])('keeps %s', (_, value) => {
    expect(isEqual(throughText(value), value)).toBe(true)
    expect(isEqual(copyValue(value, false).value, value)).toBe(true)
  }) // prettier-ignore

  test('is written the same for every program: the form is pinned', () => {
    expect(jsonCodec.name).toBe('json')
    const value = [undefined, 1n, -0, Number.NaN, new Date(5), new Date(Number.NaN), new URL('http://a/'), new Set([1]), new Map([['k', 2]]), ['$x'], Object.assign(new Array(1), { 1: 1 }), Buffer.from('hi'), { a: 1 }]
    expect(jsonCodec.encode(value)).toBe(
      '![["$u"],["$n","1"],["$f","-0"],["$f","NaN"],["$d",5],["$d",null],["$url","http://a/"],["$s",1],["$m","k",2],["$","$x"],[["$h"],1],["$b","Buffer","aGk="],{"a":1}]',
    )
  }) // prettier-ignore
})

describe('a text nobody encoded', () => {
  const hostile: ReadonlyArray<readonly [string, string]> = [
    ['nothing', ''],
    ['half a text', '{"a":'],
    ['another format', '#sc2 json'],
    ['only the mark', '!'],
    ['two marks', '!!'],
    ['a mark before no JSON', '!undefined'],
    ['a truncated tag', '!["$d",'],
    ['an unknown tag', '!["$x",1]'],
    ['a tag of another release', '!["$later"]'],
    ['a hole outside an array', '!["$h"]'],
    ['a hole as a value', '!{"a":["$h"]}'],
    ['an odd pair count in a Map', '!["$m",1]'],
    ['an odd pair count in an object', '!["$o","a"]'],
    ['a key that is no text', '!["$o",1,2]'],
    ['a date of text', '!["$d","2020"]'],
    ['a date of an array', '!["$d",[1]]'],
    ['a date of nothing', '!["$d"]'],
    ['a bigint of letters', '!["$n","abc"]'],
    ['a bigint of a number', '!["$n",1]'],
    ['a number of a number', '!["$f",1]'],
    ['a url of letters', '!["$url","nope"]'],
    ['a url of nothing', '!["$url"]'],
    ['bytes of an inherited name', '!["$b","constructor","AA=="]'],
    ['bytes of the prototype', '!["$b","__proto__","AA=="]'],
    ['bytes of another class', '!["$b","Map","AA=="]'],
    ['bytes of shared memory', '!["$b","SharedArrayBuffer","AA=="]'],
    ['bytes of no kind', '!["$b"]'],
    ['bytes of a number', '!["$b","Uint8Array",5000000000]'],
    ['bytes of a wrong length', '!["$b","Float64Array","AAAA"]'],
    ['brackets that never end', '['.repeat(100_000)],
    ['tags that never end', '!["$s",'.repeat(100_000)],
    ['arrays too deep to read', `!${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['sets too deep to read', `!${'["$s",'.repeat(50_000)}1${']'.repeat(50_000)}`],
    ['objects too deep to read', `!${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`],
  ]
  test.each(hostile)('is an ordinary error: %s', (_, text) => {
    const error = thrownBy(() => jsonCodec.decode(text))
    expect(error).toBeDefined()
    expect(isCacheError(error, 'CACHE_CORRUPT_ENTRY')).toBe(true)
    // The text may be personal data: neither the message nor a cause quotes it.
    expect((error as Error).cause).toBeUndefined()
    if (text.length > 3) expect((error as Error).message).not.toContain(text.slice(0, 10))
  })

  test('throws an error or gives a value, and changes no prototype', () => {
    const tag = fc.constantFrom('$', '$u', '$n', '$f', '$d', '$url', '$m', '$s', '$o', '$b', '$h', '$x', '$__proto__', '__proto__')
    const word = fc.constantFrom('Buffer', 'Uint8Array', 'DataView', 'ArrayBuffer', 'BigInt64Array', 'constructor', '__proto__', 'x', 'AAAA', '1', '-0', '')
    const tagged = trees(fc.oneof(tag, word, fc.constantFrom(0, 1, -1, 1e300, null, true)), false)
    const withTag = fc.tuple(tag, fc.array(tagged, { maxLength: 4 })).map(([first, rest]) => [first, ...rest])
    const cut = fc.tuple(anyValue, fc.nat(), fc.nat(), fc.string({ unit: 'binary', maxLength: 2 })).map(([value, from, length, patch]) => {
      const text = jsonCodec.encode(value)
      const at = from % (text.length + 1)
      return text.slice(0, at) + patch + text.slice(at + (length % 4))
    })
    const hostileText = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.oneof(tagged, withTag).map((value) => `!${JSON.stringify(value)}`),
      cut,
      anyValue.map((value) => jsonCodec.encode(value).slice(0, -1)),
    )
    let read = 0
    let refused = 0
    fc.assert(
      fc.property(hostileText, (text) => {
        const error = thrownBy(() => jsonCodec.decode(text))
        if (error === undefined) read++
        else refused++
        expect(Reflect.ownKeys(Object.prototype)).toHaveLength(prototypeKeys)
      }),
      { numRuns: 4000 * factor },
    )
    expect(Math.min(read, refused)).toBeGreaterThan(500 * factor)
  }) // prettier-ignore

  test('never reaches a prototype through a key', () => {
    for (const text of ['{"__proto__":{"x":1}}', '!{"__proto__":{"x":["$u"]}}', '!["$o","__proto__",{"x":1}]', '!["$o","constructor",{"prototype":{"x":1}}]']) {
      const read = jsonCodec.decode(text) as object
      expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
      expect(Object.hasOwn(read, '__proto__') || Object.hasOwn(read, 'constructor')).toBe(true)
      expect('x' in read).toBe(false)
      expect('x' in (copyValue(read, false).value as object)).toBe(false)
    }
  }) // prettier-ignore
})

/** Every object in a value, and the memory behind its bytes. */
function objectsIn(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found
  found.add(value)
  if (ArrayBuffer.isView(value)) {
    // Small Buffers share one pool, in different places.
    if (!Buffer.isBuffer(value)) found.add(value.buffer)
    return found
  }
  const inside = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value)
  for (const item of inside) objectsIn(item, found)
  return found
}

describe('a copy', () => {
  test('equals the value and shares nothing with it', () => {
    fc.assert(
      fc.property(anyValue, fc.boolean(), (value, freeze) => {
        const copied = copyValue(value, freeze)
        expect(isEqual(copied.value, value)).toBe(true)
        const objects = objectsIn(value)
        for (const object of objectsIn(copied.value)) expect(objects.has(object)).toBe(false)
      }),
      { numRuns: 4000 * factor },
    )
  })

  test('keeps null prototypes', () => {
    const copied = copyValue({ a: Object.create(null) as object }, false).value as { readonly a: object }
    expect(Object.getPrototypeOf(copied)).toBe(Object.prototype)
    expect(Object.getPrototypeOf(copied.a)).toBe(null)
  })

  test('of bytes has its own memory, Buffers of the pool as well', () => {
    for (const original of [Buffer.from('abc'), Buffer.alloc(3), new Uint8Array(8).subarray(2, 5), new DataView(new ArrayBuffer(9), 3, 3)]) {
      const before = Buffer.from(original.buffer, original.byteOffset, original.byteLength).toString('hex')
      const copied = copyValue(original, false).value as typeof original
      expect(copied.byteLength).toBe(3)
      Buffer.from(copied.buffer, copied.byteOffset, copied.byteLength).fill(0xee)
      expect(Buffer.from(original.buffer, original.byteOffset, original.byteLength).toString('hex')).toBe(before)
    }
  }) // prettier-ignore

  test('is frozen all through when asked, and says whether anything in it can still change', () => {
    const isUnchangeable = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      ((Array.isArray(value) || isPlainObject(value)) &&
        Object.isFrozen(value) &&
        Object.values(value).every(isUnchangeable))
    let immutables = 0
    fc.assert(
      fc.property(fc.oneof(anyJson, anyValue), (value) => {
        const frozenBefore = [...objectsIn(value)].filter((object) => Object.isFrozen(object)).length
        const copied = copyValue(value, true)
        for (const object of objectsIn(copied.value)) {
          if (Array.isArray(object) || isPlainObject(object)) expect(Object.isFrozen(object)).toBe(true)
        }
        expect(copied.immutable).toBe(isUnchangeable(copied.value))
        if (copied.immutable) immutables++
        // The value itself belongs to the loader.
        expect([...objectsIn(value)].filter((object) => Object.isFrozen(object)).length).toBe(frozenBefore)
        const loose = copyValue(value, false)
        expect(loose.immutable).toBe(typeof value !== 'object' || value === null)
        for (const object of objectsIn(loose.value)) {
          const isEmptyBytes = ArrayBuffer.isView(object) && object.byteLength === 0
          if (!isEmptyBytes) expect(Object.isFrozen(object)).toBe(false)
        }
      }),
      { numRuns: 3000 * factor },
    )
    expect(immutables).toBeGreaterThan(1000 * factor)
  })

  test('measures what it holds: never less than its texts and bytes, always more when more is in it', () => {
    const least = (value: unknown): number =>
      typeof value === 'string'
        ? 2 * value.length
        : typeof value !== 'object' || value === null
          ? 0
          : ArrayBuffer.isView(value) || value instanceof ArrayBuffer
            ? value.byteLength
            : (value instanceof Map
                ? [...value].flat()
                : value instanceof Set
                  ? [...value]
                  : Object.values(value)
              ).reduce((sum: number, item) => sum + least(item), 0)
    for (const large of [new Uint8Array(5_000), new ArrayBuffer(5_000), Buffer.alloc(5_000), 'x'.repeat(2_500)]) {
      expect(copyValue([large], false).bytes).toBeGreaterThan(5_000)
    }
    fc.assert(
      fc.property(anyValue, anyValue, (value, other) => {
        const { bytes: size } = copyValue(value, false)
        expect(Number.isSafeInteger(size) && size > 0).toBe(true)
        expect(size).toBeGreaterThanOrEqual(least(value))
        expect(copyValue(value, true).bytes).toBe(size)
        for (const more of [[value, other], { a: value, b: other }, new Map([[value, other]])]) {
          expect(copyValue(more, false).bytes).toBeGreaterThan(size)
        }
      }),
      { numRuns: 1500 * factor },
    )
  })
})

function isPlainObject(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null
}

// What cannot survive

class Point {
  readonly x = 1
}
const boom = new Error('boom')
const cycle: { self?: unknown } = {}
cycle.self = [cycle]
const mapCycle = new Map<unknown, unknown>()
mapCycle.set('a', new Set([mapCycle]))
const revoked = Proxy.revocable({}, {})
revoked.revoke()

const poisons: ReadonlyArray<readonly [string, () => unknown, RegExp]> = [
  ['a function', () => () => 1, /it is an anonymous function$/],
  ['a symbol', () => Symbol('a'), /it is a symbol$/],
  ['a class', () => Point, /it is the function Point$/],
  ['a class instance', () => new Point(), /it is an instance of Point$/],
  ['an instance of a class without a constructor', () => Object.create({ constructor: undefined }) as object, /it is an object$/],
  ['a promise', () => Promise.resolve(1), /it is an instance of Promise$/],
  ['an error', () => new Error('a'), /it is an instance of Error$/],
  ['a regular expression', () => /a/, /it is an instance of RegExp$/],
  ['a boxed text', () => Object('a') as object, /it is an instance of String$/],
  ['a WeakMap', () => new WeakMap(), /it is an instance of WeakMap$/],
  ['an iterator', () => [].values(), /it is an? /],
  ['a subclass of Date', () => new (class Stamp extends Date {})(0), /it is an instance of Stamp$/],
  ['a subclass of Map', () => new (class Table extends Map {})(), /it is an instance of Table$/],
  ['a subclass of Array', () => new (class List extends Array {})(), /it is an array of another class$/],
  ['an array without a prototype', () => Object.setPrototypeOf([1], null) as object, /it is an array of another class$/],
  ['what only looks like an array', () => Object.create(Array.prototype) as object, /it is an instance of Array$/],
  ['what only looks like a Date', () => Object.create(Date.prototype) as object, /reading it failed$/],
  ['a subclass of Uint8Array', () => new (class Bytes extends Uint8Array {})(2), /it is an instance of Bytes$/],
  ['shared memory', () => new SharedArrayBuffer(2), /it is an instance of SharedArrayBuffer$/],
  ['a view of shared memory', () => new Uint8Array(new SharedArrayBuffer(2)), /it is an instance of Uint8Array$/],
  ['a view of shared memory to DataView', () => new DataView(new SharedArrayBuffer(2)), /it is an instance of DataView$/],
  ['a Date with a property', () => Object.assign(new Date(0), { a: 1 }), /it is an instance of Date$/],
  ['a Date with a symbol property', () => Object.assign(new Date(0), { [Symbol('a')]: 1 }), /it is an instance of Date$/],
  ['a Map with a property', () => Object.assign(new Map(), { a: 1 }), /it is an instance of Map$/],
  ['a Set with a symbol property', () => Object.assign(new Set(), { [Symbol('a')]: 1 }), /it is an instance of Set$/],
  ['an object with a symbol as a key', () => ({ [Symbol('a')]: 1 }), /it has a symbol as a key$/],
  ['an array with a symbol as a key', () => Object.assign([1], { [Symbol('a')]: 1 }), /it is an array with named properties$/],
  ['an array with a name', () => Object.assign([1], { index: 1 }), /it is an array with named properties$/],
  ['a sparse array with a name', () => Object.assign(new Array(3), { index: 1 }), /it is an array with named properties$/],
  ['a match', () => 'abc'.match(/b/), /it is an array with named properties$/],
  ['arguments', () => (function () { return arguments })(), /it has a symbol as a key$/],
  ['a toJSON method', () => ({ toJSON: () => 1 }), /\.toJSON cannot be cached: it is the function toJSON$/],
  ['a cycle', () => cycle, /it contains itself$/],
  ['a cycle through Map and Set', () => mapCycle, /it contains itself$/],
  ['a getter that throws', () => ({ get a(): never { throw boom } }), /reading it failed$/],
  ['a proxy that throws', () => new Proxy({}, { ownKeys() { throw boom } }), /reading it failed$/],
  ['a revoked proxy', () => revoked.proxy, /reading it failed$/],
  ['501 levels', () => Array.from({ length: 501 }).reduce<unknown>((inside) => [inside], 1), /it is nested deeper than 500 levels$/],
  ['501 levels of what JSON cannot keep', () => Array.from({ length: 501 }).reduce<unknown>((inside) => [inside], undefined), /it is nested deeper than 500 levels$/],
  ['a million holes and one', () => new Array(1_000_001), /it is an array with more than 1000000 holes$/],
  ['four billion holes', () => new Array(2 ** 32 - 1), /it is an array with more than 1000000 holes$/],
] // prettier-ignore

describe('what cannot survive', () => {
  test.each(poisons)('is refused with a reason, by the copy and by the text alike: %s', (_, make, reason) => {
    for (const run of [(value: unknown) => copyValue(value, false), (value: unknown) => copyValue(value, true), jsonCodec.encode.bind(jsonCodec)]) {
      const error = thrownBy(() => run(make()))
      expect(error).toBeInstanceOf(TypeError)
      expect(isCacheError(error, 'CACHE_UNSTORABLE_VALUE')).toBe(true)
      expect(error?.message).toMatch(reason)
    }
  }) // prettier-ignore

  test.each<[unknown, string]>([
    [() => 1, 'The value cannot be cached: it is an anonymous function'],
    [{ pages: [{ run: () => 1 }] }, 'The value at .pages[0].run cannot be cached: it is the function run'],
    [{ at: new Map([['k', Symbol('a')]]) }, 'The value at .at.<value> cannot be cached: it is a symbol'],
    [new Map([[new Point(), 1]]), 'The value at .<key> cannot be cached: it is an instance of Point'],
    [[new Set([1, new Point()])], 'The value at [0].<item> cannot be cached: it is an instance of Point'],
    [{ a: undefined, b: { c: cycle } }, 'The value at .b.c.self[0] cannot be cached: it contains itself'],
  ])('is named by where it stands', (value, message) => {
    expect(thrownBy(() => copyValue(value, false))?.message).toBe(message)
    expect(thrownBy(() => jsonCodec.encode(value))?.message).toBe(message)
  })

  test('keeps what was thrown while it was read as the cause', () => {
    const value = { list: [{ get a(): never { throw boom } }] } // prettier-ignore
    const error = thrownBy(() => copyValue(value, false))
    expect(error?.message).toBe('The value at .list[0].a cannot be cached: reading it failed')
    expect(error?.cause).toBe(boom)
    expect(thrownBy(() => jsonCodec.encode(value))?.cause).toBe(boom)
  })

  test('never shows in the message what the value holds', () => {
    const error = thrownBy(() => copyValue({ name: 'Ada Lovelace', run: new Point() }, false))
    expect(error?.message).not.toContain('Lovelace')
  })

  test('is the same for copy and text, wherever it is and whatever is around it', () => {
    const poison = fc.constantFrom(...poisons.filter(([name]) => !/proxy|holes/.test(name)))
    const withPoison = trees(fc.oneof({ weight: 6, arbitrary: leaf }, { weight: 1, arbitrary: poison.map(([, make]) => make()) }), true)
    let refused = 0
    fc.assert(
      fc.property(withPoison, (value) => {
        const byCopy = thrownBy(() => copyValue(value, false))
        const byText = thrownBy(() => jsonCodec.encode(value))
        expect(byCopy === undefined).toBe(byText === undefined)
        if (byCopy === undefined || byText === undefined) return
        refused++
        expect(isCacheError(byCopy, 'CACHE_UNSTORABLE_VALUE')).toBe(true)
        expect(isCacheError(byText, 'CACHE_UNSTORABLE_VALUE')).toBe(true)
      }),
      { numRuns: 2000 * factor },
    )
    expect(refused).toBeGreaterThan(300 * factor)
  }) // prettier-ignore
})

describe('properties that are not plain data', () => {
  test('a getter is read, what is not enumerable is left out, by copy and text alike', () => {
    const value = Object.defineProperties({ a: 1 } as object, {
      hidden: { value: () => 1, enumerable: false },
      b: { get: () => new Date(0), enumerable: true },
    })
    const expected = { a: 1, b: new Date(0) }
    expect(copyValue(value, false).value).toStrictEqual(expected)
    expect(throughText(value)).toStrictEqual(expected)
  })

  test('a hidden toJSON method changes neither objects nor arrays', () => {
    for (const value of [{ a: 1 }, [1], [undefined]]) {
      const hidden = Object.defineProperty(structuredClone(value), 'toJSON', {
        value: () => 'other',
        enumerable: false,
      })
      expect(throughText(hidden)).toStrictEqual(value)
      expect(copyValue(hidden, false).value).toStrictEqual(value)
    }
  })

  test('a proxy of plain data is plain data', () => {
    const value = new Proxy({ a: [1, { b: 2 }] }, {})
    expect(throughText(value)).toStrictEqual({ a: [1, { b: 2 }] })
    expect(copyValue(value, true).value).toStrictEqual({ a: [1, { b: 2 }] })
  })
})
