// What an application does with a cache, as the matrix of faults does it: before a fault, in it (twice: as the first that meets
// it, and when it is known), and after it. Each looks for itself whether what came back may have come back.
import { expect } from 'vitest'
import type { Invalidation } from '../../src/index.ts'
import { gate } from '../support/gate.ts'
import { makeNode, openNode, settles } from './fleet.ts'
import {
  type Cell,
  clockId,
  expectAnswer,
  forbid,
  isDone,
  isHit,
  isStored,
  isStoredAsSaid,
  leavesNothing,
} from './matrix-cell.ts'
import type { Need } from './matrix-faults.ts'

export interface Operation {
  readonly name: string
  /** Done again and again until it answers true: a slow machine may take longer than the budget. */
  prepare?(cell: Cell): Promise<boolean>
  /** Once, just before the fault. */
  begin?(cell: Cell): Promise<void>
  during(cell: Cell, pass: 1 | 2): Promise<void>
  after?(cell: Cell): Promise<void>
}

const strict = { strict: true }

export const operations: readonly Operation[] = [
  {
    name: 'get of an absent key',
    async during({ node: { manager } }) {
      expect(await settles('get', manager.get('absent'))).toBeNull()
    },
  },
  {
    name: 'cold getOrSet',
    async during({ node: { manager }, fault }, pass) {
      const value = { loaded: pass }
      const call = (found: object): Promise<object> =>
        settles(
          'getOrSet',
          manager.getOrSet(`cold-${pass}`, () => found),
        )
      expect(await call(value)).toBe(value)
      if (fault.answers.store === 'yes') expect(await call({ loaded: 0 })).toEqual(value)
    },
    after: (cell) => isStoredAsSaid(cell, 'cold-1', 'cold-2'),
  },
  {
    name: 'cold cached call',
    async during({ fn, fault, runs }, pass) {
      const id = `cold-${pass}`
      const value = { id, run: runs() + 1 }
      expect(await settles('call', fn.withStatus(id))).toMatchObject({ value, source: 'load' })
      if (fault.answers.store === 'yes') expect(await fn.withStatus(id)).toMatchObject({ value, source: 'l1' })
    },
    after: (cell) => isStoredAsSaid(cell, cell.fn.keyFor('cold-1'), cell.fn.keyFor('cold-2')),
  },
  {
    name: 'warm call',
    async prepare(cell) {
      const isWarm = await isHit(cell.fn, 'warm')
      cell.before = { warm: (await cell.fn('warm')).run }
      return isWarm
    },
    async during({ fn, fault, runs, node: { manager }, before: { warm } }) {
      const { value, source } = await settles('call', fn.withStatus('warm'))
      expect(value).toEqual({ id: 'warm', run: source === 'l1' || source === 'l2' ? warm : runs() })
      // Memory serves without asking, for as long as it hears of changes: so nobody has found out yet.
      if (source === 'l1') await settles('get', manager.get('nothing there'))
      else expectAnswer(fault, 'read', source === 'l2')
    },
    async after({ fn, fault, runs, before: { warm } }) {
      const { value } = await fn.withStatus('warm')
      // Nobody invalidated it: where the store kept it, it is as good as ever. What memory had instead is gone.
      expect(fault.keeps ? [warm, runs()] : [runs()]).toContain(value.run)
    },
  },
  overwriting('set', ({ node: { manager } }, key, value) => manager.set(key, value)),
  overwriting('setValue', ({ node: { manager } }, key, value) => manager.setValue(key, { value })),
  invalidation('delete', 'delete', ({ node: { manager } }, pass) => manager.delete(`k${pass}`)),
  invalidation('delete, strict', 'delete', ({ node: { manager } }, pass) => manager.delete(`k${pass}`, strict)),
  invalidation('invalidateTags', 'stamp', ({ node: { manager } }, pass) => manager.invalidateTags([`t${pass}`])),
  invalidation('invalidateTags, strict', 'stamp', ({ node: { manager } }, pass) =>
    manager.invalidateTags([`t${pass}`], strict),
  ),
  invalidation('clear', 'renew', ({ node: { manager } }) => manager.clear()),
  invalidation('clear, strict', 'renew', ({ node: { manager } }) => manager.clear(strict)),
  {
    name: 'getMany',
    prepare: ({ node: { manager } }) => manager.set('k', 'v'),
    async during({ node: { manager }, fault }) {
      const found = await settles('getMany', manager.getMany(['k', 'absent']))
      expectAnswer(fault, 'read', found.size > 0)
      if (found.size > 0) expect([...found]).toEqual([['k', 'v']])
    },
  },
  {
    name: 'exists',
    prepare: ({ node: { manager } }) => manager.set('k', 'v'),
    async during({ node: { manager }, fault }) {
      expectAnswer(fault, 'read', await settles('exists', manager.exists('k')))
      expect(await settles('exists', manager.exists('absent'))).toBe(false)
    },
  },
  {
    name: 'healthCheck',
    async during({ node: { manager }, fault }) {
      expectAnswer(fault, 'ping', await settles('healthCheck', manager.healthCheck()))
      const { status, primary } = await settles('healthReport', manager.healthReport())
      expectAnswer(fault, 'ping', primary)
      if (fault.answers.ping === 'no') expect(status).toBe('degraded')
    },
  },
  loadUnderWay('a load under way', false),
  loadUnderWay('a load under way, whose key is deleted', true),
  {
    name: 'boot',
    async during({ world, fault, namespace, fn }, pass) {
      await using node = makeNode({ url: world.proxy.url, budget: fault.budget, namespace: `${namespace}-${pass}` })
      await settles('init', node.manager.init())
      const called = node.manager.getOrSet('k', () => 'loaded')
      expect(await settles('getOrSet', called)).toBe('loaded')
      if (fault.state === 'down') expect(node.manager.stats().state).toBe('degraded')
      if (fault.state === 'down') expect(node.lines).toHaveLength(1)
      await leavesNothing(node)
      await fn('another call')
    },
  },
  {
    name: 'close',
    async during({ world, fault, namespace, fn }, pass) {
      await using node = makeNode({ url: world.proxy.url, budget: fault.budget, namespace: `${namespace}-${pass}` })
      const { manager } = node
      // Not awaited: it is closed in the middle of everything.
      const calls = [
        manager.init(),
        manager.getOrSet('k', () => 'loaded'),
        manager.set('k', 'v'),
        manager.delete('k'),
        manager.invalidateTags(['t']),
        manager.clear(),
      ]
      await settles('close', manager.close())
      await settles('everything', Promise.all(calls))
      const calledLate = manager.getOrSet('k', () => 'uncached')
      expect(await settles('getOrSet', calledLate)).toBe('uncached')
      await leavesNothing(node)
      await fn('another call')
    },
  },
]

/** Another key in each pass: what is written beside the store is forgotten in another way than what did not arrive there. */
function overwriting(name: string, write: (cell: Cell, key: string, value: string) => Promise<boolean>): Operation {
  /** As `get` gives it back. */
  const textOf = (value: string): string => (name === 'set' ? value : JSON.stringify({ value }))
  return {
    name,
    prepare: async (cell) => (await write(cell, 'k1', 'old')) && (await write(cell, 'k2', 'old')),
    async during(cell, pass) {
      const key = `k${pass}`
      forbid(cell, key, textOf('old'))
      const isStored = await settles(name, write(cell, key, 'new'))
      const found = await settles('get', cell.node.manager.get(key))
      if (cell.fault.answers.store === 'yes') expect([isStored, found]).toEqual([true, textOf('new')])
      else expect([null, textOf('new')]).toContain(found)
    },
    after: (cell) => isStoredAsSaid(cell, 'k1', 'k2'),
  }
}

/** Of the key of the pass, whose entry has the tag of the pass. */
function invalidation(
  name: string,
  need: Need,
  invalidate: (cell: Cell, pass: 1 | 2) => Promise<Invalidation>,
): Operation {
  return {
    name,
    prepare: async ({ node: { manager } }) =>
      (await manager.setValue('k1', 'old', { tags: ['t1'] })) &&
      (await manager.setValue('k2', 'old', { tags: ['t2'] })),
    async begin(cell) {
      cell.before = { clock: await clockId(cell) }
    },
    async during(cell, pass) {
      const key = `k${pass}`
      forbid(cell, key, '"old"')
      const settled = settles(name, invalidate(cell, pass))
      const outcome = name.endsWith('strict') ? await outcomeOfStrict(settled) : await settled
      // Honest: who says that it is applied has done it, and no word of any server is needed any more.
      if (outcome === 'applied') expect(await isDone(cell, need, pass)).toBe(true)
      else expect(outcome).toBe('journaled')
      expectAnswer(cell.fault, need, outcome === 'applied')
      expect(await settles('getValue', cell.node.manager.getValue(key))).toBeUndefined()
    },
    async after(cell) {
      for (const pass of [1, 2] as const) expect(await isDone(cell, need, pass)).toBe(true)
      // And so it is for everybody else.
      await using other = await openNode({ url: cell.world.proxy.url, budget: '8s', namespace: cell.namespace })
      for (const key of ['k1', 'k2']) expect(await other.manager.getValue(key)).toBeUndefined()
    },
  }
}

/** A load begun before the fault ends in it, so that what it fills meets the fault. */
function loadUnderWay(name: string, isDeleted: boolean): Operation {
  return {
    name,
    async begin(cell) {
      const { reached, wait, open } = gate()
      const load = async (): Promise<string> => {
        await wait()
        return 'old'
      }
      cell.before = { load: { value: cell.node.manager.getOrSet('k', load), end: open } }
      await reached
    },
    async during(cell) {
      const { load } = cell.before
      load?.end()
      expect(await settles('getOrSet', load?.value ?? Promise.resolve(''))).toBe('old')
      if (!isDeleted) return
      forbid(cell, 'k', '"old"')
      const outcome = await settles('delete', cell.node.manager.delete('k'))
      if (outcome === 'applied') await isStored(cell, 0, 'k')
      expectAnswer(cell.fault, 'delete', outcome === 'applied')
      expect(await settles('getValue', cell.node.manager.getValue('k'))).toBeUndefined()
    },
    // Where nobody knows whether it arrived, it may have done so after somebody else deleted it.
    after: (cell) => (isDeleted ? isStored(cell, 0, 'k') : isStoredAsSaid(cell, 'k')),
  }
}

async function outcomeOfStrict(invalidated: Promise<Invalidation>): Promise<Invalidation> {
  try {
    const outcome = await invalidated
    expect(outcome).toBe('applied')
    return outcome
  } catch (error) {
    expect(error).toMatchObject({ code: 'CACHE_UNAVAILABLE' })
    return 'journaled'
  }
}
