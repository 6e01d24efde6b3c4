import type { BatchCapability, CacheBackend, ScanCapability, TagCapability } from '../../contracts/backend.ts'
import type { Duration } from '../../contracts/duration.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { toMs } from '../../support/duration.ts'
import { CacheError, misuse, outOfRange, quote } from '../../support/errors.ts'
import { systemRuntime } from '../../support/runtime.ts'
import type { RedisCommands } from './commands.ts'
import type { OpenTransport } from './transport.ts'

// The shell of the Redis backend: options, and nothing else until `connect` loads the rest and the client package. A program that never
// uses Redis never loads it.

export interface RedisBackendOptions {
  /** `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS. Default: `redis://localhost:6379/0`. */
  readonly url?: string | undefined
  /** Upper bound of connections. Default: 50. One is used for everything that must keep its order. */
  readonly maxConnections?: number | undefined
  /** Bounds connecting and every command that has no budget. Default: 5 s. */
  readonly socketTimeout?: Duration | undefined
  /** Bounds a read. Default: 0.2 s. */
  readonly budget?: Duration | undefined
  /** Separates the tag clocks of applications that share a database. Default: none. */
  readonly namespace?: string | undefined
  /** Time, timers, randomness. For tests and simulations. */
  readonly runtime?: Runtime | undefined
  /** Opens a connection. Default: `@redis/client`. For tests and simulations. */
  readonly openTransport?: OpenTransport | undefined
}

/** The options with their defaults. */
export interface ResolvedRedisOptions {
  readonly url: string
  readonly maxConnections: number
  readonly socketTimeout: Duration
  readonly budget: Duration
  readonly runtime: Runtime
  readonly namespace: string | undefined
  readonly openTransport: OpenTransport | undefined
}

/**
 * Redis or Valkey 6 and later. Every operation has a deadline; reads of one turn travel together.
 *
 * @example
 * await initCache(new RedisBackend({ url: 'redis://cache.internal:6379/0' }))
 */
export class RedisBackend implements CacheBackend {
  readonly name = 'redis'
  readonly batch: BatchCapability
  readonly tags: TagCapability
  readonly scan: ScanCapability
  readonly options: ResolvedRedisOptions
  /** What `connect` opened. */
  connection: RedisCommands | undefined
  /** Whether `close` was called since `connect`. */
  closed = false

  /** @throws {TypeError | RangeError} `CACHE_BAD_OPTION`, `CACHE_BAD_DURATION`; a url is never shown, there may be a password in it */
  constructor(options: RedisBackendOptions = {}) {
    const {
      url = 'redis://localhost:6379/0',
      maxConnections = 50,
      socketTimeout = 5,
      budget = 0.2,
      runtime = systemRuntime,
    } = options
    if (!/^rediss?:\/\/[^/]/.test(url))
      throw misuse(
        'CACHE_BAD_OPTION',
        'url must be a redis:// or rediss:// url (it is not shown: there may be a password in it)',
      )
    if (!(Number.isInteger(maxConnections) && maxConnections >= 1)) {
      throw outOfRange(
        'CACHE_BAD_OPTION',
        `maxConnections must be a whole number, at least 1, got ${quote(maxConnections)}`,
      )
    }
    toMs(socketTimeout, 'socketTimeout')
    toMs(budget, 'budget')
    const { namespace, openTransport } = options
    this.options = { url, maxConnections, socketTimeout, budget, runtime, namespace, openTransport }
    // Whoever prints or logs the backend must not print the password.
    Object.defineProperty(this, 'options', { enumerable: false })
    Object.defineProperty(this, 'closed', { enumerable: false, writable: true, value: false })
    Object.defineProperty(this, 'connection', { enumerable: false, writable: true, value: undefined })
    this.batch = { get: (keys) => opened(this).getMany(keys), delete: (keys) => opened(this).delete(keys) }
    this.tags = {
      read: (since) => opened(this).tags.read(since),
      stamp: (tags, since) => opened(this).tags.stamp(tags, since),
      renew: (emptied) => opened(this).tags.renew(emptied),
    }
    this.scan = { keys: (prefix) => opened(this).scan(prefix) }
  }

  /** Loads the client and connects. Rejects when the first attempt fails; the link goes on trying until `close`. */
  async connect(): Promise<void> {
    this.closed = false
    const { RedisConnection } = await import('./redis-connection.ts')
    if (this.closed) throw new CacheError('CACHE_CLOSED', 'The Redis backend was closed while it was being connected')
    const { url, namespace, openTransport, runtime, socketTimeout, budget } = this.options
    this.connection ??= new RedisConnection({
      url,
      namespace,
      runtime,
      openTransport,
      budgetMs: toMs(budget, 'budget'),
      socketTimeoutMs: toMs(socketTimeout, 'socketTimeout'),
    })
    await this.connection.start()
  }

  async get(key: string): Promise<string | null> {
    return await opened(this).get(key)
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
    this.connection?.stop()
    this.connection = undefined
  }
}

function opened(backend: RedisBackend): RedisCommands {
  if (backend.connection === undefined) throw new CacheError('CACHE_UNAVAILABLE', 'The Redis backend is not connected')
  return backend.connection
}
