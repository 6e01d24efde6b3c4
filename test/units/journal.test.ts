// The journal of invalidations that wait for the store: what it forgets is exactly what was confirmed, and what it cannot hold any more
// becomes everything.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Journal } from '../../src/core/journal.ts'
import type { JournalBatch } from '../../src/core/journal.ts'

const factor = Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)

function filled(keys: readonly string[], tags: readonly string[] = []): Journal {
  const journal = new Journal(100)
  for (const key of keys) journal.addKey(key)
  for (const tag of tags) journal.addTag(tag)
  return journal
}

function batchOf(journal: Journal): JournalBatch {
  const batch = journal.batch()
  if (batch === undefined) throw new Error('Expected a batch, but the journal is empty')
  return batch
}

/** What would be replayed now. */
function contentOf(journal: Journal): { keys: readonly string[]; tags: readonly string[]; everything: boolean } {
  const { keys = [], tags = [], everything = false } = journal.batch() ?? {}
  return { keys: keys.toSorted(), tags: tags.toSorted(), everything }
}

describe('the journal', () => {
  test('is empty at first and covers nothing', () => {
    const journal = new Journal(10)
    expect(journal.batch()).toBeUndefined()
    expect(journal.size).toBe(0)
    expect(journal.covers('a')).toBe(false)
  })

  test('covers a key that waits, every key while a tag waits, every key after a clear', () => {
    const keys = filled(['a'])
    expect([keys.covers('a'), keys.covers('b'), keys.size]).toEqual([true, false, 1])
    const tags = filled([], ['t'])
    expect([tags.covers('a'), tags.covers('t'), tags.size]).toEqual([true, true, 1])
    const all = new Journal(10)
    all.addEverything()
    expect([all.covers('a'), all.size]).toEqual([true, 1])
  })

  test('does not mistake a key for the tag of the same name', () => {
    const journal = filled(['x'], ['x'])
    expect(journal.size).toBe(2)
    expect(contentOf(journal)).toEqual({ keys: ['x'], tags: ['x'], everything: false })
  })

  test('forgets nothing before the store has confirmed', () => {
    const journal = filled(['a'], ['t'])
    journal.batch()
    journal.batch()
    expect(contentOf(journal)).toEqual({ keys: ['a'], tags: ['t'], everything: false })
    expect(journal.covers('a')).toBe(true)
  })

  test('forgets with a confirmation exactly what was replayed', () => {
    const journal = filled(['a', 'b'], ['t'])
    const batch = batchOf(journal)
    journal.addKey('c')
    journal.addTag('u')
    batch.confirm()
    expect(contentOf(journal)).toEqual({ keys: ['c'], tags: ['u'], everything: false })
  })

  test('keeps an item that was added again while its older self was being replayed', () => {
    const journal = filled(['a', 'b'], ['t'])
    const batch = batchOf(journal)
    journal.addKey('a')
    journal.addTag('t')
    batch.confirm()
    expect(contentOf(journal)).toEqual({ keys: ['a'], tags: ['t'], everything: false })
    batchOf(journal).confirm()
    expect(journal.batch()).toBeUndefined()
    expect(journal.covers('a')).toBe(false)
  })

  test('keeps a clear that came while another was being replayed', () => {
    const journal = new Journal(10)
    journal.addEverything()
    const batch = batchOf(journal)
    journal.addEverything()
    batch.confirm()
    expect(contentOf(journal).everything).toBe(true)
    batchOf(journal).confirm()
    expect(journal.size).toBe(0)
  })

  test('keeps a clear that came while keys were being replayed, and what came after it', () => {
    const journal = filled(['a'])
    const batch = batchOf(journal)
    journal.addEverything()
    journal.addKey('b')
    batch.confirm()
    expect(contentOf(journal)).toEqual({ keys: ['b'], tags: [], everything: true })
  })

  test('keeps what the store refused of a batch', () => {
    const journal = filled(['a', 'b'], ['t', 'u'])
    batchOf(journal).confirm(new Set(['b', 'u']))
    expect(contentOf(journal)).toEqual({ keys: ['b'], tags: ['u'], everything: false })
  })

  test('forgets a key the store has taken a newer value of, and only that key', () => {
    const journal = filled(['a', 'b'], ['a'])
    const batch = batchOf(journal)
    journal.forgetKey('a')
    journal.forgetKey('never added')
    expect(contentOf(journal)).toEqual({ keys: ['b'], tags: ['a'], everything: false })
    journal.addKey('a')
    batch.confirm()
    expect(contentOf(journal)).toEqual({ keys: ['a'], tags: [], everything: false })
  })

  test('becomes everything at once under a smaller limit, and stays it under a larger one', () => {
    const journal = filled(['a', 'b'], ['t'])
    journal.setLimit(3)
    expect(contentOf(journal).everything).toBe(false)
    journal.setLimit(2)
    expect(contentOf(journal)).toEqual({ keys: [], tags: [], everything: true })
    journal.setLimit(100)
    expect(contentOf(journal).everything).toBe(true)
  })

  test('becomes everything when it holds more than its limit, and not before', () => {
    const journal = new Journal(3)
    journal.addKey('a')
    journal.addTag('t')
    journal.addKey('b')
    journal.addKey('a')
    expect(contentOf(journal)).toEqual({ keys: ['a', 'b'], tags: ['t'], everything: false })
    journal.addTag('u')
    expect(contentOf(journal)).toEqual({ keys: [], tags: [], everything: true })
    expect(journal.covers('never added')).toBe(true)
    expect(journal.size).toBe(1)
  })

  test('that overflows while a batch is being replayed is not emptied by its confirmation', () => {
    const journal = new Journal(2)
    journal.addKey('a')
    journal.addKey('b')
    const batch = batchOf(journal)
    journal.addKey('c')
    batch.confirm()
    expect(contentOf(journal)).toEqual({ keys: [], tags: [], everything: true })
  })

  test('stays bounded through a million invalidations', () => {
    const journal = new Journal(1_000)
    let most = 0
    for (let index = 0; index < 1_000_000; index++) {
      if (index % 2 === 0) journal.addKey(`key ${index}`)
      else journal.addTag(`tag ${index}`)
      most = Math.max(most, journal.size)
    }
    expect(most).toBeLessThanOrEqual(1_001)
    expect(journal.covers('key 0')).toBe(true)
  })

  test('holds, in any order of additions, batches and confirmations, what was not confirmed since it was added', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd')
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('key' as const, 'tag' as const), name }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('everything' as const), name }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('batch' as const), name }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('confirm' as const), name, which: fc.nat() }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), fc.constantFrom(2, 4, 100), (list, limit) => {
        const journal = new Journal(limit)
        // Each addition with a number of its own.
        let next = 0
        const waiting = new Map<string, number>()
        const batches: Array<{ readonly batch: JournalBatch; readonly numbers: ReadonlyMap<string, number> }> = []
        const clear = (): void => {
          waiting.clear()
          waiting.set('everything', next++)
        }
        for (const one of list) {
          if (one.do === 'everything') {
            journal.addEverything()
            clear()
          } else if (one.do === 'batch') {
            const batch = journal.batch()
            expect(batch === undefined).toBe(waiting.size === 0)
            if (batch !== undefined) batches.push({ batch, numbers: new Map(waiting) })
          } else if (one.do === 'confirm') {
            const taken = batches[(one as { readonly which: number }).which % Math.max(1, batches.length)]
            taken?.batch.confirm()
            for (const [item, number] of taken?.numbers ?? []) if (waiting.get(item) === number) waiting.delete(item)
          } else {
            if (one.do === 'key') journal.addKey(one.name)
            else journal.addTag(one.name)
            waiting.set(`${one.do} ${one.name}`, next++)
            const items = [...waiting.keys()].filter((item) => item !== 'everything')
            if (items.length > limit) clear()
          }
          expect(contentOf(journal)).toEqual({
            keys: ['a', 'b', 'c', 'd'].filter((item) => waiting.has(`key ${item}`)),
            tags: ['a', 'b', 'c', 'd'].filter((item) => waiting.has(`tag ${item}`)),
            everything: waiting.has('everything'),
          })
          expect(journal.size).toBe(waiting.size)
          const anyTag = [...waiting.keys()].some((item) => !item.startsWith('key '))
          for (const item of ['a', 'b', 'c', 'd', 'z']) {
            expect(journal.covers(item)).toBe(anyTag || waiting.has(`key ${item}`))
          }
        }
      }),
      { numRuns: 1000 * factor },
    )
  })
})
