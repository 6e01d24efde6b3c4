import type { Runtime } from '../../contracts/runtime.ts'
import { CacheError } from '../../support/errors.ts'
import type { SqlRow } from '../sql/sql-calls.ts'
import type { TableNames } from '../sql/table-names.ts'
import { answeredError, rowsOf } from './postgrest-answer.ts'
import type { Rest } from './rest.ts'
import { unleased } from './rest.ts'

// A client of the REST interface over `fetch`: one request per call, one deadline for the answer with its body, no retries. The key is sent in
// headers and shown nowhere.

/** The part of `fetch` that is needed. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: string
    readonly signal: AbortSignal
  },
) => Promise<{ readonly ok: boolean; readonly status: number; text(): Promise<string> }>

export interface FetchRestOptions {
  /** Of the project. */
  readonly url: string
  readonly key: string
  readonly names: TableNames
  readonly fetch: Fetch
  readonly runtime: Runtime
}

export function createFetchRest({ url, key, names, fetch, runtime }: FetchRestOptions): Rest {
  const root = `${url.replace(/\/+$/, '')}/rest/v1`
  const table = `${root}/${encodeURIComponent(names.table)}`
  const headers = {
    apikey: key,
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    accept: 'application/json',
    // Which schema is read, and which is written: https://docs.postgrest.org/en/stable/references/api/schemas.html
    'accept-profile': names.schema,
    'content-profile': names.schema,
  }

  interface Request {
    readonly method: string
    readonly to: string
    readonly ms: number
    readonly what: string
    readonly body?: unknown
    readonly prefer?: string
  }

  async function ask({ method, to, ms, what, body, prefer }: Request): Promise<readonly SqlRow[]> {
    const controller = new AbortController()
    let isOver = false
    const timer = runtime.setTimer(
      () => {
        isOver = true
        controller.abort()
      },
      ms,
      'deadline',
    )
    try {
      const response = await fetch(to, {
        method,
        headers: prefer === undefined ? headers : { ...headers, prefer },
        signal: controller.signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      const answer = parse(text)
      if (!response.ok) throw answeredError((answer as { code?: unknown } | undefined)?.code, response.status, what)
      return rowsOf(answer)
    } catch (error) {
      if (isOver) throw new CacheError('CACHE_TIMEOUT', `${what} did not answer within ${ms} ms`)
      // What `fetch` throws may quote the address and the headers.
      throw isOurs(error) ? error : answeredError(undefined, 0, what)
    } finally {
      runtime.clearTimer(timer)
    }
  }

  const is = (at: string): string => `key=eq.${encodeURIComponent(at)}`
  return {
    rpc: (fn, body, ms) =>
      ask({ method: 'POST', to: `${root}/rpc/${encodeURIComponent(names.bare(fn))}`, ms, what: fn, body }),
    find: (at, columns, ms) =>
      ask({
        method: 'GET',
        to: `${table}?select=${columns}&${is(at)}&value=not.is.null&expires_at=gt.now&limit=1`,
        ms,
        what: 'get',
      }),
    async upsert(row, ms) {
      const prefer = 'resolution=merge-duplicates,return=minimal'
      await ask({ method: 'POST', to: `${table}?on_conflict=key`, ms, what: 'set', body: row, prefer })
    },
    remove: (at, which, ms) =>
      ask({
        method: 'DELETE',
        to: `${table}?select=key&${is(at)}${which === 'live' ? '&value=not.is.null&expires_at=gt.now' : ''}`,
        ms,
        what: 'delete',
        prefer: 'return=representation',
      }),
    async trim(ms) {
      await ask({
        method: 'DELETE',
        to: `${table}?expires_at=lt.now&or=(${unleased})`,
        ms,
        what: 'trim',
        prefer: 'return=minimal',
      })
    },
    async probe(ms) {
      await ask({ method: 'GET', to: `${table}?select=key&limit=1`, ms, what: 'ping' })
    },
  }
}

function isOurs(error: unknown): boolean {
  return error instanceof CacheError || (error as Error | undefined)?.name === 'SqlError'
}

/** A gateway in between answers with pages. */
function parse(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return { code: '' }
  }
}
