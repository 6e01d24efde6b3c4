// The journal of invalidations that wait for the store: what it forgets is exactly what was confirmed, and what it cannot hold any more
// becomes everything. With a log: whoever was told that it is saved finds it there.
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JournalLine, JournalLog } from '../../src/contracts/journal-log.ts'
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

type Outcome = 'works' | 'fails' | 'half'

interface TestLog extends JournalLog {
  /** What the next process would find. */
  content: readonly JournalLine[]
  /** What was appended, call by call. */
  readonly appends: Array<readonly JournalLine[]>
  /** How the operations end that are not held. `'half'`: as on a disk that is full. */
  outcome: Outcome
  /** Whether operations wait for `step`. */
  held: boolean
  readonly waiting: number
  /** Lets the oldest operation that waits take effect. */
  step(outcome: Outcome): Promise<void>
}

function testLog(left: readonly JournalLine[] = []): TestLog {
  const waiting: Array<(outcome: Outcome) => void> = []
  const operation = <T>(effect: (outcome: Outcome) => T): Promise<T> =>
    new Promise((resolve, reject) => {
      const end = (outcome: Outcome): void => {
        const result = effect(outcome)
        if (outcome === 'works') resolve(result)
        else reject(new Error('no space left on device'))
      }
      if (log.held || waiting.length > 0) waiting.push(end)
      else end(log.outcome)
    })
  const log: TestLog = {
    content: left,
    appends: [],
    outcome: 'works',
    held: false,
    get waiting() {
      return waiting.length
    },
    step: async (outcome) => {
      waiting.shift()?.(outcome)
      await setImmediate()
    },
    takeOver: () => operation(() => log.content),
    append: (lines) => {
      log.appends.push(lines)
      return operation((outcome) => {
        const written = outcome === 'works' ? lines.length : outcome === 'half' ? Math.floor(lines.length / 2) : 0
        log.content = [...log.content, ...lines.slice(0, written)]
      })
    },
    replace: (lines) =>
      operation((outcome) => {
        if (outcome === 'works') log.content = lines
      }),
  }
  return log
}

const ids = (lines: readonly JournalLine[]): string[] => lines.map((line) => line.join(' ')).toSorted()

/** What the log must hold. */
function waitingIn(journal: Journal): string[] {
  const { keys, tags, everything } = contentOf(journal)
  const named = [...keys.map((name) => `key ${name}`), ...tags.map((name) => `tag ${name}`)]
  return [...named, ...(everything ? ['everything'] : [])].toSorted()
}

async function journalIn(log: JournalLog, limit = 100): Promise<Journal> {
  const journal = new Journal(limit)
  await journal.keepIn(log)
  return journal
}

describe('the journal with a log', () => {
  test('is saved at once without one', async () => {
    const journal = filled(['a'])
    await journal.saved()
    expect(contentOf(journal).keys).toEqual(['a'])
  })

  test('has written what was added, of every kind, when saved() resolves', async () => {
    const log = testLog()
    const journal = await journalIn(log)
    journal.addEverything()
    journal.addKey('a')
    journal.addTag('t')
    await journal.saved()
    expect(ids(log.content)).toEqual(['everything', 'key a', 'tag t'])
  })

  test('writes what was added before it had one', async () => {
    const log = testLog()
    const journal = filled(['a'], ['t'])
    await journal.keepIn(log)
    expect(ids(log.content)).toEqual(['key a', 'tag t'])
  })

  test('writes an item once, however often it is added while it waits', async () => {
    const log = testLog()
    const journal = await journalIn(log)
    for (let index = 0; index < 5; index++) {
      journal.addKey('a')
      journal.addTag('a')
      journal.addEverything()
      await journal.saved()
    }
    expect(log.content.filter(([kind]) => kind === 'everything')).toHaveLength(1)
    journal.addKey('b')
    journal.addKey('b')
    await journal.saved()
    journal.addKey('b')
    await journal.saved()
    expect(log.content.filter((line) => line[1] === 'b')).toHaveLength(1)
  })

  test('writes what many add at once in one piece', async () => {
    const log = testLog()
    const journal = await journalIn(log)
    const all = Array.from({ length: 50 }, async (_, index) => {
      journal.addKey(`k${index}`)
      await journal.saved()
    })
    await Promise.all(all)
    expect(log.content).toHaveLength(50)
    expect(log.appends.length).toBeLessThanOrEqual(2)
  })

  test('does not call saved what the append under way does not carry', async () => {
    const log = testLog()
    const journal = await journalIn(log)
    log.held = true
    journal.addKey('a')
    const first = journal.saved()
    await setImmediate()
    journal.addKey('b')
    let done = false
    const second = journal.saved().then(() => (done = true))
    await log.step('works')
    await first
    expect([ids(log.content), done]).toEqual([['key a'], false])
    await log.step('works')
    await second
    expect(ids(log.content)).toEqual(['key a', 'key b'])
  })

  test('waits for what earlier processes left, and writes none of it a second time', async () => {
    const log = testLog([['key', 'a'], ['tag', 't'], ['everything'], ['key', 'b']])
    const journal = filled(['b', 'c'])
    await journal.keepIn(log)
    // A clear covers what was deleted before it.
    expect(contentOf(journal)).toEqual({ keys: ['b'], tags: [], everything: true })
    expect(log.appends.flat()).toEqual([])
    journal.addKey('b')
    journal.addEverything()
    await journal.saved()
    expect(log.appends.flat()).toEqual([])
    journal.addKey('c')
    await journal.saved()
    expect(log.appends).toEqual([[['key', 'c']]])
  })

  test('that takes over more than it may hold writes that it is everything', async () => {
    const log = testLog(['a', 'b', 'c', 'd'].map((name) => ['key', name]))
    const journal = await journalIn(log, 2)
    expect(contentOf(journal)).toEqual({ keys: ['d'], tags: [], everything: true })
    expect(ids(log.content)).toContain('everything')
  })

  test.each(['confirmed', 'forgotten'])('empties the log when the last item is %s', async (how) => {
    const log = testLog([['key', 'inherited']])
    const journal = await journalIn(log)
    journal.addKey('a')
    await journal.saved()
    if (how === 'confirmed') batchOf(journal).confirm()
    else ['inherited', 'a'].forEach((key) => journal.forgetKey(key))
    await setImmediate()
    expect(log.content).toEqual([])
  })

  test('leaves what was added again after the log was emptied', async () => {
    const log = testLog()
    const journal = await journalIn(log)
    journal.addKey('a')
    await journal.saved()
    batchOf(journal).confirm()
    journal.addKey('a')
    await journal.saved()
    expect(ids(log.content)).toContain('key a')
  })

  test('tries again to empty a log that could not be emptied', async () => {
    const log = testLog()
    const journal = await journalIn(log)
    journal.addKey('a')
    await journal.saved()
    log.outcome = 'fails'
    batchOf(journal).confirm()
    await setImmediate()
    expect(ids(log.content)).toEqual(['key a'])
    log.outcome = 'works'
    await journal.saved()
    expect(log.content).toEqual([])
  })

  test('does not touch the log while nothing waits', async () => {
    const log = testLog()
    const journal = await journalIn(log)
    log.held = true
    journal.forgetKey('a')
    await journal.saved()
    expect(log.waiting).toBe(0)
  })

  test('keeps the log bounded while one refused key remains for ever', async () => {
    const log = testLog()
    const journal = await journalIn(log)
    journal.addKey('refused')
    let most = 0
    for (let index = 0; index < 20_000; index++) {
      journal.addKey(`key ${index}`)
      await journal.saved()
      batchOf(journal).confirm(new Set(['refused']))
      most = Math.max(most, log.content.length)
    }
    await journal.saved()
    expect(most).toBeLessThan(1100)
    expect(ids(log.content)).toContain('key refused')
  })

  test('keeps the log bounded in an outage with many times more invalidations than it may hold', async () => {
    const log = testLog()
    const journal = await journalIn(log, 100)
    let most = 0
    for (let index = 0; index < 20_000; index++) {
      if (index % 2 === 0) journal.addKey(`key ${index}`)
      else journal.addTag(`tag ${index}`)
      await journal.saved()
      most = Math.max(most, log.content.length)
    }
    expect(most).toBeLessThan(1400)
    expect(ids(log.content)).toEqual(expect.arrayContaining(waitingIn(journal)))
  })

  test('rejects saved() when the log cannot be written, and writes it with the next', async () => {
    const log = testLog()
    const journal = await journalIn(log)
    journal.addKey('a')
    log.outcome = 'fails'
    await expect(journal.saved()).rejects.toThrow('no space left')
    await expect(journal.saved()).rejects.toThrow('no space left')
    expect(journal.covers('a')).toBe(true)
    log.outcome = 'works'
    journal.addKey('b')
    await journal.saved()
    expect(ids(log.content)).toEqual(['key a', 'key b'])
  })

  test('does not write later what was confirmed while it could not be written', async () => {
    const log = testLog()
    const journal = await journalIn(log)
    journal.addKey('a')
    log.held = true
    const failing = journal.saved().catch((error: unknown) => error)
    await setImmediate()
    batchOf(journal).confirm()
    log.held = false
    await log.step('half')
    expect(await failing).toBeInstanceOf(Error)
    await journal.saved()
    expect(log.content).toEqual([])
  })

  test('remembers no more for a log that cannot be written than it holds itself', async () => {
    const log = testLog()
    const journal = await journalIn(log, 100)
    log.outcome = 'fails'
    for (let index = 0; index < 10_000; index++) {
      journal.addKey(`key ${index}`)
      if (index % 1000 === 0) await journal.saved().catch(() => {})
    }
    log.outcome = 'works'
    await journal.saved()
    expect(log.content.length).toBeLessThanOrEqual(101)
    expect(ids(log.content)).toEqual(waitingIn(journal))
  })

  /** One key waits, and the log is about to be rewritten for being much too long. */
  async function aboutToBeRewritten(log: TestLog): Promise<Journal> {
    const journal = await journalIn(log, 5000)
    for (let index = 0; index < 1100; index++) journal.addKey(`key ${index}`)
    journal.addKey('stays')
    await journal.saved()
    return journal
  }

  test('does not call saved what a rewrite of the log under way is about to save', async () => {
    const log = testLog()
    const journal = await aboutToBeRewritten(log)
    const batch = batchOf(journal)
    log.held = true
    journal.addKey('added')
    batch.confirm(new Set(['stays']))
    let done = false
    const saved = journal.saved().then(() => (done = true))
    await setImmediate()
    expect([done, ids(log.content).includes('key added')]).toEqual([false, false])
    log.held = false
    while (log.waiting > 0) await log.step('works')
    await saved
    expect(ids(log.content)).toEqual(['key added', 'key stays'])
  })

  test('loses nothing when a rewrite of the log fails', async () => {
    const log = testLog()
    const journal = await aboutToBeRewritten(log)
    const batch = batchOf(journal)
    log.held = true
    journal.addKey('added')
    batch.confirm(new Set(['stays']))
    const saved = journal.saved()
    await setImmediate()
    await log.step('fails')
    log.held = false
    while (log.waiting > 0) await log.step('works')
    await saved
    expect(ids(log.content)).toEqual(expect.arrayContaining(['key added', 'key stays']))
    await journal.saved()
    expect(ids(log.content)).toEqual(['key added', 'key stays'])
  })

  test('moves to another log: there is all of it, and the former one is empty', async () => {
    const former = testLog()
    const journal = await journalIn(former)
    journal.addKey('a')
    await journal.saved()
    const next = testLog([['tag', 'left']])
    await journal.keepIn(next)
    expect([ids(former.content), ids(next.content)]).toEqual([[], ['key a', 'tag left']])
    journal.addKey('b')
    await journal.saved()
    expect([ids(former.content), ids(next.content)]).toEqual([[], ['key a', 'key b', 'tag left']])
  })

  test('stays in its log when the other one cannot be read', async () => {
    const former = testLog()
    const journal = await journalIn(former)
    journal.addKey('a')
    await journal.saved()
    const next = testLog()
    next.outcome = 'fails'
    await expect(journal.keepIn(next)).rejects.toThrow('no space left')
    journal.addKey('b')
    await journal.saved()
    expect(ids(former.content)).toEqual(['key a', 'key b'])
  })

  test('keeps what is being taken over when all else is confirmed meanwhile', async () => {
    const former = testLog()
    const journal = await journalIn(former)
    journal.addKey('a')
    await journal.saved()
    const next = testLog([['key', 'left']])
    next.held = true
    const moved = journal.keepIn(next)
    await setImmediate()
    journal.addKey('b')
    const saved = journal.saved()
    batchOf(journal).confirm()
    next.held = false
    while (next.waiting > 0) await next.step('works')
    await Promise.all([moved, saved])
    expect(contentOf(journal).keys).toEqual(['left'])
    expect(ids(next.content)).toEqual(['key left'])
  })

  test('has in the log, in any order of what happens to both, all that waits since before a saved() that resolved', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd')
    const outcome = fc.constantFrom<Outcome>('works', 'works', 'fails', 'half')
    const line = fc.oneof(
      { weight: 8, arbitrary: fc.tuple(fc.constantFrom('key' as const, 'tag' as const), name) },
      { weight: 1, arbitrary: fc.constant(['everything'] as const) },
    )
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), line }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('forget' as const), name }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('batch' as const) }) },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('confirm' as const),
          which: fc.nat(),
          refused: fc.subarray(['a', 'b']),
        }),
      },
      { weight: 5, arbitrary: fc.record({ do: fc.constant('save' as const) }) },
      { weight: 8, arbitrary: fc.record({ do: fc.constant('step' as const), outcome }) },
      // As many lines as make the log too long at once.
      { weight: 1, arbitrary: fc.record({ do: fc.constant('many' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('move' as const), left: fc.array(line, { maxLength: 5 }) }) },
    )
    const runs = fc.tuple(fc.array(step, { maxLength: 60, size: 'max' }), fc.constantFrom(2, 4, 5000))
    let checked = 0
    await fc.assert(
      fc.asyncProperty(runs, async ([list, limit]) => {
        let log = testLog([['key', 'left']])
        const journal = await journalIn(log, limit)
        log.held = true
        const logs = [log]
        const batches: JournalBatch[] = []
        const running: Array<Promise<unknown>> = []
        // Since when each item has been waiting without a break.
        const since = new Map<string, number>()
        let moment = 0
        const look = (): ReadonlyMap<string, number> => {
          const now = new Set(waitingIn(journal))
          moment++
          for (const id of since.keys()) if (!now.has(id)) since.delete(id)
          for (const id of now) if (!since.has(id)) since.set(id, moment)
          return since
        }
        const save = async (): Promise<void> => {
          const before = new Map(look())
          await journal.saved()
          const there = new Set(ids(log.content))
          const missing = [...look()].filter(([id, at]) => before.get(id) === at && !there.has(id))
          checked++
          if (missing.length > 0) throw new Error(`Not in the log: ${missing.map(([id]) => id).join(', ')}`)
        }
        const failures: unknown[] = []
        const isExpected = (error: unknown): boolean => String(error).includes('no space left')
        const start = (work: Promise<unknown>): void => {
          running.push(work.catch((error: unknown) => (isExpected(error) ? undefined : failures.push(error))))
        }
        const stepAll = async (outcome: Outcome): Promise<void> => {
          for (const one of logs) await one.step(outcome)
        }
        for (const one of list) {
          if (one.do === 'add') {
            const [kind, item = ''] = one.line
            if (kind === 'everything') journal.addEverything()
            else if (kind === 'key') journal.addKey(item)
            else journal.addTag(item)
          } else if (one.do === 'forget') {
            journal.forgetKey(one.name)
          } else if (one.do === 'batch') {
            const batch = journal.batch()
            if (batch !== undefined) batches.push(batch)
          } else if (one.do === 'confirm') {
            batches[one.which % Math.max(1, batches.length)]?.confirm(new Set(one.refused))
          } else if (one.do === 'save') {
            start(save())
          } else if (one.do === 'step') {
            await stepAll(one.outcome)
          } else if (one.do === 'many') {
            for (let index = 0; index < 1500; index++) journal.addKey(`many ${index}`)
            start(save())
            await stepAll('works')
            for (let index = 0; index < 1500; index++) journal.forgetKey(`many ${index}`)
          } else {
            const next = testLog(one.left)
            next.held = true
            start(journal.keepIn(next))
            while (next.waiting === 0) await stepAll('works')
            await next.step('works')
            logs.push(next)
            log = next
          }
          look()
          await Promise.resolve()
        }
        for (const one of logs) one.held = false
        const over = Promise.all(running)
        while (logs.some((one) => one.waiting > 0)) await stepAll('works')
        await over
        await save()
        expect(failures).toEqual([])
        if (journal.size === 0) expect(log.content).toEqual([])
      }),
      { numRuns: 500 * factor },
    )
    expect(checked).toBeGreaterThan(500)
  })
})
