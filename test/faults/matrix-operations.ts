// What an application does with a cache, as the matrix of faults does it: before a fault, in it (twice: as the first that meets
// it, and when it is known), and after it. Each looks for itself whether what came back may have come back.
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { CachedFunction, Invalidation } from '../../src/index.ts'
import { cached } from '../../src/index.ts'
import { gate, until } from '../support/gate.ts'
import { type FleetNode, makeNode, settles } from './fleet.ts'
import type { Answer, Fault, Need, World } from './matrix-faults.ts'

/** One operation in one fault, on a node and in a namespace of its own. */
export interface Cell {
  readonly fault: Fault
  readonly world: World
  readonly namespace: string
  readonly node: FleetNode
  /** Answers with how often it has run. */
  readonly fn: CachedFunction<(id: string) => Promise<{ id: string; run: number }>>
  runs(): number
  /** What may never be read again, by key, as `get` gives it back. */
  readonly never: Map<string, Set<string>>
  /** What was there before the fault. */
  before: { readonly warm?: number; readonly clock?: string; readonly load?: UnderWay }
}

interface UnderWay {
  readonly value: Promise<string>
  readonly end: () => void
}

export interface Operation {
  readonly name: string
  /** Done again and again until it answers true: a slow machine may take longer than the budget. */
  prepare?(cell: Cell): Promise<boolean>
  /** Once, just before the fault. */
  begin?(cell: Cell): Promise<void>
  during(cell: Cell, pass: 1 | 2): Promise<void>
  after?(cell: Cell): Promise<void>
}

let cells = 0

export function makeCell(fault: Fault, world: World, namespace: string): Cell {
  const { budget } = fault
  const node = makeNode({ url: world.proxy.url, budget, socketTimeout: '8s', namespace })
  let runs = 0
  const name = `fn${++cells}`
  const fn = cached(async (id: string) => ({ id, run: ++runs }), { name, manager: node.manager, ttl: '1h' })
  return { fault, world, namespace, node, fn, runs: () => runs, never: new Map(), before: {} }
}

/** After `close`: no timer and no connection. */
export async function leavesNothing(node: FleetNode): Promise<void> {
  await settles('close', node.manager.close())
  // What was under way has been rejected; its deadline is taken back at the end of the turn.
  await turn()
  expect([node.timers.armed, node.transports.open]).toEqual([0, 0])
}

/** Reads what may never be read again. */
export async function readForbidden({ node: { manager }, never }: Cell): Promise<void> {
  for (const [key, texts] of never) {
    const text = await manager.get(key)
    const value = await manager.getOrSet<unknown>(key, () => 'loaded now', { mode: 'readonly' })
    for (const found of [text, value, JSON.stringify(value)]) expect([key, ...texts]).not.toContain(found)
  }
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
      if (fault.answers.store === 'yes') expect(await fn.withStatus(id)).toMatchObject({ value, source: 'l2' })
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
    async during({ fn, fault, runs, before: { warm } }) {
      const { value, source } = await settles('call', fn.withStatus('warm'))
      expect(value).toEqual({ id: 'warm', run: source === 'l2' ? warm : runs() })
      expectAnswer(fault, 'read', source === 'l2')
    },
    async after({ fn, fault, runs, before: { warm } }) {
      const { value } = await fn.withStatus('warm')
      // Nobody invalidated it: where the store kept it, it is as good as ever. What memory had instead is gone.
      expect(fault.keeps ? [warm, runs()] : [runs()]).toContain(value.run)
    },
  },
  overwriting('set', ({ node: { manager } }, value) => manager.set('k', value)),
  overwriting('setValue', ({ node: { manager } }, value) => manager.setValue('k', { value })),
  invalidation('delete', 'delete', ({ node: { manager } }) => manager.delete('k')),
  invalidation('delete, strict', 'delete', ({ node: { manager } }) => manager.delete('k', strict)),
  invalidation('invalidateTags', 'stamp', ({ node: { manager } }) => manager.invalidateTags(['t'])),
  invalidation('invalidateTags, strict', 'stamp', ({ node: { manager } }) => manager.invalidateTags(['t'], strict)),
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

function overwriting(name: string, write: (cell: Cell, value: string) => Promise<boolean>): Operation {
  /** As `get` gives it back. */
  const textOf = (value: string): string => (name === 'set' ? value : JSON.stringify({ value }))
  return {
    name,
    prepare: (cell) => write(cell, 'value 0'),
    async during(cell, pass) {
      forbid(cell, 'k', textOf(`value ${pass - 1}`))
      const isStored = await settles(name, write(cell, `value ${pass}`))
      const found = await settles('get', cell.node.manager.get('k'))
      if (cell.fault.answers.store === 'yes') expect([isStored, found]).toEqual([true, textOf(`value ${pass}`)])
      else expect([null, textOf(`value ${pass}`)]).toContain(found)
    },
    after: (cell) => isStoredAsSaid(cell, 'k'),
  }
}

/** Of one key `k`, whose entry has the tag `t`. */
function invalidation(name: string, need: Need, invalidate: (cell: Cell) => Promise<Invalidation>): Operation {
  return {
    name,
    prepare: ({ node: { manager } }) => manager.setValue('k', 'old', { tags: ['t'] }),
    async begin(cell) {
      cell.before = { clock: await clockId(cell) }
    },
    async during(cell) {
      forbid(cell, 'k', '"old"')
      const settled = settles(name, invalidate(cell))
      const outcome = name.endsWith('strict') ? await outcomeOfStrict(settled) : await settled
      // Honest: who says that it is applied has done it, and no word of any server is needed any more.
      if (outcome === 'applied') expect(await isDone(cell, need)).toBe(true)
      else expect(outcome).toBe('journaled')
      expectAnswer(cell.fault, need, outcome === 'applied')
      expect(await settles('getValue', cell.node.manager.getValue('k'))).toBeUndefined()
    },
    async after(cell) {
      expect(await isDone(cell, need)).toBe(true)
      // And so it is for everybody else.
      await using other = makeNode({ url: cell.world.proxy.url, budget: '8s', namespace: cell.namespace })
      expect(await other.manager.getValue('k')).not.toBe('old')
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
      if (outcome === 'applied') expect(await isDone(cell, 'delete')).toBe(true)
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

/** Whether the server itself knows of it. */
async function isDone(cell: Cell, need: Need): Promise<boolean> {
  const { world, namespace } = cell
  if (need === 'delete') return (await world.ask('EXISTS', `${namespace}:k`)) === 0
  if ((await clockId(cell)) !== cell.before.clock) return true
  return need === 'stamp' && (await world.ask('ZSCORE', clockOf(namespace), 't:t')) !== null
}

async function clockId({ world, namespace }: Cell): Promise<string> {
  const parts = await world.ask('ZRANGEBYSCORE', clockOf(namespace), '+inf', '+inf')
  return (parts as string[]).find((part) => part.startsWith('i:')) ?? ''
}

const clockOf = (namespace: string): string => `${namespace}:speedrun-cache#t`

/** What stood in during the fault, or was given up in it, has not come to the store. */
async function isStoredAsSaid(cell: Cell, ...keys: readonly string[]): Promise<void> {
  const { store } = cell.fault.answers
  if (store !== 'maybe') await isStored(cell, store === 'yes' ? keys.length : 0, ...keys)
}

async function isStored({ world, namespace }: Cell, count: number, ...keys: readonly string[]): Promise<void> {
  expect(await world.ask('EXISTS', ...keys.map((key) => `${namespace}:${key}`))).toBe(count)
}

function forbid({ never }: Cell, key: string, text: string): void {
  never.set(key, (never.get(key) ?? new Set()).add(text))
}

function expectAnswer({ answers }: Fault, need: Need, isAnswered: boolean): void {
  const answer: Answer = isAnswered ? 'yes' : 'no'
  if (answers[need] !== 'maybe') expect([need, answer]).toEqual([need, answers[need]])
}

async function isHit(fn: Cell['fn'], id: string): Promise<boolean> {
  await fn(id)
  return (await fn.withStatus(id)).source === 'l2'
}

/** Hits come from the store again, and nothing is owed to it; nothing is read on the way that may not be. */
export async function hitsResume(cell: Cell): Promise<void> {
  const { fn, node } = cell
  await until('hits resume', async () => {
    // The proxy lives in this process too, and needs its time.
    await sleep(20)
    await readForbidden(cell)
    const { state, journal } = node.manager.stats()
    return state === 'connected' && journal === 0 && (await isHit(fn, 'resumed'))
  })
  await readForbidden(cell)
}
