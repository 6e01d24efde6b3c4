// The tables and functions: made once, by however many at once, by whom may; used by who was granted them, and nobody else.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { beginningToWire, fromWire, storedKey, toWire } from '../../src/backends/sql/stored-text.ts'
import { migrate, migrationSql, PostgresBackend } from '../../src/postgres.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startPostgres } from '../support/postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())

/** What is late on a busy machine is not away. */
const budget = '10s'

describe('the migration', () => {
  test('may be run by many at once, and again, and changes nothing then', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => server.connect()))
    try {
      await Promise.all(clients.map((client) => migrate(client, { schema: 'app', table: 'many' })))
      const id = async (): Promise<unknown> => (await server.sql('select id from app.many_clock'))[0]?.['id']
      const before = await id()
      await migrate(clients[0] as (typeof clients)[0], { schema: 'app', table: 'many' })
      expect(await id()).toBe(before)
      expect(before).toMatch(/^0-[0-9a-f]{32}$/)
    } finally {
      await Promise.all(clients.map((client) => client.end()))
    }
  })

  test('is one transaction: of one that fails nothing is left', async () => {
    const client = await server.connect()
    try {
      await expect(client.query(`${migrationSql({ table: 'halfway' })}; select 1 / 0`)).rejects.toThrow(
        'division by zero',
      )
      const [row] = await server.sql(`select to_regclass('halfway') as found`)
      expect(row).toEqual({ found: null })
    } finally {
      await client.end()
    }
  })

  test('quotes whatever the names hold', async () => {
    const names = [
      `"; drop table victim; --`,
      `it's`,
      `\\'; drop table victim; --`,
      'ünï',
      `$do$; drop table victim; $do$`,
      `$$; drop table victim`,
      '%s',
    ]
    await server.sql('create table victim ()')
    for (const [index, table] of names.entries()) {
      for (const options of [{ table }, { schema: `s${index} ${table}`, table: 'fine' }]) {
        const backend = new PostgresBackend({ budget, connectionString: server.url, ...options })
        await backend.connect()
        await backend.set('k', table, 100)
        expect(await backend.get('k')).toBe(table)
        await backend.close()
      }
    }
    expect(await server.sql('select * from victim')).toEqual([])
  })

  test('makes a table that is not written ahead only when asked to', async () => {
    for (const unlogged of [false, true]) {
      const table = `logged_${!unlogged}`
      const backend = new PostgresBackend({ budget, connectionString: server.url, table, unlogged })
      await backend.connect()
      const [row] = await server.sql('select relpersistence as kind from pg_class where relname = $1', [table])
      expect(row).toEqual({ kind: unlogged ? 'u' : 'p' })
      await backend.close()
    }
  })

  test('lets those use the cache whom it names, and nobody else', async () => {
    await server.sql('create role app login; create role stranger login; create role anon')
    const client = await server.connect()
    await migrate(client, { table: 'granted', grantTo: ['app'] })
    await client.end()
    const urlOf = (role: string): string => server.url.replace('postgres@', `${role}@`)
    const backend = new PostgresBackend({ budget, connectionString: urlOf('app'), table: 'granted', migrate: false })
    await backend.connect()
    expect(backend.push.isOn).toBe(true)
    expect(backend.link.history).toMatch(/^\d+\./)
    expect(
      await backend.leases.acquire('k', { token: 'a', leaseMs: 1000, seen: undefined, despite: 'nothing' }),
    ).toEqual({ kind: 'granted' })
    expect(await backend.leases.fill('k', 'v', 100, 'a')).toBe('followed')
    expect(await backend.get('k')).toBe('v')
    await backend.tags.stamp(['t'], undefined)
    await backend.tags.renew()
    await backend.close()

    const stranger = new PostgresBackend({
      budget,
      connectionString: urlOf('stranger'),
      table: 'granted',
      migrate: false,
    })
    await expect(stranger.connect()).rejects.toThrow(/has the migration been run/)
    await stranger.close()
    const [row] = await server.sql(
      `select count(*)::integer as n from pg_proc p where p.proname like 'granted\\_%' and (has_function_privilege('stranger', p.oid, 'execute') or has_function_privilege('anon', p.oid, 'execute'))`,
    )
    expect(row).toEqual({ n: 0 })
    const tables = await server.sql(
      `select relname, relrowsecurity as rls from pg_class where relname like 'granted%' and relkind = 'r' order by 1`,
    )
    expect(tables.map(({ rls }) => rls)).toEqual([true, true, true, true])
    const functions = await server.sql(
      `select count(*)::integer as n from pg_proc p where p.proname like 'granted\\_%' and not coalesce(p.proconfig::text like '%search_path%', false)`,
    )
    expect(functions).toEqual([{ n: 0 }])
  })

  test('is asked for by name where it is missing and may not be made', async () => {
    const backend = new PostgresBackend({ budget, connectionString: server.url, table: 'missing', migrate: false })
    await expect(backend.connect()).rejects.toThrow(/has the migration been run/)
    await backend.close()
  })
})

describe('bad input', () => {
  const url = 'postgres://user:secret@localhost/db'
  test.each<[unknown, string]>([
    [{}, 'Give either a connectionString or a pool'],
    [{ connectionString: url, pool: { connect() {} } }, 'Give either a connectionString or a pool'],
    [
      { connectionString: 'mysql://user:secret@localhost' },
      'connectionString must be a postgres:// or postgresql:// url',
    ],
    [{ pool: {} }, 'pool must be a Pool of pg, with connect(), got an object'],
    [{ connectionString: url, table: '' }, 'table must be a non-empty, well-formed string, got an empty string'],
    [{ connectionString: url, table: 'x'.repeat(41) }, 'table must have at most 40 bytes, got 41'],
    [{ connectionString: url, schema: 'a\u0000' }, 'schema must be a non-empty, well-formed string'],
    [{ connectionString: url, maxConnections: 1 }, 'maxConnections must be a whole number, at least 2, got 1'],
    [{ connectionString: url, pooled: 'yes' }, `pooled must be true or false, got 'yes'`],
    [{ connectionString: url, budget: -1 }, 'budget must be more than zero, got -1'],
    [{ connectionString: url, poled: true }, `PostgresBackend has no option 'poled': did you mean 'pooled'?`],
  ])('%j', (options, message) => {
    expect(() => new PostgresBackend(options as never)).toThrow(message)
    try {
      void new PostgresBackend(options as never)
    } catch (error) {
      expect(String(error)).not.toContain('secret')
    }
  })

  test('a password is shown nowhere', async () => {
    const backend = new PostgresBackend({ connectionString: 'postgres://user:secret@127.0.0.1:1/db' })
    expect(JSON.stringify(backend)).not.toContain('secret')
    const error = await backend.connect().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'CACHE_UNAVAILABLE' })
    expect(String(error)).not.toContain('secret')
    await backend.close()
    expect(() => migrationSql({ grantTo: 'app' as never })).toThrow('grantTo must be an array of names of roles')
  })
})

describe('texts on the way', () => {
  test('come back as they were, and none is taken for an encoded one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('', '~', '~~', '\u0000'), (text, before) => {
        const whole = before + text
        expect(fromWire(toWire(whole))).toBe(whole)
        expect(toWire(whole)).not.toContain('\u0000')
      }),
    )
  })

  test('the beginning of a text begins the stored text, byte for byte', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(30), (text, length) => {
        const seen = Buffer.from(fromWire(beginningToWire(text.slice(0, length))))
        expect(Buffer.from(text).subarray(0, seen.length).equals(seen)).toBe(true)
      }),
    )
  })

  test('no two keys are stored as one', () => {
    const texts = new Map<string, string>()
    const long = 'é'.repeat(3000)
    for (const key of ['a', 'a'.repeat(1024), 'a'.repeat(1025), `${'a'.repeat(1025)}b`, long, `${long}x`]) {
      const { key: stored } = storedKey(key)
      expect(Buffer.byteLength(stored)).toBeLessThanOrEqual(1024)
      expect(texts.has(stored)).toBe(false)
      texts.set(stored, key)
      // What a long key is stored as is a key of its own only for who ignores `checkKey`.
      if (stored !== key) expect(stored).toMatch(/#l$/)
    }
  })
})
