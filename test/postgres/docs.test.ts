// The blocks of docs/backends/postgres.md and supabase.md, on a real PostgreSQL, and on a stand-in for the REST interface in front of it.
import { PostgrestClient } from '@supabase/postgrest-js'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect } from 'vitest'
import type { CacheBackend, CacheManager } from '@speedrun/cache'
import type { DocPage } from '../support/doc-blocks.ts'
import { testPages } from '../support/doc-blocks.ts'
import { until } from '../support/gate.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import type { PostgrestStandIn } from '../support/postgrest-stand-in.ts'
import { startPostgrestStandIn, supabaseRoles } from '../support/postgrest-stand-in.ts'

let server: PostgresServer
let pool: pg.Pool
let rest: PostgrestStandIn
beforeAll(async () => {
  server = await startPostgres()
  await server.sql(supabaseRoles)
  pool = new pg.Pool({ connectionString: server.url, max: 4 })
  pool.on('error', () => {})
  rest = await startPostgrestStandIn(server)
}, 120_000)
afterAll(async () => {
  await rest.stop()
  await pool.end()
  await server.stop()
})

async function works(backend: CacheBackend): Promise<void> {
  await backend.connect?.()
  await backend.set('k', 'text', 60)
  expect(await backend.get('k')).toBe('text')
  await backend.close()
}

async function loadsOnce(cache: CacheManager): Promise<void> {
  await cache.init()
  try {
    let loads = 0
    const read = async (): Promise<number> => await cache.getOrSet('once', async () => ++loads, '1h')
    // The budget of the page is short for a busy machine: what is late is away for a moment.
    await until('what was loaded is kept', async () => (await read()) === (await read()))
    await cache.delete('once')
  } finally {
    await cache.close()
  }
}

function postgres(page: DocPage): void {
  page.module<{ open(url: string): CacheManager }>('connect', 'a cache on the database', async ({ open }) =>
    loadsOnce(open(server.url)),
  )
  page.module<{ onPool(pool: pg.Pool): CacheBackend }>('pool', 'the pool stays open', async ({ onPool }) => {
    await works(onPool(pool))
    expect((await pool.query('select count(*)::integer as n from documents_cache')).rows).toEqual([{ n: 1 }])
  })
  page.module<{ byHand(admin: pg.Pool): Promise<void>; asFile(path: string): Promise<void> }>(
    'migrate',
    'by hand, and as a file that can be run',
    async ({ byHand, asFile }) => {
      await pool.query('create role app login')
      await byHand(pool)
      const folder = await mkdtemp(join(tmpdir(), 'test-migration-'))
      try {
        await asFile(join(folder, '001.sql'))
        await pool.query(await readFile(join(folder, '001.sql'), 'utf8'))
      } finally {
        await rm(folder, { recursive: true })
      }
    },
  )
  page.module<{ rename(client: pg.PoolClient, id: string, name: string): Promise<void> }>(
    'transaction',
    'the entry goes with the commit, and stays with a failure',
    async ({ rename }) => {
      await pool.query(
        `create table documents (id text, name text not null); insert into documents values ('1', 'old')`,
      )
      const { PostgresBackend } = await import('../../src/postgres.ts')
      const backend = new PostgresBackend({ pool })
      await backend.connect()
      await backend.set('document:1', 'old', 60)
      const client = await pool.connect()
      await expect(rename(client, '1', null as never)).rejects.toThrow('null value')
      expect(await backend.get('document:1')).toBe('old')
      await rename(client, '1', 'new')
      client.release()
      expect(await backend.get('document:1')).toBeNull()
      await backend.close()
    },
  )
}

function supabase(page: DocPage): void {
  page.module<{ sql: string }>('migration', 'can be run', async ({ sql }) => void (await pool.query(sql)))
  page.module<{ open(url: string, key: string): CacheManager }>('connect', 'a cache on the project', async ({ open }) =>
    loadsOnce(open(rest.url, rest.serviceKey)),
  )
  page.module<{ withClient(client: PostgrestClient): CacheBackend }>(
    'client',
    'a client of yours',
    async ({ withClient }) =>
      works(
        withClient(
          new PostgrestClient(`${rest.url}/rest/v1`, { headers: { authorization: `Bearer ${rest.serviceKey}` } }),
        ),
      ),
  )
  page.module<{ onTable(url: string, key: string): CacheBackend }>('table', 'the table alone', async ({ onTable }) =>
    works(onTable(rest.url, rest.serviceKey)),
  )
}

await testPages({ 'docs/backends/postgres.md': postgres, 'docs/backends/supabase.md': supabase })
