import type { ContractOutcome } from './contract-case.ts'
import { outcome } from './contract-case.ts'
import { expectMiss, expectSame, expectThrows, expectTrue, show, violated } from './expectations.ts'

// B-21 to B-26: many calls at once, and the ends of a backend's life. A failure is thrown: a miss in its place would be loaded anew while the store
// still has what was to be deleted.

export const concurrencyOutcomes: readonly ContractOutcome[] = [
  outcome('B-21', 'gives whole values while one key is written by many', {}, async ({ backend, key }) => {
    const at = key()
    const values = Array.from({ length: 40 }, (_, index) => `${index}:`.repeat(1 + index * 100))
    const known = new Set(values)
    const reads: Array<Promise<unknown>> = []
    const writes = values.map(async (text) => {
      const write = backend.set(at, text, 60)
      reads.push(Promise.resolve(backend.get(at)))
      await write
    })
    await Promise.all(writes)
    for (const came of [...(await Promise.all(reads)), await backend.get(at)]) {
      if (came === null || came === undefined) continue
      expectTrue('get', known.has(came as string), 'a value that was set, or a miss', came)
    }
    expectTrue('get at the end', typeof (await backend.get(at)) === 'string', 'a value that was set', null)
  }),

  outcome('B-22', 'takes many keys at once', {}, async ({ backend, key }) => {
    const stem = key()
    const keys = Array.from({ length: 300 }, (_, index) => `${stem}${index}`)
    await Promise.all(keys.map((at) => backend.set(at, `value of ${at}`, 60)))
    const came = await Promise.all(keys.map((at) => backend.get(at)))
    for (const [index, at] of keys.entries()) expectSame(`get of one of ${keys.length}`, came[index], `value of ${at}`)
    const deleted = await Promise.all(keys.map((at) => backend.delete(at)))
    expectSame(
      'delete of many',
      deleted.every((answer) => answer === true),
      true,
    )
    for (const gone of await Promise.all(keys.map((at) => backend.get(at))))
      expectMiss('get after delete of many', gone)
  }),

  outcome(
    'B-23',
    'writes a key in the order of the calls, though nobody waits for answers',
    { needs: 'ordered' },
    async ({ backend, key }) => {
      for (let round = 0; round < 30; round++) {
        const at = key()
        // Long ones take another way in some stores, or longer.
        const value = (step: number): string => `${step};`.repeat(step % 3 === 0 ? 50_000 : 1)
        const writes: Array<Promise<unknown>> = []
        for (let step = 0; step < 6; step++) {
          writes.push(Promise.resolve(step % 2 === round % 2 ? backend.set(at, value(step), 60) : backend.delete(at)))
        }
        await Promise.all(writes)
        const came = await backend.get(at)
        if (round % 2 === 0) expectMiss('get after five writes and a delete', came)
        else expectSame('get after six writes', came, value(5))
      }
    },
  ),

  outcome('B-24', 'answers a ping while it serves', {}, async ({ backend }) => {
    expectSame('ping', await backend.ping(), true)
    expectSame('ping again', await backend.ping(), true)
  }),

  outcome('B-25', 'may be closed twice, and at once', {}, async ({ backend, key }) => {
    await backend.set(key(), 'x', 60)
    await Promise.all([backend.close(), backend.close()])
    await backend.close(true)
  }),

  outcome(
    'B-26',
    'throws when the store fails: a miss is an answer, no answer is not a miss',
    {},
    async ({ backend, key, breakStore }) => {
      const at = key()
      await backend.set(at, 'x', 60)
      const loaded = key()
      await backend.leases?.acquire(loaded, { token: 'before', leaseMs: 60_000, seen: undefined, despite: 'nothing' })
      await breakStore()
      await expectThrows('get', () => backend.get(at))
      await expectThrows('get of a key that is not there', () => backend.get(key()))
      await expectThrows('set', () => backend.set(at, 'y', 60))
      await expectThrows('delete', () => backend.delete(at))
      await expectThrows('exists', () => backend.exists(at))
      try {
        const isThere = await backend.ping()
        if (isThere) violated('ping', 'false, or an error', show(isThere))
      } catch (error) {
        if ((error as Error).name === 'ContractViolation') throw error
      }
      const { batch, tags, scan, leases } = backend
      if (batch !== undefined) {
        await expectThrows('batch.get', () => batch.get([at, key()]))
        await expectThrows('batch.delete', () => batch.delete([at, key()]))
      }
      if (tags !== undefined) {
        await expectThrows('tags.read', () => tags.read(undefined))
        await expectThrows('tags.stamp', () => tags.stamp([at], undefined))
        await expectThrows('tags.renew', () => tags.renew())
      }
      if (scan !== undefined) {
        await expectThrows('scan.keys', async () => {
          for await (const page of scan.keys(at)) void page
        })
      }
      if (leases !== undefined) {
        const request = { token: 'after', leaseMs: 1000, seen: undefined, despite: 'nothing' } as const
        await expectThrows('leases.acquire', () => leases.acquire(key(), request))
        await expectThrows('leases.fill', () => leases.fill(loaded, 'x', 60, 'before'))
      }
    },
  ),
]
