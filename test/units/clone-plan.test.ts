// A kept value is copied for each reader by a plan that was made once: every copy equals the value, is the reader's own down to the last
// byte, and is mutable, whatever the shape. TEST_PROPERTY_FACTOR multiplies the runs.
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonCodec } from '../../src/codecs/json.ts'
import { cloneFrozenWith, cloneWith } from '../../src/support/clone-plan.ts'
import type { ClonePlan } from '../../src/support/clone-plan.ts'
import { deepFreeze } from '../../src/support/deep-freeze.ts'
import { adopt, copyValue } from '../../src/support/values.ts'

const factor = Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)

// Values

function object(
  entries: ReadonlyArray<readonly [string, unknown]>,
  prototype: object | null = Object.prototype,
): object {
  const made = Object.create(prototype) as object
  for (const [key, value] of entries)
    Object.defineProperty(made, key, { value, enumerable: true, configurable: true, writable: true })
  return made
}

const views = [
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array,
  BigInt64Array, BigUint64Array, DataView,
] as ReadonlyArray<new (buffer: ArrayBuffer, offset?: number, length?: number) => object> // prettier-ignore

const bytes = fc
  .tuple(fc.constantFrom('Buffer', 'ArrayBuffer', ...views), fc.nat(2), fc.nat(3), fc.uint8Array({ minLength: 48, maxLength: 48 }))
  .map(([kind, offset, length, content]) => {
    const { buffer } = new Uint8Array(content)
    if (kind === 'ArrayBuffer') return buffer.slice(0, length)
    if (kind === 'Buffer') return length === 3 ? Buffer.from('abc') : Buffer.from(buffer, offset, length)
    return new (kind as (typeof views)[number])(buffer, offset * 8, length)
  }) // prettier-ignore

const primitive = fc.constantFrom<unknown>(
  'a', '', '$u', '\ud800', 'é漢😀', 0, 1, -0, 1.5, Number.NaN, Infinity, true, false, null, undefined, 0n, 10n ** 30n,
) // prettier-ignore
const special = fc.oneof(
  fc.constantFrom(0, -1, 8.64e15, Number.NaN).map((time) => new Date(time)),
  fc.constant('https://u:p@a.example:1/b?c#d').map((href) => new URL(href)),
  bytes,
)
const keys = ['a', 'b', 'box', '', '0', '7', 'length', '__proto__', 'toJSON', 'constructor', '漢', '\ud800']
const hole = Symbol('hole')

function holed(items: readonly unknown[]): unknown[] {
  const array = new Array<unknown>(items.length)
  items.forEach((item, index) => {
    if (item !== hole) array[index] = item
  })
  return array
}

/** Trees of everything, among them what plans are made for: many objects of nearly one shape, and objects with many keys. */
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => {
  const inside = tie('value')
  const someKeys = (max: number): fc.Arbitrary<string[]> => fc.uniqueArray(fc.constantFrom(...keys), { maxLength: max })
  const small = fc
    .tuple(fc.boolean(), fc.uniqueArray(fc.tuple(fc.constantFrom(...keys), inside), { maxLength: 4, selector: ([key]) => key }))
    .map(([plain, list]) => object(list, plain ? Object.prototype : null))
  const dictionary = fc
    .array(inside, { minLength: 15, maxLength: 20 })
    .map((items) => object(items.map((item, index) => [`id${index}`, item])))
  const array = fc.array(fc.oneof({ weight: 9, arbitrary: inside }, fc.constant(hole)), { maxLength: 4 }).map(holed)
  // Records of one shape in which a part may be missing, empty, or of another kind.
  const records = someKeys(3).chain((names) =>
    fc
      .array(
        fc.tuple(...names.map((name) => fc.oneof({ weight: 4, arbitrary: inside }, fc.constant(hole)).map((item) => [name, item] as const))),
        { maxLength: 6 },
      )
      .map((rows) => rows.map((row) => object(row.filter(([, item]) => item !== hole)))),
  )
  const map = fc.array(fc.tuple(inside, inside), { maxLength: 3 }).map((list) => new Map(list))
  const set = fc.array(inside, { maxLength: 3 }).map((items) => new Set(items))
  return {
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      { weight: 4, arbitrary: primitive },
      { weight: 2, arbitrary: special },
      { weight: 2, arbitrary: small },
      array,
      { weight: 2, arbitrary: records },
      { weight: 1, arbitrary: dictionary },
      map,
      set,
    ),
  }
}) // prettier-ignore

// What is checked

/** The value in a form that `isDeepStrictEqual` compares as the contract does: null prototypes like plain ones, urls by their text. */
function comparable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return holed(Array.from(value, (item, index) => (index in value ? comparable(item) : hole)))
  if (value instanceof Date) return ['a date', value.getTime()]
  if (value instanceof URL) return ['a url', value.href]
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [comparable(key), comparable(item)]))
  if (value instanceof Set) return new Set([...value].map(comparable))
  // A copy: what is compared later must not change with the bytes.
  if (ArrayBuffer.isView(value)) return [value.constructor.name, hexOf(value)]
  if (value instanceof ArrayBuffer) return ['ArrayBuffer', hexOf(new Uint8Array(value))]
  return object(Object.entries(value).map(([key, item]) => [key, comparable(item)]))
}

function hexOf(view: ArrayBufferView): string {
  return Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength).toString('hex')
}

/** Every object in a value, and the memory behind its bytes. */
function objectsIn(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found
  found.add(value)
  if (ArrayBuffer.isView(value)) return found.add(value.buffer)
  const inside = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value)
  for (const item of inside) objectsIn(item, found)
  return found
}

function sharedBy(one: unknown, other: unknown): object[] {
  const objects = objectsIn(one)
  return [...objectsIn(other)].filter((item) => objects.has(item))
}

/** Changes everything in a value. */
function ruin(value: unknown): void {
  for (const item of objectsIn(value)) change(item)
}

function change(item: object): void {
  if (item instanceof Date) item.setTime(12345)
  else if (item instanceof URL) item.hash = 'ruined'
  else if (item instanceof Map) item.clear()
  else if (item instanceof Set) item.add('ruined')
  else if (item instanceof ArrayBuffer) new Uint8Array(item).fill(0xee)
  else if (Array.isArray(item)) item.fill('ruined', 0, 1).push('ruined')
  else if (!ArrayBuffer.isView(item)) {
    for (const key of Object.keys(item)) Reflect.deleteProperty(item, key)
    ;(item as { ruined?: boolean }).ruined = true
  }
}

function isMadeForFreezing(item: object): boolean {
  if (Array.isArray(item)) return true
  const prototype: unknown = Object.getPrototypeOf(item)
  return prototype === Object.prototype || prototype === null
}

const examples: ReadonlyArray<readonly [string, unknown]> = [
  ['an own __proto__ with an object in it', JSON.parse('{"__proto__":{"x":[1]},"a":{"b":1}}')],
  ['an own __proto__ that is a text', JSON.parse('{"__proto__":"x","a":{"b":1}}')],
  ['records, one of which has an own __proto__', JSON.parse('[{"a":{"b":1}},{"__proto__":{"x":[1]}},{"a":[]}]')],
  ['a dictionary with an own __proto__', JSON.parse(`{${Array.from({ length: 20 }, (_, index) => `"k${index}":{}`).join()},"__proto__":{"x":[1]}}`)],
  ['objects and arrays at one place', [{ a: {} }, { a: [] }, { a: [{}] }, { a: 1 }, {}, { a: new Date(0) }]],
  ['objects, arrays and dates in one array', [{ a: [1] }, [{ a: 1 }], new Date(0), 1, null, undefined, 'a', new Map([[1, { a: 1 }]])]],
  ['parts that come late', [{ a: 1 }, { a: 1, b: { c: 1 } }, { a: 1, b: { c: [1], d: { e: {} } } }, { b: { d: { e: [] } } }]],
  ['parts that are missing later', [{ a: { b: [] }, c: {} }, { a: null }, { c: { d: {} } }, {}]],
  ['lists of lists of unequal depth', [[[[{}]]], [[]], [], [[1]], [[[1]]], [[[{ a: {} }]]]]],
  ['dictionaries with unequal keys', Array.from({ length: 30 }, (_, index) => ({ [`id${index}`]: { at: [index] }, [`x${index}`]: [{}] }))],
  ['a dictionary and a record in one array', [Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`k${index}`, { a: {} }])), { k1: [1], z: { y: {} } }]],
  ['an array that begins and ends with holes', holed([hole, {}, hole, new Array(1), hole])],
  ['an array of holes', new Array(3)],
  ['numbers and objects', [1, 1.5, { a: [0.5, 1] }, [0.5, {}], -0]],
  ['keys that are inherited names', { constructor: { a: 1 }, toString: [1], hasOwnProperty: { b: [] } }],
  ['keys that are numbers', { 1: { a: [] }, 0: [{}], b: {} }],
  ['forty keys', Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`k${index}`, index % 2 === 0 ? index : [{ index }]]))],
  ['shared parts', ((part) => [part, { part }, [part, part]])({ at: new Date(0), box: [1] })],
  ['objects as keys of a Map', new Map([[{ a: [1] }, new Set([[{}]])]])],
  ['500 levels', Array.from({ length: 498 }).reduce<unknown>((inside, _, index) => (index % 2 === 0 ? [inside] : { inside }), new Date(1))],
] // prettier-ignore

describe('a copy by plan', () => {
  function check(value: unknown, freeze: boolean): void {
    const kept = copyValue(value, freeze)
    const before = comparable(value)
    expect(isDeepStrictEqual(comparable(kept.value), before)).toBe(true)
    expect(sharedBy(kept.value, value)).toStrictEqual([])

    const copies = [cloneWith(kept.plan, kept.value), cloneWith(kept.plan, kept.value)]
    for (const copy of copies) {
      expect(isDeepStrictEqual(comparable(copy), before)).toBe(true)
      for (const item of objectsIn(copy)) {
        // Nothing can be added to a view of bytes, frozen or not.
        if (!ArrayBuffer.isView(item)) expect(Object.isExtensible(item)).toBe(true)
        if (isMadeForFreezing(item)) expect(Object.getPrototypeOf(item)).not.toBe(null)
      }
    }
    for (const other of [kept.value, value, copies[1]]) expect(sharedBy(copies[0], other)).toStrictEqual([])
    ruin(copies[0])
    for (const other of [kept.value, value, copies[1]]) expect(isDeepStrictEqual(comparable(other), before)).toBe(true)
    // Nor does the kept value follow what its source becomes.
    ruin(value)
    expect(isDeepStrictEqual(comparable(kept.value), before)).toBe(true)
  }

  test('equals the value, shares nothing with it, and can be ruined without harm, frozen or not', () => {
    fc.assert(fc.property(anyValue, fc.boolean(), check), { numRuns: 1200 * factor })
  })

  test.each(examples)('of %s', (_, value) => {
    for (const freeze of [false, true]) check(structuredClone(value), freeze)
  })

  test('keeps undefined apart from what is missing', () => {
    const value = [{ a: undefined, b: {} }, { b: undefined }, {}, undefined, holed([hole, undefined])]
    const { plan, value: kept } = copyValue(value, false)
    expect(cloneWith(plan, kept)).toStrictEqual(value)
    expect(Object.keys((cloneWith(plan, kept) as object[])[2] as object)).toStrictEqual([])
    expect(0 in (cloneWith(plan, kept) as unknown[][])[4]!).toBe(false)
  })

  test('gives primitives as they are', () => {
    for (const value of ['a', 0, -0, Number.NaN, true, null, undefined, 1n]) {
      const kept = copyValue(value, false)
      expect(kept.immutable).toBe(true)
      expect(cloneWith(kept.plan, kept.value)).toBe(value)
    }
  })
})

describe('a frozen copy by plan', () => {
  test('is the kept value itself where nothing can change, else shares all but the way to what can', () => {
    let copied = 0
    fc.assert(
      fc.property(anyValue, (value) => {
        const kept = copyValue(value, true)
        const before = comparable(value)
        const given = cloneFrozenWith(kept.plan, kept.value)
        expect(isDeepStrictEqual(comparable(given), before)).toBe(true)
        if (kept.immutable) expect(given).toBe(kept.value)
        else copied++
        for (const item of objectsIn(given)) expect(Object.isFrozen(item) || !isMadeForFreezing(item)).toBe(true)
        for (const item of sharedBy(given, kept.value)) expect(isMadeForFreezing(item)).toBe(true)
        for (const item of objectsIn(given)) if (!Object.isFrozen(item)) change(item)
        expect(isDeepStrictEqual(comparable(kept.value), before)).toBe(true)
      }),
      { numRuns: 1200 * factor },
    )
    expect(copied).toBeGreaterThan(200 * factor)
  })

  test('leaves the large part alone when only a date must be copied', () => {
    const kept = copyValue({ at: new Date(0), pages: [{ lines: [{ text: 'a' }] }], other: { list: [1] } }, true)
    const given = cloneFrozenWith(kept.plan, kept.value) as { at: Date; pages: unknown; other: unknown }
    const { at, pages, other } = kept.value as typeof given
    expect(given.at).not.toBe(at)
    expect(given.pages).toBe(pages)
    expect(given.other).toBe(other)
  })
})

describe('a value straight from a decoder', () => {
  test('is kept itself, with the same measure and plan as a copy', () => {
    fc.assert(
      fc.property(anyValue, fc.boolean(), (value, freeze) => {
        const { value: own } = copyValue(value, false)
        const kept = adopt(own, freeze)
        expect(kept.value).toBe(own)
        const { bytes: size, immutable, json } = copyValue(value, freeze)
        expect({ bytes: kept.bytes, immutable: kept.immutable, json: kept.json }).toStrictEqual({ bytes: size, immutable, json })
        const before = comparable(value)
        const clone = cloneWith(kept.plan, kept.value)
        expect(isDeepStrictEqual(comparable(clone), before)).toBe(true)
        expect(sharedBy(clone, kept.value)).toStrictEqual([])
        for (const item of objectsIn(kept.value))
          if (isMadeForFreezing(item)) expect(Object.isFrozen(item)).toBe(freeze)
      }),
      { numRuns: 1200 * factor },
    )
  }) // prettier-ignore

  test('is frozen where it is as deeply as by the walk that keeps it, and nothing else of it changes', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const own = copyValue(value, false).value
        const before = comparable(value)
        expect(deepFreeze(own)).toBe(own)
        expect(isDeepStrictEqual(comparable(own), before)).toBe(true)
        for (const item of objectsIn(own)) if (isMadeForFreezing(item)) expect(Object.isFrozen(item)).toBe(true)
      }),
      { numRuns: 1200 * factor },
    )
  })

  test('is frozen, and not what all objects inherit', () => {
    const inherited = {}
    const own: unknown = JSON.parse('{"inside":{"at":1}}')
    Object.defineProperty(Object.prototype, 'polluted', { value: inherited, enumerable: true, configurable: true })
    try {
      deepFreeze(own)
    } finally {
      Reflect.deleteProperty(Object.prototype, 'polluted')
    }
    expect(Object.isFrozen((own as { inside: object }).inside)).toBe(true)
    expect(Object.isFrozen(inherited)).toBe(false)
  })

  test('is refused all the same when it is too deep or cannot be kept', () => {
    const deep = Array.from({ length: 501 }).reduce<unknown>((inside) => [inside], 1)
    for (const value of [deep, [() => 1], new (class Point {})()])
      expect(() => adopt(value, false)).toThrow(/cannot be cached/)
  })
})

test('a value says whether JSON keeps it', () => {
  const counts = { kept: 0, changed: 0 }
  const plain = fc.json({ maxDepth: 3 }).map((text) => JSON.parse(text) as unknown)
  fc.assert(
    fc.property(fc.oneof(anyValue, plain), (value) => {
      let isKept = false
      try {
        isKept = isDeepStrictEqual(comparable(JSON.parse(JSON.stringify(value))), comparable(value))
      } catch {
        // JSON knows no bigint, and no text for undefined.
      }
      counts[isKept ? 'kept' : 'changed']++
      const kept = copyValue(value, false)
      expect(kept.json).toBe(isKept)
      if (isKept) expect(JSON.stringify(kept.value)).toBe(JSON.stringify(value))
    }),
    { numRuns: 1200 * factor },
  )
  expect(Math.min(counts.kept, counts.changed)).toBeGreaterThan(200 * factor)
})

describe('a plan', () => {
  function plansIn(plan: ClonePlan, found = new Set<ClonePlan>()): Set<ClonePlan> {
    if (found.has(plan)) return found
    found.add(plan)
    for (const part of [...plan.plans, ...(plan.inner === undefined ? [] : [plan.inner])]) plansIn(part, found)
    return found
  }

  test('grows with the variety of a document and not with its length', () => {
    const page = (count: number): object[] =>
      Array.from({ length: count }, (_, index) => ({
        text: `line ${index}`,
        box: [0.5, 1, index, 2.25],
        words: Array.from({ length: 5 }, (__, at) => (at % 3 === 0 ? { text: 'a', box: null } : { text: 'a', box: [1, 2, at], notes: at % 2 === 0 ? [{}] : undefined })),
      }))
    const plans = [2, 200].map((count) => plansIn(copyValue({ pages: [{ lines: page(count) }, { lines: page(count) }], meta: { a: {} } }, false).plan))
    expect(plans[1]?.size).toBeLessThan(12)
    expect(plans[1]?.size).toBe(plans[0]?.size)
  }) // prettier-ignore

  test('is the same for equal parts of a value', () => {
    const part = { list: [{ box: [1] }], at: new Date(0) }
    const { plan } = copyValue({ one: part, other: { ...part } }, false)
    expect(plan.plans[0]).toBe(plan.plans[1])
  })

  test('does not hold the keys of a dictionary', () => {
    const { plan } = copyValue(Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`id${index}`, { list: [index] }])), false)
    expect([...plansIn(plan)].reduce((sum, part) => sum + 1 + part.keys.length, 0)).toBeLessThan(10)
  }) // prettier-ignore
})

test('a long array with a name is refused, whatever is in it', () => {
  for (const length of [99, 100, 101, 5000]) {
    for (const item of [1, 1.5, 'a', { a: 1 }, undefined]) {
      const array = new Array<unknown>(length).fill(item)
      expect(() => copyValue(array, false)).not.toThrow()
      for (const name of ['columns', '-1', '1.5', '4294967295', '', Symbol('a')]) {
        const named = Object.assign([...array], { [name]: 1 })
        expect(() => copyValue({ rows: named }, false)).toThrow(/\.rows cannot be cached: it is an array with named properties/)
      }
    }
  }
}) // prettier-ignore

test('a cycle is found wherever it closes', () => {
  for (const length of [1, 2, 31, 32, 33, 64, 100, 300]) {
    for (const lead of [0, 1, 40]) {
      const last: { next?: unknown } = {}
      let ring: unknown = last
      for (let index = 1; index < length; index++) ring = index % 2 === 0 ? [ring] : { next: ring }
      last.next = ring
      for (let index = 0; index < lead; index++) ring = { before: ring }
      expect(() => copyValue(ring, false)).toThrow(/it contains itself/)
    }
  }
})

test('a cycle is not walked round and round until it is too deep', () => {
  for (const length of [1, 2, 40, 100]) {
    let reads = 0
    const first: { next?: unknown } = Object.defineProperty({}, 'large', { get: () => reads++, enumerable: true })
    let ring: unknown = first
    for (let index = 1; index < length; index++) ring = { next: ring }
    first.next = ring
    for (const run of [() => copyValue(first, false), () => jsonCodec.encode(first)]) {
      reads = 0
      expect(run).toThrow(/it contains itself/)
      expect(reads).toBeLessThan(6)
    }
  }
})

test('a key put on Object.prototype becomes no property of a copy', () => {
  const prototype = Object.prototype as { box?: unknown }
  try {
    Object.defineProperty(prototype, 'box', { value: { a: 1 }, enumerable: true, configurable: true, writable: true })
    const value = [{ a: { b: 1 } }, { c: [] }]
    for (const kept of [copyValue(value, false), adopt(structuredClone(value), false)])
      for (const copied of [kept.value, cloneWith(kept.plan, kept.value)])
        expect(JSON.stringify(copied)).toBe('[{"a":{"b":1}},{"c":[]}]')
  } finally {
    Reflect.deleteProperty(prototype, 'box')
  }
})
