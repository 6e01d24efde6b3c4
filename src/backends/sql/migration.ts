import { checkOptionNames } from '../../support/options.ts'
import { describe, misuse } from '../../support/errors.ts'
import { changeFunctions, changeTriggers } from './change-functions.ts'
import { clockFunctions } from './clock-functions.ts'
import { entryFunctions } from './entry-functions.ts'
import { leaseFunctions } from './lease-functions.ts'
import type { TableNames, TableOptions } from './table-names.ts'
import { quoteName, quoteText, tableNames } from './table-names.ts'
import { createTables, ownTables } from './tables.ts'

// What makes the tables and functions, as text. It may be run again, and by several at once: each waits for the one before, and whatever is
// there is left or replaced by the same. In a database with newer functions it ends with an error and changes nothing.

export interface MigrationOptions extends TableOptions {
  /**
   * The table of entries is not written ahead: writes cost half, and after a crash of the server, and on its standbys, it is empty. What was
   * invalidated stays so. Decided when the table is made. Default: no.
   */
  readonly unlogged?: boolean | undefined
  /** Roles that use the cache. Default: only the role that runs the migration may. */
  readonly grantTo?: readonly string[] | undefined
}

const known = new Set(['schema', 'table', 'unlogged', 'grantTo'])

/** Every function, with the types of its parameters: what permission is given on. */
const functions: Readonly<Record<string, string>> = {
  tell: 'text, text[], text',
  position: '',
  text: 'bytea',
  bytes: 'text',
  durably: '',
  get: 'text[], boolean, text, bigint',
  exists: 'text',
  scan: 'text, text, integer',
  set: 'text, text, text, double precision, text, bigint, text',
  delete: 'text[], text[], text',
  end_life: 'text, bigint',
  trim: '',
  acquire: 'text, text, text, double precision, text, text, text',
  renew: 'text, text, double precision',
  fill: 'text, text, text, text, double precision, text',
  release: 'text, text, text, double precision, text',
  clock_since: 'text, bigint',
  clock: 'text, bigint, text, text',
  stamp: 'text[], text, bigint, text, text',
  renew_clock: 'text, text',
  enter: 'text, text, text, text',
  hello: '',
}
const triggerFunctions = ['voided', 'changed', 'emptied']

/**
 * The migration as SQL text, for whoever runs migrations with a tool of their own. PostgreSQL 13 and later.
 * @throws {TypeError} `CACHE_BAD_OPTION`
 * @example
 * writeFileSync('migrations/001_speedrun_cache.sql', migrationSql({ grantTo: ['app'] }))
 */
export function migrationSql(options: MigrationOptions = {}): string {
  checkOptionNames(options, known, 'migrationSql')
  const { unlogged = false, grantTo = [] } = options
  if (typeof unlogged !== 'boolean')
    throw misuse('CACHE_BAD_OPTION', `unlogged must be true or false, got ${describe(unlogged)}`)
  if (!Array.isArray(grantTo) || grantTo.some((role) => typeof role !== 'string' || role === '')) {
    throw misuse('CACHE_BAD_OPTION', `grantTo must be an array of names of roles, got ${describe(grantTo)}`)
  }
  const names = tableNames(options)
  return [
    `-- @speedrun/cache: table, functions and triggers. May be run again.`,
    `select pg_advisory_xact_lock(hashtextextended(${names.literal('migration')}, 0));`,
    createTables(names, unlogged),
    entryFunctions(names),
    clockFunctions(names),
    changeFunctions(names),
    leaseFunctions(names),
    changeTriggers(names),
    permissions(names, grantTo),
  ].join('\n')
}

/** Nobody but the owner and who is named; PostgreSQL permits functions to everybody unless told otherwise. */
function permissions(names: TableNames, grantTo: readonly string[]): string {
  const { of, quotedSchema } = names
  const all = [
    ...Object.entries(functions).map(([ending, types]) => `${of(ending)}(${types})`),
    ...triggerFunctions.map((ending) => `${of(ending)}()`),
  ]
  const lines = [
    ...ownTables.map((ending) => `alter table ${of(ending)} enable row level security;`),
    ...ownTables.map((ending) => `revoke all on table ${of(ending)} from public;`),
    `revoke all on sequence ${of('changes')} from public;`,
    ...all.map((one) => `revoke all on function ${one} from public;`),
    // Supabase gives new objects of a schema that it shows to these roles.
    `do ${names.dollar} declare r text; begin
  for r in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated') loop
${ownTables.map((ending) => `    execute ${quoteText(`revoke all on table ${of(ending)} from `)} || quote_ident(r);`).join('\n')}
    execute ${quoteText(`revoke all on sequence ${of('changes')} from `)} || quote_ident(r);
${all.map((one) => `    execute ${quoteText(`revoke all on function ${one} from `)} || quote_ident(r);`).join('\n')}
  end loop;
end ${names.dollar};`,
  ]
  for (const role of grantTo.map(quoteName)) {
    lines.push(
      `grant usage on schema ${quotedSchema} to ${role};`,
      ...ownTables.map((ending) => `grant select, insert, update, delete on table ${of(ending)} to ${role};`),
      `grant select, usage, update on sequence ${of('changes')} to ${role};`,
      ...all.map((one) => `grant execute on function ${one} to ${role};`),
      ...ownTables.map((ending) => policy(of(ending), role)),
    )
  }
  return lines.join('\n')
}

/** Row level security keeps out whoever is not named, whatever else they were granted. Named after the role. */
function policy(table: string, role: string): string {
  return `drop policy if exists ${role} on ${table};
create policy ${role} on ${table} to ${role} using (true) with check (true);`
}
