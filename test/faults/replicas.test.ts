// Several processes' worth of cache on one Redis, or on one that is replaced by its replica: what one of them invalidates in the
// worst moment is gone for all of them in the end, and never seen again by itself; what the others see until then is said here.
import { describe, expect, test } from 'vitest'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { gate, until } from '../support/gate.ts'
import { startRedis } from '../support/redis-server.ts'
import { compileNode } from './fleet-process.ts'
import { connected, type FleetNode, makeNode, openNode, settles } from './fleet.ts'
import { startPair } from './replica-pair.ts'

/** Long enough for the slowest machine: who is cut off hears it from the heartbeat, not from a deadline. */
const budget = '5s'

describe('one of two processes is cut off', () => {
  test('the other goes on with what it does not hear of, until the first is back', async () => {
    await using redis = await startRedis()
    await using way = await startFaultProxy(redis)
    await using a = await openNode({ url: way.url, budget })
    await using b = await openNode({ url: redis.url, budget })
    for (const key of ['k', 'overwritten']) await b.manager.setValue(key, 'old')
    await b.manager.setValue('tagged', 'old', { tags: ['t'] })

    way.blackHole()
    expect(await settles('delete', a.manager.delete('k'))).toBe('journaled')
    expect(await settles('invalidateTags', a.manager.invalidateTags(['t']))).toBe('journaled')
    await a.manager.setValue('overwritten', 'new')
    // True here at once, and nowhere else.
    expect(await read(a, 'k', 'tagged', 'overwritten')).toEqual([undefined, undefined, 'new'])
    expect(await read(b, 'k', 'tagged', 'overwritten')).toEqual(['old', 'old', 'old'])

    await way.heal()
    const seen = await readUntilConnected(a, 'k', 'tagged', 'overwritten')
    expect(seen).not.toContain('old')
    // For all of them now; what was only written beside the store is loaded again.
    for (const node of [a, b]) {
      expect(await read(node, 'k', 'tagged', 'overwritten')).toEqual([undefined, undefined, undefined])
    }
    expect(await redis.cli('EXISTS', 'k', 'overwritten')).toBe('0')
  })

  test('what the other invalidates meanwhile is gone for the first when it is back', async () => {
    await using redis = await startRedis()
    await using way = await startFaultProxy(redis)
    await using a = await openNode({ url: way.url, budget })
    await using b = await openNode({ url: redis.url, budget })
    const keys = ['deleted', 'tagged', 'overwritten', 'untouched']
    for (const key of keys) await load(b, key, 'old', key === 'tagged' ? ['t'] : [])

    way.blackHole()
    // Finds out, and has them from its source from now on, which has not changed yet.
    for (const key of keys) expect(await settles(key, load(a, key, 'loaded by A'))).toBe('loaded by A')
    expect(await b.manager.delete('deleted')).toBe('applied')
    expect(await b.manager.invalidateTags(['t'])).toBe('applied')
    expect(await b.manager.setValue('overwritten', 'new')).toBe(true)
    // The price of an outage, bounded by `fallbackTtl`: nobody can tell it.
    expect(await read(a, ...keys)).toEqual(keys.map(() => 'loaded by A'))

    await way.heal()
    expect(await readUntilConnected(a, 'deleted', 'tagged', 'overwritten')).not.toContain('old')
    // Neither the store's old values nor what memory had instead.
    expect(await read(a, ...keys)).toEqual([undefined, undefined, 'new', 'old'])
    expect(await read(b, ...keys)).toEqual([undefined, undefined, 'new', 'old'])
  })

  test('what the first was about to store when the way froze does not outlive what the other invalidates', async () => {
    await using redis = await startRedis()
    await using way = await startFaultProxy(redis)
    await using a = await openNode({ url: way.url, budget })
    await using b = await openNode({ url: redis.url, budget })
    const { reached, wait, open } = gate()
    const loaded = a.manager.getOrSet('k', async () => {
      await wait()
      return 'old'
    })
    await reached
    way.freeze()
    open()
    expect(await settles('getOrSet', loaded)).toBe('old')
    expect(await b.manager.delete('k')).toBe('applied')
    // It arrives now, after the delete, unless its connection is closed first.
    await way.heal()
    await connected(a)
    for (const node of [a, b]) expect(await read(node, 'k')).toEqual([undefined])
    expect(await redis.cli('EXISTS', 'k')).toBe('0')
  })

  test('as processes of their own', async () => {
    using program = await compileNode()
    await using redis = await startRedis()
    await using way = await startFaultProxy(redis)
    await using a = program.start(way.url)
    await using b = program.start(redis.url)
    for (const node of [a, b]) await until('it is connected', async () => isConnected(await node.call('healthReport')))
    for (const key of ['by-a', 'by-b', 'before']) await a.call('setValue', key, 'old')
    expect(await b.call('delete', 'before')).toBe('applied')
    expect(await a.call('getValue', 'before')).toBeUndefined()

    way.blackHole()
    expect(await settles('delete', a.call('delete', 'by-a'))).toBe('journaled')
    expect(await b.call('delete', 'by-b')).toBe('applied')
    expect(await b.call('getValue', 'by-a')).toBe('old')
    await way.heal()
    await until('A is back', async () => {
      for (const key of ['by-a', 'by-b']) expect(await a.call('getValue', key)).toBeUndefined()
      return isConnected(await a.call('healthReport'))
    })
    for (const node of [a, b]) {
      for (const key of ['by-a', 'by-b']) expect(await node.call('getValue', key)).toBeUndefined()
      await settles('close', node.call('close'))
    }
  })
})

describe('a replica takes over', () => {
  test('that lagged behind: what the dead master had confirmed is not served, nor anything made under it', async () => {
    await using pair = await startPair()
    await using a = await openNode({ url: pair.wayOfA.url, budget })
    await using b = await openNode({ url: pair.wayOfB.url, budget })
    // Values without a header, for programs that know of no history: only deleting helps there.
    await using plain = await openNode({ url: pair.wayOfA.url, budget, wire: 'plain' })
    for (const key of ['k', 'other']) await load(a, key, 'old')
    await load(a, 'tagged', 'old', ['t'])
    await load(plain, 'plain', 'old')
    await pair.replicated('k', 'other', 'tagged', 'plain')

    pair.replication.freeze()
    expect(await a.manager.delete('k')).toBe('applied')
    expect(await a.manager.invalidateTags(['t'])).toBe('applied')
    expect(await plain.manager.delete('plain')).toBe('applied')
    await pair.master.kill()
    expect(await pair.replica.cli('EXISTS', 'k', 'plain')).toBe('2')
    await pair.replica.cli('REPLICAOF', 'NO', 'ONE')
    pair.moveA()
    pair.moveB()

    const [ofA, ofB, ofPlain] = await Promise.all([
      readUntilBack(a, 'k', 'tagged', 'other'),
      readUntilBack(b, 'k', 'tagged', 'other'),
      readUntilBack(plain, 'plain'),
    ])
    for (const seen of [ofA, ofB, ofPlain]) expect(seen).not.toContain('old')
    // Done again on the new master, for those who judge by nothing else.
    expect(await pair.replica.cli('EXISTS', 'k', 'plain')).toBe('0')
    // There, but made under a history that may lack an invalidation: void for all.
    expect(await pair.replica.cli('EXISTS', 'other')).toBe('1')
    for (const node of [a, b])
      expect(await read(node, 'k', 'tagged', 'other')).toEqual([undefined, undefined, undefined])
    expect(await load(b, 'other', 'new')).toBe('new')
    expect(await read(a, 'other')).toEqual(['new'])
  })

  /** Each in a namespace of its own: what A does to `k`, whose entry has the tag `t`. */
  const invalidations: ReadonlyArray<readonly [name: string, invalidate: (node: FleetNode) => Promise<unknown>]> = [
    ['delete', ({ manager }) => manager.delete('k')],
    ['overwrite', ({ manager }) => manager.setValue('k', 'new')],
    ['tags', ({ manager }) => manager.invalidateTags(['t'])],
    ['clear', ({ manager }) => manager.clear()],
    ['part', ({ manager }) => manager.namespace('part').clear()],
  ]

  test.each([
    ['goes on as a master', false],
    ['becomes a replica', true],
  ])('and the old master %s: what it confirmed late is gone on the new one too', async (_, isDemoted) => {
    await using pair = await startPair()
    const nodes = invalidations.map(([namespace, invalidate]) => {
      const a = makeNode({ url: pair.wayOfA.url, budget, namespace })
      const b = makeNode({ url: pair.wayOfB.url, budget, namespace })
      return { a, b, invalidate, key: namespace === 'part' ? 'part:k' : 'k' }
    })
    try {
      for (const { a, b } of nodes) {
        await Promise.all([a.manager.init(), b.manager.init()])
        await Promise.all([connected(a), connected(b)])
      }
      await pair.replica.cli('REPLICAOF', 'NO', 'ONE')
      for (const { b } of nodes) b.states.length = 0
      pair.moveB()
      for (const { a, b } of nodes) {
        await readUntilBack(b)
        // From a source that changes only now.
        for (const part of [b.manager, b.manager.namespace('part')]) {
          expect(await part.getOrSet('k', () => 'old', { tags: ['t'] })).toBe('old')
          expect(await part.getValue('k')).toBe('old')
        }
        a.states.length = 0
      }
      // To the one that is deposed, which says yes.
      const outcomes = await Promise.all(nodes.map(({ a, invalidate }) => invalidate(a)))
      expect(outcomes).toEqual(['applied', true, 'applied', 'applied', 'applied'])
      for (const { b, key } of nodes) expect(await read(b, key)).toEqual(['old'])

      if (isDemoted) {
        await pair.master.cli('REPLICAOF', '127.0.0.1', String(pair.replica.port))
        for (const { a } of nodes) await until('it is noticed', () => a.states.at(-1) === 'degraded')
        expect(await nodes[0]?.a.manager.delete('late')).toBe('journaled')
      }
      pair.moveA()
      for (const { a, b, key } of nodes) {
        expect(await readUntilBack(a, key)).not.toContain('old')
        for (const node of [a, b]) expect(await read(node, key)).toEqual([undefined])
      }
    } finally {
      for (const { a, b } of nodes) await Promise.all([a.manager.close(), b.manager.close()])
    }
  })

  test('and one process is late: until it follows it reads what the others have left', async () => {
    await using pair = await startPair()
    await using a = await openNode({ url: pair.wayOfA.url, budget })
    await using b = await openNode({ url: pair.wayOfB.url, budget })
    await load(a, 'k', 'old')
    await pair.replicated('k')
    await pair.replica.cli('REPLICAOF', 'NO', 'ONE')
    b.states.length = 0
    pair.moveB()
    await readUntilBack(b)
    expect(await b.manager.delete('k')).toBe('applied')
    expect(await load(b, 'k', 'new')).toBe('new')
    // No server that A can ask knows better.
    expect(await read(a, 'k')).toEqual(['old'])
    a.states.length = 0
    pair.moveA()
    await readUntilBack(a)
    expect(await read(a, 'k')).toEqual(['new'])
  })
})

/** What is loaded, unlike what is set, is nothing that the node would make good for on another server. */
async function load({ manager }: FleetNode, key: string, value: string, tags: readonly string[] = []): Promise<string> {
  return await manager.getOrSet(key, () => value, { tags })
}

async function read({ manager }: FleetNode, ...keys: readonly string[]): Promise<unknown[]> {
  return await Promise.all(keys.map((key) => settles(key, manager.getValue(key))))
}

/** @returns all that was read on the way */
async function readUntilConnected(node: FleetNode, ...keys: readonly string[]): Promise<unknown[]> {
  const seen: unknown[] = []
  await until('the node is connected and its journal empty', async () => {
    seen.push(...(await read(node, ...keys)))
    const { state, journal } = node.manager.stats()
    return state === 'connected' && journal === 0
  })
  return seen
}

/** The same, of a node whose connection has just been taken away: it may not know yet. */
async function readUntilBack(node: FleetNode, ...keys: readonly string[]): Promise<unknown[]> {
  const seen: unknown[] = []
  await until('the node has noticed', async () => {
    seen.push(...(await read(node, ...keys)))
    return node.states.includes('degraded')
  })
  return [...seen, ...(await readUntilConnected(node, ...keys))]
}

function isConnected(report: unknown): boolean {
  return (report as { readonly status: string }).status === 'connected'
}
