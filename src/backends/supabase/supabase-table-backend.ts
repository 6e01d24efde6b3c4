import type { CacheBackend } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { storedKey } from '../sql/stored-text.ts'
import type { Rest } from './rest.ts'
import type { SupabaseBackendOptions } from './supabase-options.ts'
import { resolveSupabaseOptions } from './supabase-options.ts'
import { utcText } from './utc-text.ts'

// Supabase without functions: the six methods on the table alone, for projects where none may be made. No leases, no tag clock, no batches:
// the cache does in the process what it can of that. Values are the same bytes as those of the other backends.

/**
 * A table of a Supabase project, read and written by requests. The table is that of `migrationSql`, or one with `key text primary key`,
 * `long_key text`, `value bytea`, `expires_at timestamptz`, `lease text`, `lease_until timestamptz`.
 *
 * When an entry ends is reckoned by the clock of this process, and judged by that of the database: keep them in step.
 *
 * @example
 * await initCache(new SupabaseTableBackend({ client: supabase, budget: '1s' }))
 */
export class SupabaseTableBackend implements CacheBackend {
  readonly name = 'supabase-table'
  readonly settings: TableSettings

  /** @throws {TypeError | RangeError} `CACHE_BAD_OPTION`, `CACHE_BAD_DURATION`; the key is never shown */
  constructor(options: SupabaseBackendOptions) {
    this.settings = resolveSupabaseOptions(options, 'SupabaseTableBackend')
    Object.defineProperty(this, 'settings', { enumerable: false })
  }

  async connect(): Promise<void> {
    await this.settings.rest.probe(this.settings.socketTimeoutMs)
  }

  async get(key: string): Promise<string | null> {
    const { rest, budgetMs } = this.settings
    const value = (await rest.find(storedKey(key).key, 'value', budgetMs))[0]?.['value']
    // The text form of bytea: https://www.postgresql.org/docs/current/datatype-binary.html
    return typeof value === 'string' ? Buffer.from(value.slice(2), 'hex').toString('utf8') : null
  }

  async set(key: string, value: string, ttl: number): Promise<boolean> {
    const { rest, runtime, socketTimeoutMs } = this.settings
    const { key: stored, long } = storedKey(key)
    const row = {
      key: stored,
      long_key: long,
      value: `\\x${Buffer.from(value, 'utf8').toString('hex')}`,
      expires_at: utcText(runtime.now() + ttl * 1000),
      lease: null,
      lease_until: null,
    }
    await rest.upsert(row, socketTimeoutMs)
    // Whoever writes removes what is over, now and then; should it fail, the next will.
    if (runtime.random() < trimOdds) await rest.trim(socketTimeoutMs).catch(() => {})
    return true
  }

  async delete(key: string): Promise<boolean> {
    const { rest, socketTimeoutMs } = this.settings
    const { key: stored } = storedKey(key)
    if ((await rest.remove(stored, 'live', socketTimeoutMs)).length > 0) return true
    // What is left of the key may be a lease of somebody who uses the functions.
    await rest.remove(stored, 'any', socketTimeoutMs)
    return false
  }

  async exists(key: string): Promise<boolean> {
    const { rest, budgetMs } = this.settings
    return (await rest.find(storedKey(key).key, 'key', budgetMs)).length > 0
  }

  async ping(): Promise<boolean> {
    await this.settings.rest.probe(this.settings.budgetMs)
    return true
  }

  async close(): Promise<void> {}
}

/** One write in so many. */
const trimOdds = 1 / 64

export interface TableSettings {
  readonly rest: Rest
  readonly runtime: Runtime
  readonly budgetMs: number
  readonly socketTimeoutMs: number
}
