import { CacheError, misuse } from '../../support/errors.ts'
import { schemaVersion } from '../sql/clock-functions.ts'
import type { TableNames } from '../sql/table-names.ts'
import { statement } from './pool-calls.ts'
import type { PostgresClient } from './postgres-client.ts'

// What a connection is asked before it is used: who answers, whether the functions are there, and whether the connection is really one.

export interface Introduction {
  /** See `LinkCapability`. */
  readonly history: string | undefined
  /** Connections are lent by the transaction. */
  readonly isPooled: boolean
  readonly limits: readonly string[]
}

export const pooledLimit =
  'Connections are lent by the transaction (pgbouncer, Supavisor): nothing is told of what other processes change, so no value is kept in memory'
const anonymous =
  'pg_control_system() is not permitted: a failover is not noticed, so what was invalidated and lost in one may be served until its ttl'

/**
 * @param pooled as the application says; `undefined`: by the number of the server process, of which whoever stands in between tells another
 * @throws {CacheError} `CACHE_UNAVAILABLE` when a standby answers
 * @throws {TypeError} `CACHE_MISUSE` when the database cannot hold the cache
 */
export async function introduce(
  client: PostgresClient,
  names: TableNames,
  pooled: boolean | undefined,
): Promise<Introduction> {
  const { rows } = await client.query(statement(names, 'hello', {}))
  const { history, version, encoding } = rows[0] as { history: string | null; version: number; encoding: string }
  if (Number(version) !== schemaVersion) {
    throw new CacheError(
      'CACHE_UNAVAILABLE',
      `The functions in the database are of version ${version}, expected ${schemaVersion}`,
    )
  }
  if (encoding !== 'UTF8') throw misuse('CACHE_MISUSE', `The database must have the encoding UTF8, got ${encoding}`)
  const limits: string[] = []
  if (history === null) limits.push(anonymous)
  const isPooled = pooled ?? (await isLent(client))
  if (isPooled) limits.push(pooledLimit)
  return { history: history ?? undefined, isPooled, limits }
}

async function isLent(client: PostgresClient): Promise<boolean> {
  const { rows } = await client.query({ text: 'select pg_backend_pid() as pid' })
  return Number((rows[0] as { pid: unknown }).pid) !== client.processID
}
