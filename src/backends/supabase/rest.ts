import type { SqlRow } from '../sql/sql-calls.ts'

// What is asked of the REST interface of a project, whoever carries it: our own small client, or one of the application.

export interface Rest {
  /** Calls a function. @throws like `SqlCalls` */
  rpc(fn: string, args: Readonly<Record<string, unknown>>, ms: number): Promise<readonly SqlRow[]>
  /** Rows of the table, at most one. */
  find(key: string, columns: string, ms: number): Promise<readonly SqlRow[]>
  upsert(row: SqlRow, ms: number): Promise<void>
  /** @param which `'live'`: only if it has not expired. @returns a row for each that was deleted */
  remove(key: string, which: 'live' | 'any', ms: number): Promise<readonly SqlRow[]>
  /** Removes what has expired. */
  trim(ms: number): Promise<void>
  /** Any row, to find out whether the table can be read. */
  probe(ms: number): Promise<void>
}

/** Nobody loads it. */
export const unleased = 'lease_until.is.null,lease_until.lt.now'
