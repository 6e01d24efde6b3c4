import type { TagDelta, TagPosition } from '../contracts/backend.ts'
import type { ContractOutcome } from './contract-case.ts'
import { outcome } from './contract-case.ts'
import { expectSame, expectTrue, show, violated } from './expectations.ts'

// B-40 to B-48: the tag clock. `tag -> stamp` under a random id; each stamp above every stamp before; a new id for everything at once; an answer holds all that
// is newer than what the asker knows, whoever stamped it. What a cache derives from it: an entry is valid if its id is the present one and no tag of it was
// stamped after its load had begun.

function stampOf(delta: TagDelta, tag: string): number {
  const found = delta.stamps.find(([name]) => name === tag)
  if (found === undefined) violated(`the stamp of ${show(tag)}`, 'it in the answer', show(delta.stamps))
  return found[1]
}

/** As a node keeps it: stamps only grow under one id. */
function positionAfter(delta: TagDelta, before?: TagPosition): TagPosition {
  const mark = before !== undefined && before.id === delta.id ? before.mark : 0
  return { id: delta.id, mark: Math.max(mark, delta.floor, ...delta.stamps.map(([, stamp]) => stamp)) }
}

function checkDelta(what: string, delta: TagDelta): void {
  expectTrue(`${what}: id`, typeof delta.id === 'string' && delta.id !== '', 'a non-empty string', delta.id)
  expectTrue(`${what}: floor`, Number.isFinite(delta.floor), 'a number', delta.floor)
  expectTrue(`${what}: stamps`, Array.isArray(delta.stamps), 'an array', delta.stamps)
  for (const [tag, stamp] of delta.stamps) {
    expectTrue(`${what}: tag`, typeof tag === 'string', 'a string', tag)
    expectTrue(
      `${what}: stamp`,
      Number.isSafeInteger(stamp) && stamp > 0,
      'a whole number that JavaScript can hold',
      stamp,
    )
  }
}

export const tagOutcomes: readonly ContractOutcome[] = [
  outcome(
    'B-40',
    'has one tag clock: a text as id, a floor, stamps',
    { needs: 'tags' },
    async ({ capability, key }) => {
      const tags = capability('tags')
      const first = await tags.read(undefined)
      checkDelta('read', first)
      const second = await tags.read(positionAfter(first))
      checkDelta('read since', second)
      expectSame('the id, asked again', second.id, first.id)
      expectSame('the stamps since, when nothing was stamped', second.stamps.length, 0)
      const stamped = await tags.stamp([key()], undefined)
      checkDelta('stamp', stamped)
      expectSame('the id after a stamp', stamped.id, first.id)
    },
  ),

  outcome(
    'B-41',
    'gives every stamp above every stamp before (rule R-1)',
    { needs: 'tags' },
    async ({ capability, key }) => {
      const tags = capability('tags')
      let highest = positionAfter(await tags.read(undefined)).mark
      for (let round = 0; round < 30; round++) {
        const [one, two] = [key('one'), key('two')]
        const delta = await tags.stamp([one, two], undefined)
        const stamp = stampOf(delta, one)
        expectTrue('a stamp', stamp > highest, `more than ${highest}`, stamp)
        expectSame('the stamps of one call', stampOf(delta, two), stamp)
        highest = stamp
      }
    },
  ),

  outcome(
    'B-42',
    'answers with all that is newer than the asker knows, not only what it stamps itself (rule R-3)',
    { needs: 'tags' },
    async ({ capability, key }) => {
      const tags = capability('tags')
      const before = positionAfter(await tags.read(undefined))
      const [others, own, later] = [key('others'), key('own'), key('later')]
      await tags.stamp([others], undefined)
      const delta = await tags.stamp([own], before)
      stampOf(delta, others)
      const after = positionAfter(delta, before)
      await tags.stamp([later], undefined)
      const next = await tags.read(after)
      stampOf(next, later)
      const all = await tags.read(undefined)
      for (const tag of [others, own, later]) stampOf(all, tag)
      // A read changes nothing for the next one.
      stampOf(await tags.read(before), others)
    },
  ),

  outcome(
    'B-43',
    'gives a tag that is stamped again a higher stamp',
    { needs: 'tags' },
    async ({ capability, key }) => {
      const tags = capability('tags')
      const tag = key()
      const first = stampOf(await tags.stamp([tag], undefined), tag)
      const again = await tags.stamp([tag, tag], undefined)
      expectTrue('the second stamp', stampOf(again, tag) > first, `more than ${first}`, stampOf(again, tag))
      const all = await tags.read(undefined)
      const found = all.stamps.filter(([name]) => name === tag).map(([, stamp]) => stamp)
      expectSame('the stamps of a tag', found, [stampOf(again, tag)])
    },
  ),

  outcome(
    'B-44',
    'takes a new id when it is renewed, and keeps no stamps under it',
    { needs: 'tags' },
    async ({ capability, key }) => {
      const tags = capability('tags')
      const ids = new Set<string>()
      const tag = key()
      let before = positionAfter(await tags.stamp([tag], undefined))
      for (let round = 0; round < 5; round++) {
        ids.add(before.id)
        const delta = await tags.renew(round === 4)
        checkDelta('renew', delta)
        expectTrue('the new id', !ids.has(delta.id), 'one that was never there', delta.id)
        expectSame(
          'its stamps',
          delta.stamps.some(([name]) => name === tag),
          false,
        )
        // Whoever asks with a position under the old id learns of the new one, and everything under it.
        const late = await tags.stamp([key('after')], undefined)
        const told = await tags.read(before)
        expectSame('the id, as told to who knows the old one', told.id, delta.id)
        for (const [name] of late.stamps) stampOf(told, name)
        before = positionAfter(told)
      }
    },
  ),

  outcome('B-45', 'gives stamps asked for at once each its own', { needs: 'tags' }, async ({ capability, key }) => {
    const tags = capability('tags')
    const stem = key()
    const names = Array.from({ length: 25 }, (_, index) => `${stem}${index}`)
    const answers = await Promise.all(names.map((tag) => tags.stamp([tag], undefined)))
    const stamps = answers.map((delta, index) => stampOf(delta, names[index] as string))
    expectSame('how many different stamps', new Set(stamps).size, names.length)
    const all = await tags.read(undefined)
    for (const [index, tag] of names.entries()) expectSame('a stamp, read later', stampOf(all, tag), stamps[index])
  }),

  outcome('B-46', 'reads the clock after every get that was sent before', { needs: 'tags' }, async (bench) => {
    const { backend, capability, key } = bench
    const tags = capability('tags')
    const other = await bench.another()
    const otherTags = other.tags ?? violated('another', 'a backend with the same capabilities', 'one without tags')
    const [at, tag] = [key(), key('tag')]
    let position = positionAfter(await tags.read(undefined))
    const stamps = new Map<string, number>()
    let isOver = false
    const writing = (async () => {
      for (let round = 0; round < 60; round++) {
        const delta = await otherTags.stamp([tag], undefined)
        stamps.set(`round ${round}`, stampOf(delta, tag))
        await other.set(at, `round ${round}`, 60)
      }
      isOver = true
    })()
    while (!isOver) {
      const [text, delta] = await Promise.all([backend.get(at), tags.read(position)])
      position = positionAfter(delta, position)
      const stamp = stamps.get(text ?? '') ?? 0
      expectTrue(
        'the clock read with a value',
        position.mark >= stamp,
        `stamps up to ${stamp}, which was given before the value was stored`,
        position.mark,
      )
    }
    await writing
  }),

  outcome('B-47', 'takes any text as a tag', { needs: 'tags' }, async ({ capability, key }) => {
    const tags = capability('tags')
    const stem = key()
    // A cache stamps tags of its own that begin with NUL; its users' have at most 512 characters.
    const names = [
      '\u0000namespace ',
      ' ',
      '*',
      `'; --`,
      '{a}',
      'é漢👍',
      'a\r\nb',
      ':',
      '\\',
      '__proto__',
      'x'.repeat(512),
    ].map((name) => (name.startsWith('\u0000') ? `${name}${stem}` : name.length === 512 ? name : `${name}${stem}`))
    const before = positionAfter(await tags.read(undefined))
    const delta = await tags.stamp(names, before)
    const read = await tags.read(before)
    for (const name of names) expectSame(`the stamp of ${show(name)}`, stampOf(read, name), stampOf(delta, name))
  }),

  outcome(
    'B-48',
    'keeps its id when it is entered and nothing has happened',
    { needs: 'tags' },
    async ({ backend, capability, key }) => {
      const tags = capability('tags')
      if (backend.tags?.enter === undefined) return
      const tag = key()
      const before = await tags.stamp([tag], undefined)
      const entered = await backend.tags.enter(undefined)
      checkDelta('enter', entered)
      expectSame('the id', entered.id, before.id)
      expectSame('a stamp', stampOf(entered, tag), stampOf(before, tag))
      const again = await backend.tags.enter(positionAfter(entered))
      expectSame('the id, entered again', again.id, before.id)
    },
  ),
]
