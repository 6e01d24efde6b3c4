// What an entry is good for at a moment, as a table: one rule, and every border of it.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Freshness } from '../../src/core/freshness.ts'
import { freshnessOf, furthestAhead } from '../../src/core/freshness.ts'

const never = (): number => {
  throw new Error('drawn where nothing depends on it')
}

// Stored at 0, ttl 100; `swr` and `staleIfError` count from 100.
const table: ReadonlyArray<
  readonly [windows: string, swrMs: number, staleIfErrorMs: number, at: number, expected: Freshness]
> = [
  ['no window', 0, 0, 0, 'fresh'],
  ['no window', 0, 0, 99.9, 'fresh'],
  ['no window', 0, 0, 100, 'expired'],
  ['swr', 50, 0, 99.9, 'fresh'],
  ['swr', 50, 0, 100, 'stale'],
  ['swr', 50, 0, 149.9, 'stale'],
  ['swr', 50, 0, 150, 'expired'],
  ['staleIfError', 0, 80, 100, 'if-error'],
  ['staleIfError', 0, 80, 179.9, 'if-error'],
  ['staleIfError', 0, 80, 180, 'expired'],
  ['both overlap', 50, 80, 100, 'stale'],
  ['both overlap', 50, 80, 149.9, 'stale'],
  ['both overlap', 50, 80, 150, 'if-error'],
  ['both overlap', 50, 80, 179.9, 'if-error'],
  ['both overlap', 50, 80, 180, 'expired'],
  ['the longer swr wins', 80, 50, 179.9, 'stale'],
  ['the longer swr wins', 80, 50, 180, 'expired'],
  ['for ever', Infinity, 0, 1e15, 'stale'],
]

describe('an entry stored at 0 with a ttl of 100', () => {
  test.each(table)('with %s (swr %d, staleIfError %d) is at %d %s', (_, swrMs, staleIfErrorMs, at, expected) => {
    const entry = { staleAt: 100, deleteAt: 100 + Math.max(swrMs, staleIfErrorMs), computeMs: 10 }
    expect(freshnessOf(entry, { swrMs, staleIfErrorMs, refreshAhead: false }, at, never)).toBe(expected)
  })

  test('is gone at its deletion, whatever windows the reader has', () => {
    const windows = { swrMs: 1000, staleIfErrorMs: 1000, refreshAhead: true }
    const entry = { staleAt: 100, deleteAt: 120, computeMs: 10 }
    expect(freshnessOf(entry, windows, 119, never)).toBe('stale')
    expect(freshnessOf(entry, windows, 120, never)).toBe('expired')
  })

  test('that has no end is fresh for ever', () => {
    const windows = { swrMs: 0, staleIfErrorMs: 0, refreshAhead: true }
    expect(freshnessOf({ staleAt: Infinity, deleteAt: Infinity, computeMs: 5 }, windows, 1e15, never)).toBe('fresh')
  })
})

describe('refreshAhead', () => {
  const windows = { swrMs: 0, staleIfErrorMs: 0, refreshAhead: true }
  const entry = { staleAt: 1000, deleteAt: 1000, computeMs: 10 }

  test('draws only near the end, by the measured load time, and never for what took no time', () => {
    expect(freshnessOf(entry, windows, 1000 - furthestAhead * 10 - 1, never)).toBe('fresh')
    expect(freshnessOf({ ...entry, computeMs: 0 }, windows, 999.9, never)).toBe('fresh')
    // 10 ms of load time, 10 ms left: the draw must reach -ln(x) >= 1.
    expect(freshnessOf(entry, windows, 990, () => 1 - Math.exp(-1.01))).toBe('ahead')
    expect(freshnessOf(entry, windows, 990, () => 1 - Math.exp(-0.99))).toBe('fresh')
  })

  test('begins in the share of reads that XFetch says: exp(-left / load time)', () => {
    for (const left of [5, 10, 20, 40]) {
      let ahead = 0
      const draws = 20_000
      for (let draw = 0; draw < draws; draw++) {
        if (freshnessOf(entry, windows, 1000 - left, () => (draw + 0.5) / draws) === 'ahead') ahead++
      }
      expect(ahead / draws).toBeCloseTo(Math.exp(-left / 10), 3)
    }
  })

  test('never changes what is served: ahead is fresh, and only where it was asked for', () => {
    fc.assert(
      fc.property(
        fc.nat(2000),
        fc.nat(500),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (at, computeMs, x) => {
          const one = { ...entry, computeMs }
          const plain = freshnessOf(one, { ...windows, refreshAhead: false }, at, never)
          const drawn = freshnessOf(one, windows, at, () => x)
          expect(drawn === 'ahead' ? 'fresh' : drawn).toBe(plain)
        },
      ),
    )
  })
})
