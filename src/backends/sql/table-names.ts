import { createHash } from 'node:crypto'
import { describe, misuse } from '../../support/errors.ts'

// What the objects of one cache in a database are called. Everything is named after the table, and every name is quoted: it is data of
// whoever configures the cache, and runs nothing.

export interface TableOptions {
  /** The schema that holds the table and its functions. Default: `'public'`. */
  readonly schema?: string | undefined
  /** The table's name; its functions and the other tables begin with it. At most 40 bytes. Default: `'speedrun_cache'`. */
  readonly table?: string | undefined
}

export interface TableNames {
  readonly schema: string
  readonly table: string
  /** The quoted schema. */
  readonly quotedSchema: string
  /** `speedrun_cache` and `speedrun_cache_<ending>`, without schema and quotes. */
  readonly bare: (ending?: string) => string
  /** The same, with schema and quotes: for SQL text. */
  readonly of: (ending?: string) => string
  /** A text literal of a word of ours and the table: a lock or a setting of this very table. */
  readonly literal: (word: string) => string
  /** Around the text of a function: it has a hash of the names in it, so no name can hold it and end that text. */
  readonly dollar: string
  /** Where changes are told: `NOTIFY` channels belong to the database, so it is told from those of other tables. */
  readonly channel: string
}

/** PostgreSQL cuts names after 63 bytes (NAMEDATALEN); ours are the name and at most 20 more. */
const longestTable = 40
const longestSchema = 63

/** @throws {TypeError} `CACHE_BAD_OPTION` */
export function tableNames({ schema = 'public', table = 'speedrun_cache' }: TableOptions): TableNames {
  checkName(schema, 'schema', longestSchema)
  checkName(table, 'table', longestTable)
  const bare = (ending?: string): string => (ending === undefined ? table : `${table}_${ending}`)
  const whole = JSON.stringify([schema, table])
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 32)
  return {
    schema,
    table,
    quotedSchema: quoteName(schema),
    bare,
    of: (ending) => `${quoteName(schema)}.${quoteName(bare(ending))}`,
    literal: (word) => quoteText(`speedrun-cache ${word} ${whole}`),
    dollar: `$cache_${hash}$`,
    channel: `speedrun_cache_${hash}`,
  }
}

function checkName(name: unknown, what: string, longest: number): void {
  if (typeof name !== 'string' || name === '' || name.includes('\u0000') || /\p{Surrogate}/u.test(name)) {
    throw misuse('CACHE_BAD_OPTION', `${what} must be a non-empty, well-formed string, got ${describe(name)}`)
  }
  const bytes = Buffer.byteLength(name)
  if (bytes > longest) throw misuse('CACHE_BAD_OPTION', `${what} must have at most ${longest} bytes, got ${bytes}`)
}

/** https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** With `E''` a backslash means the same whatever `standard_conforming_strings` says. */
export function quoteText(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
