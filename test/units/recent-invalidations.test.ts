// What was invalidated a moment ago, to be repeated on a server that may have lost it: half a minute of it, bounded, in precision only.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RecentInvalidations } from '../../src/core/recent-invalidations.ts'
import { manualRuntime } from '../support/manual-runtime.ts'

const factor = Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)
const windowMs = 30_000
const most = 10_000

const numbered = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `k${from + index}`)

describe('recent invalidations', () => {
  test('are none at first', () => {
    expect(new RecentInvalidations(manualRuntime()).all()).toEqual({ keys: [], tags: [], everything: false })
  })

  test('are keys, tags and everything, none mistaken for another', () => {
    const recent = new RecentInvalidations(manualRuntime())
    recent.addEverything()
    recent.addKeys(['a', 'b'])
    recent.addTags(['a'])
    expect(recent.all()).toEqual({ keys: ['a', 'b'], tags: ['a'], everything: true })
  })

  test('are told again and again: asking forgets nothing', () => {
    const recent = new RecentInvalidations(manualRuntime())
    recent.addKeys(['a'])
    recent.addTags(['t'])
    expect(recent.all()).toEqual(recent.all())
    expect(recent.all()).toEqual({ keys: ['a'], tags: ['t'], everything: false })
  })

  test('are forgotten when half a minute is over, each in its time, and not before', () => {
    const runtime = manualRuntime()
    const recent = new RecentInvalidations(runtime)
    recent.addKeys(['a'])
    recent.addTags(['t'])
    runtime.advance(10_000)
    recent.addKeys(['b'])
    recent.addEverything()
    // What a clear covers is not told beside it.
    expect(recent.all()).toEqual({ keys: [], tags: [], everything: true })
    runtime.advance(10_000)
    recent.addKeys(['c'])
    runtime.advance(windowMs - 10_001)
    expect(recent.all()).toEqual({ keys: ['c'], tags: [], everything: true })
    runtime.advance(1)
    expect(recent.all()).toEqual({ keys: ['c'], tags: [], everything: false })
    runtime.advance(9999)
    expect(recent.all().keys).toEqual(['c'])
    runtime.advance(1)
    expect(recent.all()).toEqual({ keys: [], tags: [], everything: false })
  })

  test('move to the end when they are invalidated again, and live from then on', () => {
    const runtime = manualRuntime()
    const recent = new RecentInvalidations(runtime)
    recent.addKeys(['a', 'b'])
    recent.addTags(['t', 'u'])
    runtime.advance(20_000)
    recent.addKeys(['a'])
    recent.addTags(['t'])
    expect(recent.all()).toEqual({ keys: ['b', 'a'], tags: ['u', 't'], everything: false })
    runtime.advance(10_000)
    expect(recent.all()).toEqual({ keys: ['a'], tags: ['t'], everything: false })
  })

  test('do not follow the wall clock, which may jump', () => {
    const runtime = manualRuntime()
    let now = runtime.now()
    const recent = new RecentInvalidations({ ...runtime, now: () => now } as typeof runtime)
    recent.addKeys(['a'])
    now += 3_600_000
    expect(recent.all().keys).toEqual(['a'])
  })

  test('are exact up to the bound, and everything beyond it', () => {
    const recent = new RecentInvalidations(manualRuntime())
    recent.addKeys(numbered(most - 1))
    recent.addTags(['t'])
    recent.addKeys(['k0'])
    expect(recent.all()).toMatchObject({ tags: ['t'], everything: false })
    expect(recent.all().keys).toHaveLength(most - 1)
    recent.addTags(['u'])
    expect(recent.all()).toEqual({ keys: [], tags: [], everything: true })
  })

  test('are everything at once when one call brings more than the bound', () => {
    const recent = new RecentInvalidations(manualRuntime())
    recent.addKeys(numbered(most + 1))
    expect(recent.all()).toEqual({ keys: [], tags: [], everything: true })
  })

  test('make room by forgetting what is too old before they become everything', () => {
    const runtime = manualRuntime()
    const recent = new RecentInvalidations(runtime)
    recent.addKeys(numbered(most))
    runtime.advance(windowMs)
    recent.addKeys(['a'])
    expect(recent.all()).toEqual({ keys: ['a'], tags: [], everything: false })
  })

  test('are exact again when the time of everything is over', () => {
    const runtime = manualRuntime()
    const recent = new RecentInvalidations(runtime)
    recent.addKeys(numbered(most + 1))
    runtime.advance(windowMs - 1)
    recent.addKeys(['a'])
    expect(recent.all()).toEqual({ keys: ['a'], tags: [], everything: true })
    runtime.advance(1)
    expect(recent.all()).toEqual({ keys: ['a'], tags: [], everything: false })
  })

  test('stay bounded through a million invalidations', () => {
    const runtime = manualRuntime()
    const recent = new RecentInvalidations(runtime)
    let longest = 0
    for (let index = 0; index < 1_000_000; index++) {
      if (index % 2 === 0) recent.addKeys([`k${index}`])
      else recent.addTags([`t${index}`])
      if (index % 1000 === 0) {
        runtime.advance(10)
        const { keys, tags } = recent.all()
        longest = Math.max(longest, keys.length + tags.length)
      }
    }
    expect(longest).toBeLessThanOrEqual(most)
    expect(recent.all().everything).toBe(true)
  })

  test('hold, in any order, all of the last half minute, as names or as everything, and no older name', () => {
    const names = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('keys' as const, 'tags' as const), names }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('everything' as const) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 20_000 }) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (list) => {
        const runtime = manualRuntime()
        const recent = new RecentInvalidations(runtime)
        const at = { keys: new Map<string, number>(), tags: new Map<string, number>(), everything: -Infinity }
        for (const one of list) {
          const now = runtime.monotonic()
          if (one.do === 'wait') {
            runtime.advance(one.ms)
          } else if (one.do === 'everything') {
            recent.addEverything()
            at.keys.clear()
            at.tags.clear()
            at.everything = now
          } else {
            if (one.do === 'keys') recent.addKeys(one.names)
            else recent.addTags(one.names)
            for (const name of one.names) at[one.do].set(name, now)
          }
          const young = (when: number): boolean => runtime.monotonic() - when < windowMs
          const namesOf = (map: Map<string, number>): string[] =>
            [...map].filter(([, when]) => young(when)).map(([name]) => name)
          const { keys, tags, everything } = recent.all()
          expect(keys.toSorted()).toEqual(namesOf(at.keys).toSorted())
          expect(tags.toSorted()).toEqual(namesOf(at.tags).toSorted())
          expect(everything).toBe(young(at.everything))
        }
      }),
      { numRuns: 500 * factor },
    )
  })
})
