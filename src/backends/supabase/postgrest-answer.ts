import { CacheError } from '../../support/errors.ts'
import type { SqlRow } from '../sql/sql-calls.ts'
import { SqlError, sqlErrorOf } from '../sql/sql-error.ts'

// What PostgREST answers: rows, or an error with a code, of PostgreSQL (SQLSTATE) or its own (PGRST...). Its texts quote keys and values, and
// the key of the project may be in what a library throws: neither is shown. https://docs.postgrest.org/en/stable/references/errors.html

/** It has no connection to the database: group 0 of its codes. */
const away = /^PGRST00\d$/
/** The key is none, or has run out: group 3. */
const unknownKey = /^PGRST30\d$/

export function rowsOf(data: unknown): readonly SqlRow[] {
  if (Array.isArray(data)) return data as readonly SqlRow[]
  if (data === null || data === undefined) return []
  throw new CacheError('CACHE_UNAVAILABLE', 'Supabase answered something else than rows')
}

/** @param status of HTTP; 0: there was no answer */
export function answeredError(code: unknown, status: number, what: string): Error {
  if (typeof code === 'string' && code !== '') {
    if (away.test(code))
      return new CacheError('CACHE_UNAVAILABLE', `Supabase has no connection to its database (${code})`)
    if (unknownKey.test(code)) return new SqlError(code, `Supabase does not take the key (${code})`, false)
    if (/^(?:PGRST\d{3}|[0-9A-Z]{5})$/.test(code)) return sqlErrorOf(code, what)
  }
  if (status === 401 || status === 403)
    return new SqlError(String(status), `Supabase does not take the key (${status})`, false)
  if (status === 413) return new SqlError('413', 'Supabase does not take a body of this length (413)', true)
  return new CacheError(
    'CACHE_UNAVAILABLE',
    status === 0 ? 'Supabase does not answer' : `Supabase does not serve now (${status})`,
  )
}
