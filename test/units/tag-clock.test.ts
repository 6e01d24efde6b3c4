// What a node knows of the tag clock, and the clock of a process. An entry that was invalidated must never count as valid again, in
// whatever order and however often the answers of the clock come in.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TagDelta } from '../../src/contracts/backend.ts'
import type { Marks } from '../../src/contracts/entry.ts'
import { createProcessTags } from '../../src/core/process-tags.ts'
import { checkTags, everything, markTags, renewedIdPrefix, TagTable } from '../../src/core/tags.ts'
import { isCacheError } from '../../src/support/errors.ts'

const factor = Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)

function tableOf(...deltas: readonly TagDelta[]): TagTable {
  const table = new TagTable()
  for (const delta of deltas) table.apply(delta)
  return table
}

function entryOf(t0: number, tags: readonly string[], clockId: string | undefined = 'id'): Marks {
  return { clockId, tags: markTags(tags, t0) }
}

const empty: TagDelta = { id: 'id', floor: 0, stamps: [] }

describe('the tag table', () => {
  test('knows nothing before the first answer: nothing is valid, nothing foreign is accepted', () => {
    const table = new TagTable()
    expect(table.position).toBeUndefined()
    expect(table.acceptsForeign([])).toBe(false)
    expect(table.isValid(entryOf(0, []))).toBe(false)
    expect(table.isValid({ clockId: undefined, tags: [] })).toBe(false)
  })

  test('judges by stamps newer than what the load had seen', () => {
    const table = tableOf({ id: 'id', floor: 0, stamps: [['a', 5], ['b', 7]] }) // prettier-ignore
    expect(table.position).toEqual({ id: 'id', mark: 7 })
    expect(table.isValid(entryOf(4, ['a']))).toBe(false)
    expect(table.isValid(entryOf(5, ['a']))).toBe(true)
    expect(table.isValid(entryOf(6, ['a']))).toBe(true)
    expect(table.isValid(entryOf(6, ['a', 'b']))).toBe(false)
    expect(table.isValid(entryOf(0, ['never stamped']))).toBe(true)
    expect(table.isValid(entryOf(0, []))).toBe(true)
  })

  test('judges each tag by its own t0, not by that of the entry', () => {
    const table = tableOf({ id: 'id', floor: 0, stamps: [['inner', 5]] })
    expect(table.isValid({ clockId: 'id', tags: [{ tag: 'inner', t0: 4 }] })).toBe(false)
    expect(table.isValid({ clockId: 'id', tags: [{ tag: 'inner', t0: 5 }] })).toBe(true)
  })

  test('compares ids by equality: any other one, newer or older, voids the entry', () => {
    const table = tableOf({ id: 'id', floor: 0, stamps: [] })
    for (const id of ['other', 'ID', '', undefined])
      expect(table.isValid(entryOf(9, [], id ?? undefined))).toBe(id === undefined)
    expect(table.isValid({ clockId: undefined, tags: [] })).toBe(false)
  })

  test('voids every entry with a new id and starts its stamps anew', () => {
    const table = tableOf({ id: 'id', floor: 3, stamps: [['a', 5]] })
    table.apply({ id: 'new', floor: 0, stamps: [] })
    expect(table.position).toEqual({ id: 'new', mark: 0 })
    expect(table.isValid(entryOf(9, []))).toBe(false)
    expect(table.isValid(entryOf(0, ['a'], 'new'))).toBe(true)
  })

  test('never lowers a stamp, a mark or the floor under one id', () => {
    const table = tableOf({ id: 'id', floor: 3, stamps: [['a', 9]] })
    table.apply({ id: 'id', floor: 2, stamps: [['a', 4], ['b', 3]] }) // prettier-ignore
    expect(table.position).toEqual({ id: 'id', mark: 9 })
    expect(table.isValid(entryOf(8, ['a']))).toBe(false)
    expect(table.isValid(entryOf(2, ['x']))).toBe(false)
  })

  test('voids below the floor what has tags, since their stamps may be forgotten', () => {
    const table = tableOf({ id: 'id', floor: 0, stamps: [['a', 5], ['b', 8]] }, { id: 'id', floor: 6, stamps: [] }) // prettier-ignore
    expect(table.isValid(entryOf(5, ['a']))).toBe(false)
    expect(table.isValid(entryOf(5, ['never stamped']))).toBe(false)
    expect(table.isValid(entryOf(5, []))).toBe(true)
    expect(table.isValid(entryOf(6, ['a']))).toBe(true)
    expect(table.isValid(entryOf(7, ['b']))).toBe(false)
    expect(tableOf({ id: 'id', floor: 6, stamps: [] }).position).toEqual({ id: 'id', mark: 6 })
  })

  test('accepts values without a header until it has seen a clear', () => {
    expect(tableOf(empty).acceptsForeign([])).toBe(true)
    expect(tableOf({ id: 'id', floor: 9, stamps: [['a', 9]] }).acceptsForeign([])).toBe(true)
    expect(tableOf({ id: `${renewedIdPrefix}x`, floor: 0, stamps: [] }).acceptsForeign([])).toBe(false)
    const cleared: TagDelta = { id: 'id', floor: 0, stamps: [[everything, 4]] }
    expect(tableOf(cleared).acceptsForeign([])).toBe(false)
    // A clear is not forgotten when the floor passes it, known before or learned afterwards.
    expect(tableOf(cleared, { id: 'id', floor: 8, stamps: [] }).acceptsForeign([])).toBe(false)
    expect(tableOf({ ...cleared, floor: 8 }).acceptsForeign([])).toBe(false)
  })

  test('ends up the same in whatever order the answers come, and never makes an invalid entry valid', () => {
    const tags = ['a', 'b', 'c', everything]
    const stamped = fc.array(fc.subarray(tags, { minLength: 1 }), { maxLength: 12 })
    fc.assert(
      fc.property(
        stamped,
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { maxLength: 12 }),
        fc.nat(),
        (writes, answers, late) => {
          // The clock: write number n gives stamp n. Its answer at a time, to who knew a mark, with a floor it may have had then.
          const answer = (at: number, mark: number, floor: number): TagDelta => {
            const stamps = new Map<string, number>()
            writes.slice(0, at).forEach((list, index) => list.forEach((tag) => stamps.set(tag, index + 1)))
            return { id: 'id', floor, stamps: [...stamps].filter(([, stamp]) => stamp > Math.max(mark, floor)) }
          }
          const table = new TagTable()
          const probes = [0, 1, 3, 6, 12].flatMap((t0) => [...tags, 'never'].map((tag) => entryOf(t0, [tag])))
          const floor = late % (writes.length + 1)
          const wasInvalid = new Set<unknown>()
          let mark = 0
          table.apply(answer(0, 0, 0))
          const apply = (delta: TagDelta): void => {
            table.apply(delta)
            expect(table.position?.mark).toBeGreaterThanOrEqual(mark)
            mark = table.position?.mark ?? 0
            for (const probe of probes) {
              if (!table.isValid(probe)) wasInvalid.add(probe)
              else expect(wasInvalid.has(probe)).toBe(false)
            }
          }
          for (const [at, since, low] of answers)
            apply(answer(at % (writes.length + 1), since % (at + 1), low % (floor + 1)))
          apply(answer(writes.length, 0, floor))
          const last = answer(writes.length, -1, 0)
          for (const probe of probes) {
            const [only] = probe.tags
            const stamp = last.stamps.find(([tag]) => tag === only?.tag)?.[1] ?? 0
            const seen = only?.t0 ?? floor
            expect(table.isValid(probe)).toBe(seen >= floor && stamp <= seen)
          }
        },
      ),
      { numRuns: 1000 * factor },
    )
  })
})

describe('the tag clock of a process', () => {
  test('is read by any process: its id is always the same', () => {
    expect(createProcessTags().read(undefined)).toEqual({
      id: createProcessTags().read(undefined).id,
      floor: 0,
      stamps: [],
    })
  })

  test('gives all tags of one invalidation one stamp above every other', () => {
    const clock = createProcessTags()
    const one = clock.stamp(['a', 'b'], undefined).stamps
    const two = clock.stamp(['b', 'c'], undefined).stamps
    expect(one[0]?.[1]).toBe(one[1]?.[1])
    const highest = Math.max(...one.map(([, stamp]) => stamp))
    expect(Object.fromEntries(two)).toEqual({ a: highest, b: highest + 1, c: highest + 1 })
  })

  test('answers with all that the asker does not know and with nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(fc.subarray(['a', 'b', 'c', 'd'], { minLength: 1 }), { maxLength: 10 }),
        fc.nat(),
        (writes, stop) => {
          const clock = createProcessTags()
          const follower = new TagTable()
          follower.apply(clock.read(undefined))
          const late = new TagTable()
          late.apply(clock.read(undefined))
          writes.forEach((tags, index) => {
            const delta = clock.stamp(tags, follower.position)
            expect(new Set(delta.stamps.map(([tag]) => tag))).toEqual(new Set(tags))
            follower.apply(delta)
            if (index === stop % writes.length) late.apply(clock.stamp(['x'], late.position))
            if (index === stop % writes.length) follower.apply(clock.read(follower.position))
          })
          late.apply(clock.read(late.position))
          expect(late.position).toEqual(follower.position)
          expect(clock.read(late.position).stamps).toEqual([])
          const all = tableOf(clock.read(undefined))
          for (const tag of ['a', 'b', 'c', 'd', 'x', 'never']) {
            for (let t0 = 0; t0 < 14; t0++) {
              const probe = entryOf(t0, [tag], clock.read(undefined).id)
              expect(follower.isValid(probe)).toBe(all.isValid(probe))
              expect(late.isValid(probe)).toBe(all.isValid(probe))
            }
          }
        },
      ),
      { numRuns: 300 * factor },
    )
  })

  test('stamps above those of an earlier life of the process, and above its own when the time stands or steps back', () => {
    let now = 1_700_000_000_000
    const earlier = createProcessTags(() => now)
    const table = tableOf(earlier.read(undefined))
    table.apply(earlier.stamp(['a'], table.position))
    const loadedThen = entryOf(table.position?.mark ?? 0, ['a'], table.position?.id)
    expect(table.isValid(loadedThen)).toBe(true)
    now += 5
    const later = createProcessTags(() => now)
    const next = tableOf(later.read(undefined))
    const stamps: number[] = []
    for (const step of [0, 0, -1_000_000, 0, 0, 2_000_000]) {
      now += step
      next.apply(later.stamp(['a'], next.position))
      stamps.push(next.position?.mark ?? 0)
      expect(next.isValid(loadedThen)).toBe(false)
    }
    expect(stamps).toEqual([...new Set(stamps)].toSorted((a, b) => a - b))
    expect(stamps.every((stamp) => Number.isSafeInteger(stamp))).toBe(true)
  })

  test('does not take the mark of another clock for its own', () => {
    const clock = createProcessTags()
    clock.stamp(['a'], undefined)
    expect(clock.read({ id: 'another', mark: 99 }).stamps).toEqual([['a', 1]])
    expect(clock.stamp(['b'], { id: 'another', mark: 1 }).stamps).toEqual([['a', 1], ['b', 2]]) // prettier-ignore
  })

  test('voids everything that carries the tag of all when it is renewed, and lets in nothing older', () => {
    const clock = createProcessTags()
    const table = tableOf(clock.read(undefined))
    const id = table.position?.id
    const old = entryOf(table.position?.mark ?? 0, [everything, 'a'], id)
    expect(table.isValid(old)).toBe(true)
    table.apply(clock.renew())
    expect(table.isValid(old)).toBe(false)
    expect(table.acceptsForeign([])).toBe(false)
    expect(table.isValid(entryOf(table.position?.mark ?? 0, [everything, 'a'], id))).toBe(true)
  })

  test('forgets old stamps beyond its limit, and voids whatever they might have voided', () => {
    const clock = createProcessTags()
    const table = tableOf(clock.read(undefined))
    const id = table.position?.id
    const before = entryOf(table.position?.mark ?? 0, ['unrelated'], id)
    table.apply(clock.renew())
    // Loaded before the invalidation of its tag, which will be forgotten.
    const victim = entryOf(table.position?.mark ?? 0, ['tag 0'], id)
    let most = 0
    for (let round = 0; round < 120; round++) {
      table.apply(
        clock.stamp(
          Array.from({ length: 1_000 }, (_, index) => `tag ${round * 1_000 + index}`),
          table.position,
        ),
      )
      most = Math.max(most, clock.read(undefined).stamps.length)
      expect(table.isValid(victim)).toBe(false)
    }
    expect(most).toBeLessThanOrEqual(50_001)
    const { floor, stamps } = clock.read(undefined)
    expect(floor).toBeGreaterThan(1)
    expect(stamps.some(([tag]) => tag === 'tag 0')).toBe(false)
    // Conservative: also what was not invalidated, as nobody can tell any more.
    expect(table.isValid(before)).toBe(false)
    expect(table.isValid(entryOf(0, [], id))).toBe(true)
    // What is loaded now is valid, with old and with new tags.
    for (const tag of ['tag 0', 'tag 119999', 'unrelated', everything]) {
      expect(table.isValid(entryOf(table.position?.mark ?? 0, [tag], id))).toBe(true)
    }
    // A node that reads the table only now judges the same.
    const late = tableOf(clock.read(undefined))
    for (const probe of [victim, before, entryOf(0, [], id), entryOf(table.position?.mark ?? 0, ['tag 0'], id)]) {
      expect(late.isValid(probe)).toBe(table.isValid(probe))
    }
    // The clear at the beginning is still known.
    expect(table.acceptsForeign([])).toBe(false)
    expect(late.acceptsForeign([])).toBe(false)
  })

  test('keeps within its limit when one invalidation alone has more tags than it holds', () => {
    const clock = createProcessTags()
    const table = tableOf(clock.read(undefined))
    const id = table.position?.id
    const old = entryOf(table.position?.mark ?? 0, ['tag 99999'], id)
    table.apply(
      clock.stamp(
        Array.from({ length: 100_000 }, (_, index) => `tag ${index}`),
        table.position,
      ),
    )
    expect(clock.read(undefined).stamps.length).toBeLessThanOrEqual(50_000)
    expect(table.isValid(old)).toBe(false)
    expect(tableOf(clock.read(undefined)).isValid(old)).toBe(false)
    expect(table.isValid(entryOf(table.position?.mark ?? 0, ['tag 0'], id))).toBe(true)
  })
})

describe('tags', () => {
  test('are marked once each with the t0 of the load', () => {
    expect(markTags(['a', 'b', 'a'], 7)).toEqual([{ tag: 'a', t0: 7 }, { tag: 'b', t0: 7 }]) // prettier-ignore
    expect(markTags([], 7)).toEqual([])
  })

  test.each([[['a', 'document:1', ' ', '漢 😀', '\n', 'x'.repeat(512)]], [[]]])('may be %j', (tags) => {
    expect(checkTags(tags, 'tags')).toBe(tags)
  })

  test.each([
    undefined,
    null,
    'a',
    new Set(['a']),
    {},
    [''],
    [1],
    [undefined],
    ['a', null],
    ['\ud800'],
    ['x'.repeat(513)],
    [['a']],
    new Array(1),
  ] as unknown[])('may not be %s', (tags) => {
    let error: unknown
    try {
      checkTags(tags, 'The result of tags')
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(TypeError)
    expect(isCacheError(error, 'CACHE_BAD_OPTION')).toBe(true)
    expect((error as Error).message).toMatch(
      /^The result of tags must (be an array of strings|hold non-empty, well-formed strings)/,
    )
  })
})
