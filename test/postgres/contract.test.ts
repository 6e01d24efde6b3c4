// The contract that every backend keeps, on a real PostgreSQL: with connections of its own, with a pool of the application, and behind
// pgbouncer, which lends connections by the transaction.
import pg from 'pg'
import { afterAll, beforeAll, test } from 'vitest'
import { PostgresBackend } from '../../src/postgres.ts'
import { backendContract } from '../../src/testing.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startPgbouncer, startPostgres } from '../support/postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())

const exceptions = { 'B-89': 'PostgreSQL ends nothing by itself: what has expired is not read, and is removed later' }
const budget = '5s'

backendContract(
  'PostgresBackend',
  async () => {
    const open = async (): Promise<PostgresBackend> => {
      const backend = new PostgresBackend({ connectionString: server.url, budget, maxConnections: 4 })
      await backend.connect()
      return backend
    }
    return { backend: await open(), another: open }
  },
  { test, capabilities: ['batch', 'tags', 'scan', 'leases', 'push', 'link'], except: exceptions },
)

backendContract(
  'PostgresBackend on a pool of the application',
  async () => {
    const pools: pg.Pool[] = []
    const open = async (): Promise<PostgresBackend> => {
      const pool = new pg.Pool({ connectionString: server.url, max: 4 })
      pools.push(pool)
      const backend = new PostgresBackend({ pool, table: `it's "odd"`, budget })
      await backend.connect()
      return backend
    }
    return {
      backend: await open(),
      another: open,
      end: async () => void (await Promise.all(pools.map((p) => p.end()))),
    }
  },
  { test, except: exceptions },
)

let bouncer: Awaited<ReturnType<typeof startPgbouncer>> | undefined
afterAll(() => bouncer?.stop())

backendContract(
  'PostgresBackend behind pgbouncer',
  async () => {
    bouncer ??= await startPgbouncer(server)
    const { url } = bouncer
    const open = async (): Promise<PostgresBackend> => {
      const backend = new PostgresBackend({ connectionString: url, budget, maxConnections: 4 })
      await backend.connect()
      return backend
    }
    return { backend: await open(), another: open }
  },
  { test, except: exceptions },
)
