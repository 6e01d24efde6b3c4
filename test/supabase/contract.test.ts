// The contract that every backend keeps, on a real PostgreSQL behind a stand-in for PostgREST: with our own small client, with
// @supabase/postgrest-js, and on the table alone.
import { PostgrestClient } from '@supabase/postgrest-js'
import { afterAll, beforeAll, test } from 'vitest'
import { migrate } from '../../src/postgres.ts'
import type { SupabaseBackendOptions } from '../../src/supabase.ts'
import { SupabaseBackend, SupabaseTableBackend } from '../../src/supabase.ts'
import { backendContract } from '../../src/testing.ts'
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

// Fifteen hundred requests at once, a machine with few processors: what is late is not away.
const [budget, socketTimeout] = ['30s', '60s'] as const
const byFetch = (): SupabaseBackendOptions => ({ url: rest.url, key: rest.serviceKey, budget, socketTimeout })
const byClient = (): SupabaseBackendOptions => ({
  client: new PostgrestClient(`${rest.url}/rest/v1`, {
    headers: { apikey: rest.serviceKey, authorization: `Bearer ${rest.serviceKey}` },
  }),
  budget,
  socketTimeout,
})
const opening =
  (Backend: typeof SupabaseBackend | typeof SupabaseTableBackend, options: () => SupabaseBackendOptions) =>
  async () => {
    const open = async (): Promise<SupabaseBackend | SupabaseTableBackend> => {
      const backend = new Backend(options())
      await backend.connect()
      return backend
    }
    return { backend: await open(), another: open, breakStore: () => rest.fail(503), end: () => rest.fail(undefined) }
  }

const capabilities = ['batch', 'tags', 'scan', 'leases', 'link'] as const
backendContract('SupabaseBackend', opening(SupabaseBackend, byFetch), { test, capabilities })
backendContract('SupabaseBackend by postgrest-js', opening(SupabaseBackend, byClient), { test, capabilities })
backendContract('SupabaseTableBackend', opening(SupabaseTableBackend, byFetch), { test, capabilities: [] })
backendContract('SupabaseTableBackend by postgrest-js', opening(SupabaseTableBackend, byClient), {
  test,
  capabilities: [],
})
