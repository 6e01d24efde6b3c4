import type { ContractOutcome } from './contract-case.ts'
import { outcome } from './contract-case.ts'
import { expectMiss, expectSame } from './expectations.ts'

// B-30 to B-33: several keys in one call answer as so many single calls would.

export const batchOutcomes: readonly ContractOutcome[] = [
  outcome(
    'B-30',
    'answers a batch in the order of its keys, each miss in its place',
    { needs: 'batch' },
    async ({ backend, key, capability }) => {
      const batch = capability('batch')
      const [one, two, empty, none] = [key('1'), key('2'), key('empty'), key('none')]
      await backend.set(one, 'one', 60)
      await backend.set(two, 'two', 60)
      await backend.set(empty, '', 60)
      const came = await batch.get([none, two, empty, one, none, two])
      expectSame('how many answers', came.length, 6)
      for (const index of [0, 4]) expectMiss(`answer ${index}, a key that is not there`, came[index])
      expectSame('the other answers', [came[1], came[2], came[3], came[5]], ['two', '', 'one', 'two'])
      expectSame('a batch of nothing', [...(await batch.get([]))], [])
      expectSame('a batch of one', [...(await batch.get([one]))], ['one'])
    },
  ),

  outcome(
    'B-31',
    'takes a batch of many keys and long values',
    { needs: 'batch' },
    async ({ backend, key, capability }) => {
      const batch = capability('batch')
      const stem = key(`' {a} * `)
      const keys = Array.from({ length: 700 }, (_, index) => `${stem}${index}`)
      const text = (index: number): string => `${index}é\r\n\u0000`.repeat(index % 100 === 0 ? 20_000 : 1)
      await Promise.all(keys.map((at, index) => (index % 3 === 1 ? undefined : backend.set(at, text(index), 60))))
      const came = await batch.get(keys)
      expectSame('how many answers', came.length, keys.length)
      for (const [index, answer] of came.entries()) {
        if (index % 3 === 1) expectMiss(`answer ${index}, a key that is not there`, answer)
        else expectSame(`answer ${index}`, answer, text(index))
      }
    },
  ),

  outcome('B-32', 'counts what a batch deleted', { needs: 'batch' }, async ({ backend, key, capability }) => {
    const batch = capability('batch')
    const stem = key()
    const keys = Array.from({ length: 700 }, (_, index) => `${stem}${index}`)
    await Promise.all(keys.slice(0, 600).map((at) => backend.set(at, 'x', 60)))
    const kept = key('kept')
    await backend.set(kept, 'x', 60)
    expectSame('batch.delete of 600 that are there and 100 that are not', await batch.delete(keys), 600)
    expectSame('batch.delete of what is gone', await batch.delete(keys), 0)
    expectSame('batch.delete of nothing', await batch.delete([]), 0)
    for (const at of [keys[0], keys[599]] as string[]) expectMiss('get of what was deleted', await backend.get(at))
    expectSame('get of another key', await backend.get(kept), 'x')
  }),
]
