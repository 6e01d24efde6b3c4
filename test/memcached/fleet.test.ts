// Real processes on real Memcached servers: everybody asks for the same cold key at once, and it is loaded once.
import { afterAll, expect, test } from 'vitest'
import { sharedNow } from '../fleet/clock.ts'
import { type FleetProcess, startProcess } from '../fleet/fleet-process.ts'
import { compileProgram } from '../support/compiled-program.ts'
import { until } from '../support/gate.ts'
import { startMemcached } from '../support/memcached-server.ts'
import type { memcachedNode } from './fleet-node.ts'

type Node = FleetProcess<typeof memcachedNode>

const program = await compileProgram('test/memcached/fleet-node.ts')
const servers = await Promise.all([startMemcached(), startMemcached()])
const addresses = servers.map(({ address }) => address)
const size = 4
const callers = 250
const nodes = await Promise.all(Array.from({ length: size }, (_, index) => startNode(index, addresses.slice(0, 1))))
const divided = await Promise.all([0, 1].map((index) => startNode(index, addresses)))
afterAll(async () => {
  for (const node of [...nodes, ...divided]) await node.kill()
  for (const server of servers) await server.stop()
  program[Symbol.dispose]()
})

async function startNode(index: number, of: readonly string[]): Promise<Node> {
  const node = await startProcess<typeof memcachedNode>(program.file, { index, servers: of })
  await until('it is connected', () => node.call('isConnected'))
  return node
}

/** All of them at one moment, which has not come when all have been told of it. */
const askAll = (all: readonly Node[], key: string, loadMs: number): Array<ReturnType<typeof askOne>> => {
  const at = sharedNow() + 50
  return all.map((node) => askOne(node, key, loadMs, at))
}
const askOne = (node: Node, key: string, loadMs: number, at: number) => node.call('ask', key, callers, loadMs, at)

test(`${size} processes x ${callers} callers, one cold key: one load, everybody gets it`, async () => {
  const loads: number[] = []
  for (let round = 0; round < 5; round++) {
    const asked = await Promise.all(askAll(nodes, `cold-${round}`, 100))
    loads.push(asked.reduce((sum, one) => sum + one.loads, 0))
    const answers = new Set(asked.flatMap((one) => Object.keys(one.answers)))
    expect(answers.size).toBe(1)
    expect(asked.map(({ answers: got }) => Object.values(got))).toEqual(nodes.map(() => [callers]))
  }
  expect(loads).toEqual([1, 1, 1, 1, 1])
})

test('the same of a key whose old value is void', async () => {
  for (let round = 0; round < 3; round++) {
    await Promise.all(askAll(nodes, 'void', 10))
    expect(await nodes[round]?.call('invalidate')).toBe('applied')
    const asked = await Promise.all(askAll(nodes, 'void', 100))
    expect(asked.reduce((sum, one) => sum + one.loads, 0)).toBe(1)
  }
})

test('keys divided among two servers: one load each', async () => {
  for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
    const asked = await Promise.all(askAll(divided, key, 50))
    expect(asked.reduce((sum, one) => sum + one.loads, 0)).toBe(1)
  }
})

test('deleted by another process during the load: its late fill is refused, and one other load begins', async () => {
  const [first, second] = nodes as [Node, Node]
  const old = askOne(first, 'deleted', 1500, 0)
  await until('it loads', async () => (await first.call('loads')) === 1)
  expect(await second.call('delete', 'deleted')).toBe('applied')
  const asked = await Promise.all(nodes.slice(1).map((node) => askOne(node, 'deleted', 50, 0)))
  expect(asked.reduce((sum, { loads }) => sum + loads, 0)).toBe(1)
  const [now] = Object.keys(asked[0]?.answers ?? {})
  expect(now).not.toBe('from 0')
  // Its own callers had asked before the delete.
  expect((await old).answers).toEqual({ 'from 0': callers })
  for (const node of nodes) expect(await node.call('stored', 'deleted')).toBe(now)
})

test('whose loading process is killed: one other loads, and nobody hangs', async () => {
  const asking = askAll(nodes, 'killed', 2000)
  for (const one of asking) one.catch(() => {})
  let first = -1
  const loading = async (): Promise<boolean> => {
    const loads = await Promise.all(nodes.map((node) => node.call('loads')))
    first = loads.findIndex((count) => count > 0)
    return first >= 0
  }
  await until('somebody loads', loading)
  await nodes[first]?.kill()
  const asked = await Promise.all(asking.filter((_, index) => index !== first))
  expect(asked.reduce((sum, { loads }) => sum + loads, 0)).toBe(1)
})
