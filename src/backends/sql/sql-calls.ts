// How the functions in the database are called, whoever carries the call: a pool of connections, or HTTP.

export interface SqlCall {
  /** The function's name without the table's: `'get'`. */
  readonly fn: string
  /** By the names of its parameters, in their order. */
  readonly args: Readonly<Record<string, SqlValue>>
  /** How long its caller waits, milliseconds. */
  readonly ms: number
}

export type SqlValue = string | number | boolean | null | readonly (string | null)[]
export type SqlRow = Readonly<Record<string, unknown>>

/**
 * @throws {SqlError} the database answered that it does not do it: nothing has happened
 * @throws {CacheError} `CACHE_TIMEOUT`, `CACHE_UNAVAILABLE`: nobody knows whether it has happened, or will
 */
export type SqlCalls = (call: SqlCall) => Promise<readonly SqlRow[]>
