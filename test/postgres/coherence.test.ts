// Several caches with memory in front of one PostgreSQL, and a program that writes plain SQL beside them: once all is quiet, nobody is served
// anything but what is true, from memory or not.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CacheManager } from '../../src/index.ts'
import { createCache } from '../../src/index.ts'
import { PostgresBackend } from '../../src/postgres.ts'
import { until } from '../support/gate.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startPostgres } from '../support/postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())

const rounds = Number(process.env['TEST_POSTGRES_ROUNDS'] ?? 2)

async function openNode(): Promise<CacheManager> {
  const backend = new PostgresBackend({ connectionString: server.url, budget: '5s', maxConnections: 4 })
  const cache = createCache({ backend, budget: '5s', logLevel: 'silent' })
  await cache.init()
  return cache
}

test(`nothing stale is left in any memory, ${rounds} times`, { timeout: 60_000 + rounds * 30_000 }, async () => {
  const keys = Array.from({ length: 12 }, (_, index) => `doc:${index}`)
  for (let round = 0; round < rounds; round++) {
    const nodes = await Promise.all(Array.from({ length: 3 }, openNode))
    try {
      const truth = new Map<string, number>(keys.map((key) => [key, 0]))
      const load = async (key: string): Promise<string> => {
        const version = truth.get(key)
        await sleep(Math.random() * 8)
        return `${key}=${version}`
      }
      const read = (node: CacheManager, key: string): Promise<string> =>
        node.getOrSet(key, () => load(key), { ttl: '1h', tags: [`tag:${key}`] })
      let hitsInMemory = 0
      const end = performance.now() + 2500
      const busy = nodes.map(async (node) => {
        while (performance.now() < end) {
          const key = keys[Math.floor(Math.random() * keys.length)] as string
          await Promise.all([read(node, key), read(node, keys[Math.floor(Math.random() * keys.length)] as string)])
          if (Math.random() < 0.2) await sleep(1)
        }
        hitsInMemory += Object.values(node.stats().operations).reduce((sum, { hits }) => sum + hits.l1, 0)
      })
      const client = await server.connect()
      const changing = (async () => {
        while (performance.now() < end) {
          const key = keys[Math.floor(Math.random() * keys.length)] as string
          truth.set(key, (truth.get(key) ?? 0) + 1)
          const node = nodes[Math.floor(Math.random() * nodes.length)] as CacheManager
          const dice = Math.random()
          if (dice < 0.35) await node.delete(key)
          else if (dice < 0.6) await node.invalidateTags([`tag:${key}`])
          else if (dice < 0.97) await client.query('delete from speedrun_cache where key = $1', [key])
          else await node.clear()
          // A plain DELETE of a row that is not there reaches nobody who loads without a lease.
          await sleep(Math.random() * 10)
        }
        await client.end()
      })()
      await Promise.all([...busy, changing])
      await Promise.all(nodes.map((node) => node.drain()))
      const stale = async (): Promise<string[]> => {
        const found: string[] = []
        for (const [index, node] of nodes.entries()) {
          for (const key of keys) {
            const value = await read(node, key)
            if (value !== `${key}=${truth.get(key)}`) found.push(`node ${index}: ${value}, true is ${truth.get(key)}`)
          }
        }
        return found
      }
      // What is told has arrived, at the latest with the next heartbeat.
      await sleep(600)
      expect(await stale()).toEqual([])
      expect(await stale()).toEqual([])
      expect(hitsInMemory).toBeGreaterThan(100)
      expect(nodes.map((node) => node.stats().state)).toEqual(['connected', 'connected', 'connected'])
    } finally {
      await Promise.all(nodes.map((node) => node.close()))
    }
  }
})

test('memory is coherent, and says so; one node’s delete empties the other’s', async () => {
  const [one, other] = await Promise.all([openNode(), openNode()])
  try {
    let version = 1
    const read = (node: CacheManager): Promise<number> => node.getOrSet('shared', () => Promise.resolve(version), '1h')
    expect(await read(one)).toBe(1)
    expect(await read(other)).toBe(1)
    await until('it is in memory', async () => {
      await read(other)
      return (await other.inspect('shared')) !== null
    })
    const report = await other.healthReport()
    expect(report.l1).toBe('coherent')
    version = 2
    await one.delete('shared')
    await until('the other has heard', async () => (await read(other)) === 2)
  } finally {
    await Promise.all([one.close(), other.close()])
  }
})
