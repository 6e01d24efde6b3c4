// A STAND-IN for PostgREST, the REST interface of Supabase, which has no package to run here: an HTTP server in front of a real PostgreSQL that
// speaks the small part of its protocol that a cache uses, each request in a transaction of its own, under the role that its key stands
// for. It proves our requests against the protocol as its documentation has it (and as @supabase/postgrest-js speaks it), and our SQL
// against the real thing; not what the hosted service does beyond that.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import pg from 'pg'
import type { PostgresServer } from './postgres-server.ts'

export interface PostgrestStandIn extends AsyncDisposable {
  /** Of the project: the interface is at `/rest/v1`. */
  readonly url: string
  readonly serviceKey: string
  readonly anonKey: string
  /** Requests so far: `POST /rpc/name`. */
  readonly requests: string[]
  /** Answers none until it is called again. */
  hang(isHanging: boolean): void
  /** Answers each with a page of a gateway. */
  fail(status: number | undefined): void
  stop(): Promise<void>
}

const serviceKey = 'sb_secret_stand-in.of-the_service'
const anonKey = 'sb_publishable_stand-in.of-the_public'

/** The roles that a project has. @see https://supabase.com/docs/guides/database/postgres/roles */
export const supabaseRoles = `
  create role anon nologin; create role authenticated nologin; create role service_role nologin bypassrls;
  grant usage on schema public to anon, authenticated, service_role;
  alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
  alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
  alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;`

interface Failure {
  readonly status: number
  readonly code: string
}

export async function startPostgrestStandIn(server: PostgresServer): Promise<PostgrestStandIn> {
  const pool = new pg.Pool({ connectionString: server.url, max: 10 })
  pool.on('error', () => {})
  const requests: string[] = []
  const known: Known = new Map()
  let isHanging = false
  let failing: number | undefined

  const http = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => {
      const { code = 'XX000', severity } = error as { code?: string; severity?: string }
      const failure: Failure =
        (error as { failure?: Failure }).failure ??
        (severity === undefined ? { status: 503, code: 'PGRST001' } : { status: statusOf(code), code })
      reply(response, failure.status, { code: failure.code, message: String(error), details: null, hint: null })
    })
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://stand-in')
    const path = url.pathname.replace(/^\/rest\/v1/, '')
    requests.push(`${request.method} ${decodeURIComponent(path)}`)
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk as string
    if (isHanging) return
    if (failing !== undefined) {
      response
        .writeHead(failing, { 'content-type': 'text/html' })
        .end(`<html>${String(request.headers.authorization)}</html>`)
      return
    }
    const role = { [serviceKey]: 'service_role', [anonKey]: 'anon' }[
      String(request.headers.authorization).replace(/^Bearer /, '')
    ]
    if (role === undefined) throw failed(401, 'PGRST301')
    const profile = request.method === 'GET' ? request.headers['accept-profile'] : request.headers['content-profile']
    const schema = typeof profile === 'string' ? profile : 'public'
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    const rpc = /^\/rpc\/(.+)$/.exec(path)
    const client = await pool.connect()
    try {
      await client.query('begin')
      await client.query(`set local role ${role}`)
      const rows =
        rpc === null
          ? await onTable(client, schema, decodeURIComponent(path.slice(1)), request, url.searchParams, body)
          : await call(client, known, schema, decodeURIComponent(rpc[1] ?? ''), (body ?? {}) as Record<string, unknown>)
      await client.query('commit')
      if (rows === undefined) response.writeHead(request.method === 'POST' ? 201 : 204).end()
      else reply(response, 200, rows)
    } catch (error) {
      await client.query('rollback').catch(() => {})
      throw error
    } finally {
      client.release()
    }
  }

  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const stop = async (): Promise<void> => {
    http.closeAllConnections()
    http.close()
    await pool.end()
  }
  return {
    url: `http://127.0.0.1:${address.port}`,
    serviceKey,
    anonKey,
    requests,
    hang: (hanging) => {
      isHanging = hanging
      if (!hanging) http.closeAllConnections()
    },
    fail: (status) => void (failing = status),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

interface Declared {
  readonly types: Readonly<Record<string, string>>
  readonly isReading: boolean
}

/** What a database declares does not change while it is tested. */
type Known = Map<string, Declared>

/** The function of that name with these parameters, each given in the type it declares. */
async function call(
  client: pg.PoolClient,
  known: Known,
  schema: string,
  name: string,
  args: Record<string, unknown>,
): Promise<string> {
  const names = Object.keys(args)
  const signature = JSON.stringify([schema, name, names])
  const declared = known.get(signature) ?? (await declaredAs(client, schema, name, names))
  known.set(signature, declared)
  // What only reads is run in a transaction that may do no more.
  if (declared.isReading) await client.query('set transaction read only')
  const list = names.map((one, index) => `${quote(one)} => $${index + 1}::${declared.types[one]}`).join(', ')
  return await json(client, `select * from ${quote(schema)}.${quote(name)}(${list})`, Object.values(args))
}

async function declaredAs(
  client: pg.PoolClient,
  schema: string,
  name: string,
  names: readonly string[],
): Promise<Declared> {
  const { rows } = await client.query<{ name: string | null; type: string | null; volatile: string; count: number }>(
    `select a.name, format_type(p.proargtypes[a.n - 1], null) as type, p.provolatile as volatile, p.pronargs::integer as count
     from pg_proc p join pg_namespace s on s.oid = p.pronamespace
     left join unnest(p.proargnames) with ordinality as a(name, n) on a.n <= p.pronargs
     where s.nspname = $1 and p.proname = $2`,
    [schema, name],
  )
  const types = Object.fromEntries(rows.map((row) => [row.name ?? '', row.type ?? '']))
  const isThere = rows[0]?.count === names.length && names.every((one) => types[one] !== undefined)
  if (!isThere) throw failed(404, 'PGRST202')
  return { types, isReading: rows[0]?.volatile !== 'v' }
}

async function onTable(
  client: pg.PoolClient,
  schema: string,
  table: string,
  request: IncomingMessage,
  query: URLSearchParams,
  body: unknown,
): Promise<string | undefined> {
  const values: unknown[] = []
  const name = `${quote(schema)}.${quote(table)}`
  const conditions: string[] = []
  for (const [column, filter] of query) {
    if (column === 'or') {
      const parts = filter
        .slice(1, -1)
        .split(',')
        .map((part) => {
          const [, of = '', rest = ''] = /^(\w+)\.(.*)$/.exec(part) ?? []
          return condition(of, rest, values)
        })
      conditions.push(`(${parts.join(' or ')})`)
    } else if (!['select', 'limit', 'on_conflict', 'columns'].includes(column)) {
      conditions.push(condition(column, filter, values))
    }
  }
  const where = conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`
  const columns = (query.get('select') ?? '*')
    .split(',')
    .map((column) => (column === '*' ? '*' : quote(column)))
    .join(', ')
  const prefer = String(request.headers['prefer'] ?? '')
  if (request.method === 'GET') {
    const limit = query.get('limit')
    return await json(
      client,
      `select ${columns} from ${name}${where}${limit === null ? '' : ` limit ${Number(limit)}`}`,
      values,
    )
  }
  if (request.method === 'DELETE') {
    const text = `delete from ${name}${where}`
    if (prefer.includes('return=representation')) {
      return await json(client, `${text} returning ${columns}`, values)
    }
    await client.query(text, values)
    return undefined
  }
  if (request.method !== 'POST') throw failed(405, 'PGRST117')
  const row = (Array.isArray(body) ? body[0] : body) as Record<string, unknown>
  const given = Object.keys(row)
  const set = given.map((column) => `${quote(column)} = excluded.${quote(column)}`).join(', ')
  const conflict = prefer.includes('resolution=merge-duplicates')
    ? ` on conflict (${quote(query.get('on_conflict') ?? '')}) do update set ${set}`
    : ''
  await client.query(
    `insert into ${name} (${given.map(quote).join(', ')}) select ${given.map(quote).join(', ')} from json_populate_record(null::${name}, $1)${conflict}`,
    [JSON.stringify(row)],
  )
  return undefined
}

/** https://docs.postgrest.org/en/stable/references/api/tables_views.html#operators */
function condition(column: string, filter: string, values: unknown[]): string {
  const [, not = '', operator = '', operand = ''] = /^(not\.)?(\w+)\.(.*)$/s.exec(filter) ?? []
  const signs: Readonly<Record<string, string>> = { eq: '=', gt: '>', lt: '<' }
  if (operator === 'is' && operand === 'null') return `${quote(column)} is ${not === '' ? '' : 'not '}null`
  const sign = signs[operator]
  if (sign === undefined) throw failed(400, 'PGRST100')
  return `${not === '' ? '' : 'not '}${quote(column)} ${sign} $${values.push(operand)}`
}

async function json(client: pg.PoolClient, query: string, values: unknown[]): Promise<string> {
  const text = query.startsWith('delete')
    ? `with t as (${query}) select coalesce(json_agg(t), '[]')::text as body from t`
    : `select coalesce(json_agg(t), '[]')::text as body from (${query}) t`
  const { rows } = await client.query<{ body: string }>(text, values)
  return rows[0]?.body ?? '[]'
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
    .end(typeof body === 'string' ? body : JSON.stringify(body))
}

function failed(status: number, code: string): Error {
  return Object.assign(new Error(code), { failure: { status, code } })
}

function statusOf(code: string): number {
  if (code === '42501') return 403
  if (code === '42883' || code === '42P01') return 404
  return /^(?:08|53|57)/.test(code) ? 503 : 400
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
