// Where the lease of a key lies: beside it on every cluster, and nowhere where another lease lies.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keyOfLease, leaseKeyOf } from '../../src/backends/redis/lease-keys.ts'

const factor = Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)

/** CRC16-CCITT (XMODEM), of what stands in the first braces, else of the whole: the cluster specification of Redis. */
function slotOf(key: string): number {
  const open = key.indexOf('{')
  const close = open < 0 ? -1 : key.indexOf('}', open)
  const placed = close > open + 1 ? key.slice(open + 1, close) : key
  let crc = 0
  for (const byte of Buffer.from(placed)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? (crc << 1) & 0xffff : ((crc << 1) ^ 0x1021) & 0xffff
  }
  return crc % 16384
}

/** Many braces, and the endings that matter. */
const parts = fc.oneof(
  fc.constantFrom('{', '}', '{}', '#l', '#', 'l', ':', 'a', 'é', '\n'),
  fc.string({ maxLength: 3 }),
)
/** No key of a caller is empty or ends as one of ours. */
const keys = fc
  .array(parts, { minLength: 1, maxLength: 8 })
  .map((all) => all.join(''))
  .filter((key) => key !== '' && !/#[lt]$/.test(key))

/** Placed by the whole of it, which no name in braces can hold. */
const isPlacedByWhole = (key: string): boolean => /\}/.test(key) && !/^[^{]*\{[^}]+\}/.test(key)

test('the slots of the documentation', () => {
  expect(slotOf('123456789')).toBe(0x31c3 % 16384)
  expect(slotOf('document:parse:abc')).toBe(4342)
  expect(slotOf('{document:parse:abc}#l')).toBe(4342)
})

test.each([
  ['document:parse:abc', '{document:parse:abc}#l'],
  ['a{b}c', 'a{b}c#l'],
  ['{user}:1', '{user}:1#l'],
  ['a{b', '{a{b}#l'],
  ['{abc}', '{abc}#l#l'],
  ['a}b', 'a}b#l'],
  ['a{}b', 'a{}b#l'],
])('the lease of %j is %j', (key, lease) => {
  expect(leaseKeyOf(key)).toBe(lease)
  expect(keyOfLease(lease)).toBe(key)
  expect(slotOf(lease) === slotOf(key)).toBe(!isPlacedByWhole(key))
})

test('a key and its lease are in one slot, wherever any name could be', () => {
  let placed = 0
  fc.assert(
    fc.property(keys, (key) => {
      if (isPlacedByWhole(key)) return
      placed++
      expect(slotOf(leaseKeyOf(key))).toBe(slotOf(key))
    }),
    { numRuns: 5000 * factor },
  )
  expect(placed).toBeGreaterThan(1000)
})

test('from a lease comes back exactly its key, and from what is none nothing', () => {
  fc.assert(
    fc.property(keys, (key) => {
      expect(keyOfLease(leaseKeyOf(key))).toBe(key)
      expect(keyOfLease(key)).toBeUndefined()
    }),
    { numRuns: 5000 * factor },
  )
})

test('keys that differ have leases that differ', () => {
  // Of few parts, so that those that are nearly the same meet.
  const near = fc
    .array(fc.constantFrom('{', '}', '#l', 'a'), { minLength: 1, maxLength: 5 })
    .map((all) => all.join(''))
    .filter((key) => !key.endsWith('#l'))
  fc.assert(
    fc.property(fc.uniqueArray(near, { minLength: 2, maxLength: 300 }), (all) => {
      expect(new Set(all.map(leaseKeyOf)).size).toBe(all.length)
    }),
    { numRuns: 200 * factor },
  )
})
