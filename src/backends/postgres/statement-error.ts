import { CacheError, isCacheError } from '../../support/errors.ts'
import { isAnswered, sqlErrorOf } from '../sql/sql-error.ts'

/** What went wrong with a statement: the server's answer, or that there was none. Its text may quote values, and an address a password: neither is shown. */
export function explain(error: unknown, what: string): Error {
  if (isAnswered(error) || isCacheError(error)) return error as Error
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown }
  if (typeof code === 'string' && typeof severity === 'string') return sqlErrorOf(code, what)
  const known = typeof code === 'string' && /^[A-Z_0-9]{1,40}$/.test(code) ? ` (${code})` : ''
  return new CacheError('CACHE_UNAVAILABLE', `There is no connection to PostgreSQL${known}`)
}
