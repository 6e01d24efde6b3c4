// Supabase over HTTP: who may, what is shown, what a dead or hanging interface costs, and that several caches on one project load once and serve
// nothing that was invalidated. On a real PostgreSQL behind a stand-in for PostgREST; and on a real project, where one is given.
import { PostgrestClient } from '@supabase/postgrest-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CacheBackend } from '../../src/index.ts'
import { createCache, isCacheError } from '../../src/index.ts'
import { migrate, PostgresBackend } from '../../src/postgres.ts'
import { SupabaseBackend, SupabaseTableBackend } from '../../src/supabase.ts'
import { utcText } from '../../src/backends/supabase/utc-text.ts'
import fc from 'fast-check'
import { gate, until } from '../support/gate.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import type { PostgrestStandIn } from '../support/postgrest-stand-in.ts'
import { startPostgrestStandIn, supabaseRoles } from '../support/postgrest-stand-in.ts'

let server: PostgresServer
let rest: PostgrestStandIn
beforeAll(async () => {
  server = await startPostgres()
  await server.sql(supabaseRoles)
  const client = await server.connect()
  await migrate(client, { grantTo: ['service_role'] })
  await client.end()
  rest = await startPostgrestStandIn(server)
})
afterAll(async () => {
  await rest.stop()
  await server.stop()
})
const own = (): { url: string; key: string; budget: string } =>
  ({ url: rest.url, key: rest.serviceKey, budget: '10s' }) as const

const both: Readonly<Record<string, (options: { url: string; key: string; budget: '10s' | '300ms' }) => CacheBackend>> =
  {
    SupabaseBackend: (options) => new SupabaseBackend(options),
    SupabaseTableBackend: (options) => new SupabaseTableBackend(options),
  }

describe('who may', () => {
  test.each(Object.keys(both))(
    '%s: the public key of a project reads and writes nothing, in spite of its default grants',
    async (name) => {
      const key = rest.anonKey
      const backend = both[name]?.({ url: rest.url, key, budget: '10s' })
      const error = await Promise.resolve(backend?.connect?.()).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: '42501' })
      expect(String(error)).not.toContain(key)
      await backend?.close()
    },
  )

  test('of all functions and tables nothing is the public’s', async () => {
    const rows = await server.sql(
      `select r.role, p.proname from pg_proc p, unnest(array['anon', 'authenticated']) as r(role)
       where p.proname like 'speedrun\\_cache\\_%' and has_function_privilege(r.role, p.oid, 'execute')
       union all select r.role, c.relname from pg_class c, unnest(array['anon', 'authenticated']) as r(role)
       where c.relname like 'speedrun\\_cache%' and c.relkind = 'r' and has_table_privilege(r.role, c.oid, 'select, insert, update, delete')`,
    )
    expect(rows).toEqual([])
    const definers = await server.sql(
      `select proname from pg_proc where proname like 'speedrun\\_cache\\_%' and prosecdef order by 1`,
    )
    // Only what triggers run as the owner of the table.
    expect(definers.map(({ proname }) => proname)).toEqual([
      'speedrun_cache_changed',
      'speedrun_cache_emptied',
      'speedrun_cache_voided',
    ])
  })
})

describe('what is shown', () => {
  const key = 'sb_secret_never.to-be-shown'
  test.each(Object.keys(both))('%s: never the key, whatever goes wrong', async (name) => {
    const errors: unknown[] = []
    const tried = async (backend: CacheBackend | undefined): Promise<void> => {
      await Promise.resolve(backend?.connect?.()).catch((error: unknown) => errors.push(error))
      await Promise.resolve(backend?.get('k')).catch((error: unknown) => errors.push(error))
      expect(JSON.stringify(backend)).not.toContain(key)
      await backend?.close()
    }
    await tried(both[name]?.({ url: rest.url, key, budget: '10s' }))
    rest.fail(502)
    await tried(both[name]?.({ url: rest.url, key, budget: '10s' }))
    rest.fail(undefined)
    await tried(both[name]?.({ url: 'http://127.0.0.1:1', key, budget: '10s' }))
    expect(errors.length).toBe(6)
    for (const error of errors) {
      const { cause, stack } = error as Error
      expect(`${String(error)} ${stack} ${JSON.stringify(error)} ${String(cause)}`).not.toContain(key)
    }
  })

  test.each<[object, string]>([
    [{}, 'url must be the https:// address of the project, got undefined'],
    [{ url: 'ftp://x' }, 'url must be the https:// address'],
    [{ url: 'https://x.supabase.co' }, 'key must be the secret key of the project, got undefined'],
    [
      { url: 'https://x.supabase.co', key: 'a\nb' },
      'key must be the secret key of the project, got a string of 3 characters',
    ],
    [{ client: {} }, 'client must be a client of supabase-js or postgrest-js, with rpc() and from(), got an object'],
    [{ client: { rpc() {}, from() {} }, key }, 'Give either url and key, or a client'],
    [{ url: 'https://x.supabase.co', key, shema: 'x' }, `has no option 'shema': did you mean 'schema'?`],
  ])('%j is an error at once', (options, message) => {
    expect(() => new SupabaseBackend(options)).toThrow(message)
    expect(() => new SupabaseTableBackend(options)).toThrow(message)
  })

  test('one that has not been set up is told what is missing', async () => {
    const backend = new SupabaseBackend({ ...own(), budget: '10s', table: 'missing' })
    await expect(backend.connect()).rejects.toThrow(/PGRST202.*has the migration been run/)
  })
})

test.each(Object.keys(both))(
  '%s: an interface that hangs costs the budget, one request, and no retries',
  async (name) => {
    const backend = both[name]?.({ url: rest.url, key: rest.serviceKey, budget: '300ms' })
    await backend?.connect?.()
    rest.hang(true)
    try {
      rest.requests.length = 0
      const error = await Promise.resolve(backend?.get('k')).catch((thrown: unknown) => thrown)
      expect(isCacheError(error, 'CACHE_TIMEOUT')).toBe(true)
      expect(rest.requests).toHaveLength(1)
    } finally {
      rest.hang(false)
    }
    await until('it serves again', async () => {
      const text = await Promise.resolve(backend?.get('k')).catch(() => 'not yet')
      return text === null
    })
    await backend?.close()
  },
)

test('an injected client has our deadline too', async () => {
  const client = new PostgrestClient(`${rest.url}/rest/v1`, { headers: { authorization: `Bearer ${rest.serviceKey}` } })
  const backend = new SupabaseBackend({ client, budget: '300ms' })
  await backend.connect()
  rest.hang(true)
  await expect(backend.get('k')).rejects.toMatchObject({ code: 'CACHE_TIMEOUT' })
  rest.hang(false)
  await backend.close()
})

describe('several caches on one project', () => {
  test('load once, also together with one that is connected to the database itself', async () => {
    const caches = [
      ...Array.from({ length: 3 }, () => new SupabaseBackend({ ...own(), budget: '10s' })),
      new PostgresBackend({ connectionString: server.url, budget: '10s' }),
    ].map((backend) => createCache({ backend, budget: '10s', logLevel: 'silent' }))
    try {
      await Promise.all(caches.map((cache) => cache.init()))
      await until('all are connected', () => caches.every((cache) => cache.stats().state === 'connected'))
      let loads = 0
      const read = (cache: (typeof caches)[0]): Promise<string> =>
        cache.getOrSet(
          'cold',
          async () => {
            loads++
            await new Promise((resolve) => setTimeout(resolve, 300))
            return 'value\u0000~'
          },
          { ttl: '1h', tags: ['t'] },
        )
      const values = await Promise.all(caches.flatMap((cache) => Array.from({ length: 25 }, () => read(cache))))
      expect(new Set(values)).toEqual(new Set(['value\u0000~']))
      expect(loads).toBe(1)
      // What one invalidates, none serves.
      await caches[0]?.invalidateTags(['t'])
      await until('all have heard', async () => (await caches[3]?.getValue('cold')) === undefined)
      expect(await caches[1]?.getValue('cold')).toBeUndefined()
      expect((await caches[0]?.healthReport())?.l1).toBe('off')
      expect((await caches[0]?.healthReport())?.tags).toBe('shared')
    } finally {
      await Promise.all(caches.map((cache) => cache.close()))
    }
  })

  test.each(['SupabaseBackend', 'SupabaseTableBackend'])(
    '%s: a delete during a load elsewhere makes its value void',
    async (name) => {
      const loading = createCache({
        backend: new SupabaseBackend({ ...own(), budget: '10s' }),
        budget: '10s',
        logLevel: 'silent',
      })
      const deleting = createCache({
        backend: both[name]?.({ ...own(), budget: '10s' }) as CacheBackend,
        budget: '10s',
        logLevel: 'silent',
      })
      try {
        await Promise.all([loading.init(), deleting.init()])
        await until('both are connected', () =>
          [loading, deleting].every((cache) => cache.stats().state === 'connected'),
        )
        const held = gate()
        const late = loading.getOrSet(`late ${name}`, () => held.wait().then(() => 'old'), '1h')
        await held.reached
        expect(await deleting.delete(`late ${name}`)).toBe('applied')
        held.open()
        expect(await late).toBe('old')
        await loading.drain()
        expect(await loading.getValue(`late ${name}`)).toBeUndefined()
      } finally {
        await Promise.all([loading.close(), deleting.close()])
      }
    },
  )
})

test('the table alone: what has expired is removed by whoever writes', async () => {
  const backend = new SupabaseTableBackend({ ...own(), budget: '10s' })
  await backend.connect()
  await server.sql(
    `insert into speedrun_cache (key, value, expires_at) select 'gone ' || n, 'x', now() from generate_series(1, 50) n`,
  )
  const left = async (): Promise<unknown> =>
    (await server.sql(`select count(*)::integer as n from speedrun_cache where key like 'gone %'`))[0]?.['n']
  for (let round = 0; round < 1500 && (await left()) !== 0; round++) await backend.set('writer', 'x', 100)
  expect(await left()).toBe(0)
})

test('times are written as PostgreSQL and JavaScript read them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
      expect(utcText(ms)).toBe(new Date(ms).toISOString())
    }),
  )
})

// Opt-in: SUPABASE_URL and SUPABASE_SECRET_KEY of a project in which the migration was run for service_role.
const { SUPABASE_URL: liveUrl, SUPABASE_SECRET_KEY: liveKey } = process.env
test.runIf(liveUrl !== undefined && liveKey !== undefined)('a real project does the same', async () => {
  const backend = new SupabaseBackend({ url: liveUrl, key: liveKey, budget: '10s' })
  await backend.connect()
  const key = `live:${Math.random()}`
  try {
    expect(
      await backend.leases.acquire(key, { token: 'a', leaseMs: 5000, seen: undefined, despite: 'nothing' }),
    ).toEqual({ kind: 'granted' })
    expect(await backend.leases.fill(key, 'text\u0000', 60, 'a')).toBe('stored')
    expect(await backend.get(key)).toBe('text\u0000')
    expect((await backend.tags.read(undefined)).id).not.toBe('')
  } finally {
    await backend.delete(key)
    await backend.close()
  }
})
