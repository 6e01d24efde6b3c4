// Two calls share a derived key if and only if their arguments are equal. A collision is one caller reading another's result, and a
// key that depends on the order in which a Map was filled is a cache that never hits, so these properties look for both: over 100,000
// pairs, half of them equal by construction, half with exactly one change, judged by `isDeepStrictEqual` and not by this package.
// TEST_PROPERTY_FACTOR multiplies the runs. What single values do is in derived-keys.test.ts.
import { inspect, isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deriveKey } from '../../src/core/key-encoding.ts'
import {
  anyArgs,
  anyValue,
  chooser,
  disguise,
  leaf,
  mutatedArgs,
  numbers,
  rebuiltArray,
  texts,
  withEntries,
} from './key-pairs.ts'

const factor = Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)
const runs = 12_500 * factor
const pairsOfAKind = 4

function keyOf(...args: readonly unknown[]): string {
  return deriveKey('p:n', undefined, args)
}

// What is equal, independent of the implementation: `isDeepStrictEqual`, with the promises on top of it. Null prototypes equal plain
// ones, an invalid date equals another, trailing `undefined` is dropped. (`isDeepStrictEqual` of some Node versions finds all urls equal.)

const marker = Symbol('marker')

function comparable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return rebuiltArray(value, comparable)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? { [marker]: 'an invalid date' } : value
  if (value instanceof URL) return { [marker]: value.href }
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [comparable(key), comparable(item)]))
  if (value instanceof Set) return new Set([...value].map(comparable))
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value
  return withEntries({}, Object.entries(value), comparable)
}

/** `undefined` when nothing can be said: `isDeepStrictEqual` of Node 22 throws for some sets with null in them. */
function isEqual(one: readonly unknown[], other: readonly unknown[]): boolean | undefined {
  const comparableArgs = (args: readonly unknown[]): unknown => {
    const last = args.findLastIndex((arg) => arg !== undefined)
    // A call has no holes in its arguments.
    return comparable([...args].slice(0, last + 1))
  }
  try {
    return isDeepStrictEqual(comparableArgs(one), comparableArgs(other))
  } catch {
    return undefined
  }
}

// Properties

const count = { equal: 0, different: 0, unknown: 0 }

function checkPair(one: readonly unknown[], other: readonly unknown[], oneKey: string): boolean | undefined {
  const equal = isEqual(one, other)
  count[equal === undefined ? 'unknown' : equal ? 'equal' : 'different']++
  // Compared before it is expected: a pair costs less than an assertion.
  if (equal !== undefined && (oneKey === keyOf(...other)) !== equal) expect([one, other, 'share a key']).toBe(equal)
  return equal
}

describe('derived keys', () => {
  test('are equal if and only if the arguments are', { timeout: 120_000 * factor }, () => {
    fc.assert(
      fc.property(anyArgs, fc.integer(), fc.nat(), (args, seed, at) => {
        const choose = chooser(seed)
        const key = keyOf(...args)
        for (let pair = 0; pair < pairsOfAKind; pair++) {
          const trailing = Array.from({ length: choose(3) }, () => undefined)
          const same = [...args.map((arg) => disguise(arg, choose)), ...trailing]
          // Equal by construction: when `isDeepStrictEqual` does not say so, the test is wrong.
          if (checkPair(args, same, key) === false) throw new Error('The disguised arguments are not equal')
          checkPair(args, mutatedArgs(args, at + choose(1000), choose), key)
        }
      }),
      { numRuns: runs },
    )
    // Unless both kinds are common, the property proves little.
    expect(count.equal + count.different + count.unknown).toBe(runs * pairsOfAKind * 2)
    expect(count.unknown).toBeLessThan(runs / 10)
    expect(count.equal).toBeGreaterThan(runs * pairsOfAKind * 0.95)
    expect(count.different).toBeGreaterThan(runs * pairsOfAKind * 0.8)
  })

  test('are different for all pairs of many small argument lists', () => {
    const lists = fc.sample(fc.array(fc.oneof(leaf, anyValue), { maxLength: 2 }), { numRuns: 700, seed: 7 })
    const byKey = new Map<string, readonly unknown[]>()
    for (const list of [...lists, ...texts.map((text) => [text]), ...numbers.map((number) => [number])]) {
      const key = keyOf(...list)
      const known = byKey.get(key)
      if (known === undefined) byKey.set(key, list)
      else expect(isEqual(known, list)).not.toBe(false)
    }
    const distinct = [...byKey.values()]
    expect(distinct.length).toBeGreaterThan(300)
    distinct.forEach((list, index) => {
      for (const other of distinct.slice(index + 1)) expect(isEqual(list, other)).not.toBe(true)
    })
  })

  test('are different for texts made of what an encoding writes between its parts', () => {
    const tokens = ['a', 'b', 's', 's1', 's1:', 's3:', '1:', ':', '=', '=>', '=t;', 't;', 'u;', ';', ',', '[', ']', '{', '}', '"', '","', '\0']
    const text = fc.array(fc.constantFrom(...tokens), { maxLength: 3 }).map((parts) => parts.join(''))
    const forms: ReadonlyArray<(one: string, other: string) => unknown> = [
      (one, other) => [one, other],
      (one) => ({ [one]: true }),
      (one, other) => ({ [one]: other }),
      (one, other) => ({ [one]: true, [other]: undefined }),
      (one, other) => new Map([[one, other]]),
      (one, other) => new Set([one, other]),
    ]
    const byKey = new Map<string, string>()
    for (const [one, other, form] of fc.sample(fc.tuple(text, text, fc.nat(forms.length - 1)), { numRuns: 40_000, seed: 5 })) {
      const value = forms[form]?.(one, other)
      const shown = inspect(value, { sorted: true, breakLength: Infinity })
      const key = keyOf(value)
      if ((byKey.get(key) ?? shown) !== shown) expect([byKey.get(key), 'and', shown]).toBe('share a key')
      byKey.set(key, shown)
    }
    expect(byKey.size).toBeGreaterThan(20_000)
  }) // prettier-ignore

  test('hold no characters a store cannot take, whatever the arguments', () => {
    const scopes = fc.oneof(fc.constant(undefined), fc.string({ minLength: 1, unit: 'binary' }))
    fc.assert(
      fc.property(anyArgs, scopes, (args, scope) => {
        expect(deriveKey('p:n', scope, args)).toMatch(/^[\x21-\x7e]+$/)
        expect(deriveKey('p:n', scope, args)).not.toMatch(/[{}]|#l$/)
      }),
      { numRuns: 500 },
    )
  })

  test('do not change the arguments', () => {
    fc.assert(
      fc.property(anyArgs, fc.integer(), (args, seed) => {
        const before = args.map((arg) => disguise(arg, chooser(seed)))
        keyOf(...args)
        expect(isEqual(args, before)).not.toBe(false)
      }),
      { numRuns: 500 },
    )
  })
})
