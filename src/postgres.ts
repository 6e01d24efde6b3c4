// What the package has for PostgreSQL: import it from `@speedrun/cache/postgres`.

export { PostgresBackend } from './backends/postgres/postgres-backend.ts'
export { migrate } from './backends/postgres/migrate.ts'
export { migrationSql } from './backends/sql/migration.ts'

export type { PostgresBackendOptions } from './backends/postgres/postgres-backend.ts'
export type { PostgresQueryable } from './backends/postgres/migrate.ts'
export type { MigrationOptions } from './backends/sql/migration.ts'
export type {
  PostgresClient,
  PostgresNotification,
  PostgresPool,
  PostgresPoolClient,
  PostgresQuery,
  PostgresResult,
} from './backends/postgres/postgres-client.ts'
