import type {
  BatchCapability,
  CacheBackend,
  LeaseCapability,
  LinkCapability,
  ScanCapability,
  TagCapability,
} from '../../contracts/backend.ts'
import { CacheError, misuse } from '../../support/errors.ts'
import { schemaVersion } from '../sql/clock-functions.ts'
import type { SqlRow } from '../sql/sql-calls.ts'
import { SqlCommands } from '../sql/sql-commands.ts'
import type { SupabaseBackendOptions } from './supabase-options.ts'
import { resolveSupabaseOptions } from './supabase-options.ts'

// Supabase over its REST interface, by the functions of the migration: the same statements as the Postgres backend, each an HTTP request. There
// is no connection to be told of changes on, so there is no `push`.

const untold =
  'Nothing is told over HTTP of what other processes change: no value is kept in memory unless l1.maxAge says for how long'
const anonymous =
  'pg_control_system() is not permitted: a failover is not noticed, so what was invalidated and lost in one may be served until its ttl'

/**
 * A project of Supabase, or any PostgREST, with the functions of `migrationSql`. Leases, fences and the tag clock are those of the Postgres
 * backend, in the same table.
 *
 * @example
 * await initCache(new SupabaseBackend({ url: process.env.SUPABASE_URL, key: process.env.SUPABASE_SECRET_KEY, budget: '1s' }))
 */
export class SupabaseBackend implements CacheBackend {
  readonly name = 'supabase'
  readonly batch: BatchCapability
  readonly tags: TagCapability
  readonly scan: ScanCapability
  readonly link: LinkCapability
  readonly leases: LeaseCapability
  /** What `connect` found. */
  readonly found: FoundProject
  /** What is done with the functions in the database. */
  readonly commands: SqlOperations

  /** @throws {TypeError | RangeError} `CACHE_BAD_OPTION`, `CACHE_BAD_DURATION`; the key is never shown */
  constructor(options: SupabaseBackendOptions) {
    const { rest, budgetMs, socketTimeoutMs, runtime } = resolveSupabaseOptions(options, 'SupabaseBackend')
    const found: FoundProject = {
      isOpen: false,
      history: undefined,
      hello: async () => {
        const { version, encoding, history } = (await rest.rpc('hello', {}, socketTimeoutMs))[0] ?? {}
        if (Number(version) !== schemaVersion) {
          throw new CacheError(
            'CACHE_UNAVAILABLE',
            `The functions in the database are of version ${String(version)}, expected ${schemaVersion}`,
          )
        }
        if (encoding !== 'UTF8') {
          throw misuse('CACHE_MISUSE', `The database must have the encoding UTF8, got ${String(encoding)}`)
        }
        found.history = typeof history === 'string' ? history : undefined
      },
    }
    const commands = new SqlCommands({
      calls: async ({ fn, args, ms }) => {
        if (!found.isOpen) throw new CacheError('CACHE_UNAVAILABLE', 'The Supabase backend is not connected')
        return await rest.rpc(fn, args, ms)
      },
      runtime,
      budgetMs,
      socketTimeoutMs,
      // Nobody keeps what it could be told of.
      events: { writing: () => {}, written: () => {} },
      history: () => found.history,
      isTold: () => false,
      leasesAreOn: () => found.isOpen,
      seen: (row) => samePlace(row, found),
      toldUpTo: () => Promise.resolve(),
    })
    this.found = found
    this.commands = commands
    // Whoever prints or logs the backend sees what it is, not how.
    for (const name of ['found', 'commands']) Object.defineProperty(this, name, { enumerable: false })
    this.batch = { get: (keys) => commands.get(keys), delete: (keys) => commands.delete(keys) }
    this.tags = commands.tags
    this.scan = { keys: (prefix) => commands.scan(prefix) }
    this.leases = commands.leases
    this.link = {
      // There is no connection that could be lost.
      watch: () => () => {},
      get history() {
        return found.history
      },
      get limits() {
        return found.history === undefined && found.isOpen ? [untold, anonymous] : [untold]
      },
    }
  }

  /** Finds out whether the functions are there, and may be called. */
  async connect(): Promise<void> {
    await this.found.hello()
    this.found.isOpen = true
  }

  async get(key: string): Promise<string | null> {
    return (await this.commands.get([key]))[0] ?? null
  }

  async set(key: string, value: string, ttl: number): Promise<boolean> {
    return await this.commands.set(key, value, ttl)
  }

  async delete(key: string): Promise<boolean> {
    return (await this.commands.delete([key])) > 0
  }

  async exists(key: string): Promise<boolean> {
    return await this.commands.exists(key)
  }

  async ping(): Promise<boolean> {
    if (!this.found.isOpen) throw new CacheError('CACHE_UNAVAILABLE', 'The Supabase backend is not connected')
    await this.found.hello()
    return true
  }

  async close(): Promise<void> {
    await this.commands.stop()
    this.found.isOpen = false
  }
}

/** What is known of the project. */
export interface FoundProject {
  isOpen: boolean
  history: string | undefined
  /** Asks who is there. */
  readonly hello: () => Promise<void>
}

/** What the shell needs of the commands. */
export interface SqlOperations {
  get(keys: readonly string[]): Promise<ReadonlyArray<string | null>>
  set(key: string, value: string, ttl: number): Promise<boolean>
  delete(keys: readonly string[]): Promise<number>
  exists(key: string): Promise<boolean>
  stop(): Promise<void>
}

async function samePlace({ place }: SqlRow, { history }: FoundProject): Promise<void> {
  const timeline = history?.split('.')[1]
  if (timeline === undefined || timeline === place) return
  throw new CacheError('CACHE_UNAVAILABLE', 'Another PostgreSQL server answers than before, or a standby')
}
