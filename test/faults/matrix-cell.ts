// One operation in one fault: its node, what it remembers, and how it looks whether what came about may have come about.
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { CachedFunction } from '../../src/index.ts'
import { cached } from '../../src/index.ts'
import { until } from '../support/gate.ts'
import { type FleetNode, makeNode, settles } from './fleet.ts'
import type { Answer, Fault, Need, World } from './matrix-faults.ts'

/** On a node and in a namespace of its own. */
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

/** Whether the server itself knows of it. */
export async function isDone(cell: Cell, need: Need, pass: 1 | 2): Promise<boolean> {
  const { world, namespace, before } = cell
  if (need === 'delete') return (await world.ask('EXISTS', `${namespace}:k${pass}`)) === 0
  if ((await clockId(cell)) !== before.clock) return true
  return need === 'stamp' && (await world.ask('ZSCORE', clockOf(namespace), `t:t${pass}`)) !== null
}

export async function clockId({ world, namespace }: Cell): Promise<string> {
  const parts = await world.ask('ZRANGEBYSCORE', clockOf(namespace), '+inf', '+inf')
  return (parts as string[]).find((part) => part.startsWith('i:')) ?? ''
}

const clockOf = (namespace: string): string => `${namespace}:speedrun-cache#t`

/** What stood in during the fault, or was given up in it, has not come to the store. */
export async function isStoredAsSaid(cell: Cell, ...keys: readonly string[]): Promise<void> {
  const { store } = cell.fault.answers
  if (store !== 'maybe') await isStored(cell, store === 'yes' ? keys.length : 0, ...keys)
}

export async function isStored({ world, namespace }: Cell, count: number, ...keys: readonly string[]): Promise<void> {
  expect(await world.ask('EXISTS', ...keys.map((key) => `${namespace}:${key}`))).toBe(count)
}

export function forbid({ never }: Cell, key: string, text: string): void {
  never.set(key, (never.get(key) ?? new Set()).add(text))
}

export function expectAnswer({ answers }: Fault, need: Need, isAnswered: boolean): void {
  const answer: Answer = isAnswered ? 'yes' : 'no'
  if (answers[need] !== 'maybe') expect([need, answer]).toEqual([need, answers[need]])
}

export async function isHit(fn: Cell['fn'], id: string): Promise<boolean> {
  await fn(id)
  return ['l1', 'l2'].includes((await fn.withStatus(id)).source)
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
