import { CacheError } from '../../support/errors.ts'

// What the database answers when it does not do what it was asked. Only its code is shown: its messages quote keys and values.

export class SqlError extends Error {
  override readonly name: string = 'SqlError'
  /** SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html */
  readonly code: string
  /** The store is well and will not do this one thing: see `CacheBackend`. */
  readonly refusal: boolean

  constructor(code: string, message: string, refusal: boolean) {
    super(message)
    this.code = code
    this.refusal = refusal
  }
}

/** Out of disk, out of memory, a value larger than a row may be: class 53 without its connections, and class 54. */
const refusals = /^(?:53[12]00|54...)$/
/** No connection, no more of them, shutting down, starting, or a standby that takes no writes. */
const away = /^(?:08...|57P0.|53300|25006)$/
const canceled = '57014'
/** Neither there nor permitted: the functions, the table, the schema. */
const notSetUp = /^(?:42883|42P01|42501|3F000|PGRST20[0-9]|PGRST106)$/

/** @param what was asked, e.g. `'get'` */
export function sqlErrorOf(code: string, what: string): Error {
  if (away.test(code)) return new CacheError('CACHE_UNAVAILABLE', `PostgreSQL does not serve now (SQLSTATE ${code})`)
  if (code === canceled) return new CacheError('CACHE_TIMEOUT', `PostgreSQL gave up ${what} (SQLSTATE ${code})`)
  if (notSetUp.test(code)) {
    const text = `PostgreSQL does not know or does not permit ${what} (${code}): has the migration been run, and the role been granted its functions?`
    return new SqlError(code, text, false)
  }
  return new SqlError(code, `PostgreSQL refused ${what} (SQLSTATE ${code})`, refusals.test(code))
}

/** Whether nothing has happened, for certain. */
export function isAnswered(error: unknown): boolean {
  return error instanceof SqlError
}
