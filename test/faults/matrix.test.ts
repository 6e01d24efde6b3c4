// Every fault of the store and of the way to it, and in each of them everything that a cache is asked: nothing rejects, nothing
// hangs, callers get what their loaders load, an invalidation says what is true of the store; and after it the cache comes back
// by itself, without anything that was invalidated meanwhile, and leaves nothing behind when it is closed.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/gate.ts'
import { type Cell, hitsResume, leavesNothing, makeCell } from './matrix-cell.ts'
import { type Fault, faults, makeWorld } from './matrix-faults.ts'
import { type Operation, operations } from './matrix-operations.ts'

type Errors = ReadonlyMap<Operation, unknown>

const unhandled: unknown[] = []
const note = (error: unknown): void => void unhandled.push(error)

beforeAll(() => void process.on('unhandledRejection', note).on('uncaughtException', note))
afterAll(() => void process.off('unhandledRejection', note).off('uncaughtException', note))

// One fault after the other: a machine that is busy with many at once is slower than any budget.
describe.each(faults.map((fault) => [fault.name, fault] as const))('%s', (_, fault) => {
  let errors: Errors = new Map()

  beforeAll(async () => {
    errors = await drillOnAnyMachine(fault)
  }, 240_000)

  test.each(operations.map((operation) => [operation.name, operation] as const))('%s', (__, operation) => {
    const error = errors.get(operation)
    if (error !== undefined) throw error
  })

  test('nothing is rejected or thrown that nobody hears of', () => {
    expect(unhandled.splice(0)).toEqual([])
  })
})

/** A machine that stands still for a second misses a heartbeat; a cache that takes what is harmless for an outage does so again. */
async function drillOnAnyMachine(fault: Fault): Promise<Errors> {
  for (let attempt = 1; ; attempt++) {
    const { errors, changes } = await drill(fault)
    if (fault.state !== 'up' || changes === 0 || attempt === 3) return errors
  }
}

/** One fault, with all operations side by side, each on a node of its own. */
async function drill(fault: Fault): Promise<{ readonly errors: Errors; readonly changes: number }> {
  await using world = await makeWorld(fault.config)
  const cells = new Map(operations.map((operation, index) => [operation, makeCell(fault, world, `op${index}`)]))
  let changes = 0
  const errors = new Map<Operation, unknown>(operations.map((operation) => [operation, undefined]))
  /** One step of all cells; those that failed before have ended. */
  const each = async (step: (cell: Cell, operation: Operation) => Promise<void> | void): Promise<void> => {
    const going = [...cells].filter(([operation]) => errors.get(operation) === undefined)
    const run = async ([operation, cell]: [Operation, Cell]): Promise<void> => {
      try {
        await step(cell, operation)
      } catch (error) {
        errors.set(operation, error)
      }
    }
    await Promise.all(going.map(run))
  }
  try {
    await each(prepare)
    await each(forgetChanges)
    await fault.strike(world)
    await each((cell, operation) => operation.during(cell, 1))
    if (fault.state === 'down') await each(isAway)
    await each((cell, operation) => operation.during(cell, 2))
    if (fault.state === 'down') await each(saidOnce)
    await fault.heal(world)
    await each(hitsResume)
    await each((cell, operation) => operation.after?.(cell))
    await each(saidEachChange)
    if (fault.state === 'up') await each(wentOn)
    for (const { node } of cells.values()) changes += node.states.length
    await each(({ node }) => leavesNothing(node))
  } finally {
    for (const { node } of cells.values()) await node.manager.close()
  }
  // A direction that lost something stays open in the proxy, whatever the client does.
  await until('the clients are gone', () => world.proxy.connections.every(({ clientOpen }) => !clientOpen))
  return { errors, changes }
}

async function prepare(cell: Cell, operation: Operation): Promise<void> {
  const { manager } = cell.node
  await manager.init()
  await until('the operation is prepared', async () => {
    await sleep(20)
    const isPrepared = (await operation.prepare?.(cell)) ?? true
    const { state, journal } = manager.stats()
    return isPrepared && state === 'connected' && journal === 0
  })
  await operation.begin?.(cell)
}

async function isAway({ node: { manager } }: Cell): Promise<void> {
  await until('the loss is noticed', () => manager.stats().state === 'degraded')
}

/** A slow machine may have taken a node down before the fault did. */
function forgetChanges({ node }: Cell): void {
  node.states.length = 0
  node.lines.length = 0
}

/** Whatever was tried, it is away, and was said to be once. */
function saidOnce({ node }: Cell): void {
  expect(node.states).toEqual(['degraded'])
  expect(node.lines).toHaveLength(1)
}

function wentOn({ node }: Cell): void {
  expect(node.states).toEqual([])
}

/** One line per change, none beside them. */
function saidEachChange({ node }: Cell): void {
  expect(node.lines.map((line) => /^Cache (\w+) \(redis\): /.exec(line)?.[1] ?? line)).toEqual(node.states)
}
