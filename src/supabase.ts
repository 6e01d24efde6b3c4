// What the package has for Supabase: import it from `@speedrun/cache/supabase`.

export { SupabaseBackend } from './backends/supabase/supabase-backend.ts'
export { SupabaseTableBackend } from './backends/supabase/supabase-table-backend.ts'
export { migrationSql } from './backends/sql/migration.ts'

export type { SupabaseBackendOptions } from './backends/supabase/supabase-options.ts'
export type { SupabaseClient } from './backends/supabase/client-rest.ts'
export type { Fetch } from './backends/supabase/fetch-rest.ts'
export type { MigrationOptions } from './backends/sql/migration.ts'
