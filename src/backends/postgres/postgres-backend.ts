import type {
  BatchCapability,
  CacheBackend,
  LeaseCapability,
  LinkCapability,
  LinkEvents,
  PushCapability,
  PushEvents,
  ScanCapability,
  TagCapability,
} from '../../contracts/backend.ts'
import type { Duration } from '../../contracts/duration.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { toMs } from '../../support/duration.ts'
import { CacheError, describe, misuse, outOfRange, quote } from '../../support/errors.ts'
import { checkOptionNames } from '../../support/options.ts'
import { systemRuntime } from '../../support/runtime.ts'
import type { MigrationOptions } from '../sql/migration.ts'
import type { TableNames } from '../sql/table-names.ts'
import { tableNames } from '../sql/table-names.ts'
import { migrateIfNeeded } from './migrate.ts'
import { borrowConnections, openConnections } from './own-connections.ts'
import type { OpenedPostgres } from './opened-postgres.ts'
import { PostgresConnection } from './postgres-connection.ts'
import type { PostgresPool } from './postgres-client.ts'

// The Postgres backend: its options, and the capabilities of what `connect` opens.

export interface PostgresBackendOptions {
  /** `postgres://user:password@host:port/database`. Needs the package `pg`. Either this or `pool`. */
  readonly connectionString?: string | undefined
  /** A pool of `pg` that the application has already. Never closed here; one of its connections listens, unless it has only one. */
  readonly pool?: PostgresPool | undefined
  /** The schema that holds the table and its functions. Default: `'public'`. */
  readonly schema?: string | undefined
  /** At most 40 bytes. Caches of different applications take different tables. Default: `'speedrun_cache'`. */
  readonly table?: string | undefined
  /** Makes what is missing in the database when it connects. Default: yes. See `migrate` and `migrationSql` for doing it beforehand. */
  readonly migrate?: boolean | undefined
  /** See `MigrationOptions.unlogged`; where the table is made here. Default: no. */
  readonly unlogged?: boolean | undefined
  /** Whether connections are lent by the transaction (pgbouncer, Supavisor). Default: it is found out. */
  readonly pooled?: boolean | undefined
  /** Upper bound of connections by `connectionString`, the listening one included; at least 2. Default: 10. */
  readonly maxConnections?: number | undefined
  /** Bounds connecting and every statement that has no budget. Default: 5 s. */
  readonly socketTimeout?: Duration | undefined
  /** Bounds a read. Default: 0.2 s. */
  readonly budget?: Duration | undefined
  /** Time, timers, randomness. For tests and simulations. */
  readonly runtime?: Runtime | undefined
}

const known = new Set([
  'connectionString', 'pool', 'schema', 'table', 'migrate', 'unlogged', 'pooled', 'maxConnections', 'socketTimeout', 'budget', 'runtime',
]) // prettier-ignore

/** See `PushCapability.boundMs`: the same as for Redis. */
const boundMs = 500

/** The options with their defaults. */
export interface ResolvedPostgresOptions {
  readonly connectionString: string | undefined
  readonly pool: PostgresPool | undefined
  readonly names: TableNames
  readonly migration: MigrationOptions | undefined
  readonly pooled: boolean | undefined
  readonly maxConnections: number
  readonly socketTimeoutMs: number
  readonly budgetMs: number
  readonly runtime: Runtime
}

/**
 * PostgreSQL 13 and later. One row per key; every operation is one statement with a deadline, on a connection of its own, never in a
 * transaction of the application.
 *
 * @example
 * await initCache(new PostgresBackend({ connectionString: process.env.DATABASE_URL }))
 */
export class PostgresBackend implements CacheBackend {
  readonly name = 'postgres'
  readonly batch: BatchCapability
  readonly tags: TagCapability
  readonly scan: ScanCapability
  readonly link: LinkCapability
  readonly push: PushCapability
  readonly leases: LeaseCapability
  readonly options: ResolvedPostgresOptions
  /** What `connect` opened. */
  connection: OpenedPostgres | undefined
  /** Whether `close` was called since `connect`. */
  closed = false
  /** Who is told of the connection's fate. */
  readonly watchers: Set<LinkEvents>
  /** Who is told of changes. */
  readonly followers: Set<PushEvents>

  /** @throws {TypeError | RangeError} `CACHE_BAD_OPTION`, `CACHE_BAD_DURATION`; an address is never shown, there may be a password in it */
  constructor(options: PostgresBackendOptions) {
    this.options = resolve(options)
    this.watchers = new Set()
    this.followers = new Set()
    // Whoever prints or logs the backend must not print the password.
    for (const name of ['options', 'watchers', 'followers']) Object.defineProperty(this, name, { enumerable: false })
    Object.defineProperty(this, 'closed', { enumerable: false, writable: true, value: false })
    Object.defineProperty(this, 'connection', { enumerable: false, writable: true, value: undefined })
    this.batch = {
      get: (keys) => opened(this).get(keys),
      delete: (keys) => opened(this).delete(keys),
    }
    this.tags = {
      read: (since) => opened(this).tags.read(since),
      stamp: (tags, since) => opened(this).tags.stamp(tags, since),
      renew: (emptied) => opened(this).tags.renew(emptied),
      enter: (since) => opened(this).tags.enter(since),
    }
    this.scan = { keys: (prefix) => opened(this).scan(prefix) }
    const current = (): OpenedPostgres | undefined => this.connection
    this.leases = {
      get isOn() {
        return current()?.leases.isOn ?? false
      },
      acquire: async (key, request) => await opened(this).leases.acquire(key, request),
      renew: async (key, token, leaseMs) => await opened(this).leases.renew(key, token, leaseMs),
      fill: async (key, value, ttl, token) => await opened(this).leases.fill(key, value, ttl, token),
      release: async (key, token, pauseMs) => await opened(this).leases.release(key, token, pauseMs),
    }
    this.push = {
      watch: (events) => joined(this.followers, events),
      get isOn() {
        return current()?.follows ?? false
      },
      boundMs,
    }
    this.link = {
      watch: (events) => joined(this.watchers, events),
      get history() {
        return current()?.history
      },
      get limits() {
        return current()?.limits ?? []
      },
    }
  }

  /** Connects, and makes what is missing in the database. Rejects when the first attempt fails; further attempts go on until `close`. */
  async connect(): Promise<void> {
    this.closed = false
    const { connectionString, pool, names, migration, pooled, runtime, budgetMs, socketTimeoutMs, maxConnections } =
      this.options
    if (this.connection === undefined) {
      const connections =
        pool === undefined
          ? await openConnections({
              connectionString: connectionString ?? '',
              maxConnections,
              socketTimeoutMs,
              isDirect: () => this.connection?.follows ?? false,
            })
          : borrowConnections(pool)
      if (this.closed) {
        await connections.end()
        throw new CacheError('CACHE_CLOSED', 'The Postgres backend was closed while it was being connected')
      }
      this.connection = new PostgresConnection({
        connections,
        names,
        runtime,
        pooled,
        budgetMs,
        socketTimeoutMs,
        prepare: async (client) => {
          if (migration !== undefined) await migrateIfNeeded(client, names, migration)
        },
        events: {
          lost: (reason) => this.watchers.forEach((events) => events.lost(reason)),
          restored: () => this.watchers.forEach((events) => events.restored()),
          changed: (keys) => this.followers.forEach((events) => events.changed(keys)),
          writing: (keys, by) => this.followers.forEach((events) => events.writing(keys, by)),
          written: (keys, by) => this.followers.forEach((events) => events.written(keys, by)),
          changedAll: () => this.followers.forEach((events) => events.changedAll()),
          tagsChanged: () => this.followers.forEach((events) => events.tagsChanged()),
          heard: (sentAt) => this.followers.forEach((events) => events.heard(sentAt)),
        },
      })
    }
    await this.connection.start()
  }

  async get(key: string): Promise<string | null> {
    return (await opened(this).get([key]))[0] ?? null
  }

  async set(key: string, value: string, ttl: number): Promise<boolean> {
    return await opened(this).set(key, value, ttl)
  }

  async delete(key: string): Promise<boolean> {
    return (await opened(this).delete([key])) > 0
  }

  async exists(key: string): Promise<boolean> {
    return await opened(this).exists(key)
  }

  async ping(): Promise<boolean> {
    return await opened(this).ping()
  }

  async close(): Promise<void> {
    this.closed = true
    const { connection } = this
    this.connection = undefined
    await connection?.stop()
  }
}

function resolve(options: PostgresBackendOptions): ResolvedPostgresOptions {
  checkOptionNames(options, known, 'PostgresBackend')
  const { connectionString, pool, schema, table, unlogged, pooled, runtime = systemRuntime } = options
  const { migrate = true, maxConnections = 10, socketTimeout = 5, budget = 0.2 } = options
  if ((connectionString === undefined) === (pool === undefined)) {
    throw misuse('CACHE_BAD_OPTION', 'Give either a connectionString or a pool')
  }
  if (connectionString !== undefined && !/^postgres(?:ql)?:\/\/./.test(connectionString)) {
    throw misuse(
      'CACHE_BAD_OPTION',
      'connectionString must be a postgres:// or postgresql:// url (it is not shown: there may be a password in it)',
    )
  }
  if (pool !== undefined && typeof (pool as { connect?: unknown } | null)?.connect !== 'function') {
    throw misuse('CACHE_BAD_OPTION', `pool must be a Pool of pg, with connect(), got ${describe(pool)}`)
  }
  for (const [name, value] of Object.entries({ migrate, unlogged, pooled })) {
    if (value !== undefined && typeof value !== 'boolean')
      throw misuse('CACHE_BAD_OPTION', `${name} must be true or false, got ${quote(value)}`)
  }
  if (!(Number.isInteger(maxConnections) && maxConnections >= 2)) {
    throw outOfRange(
      'CACHE_BAD_OPTION',
      `maxConnections must be a whole number, at least 2, got ${quote(maxConnections)}`,
    )
  }
  return {
    connectionString,
    pool,
    names: tableNames({ schema, table }),
    migration: migrate ? { schema, table, unlogged } : undefined,
    pooled,
    maxConnections,
    socketTimeoutMs: toMs(socketTimeout, 'socketTimeout'),
    budgetMs: toMs(budget, 'budget'),
    runtime,
  }
}

/** @returns the function that leaves */
function joined<T>(all: Set<T>, one: T): () => void {
  all.add(one)
  return () => void all.delete(one)
}

function opened(backend: PostgresBackend): OpenedPostgres {
  if (backend.connection === undefined) {
    throw new CacheError('CACHE_UNAVAILABLE', 'The Postgres backend is not connected')
  }
  return backend.connection
}
