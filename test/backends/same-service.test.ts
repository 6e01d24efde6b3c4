// One service, unchanged, on every backend: what it is promised of its own process holds on all of them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CacheBackend, CacheManager } from '../../src/index.ts'
import { createCache, MemoryBackend, RedisBackend, tiered, withPrefix } from '../../src/index.ts'
import { keyvBackend } from '../../src/keyv.ts'
import { MemcachedBackend } from '../../src/memcached.ts'
import { migrate, PostgresBackend } from '../../src/postgres.ts'
import { SupabaseBackend, SupabaseTableBackend } from '../../src/supabase.ts'
import { gate, until } from '../support/gate.ts'
import { mapBackend } from '../support/map-backend.ts'
import { startMemcached } from '../support/memcached-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { startPostgrestStandIn, supabaseRoles } from '../support/postgrest-stand-in.ts'
import { sharedRedisUrl } from '../support/shared-redis.ts'
import { isWhole, serviceOn } from './document-service.ts'

const ends: Array<() => unknown> = []
let memcached: string
let postgres: string
let rest: { readonly url: string; readonly key: string }
beforeAll(async () => {
  const server = await startMemcached()
  const database = await startPostgres()
  await database.sql(supabaseRoles)
  const client = await database.connect()
  await migrate(client, { grantTo: ['service_role'] })
  await client.end()
  const standIn = await startPostgrestStandIn(database)
  ends.push(
    () => standIn.stop(),
    () => database.stop(),
    () => server.stop(),
  )
  memcached = server.address
  postgres = database.url
  rest = { url: standIn.url, key: standIn.serviceKey }
})
afterAll(async () => {
  for (const end of ends) await end()
})

/** A busy machine is not what is tested. */
const budget = '10s'

const backends: Readonly<Record<string, () => CacheBackend>> = {
  MemoryBackend: () => new MemoryBackend(),
  RedisBackend: () => new RedisBackend({ url: sharedRedisUrl(), budget }),
  MemcachedBackend: () => new MemcachedBackend({ servers: [memcached], budget }),
  PostgresBackend: () => new PostgresBackend({ connectionString: postgres, budget, maxConnections: 4 }),
  SupabaseBackend: () => new SupabaseBackend({ ...rest, budget }),
  SupabaseTableBackend: () => new SupabaseTableBackend({ ...rest, budget }),
  'a Map behind Keyv': () => keyvBackend(new Map()),
  'six methods': () => mapBackend(),
  withPrefix: () => withPrefix(new RedisBackend({ url: sharedRedisUrl(), budget }), 'tenant:'),
  tiered: () => tiered(new MemoryBackend(), new RedisBackend({ url: sharedRedisUrl(), budget })),
}

describe.each(Object.keys(backends))('on %s', (name) => {
  async function open(): Promise<CacheManager & AsyncDisposable> {
    const backend = (backends[name] as () => CacheBackend)()
    const manager = await createCache({ backend, budget, env: {}, logLevel: 'silent' }).init()
    await until('it is connected', async () => (await manager.healthReport()).status === 'connected')
    return manager
  }

  test('C4: a hit equals its miss, and what a reader does to it is nobody else’s', async () => {
    await using manager = await open()
    const service = serviceOn(manager)
    const first = await service.parse('a')
    const second = await service.parse('a')
    expect([isWhole(first), isWhole(second), service.runs]).toEqual([true, true, 1])
    ;(second.words as Map<string, number>).clear()
    expect(isWhole(await service.parse('a'))).toBe(true)
    expect(service.runs).toBe(1)
  })

  test('C1: an invalidation wins against what is stored, and against a load under way', async () => {
    await using manager = await open()
    const service = serviceOn(manager)
    await service.parse('b')
    for (const invalidate of [() => service.changed('b'), () => service.changedAll(), () => manager.clear()]) {
      service.revision++
      expect(await invalidate()).toBe('applied')
      expect((await service.parse('b')).revision).toBe(service.revision)
      const held = gate()
      service.before = () => held.wait()
      await service.changed('b')
      const overtaken = service.parse('b')
      await held.reached
      const old = service.revision++
      service.before = () => Promise.resolve()
      expect(await invalidate()).toBe('applied')
      expect((await service.parse('b')).revision).toBe(old + 1)
      held.open()
      expect((await overtaken).revision).toBe(old)
      expect((await service.parse('b')).revision).toBe(old + 1)
    }
  })

  test('C3 in the process, and C5: many callers, one run; a failure is the loader’s own, for all of them, and is not kept', async () => {
    await using manager = await open()
    const service = serviceOn(manager)
    service.failure = new Error('the source is away')
    const all = await Promise.allSettled(Array.from({ length: 100 }, () => service.parse('c')))
    expect(new Set(all.map((one) => (one.status === 'rejected' ? one.reason : undefined)))).toEqual(
      new Set([service.failure]),
    )
    expect(service.runs).toBe(1)
    service.failure = undefined
    await Promise.all(Array.from({ length: 100 }, () => service.parse('c')))
    expect(service.runs).toBe(2)
  })
})
