import { schemaVersion } from '../sql/clock-functions.ts'
import type { MigrationOptions } from '../sql/migration.ts'
import { migrationSql } from '../sql/migration.ts'
import type { TableNames } from '../sql/table-names.ts'
import { quoteText } from '../sql/table-names.ts'
import type { PostgresQuery, PostgresResult } from './postgres-client.ts'

/** A pool or a client of `pg`. */
export interface PostgresQueryable {
  query(query: PostgresQuery): Promise<PostgresResult>
}

/**
 * Makes the tables and functions, in one transaction; run again it changes nothing, and several at once wait for each other. The role needs
 * `CREATE` on the schema. For a tool of your own: `migrationSql`.
 *
 * @throws {TypeError} `CACHE_BAD_OPTION`; what the database answers, as `pg` throws it
 * @example
 * await migrate(pool, { grantTo: ['app'] })
 */
export async function migrate(database: PostgresQueryable, options: MigrationOptions = {}): Promise<void> {
  // Several statements in one message are one transaction.
  await database.query({ text: migrationSql(options) })
}

/** Migrates where the functions are missing or older. */
export async function migrateIfNeeded(
  database: PostgresQueryable,
  names: TableNames,
  options: MigrationOptions,
): Promise<void> {
  const hello = quoteText(`${names.of('hello')}()`)
  const { rows } = await database.query({ text: `select to_regprocedure(${hello}) is not null as there` })
  if ((rows[0] as { there: boolean }).there) {
    const answer = await database.query({ text: `select version from ${names.of('hello')}()` })
    if (Number((answer.rows[0] as { version: unknown }).version) >= schemaVersion) return
  }
  await migrate(database, options)
}
