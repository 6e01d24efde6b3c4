import type { Runtime } from '../../contracts/runtime.ts'
import { Deadlines } from '../../support/deadline.ts'
import { describe, misuse } from '../../support/errors.ts'
import type { SqlRow } from '../sql/sql-calls.ts'
import type { TableNames } from '../sql/table-names.ts'
import { answeredError, rowsOf } from './postgrest-answer.ts'
import type { Rest } from './rest.ts'
import { unleased } from './rest.ts'

// A client that the application has already: supabase-js, or postgrest-js, by shape. Its own retries, where it has some, are switched off if it
// lets them be; each call has our deadline, and is aborted with it.

/** What such a client makes: a request that is sent when it is awaited, and resolves to rows or an error. */
export interface SupabaseRequest extends PromiseLike<SupabaseAnswer> {
  select(columns: string): SupabaseRequest
  eq(column: string, value: string): SupabaseRequest
  gt(column: string, value: string): SupabaseRequest
  lt(column: string, value: string): SupabaseRequest
  not(column: string, operator: string, value: null): SupabaseRequest
  or(filters: string): SupabaseRequest
  limit(count: number): SupabaseRequest
  abortSignal?(signal: AbortSignal): SupabaseRequest
}

export interface SupabaseAnswer {
  readonly data: unknown
  readonly error: { readonly code?: unknown } | null
  readonly status?: number | undefined
}

/** A client of supabase-js or postgrest-js. */
export interface SupabaseClient {
  rpc(fn: string, args: object): unknown
  from(table: string): unknown
  schema?(schema: string): unknown
}

interface Table {
  select(columns: string): SupabaseRequest
  upsert(row: object, options: { readonly onConflict: string }): SupabaseRequest
  delete(): SupabaseRequest
}

/** @throws {TypeError} `CACHE_BAD_OPTION` */
export function checkSupabaseClient(client: unknown): SupabaseClient {
  const { rpc, from } = (client ?? {}) as { readonly rpc?: unknown; readonly from?: unknown }
  if (typeof rpc !== 'function' || typeof from !== 'function') {
    throw misuse(
      'CACHE_BAD_OPTION',
      `client must be a client of supabase-js or postgrest-js, with rpc() and from(), got ${describe(client)}`,
    )
  }
  return client as SupabaseClient
}

export function createClientRest(client: SupabaseClient, names: TableNames, runtime: Runtime): Rest {
  const deadlines = new Deadlines(runtime)
  const inSchema = (client.schema?.(names.schema) ?? client) as SupabaseClient
  const table = (): Table => inSchema.from(names.table) as Table

  async function ask(request: SupabaseRequest, ms: number, what: string): Promise<readonly SqlRow[]> {
    const controller = new AbortController()
    const aborted = request.abortSignal?.(controller.signal) ?? request
    const { retry } = aborted as { retry?: unknown }
    const once = typeof retry === 'function' ? (retry.call(aborted, false) as SupabaseRequest) : aborted
    const answer = (async () => {
      try {
        return await once
      } catch {
        throw answeredError(undefined, 0, what)
      }
    })()
    try {
      const { data, error, status = 0 } = await deadlines.bound(answer, ms, what)
      if (error !== null && error !== undefined) throw answeredError(error.code, status, what)
      return rowsOf(data)
    } catch (error) {
      controller.abort()
      throw error
    }
  }

  const live = (request: SupabaseRequest): SupabaseRequest => request.not('value', 'is', null).gt('expires_at', 'now')
  return {
    rpc: (fn, args, ms) => ask(inSchema.rpc(names.bare(fn), args) as SupabaseRequest, ms, fn),
    find: (key, columns, ms) => ask(live(table().select(columns).eq('key', key)).limit(1), ms, 'get'),
    async upsert(row, ms) {
      await ask(table().upsert(row, { onConflict: 'key' }), ms, 'set')
    },
    remove(key, which, ms) {
      const request = table().delete().eq('key', key)
      return ask((which === 'live' ? live(request) : request).select('key'), ms, 'delete')
    },
    async trim(ms) {
      await ask(table().delete().lt('expires_at', 'now').or(unleased), ms, 'trim')
    },
    async probe(ms) {
      await ask(table().select('key').limit(1), ms, 'ping')
    },
  }
}
