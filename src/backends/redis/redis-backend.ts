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
import { CacheError, misuse, outOfRange, quote } from '../../support/errors.ts'
import { systemRuntime } from '../../support/runtime.ts'
import type { RedisClient } from './client-transport.ts'
import { checkClient, openClientTransport } from './client-transport.ts'
import type { RedisCommands } from './commands.ts'
import type { OpenTransport } from './transport.ts'

// The shell of the Redis backend: options, and nothing else until `connect` loads the rest and the client package. A program that never
// uses Redis never loads it.

export type OnLostNode = 'ttl' | 'bump'

export interface RedisBackendOptions {
  /** `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS. Default: `redis://localhost:6379/0`. */
  readonly url?: string | undefined
  /**
   * A client the application has already, in place of `url`: node-redis 4 and later, ioredis 5 and later, or iovalkey, of one server. It is
   * never closed here, and `maxConnections` does not apply.
   */
  readonly client?: RedisClient | undefined
  /**
   * Upper bound of connections. Default: 50. One carries everything whose order counts; values over 64 KB and scans go beside it, over
   * at most four more, so that nobody waits behind them. 1 works.
   */
  readonly maxConnections?: number | undefined
  /** Bounds connecting and every command that has no budget. Default: 5 s. */
  readonly socketTimeout?: Duration | undefined
  /** Bounds a read. Default: 0.2 s. */
  readonly budget?: Duration | undefined
  /** Separates the tag clocks of applications that share a database. Default: none. */
  readonly namespace?: string | undefined
  /**
   * When a process ended without `close()`, the invalidations it could not apply in an outage are lost with it. `'ttl'`: what they were to
   * void lives to the end of its ttl; `'bump'`: all shared entries are made void once, at the latest half a minute after a process
   * fell silent, whyever it did; values written with `wire: 'plain'` are then not read before the next `clear()` of their namespace.
   * Default: `'ttl'`. See `CacheOptions.journalFile`, which loses nothing.
   */
  readonly onLostNode?: OnLostNode | undefined
  /** Time, timers, randomness. For tests and simulations. */
  readonly runtime?: Runtime | undefined
  /** Opens a connection. Default: `@redis/client`. For tests and simulations. */
  readonly openTransport?: OpenTransport | undefined
}

/**
 * See `PushCapability.boundMs`. A heartbeat is sent at the latest 250 ms after the command that was answered last, and its answer has as long
 * again to come: while it does, what is kept never waits. It counts from sending, so a connection that died without a sign hides changes for
 * no longer; measured, from its death, 312 to 501 ms.
 */
const boundMs = 500

/** The options with their defaults. */
export interface ResolvedRedisOptions {
  readonly url: string
  readonly client: RedisClient | undefined
  readonly onLostNode: OnLostNode
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
  readonly ordered = true
  readonly batch: BatchCapability
  readonly tags: TagCapability
  readonly scan: ScanCapability
  readonly link: LinkCapability
  /** Needs connections of our own, by `url`. */
  readonly push: PushCapability
  readonly leases: LeaseCapability
  readonly options: ResolvedRedisOptions
  /** What `connect` opened. */
  connection: RedisCommands | undefined
  /** Whether `close` was called since `connect`. */
  closed = false
  /** Who is told of the connection's fate. */
  readonly watchers: Set<LinkEvents>
  /** Who is told of changes. */
  readonly followers: Set<PushEvents>

  /** @throws {TypeError | RangeError} `CACHE_BAD_OPTION`, `CACHE_BAD_DURATION`; a url is never shown, there may be a password in it */
  constructor(options: RedisBackendOptions = {}) {
    const {
      url = 'redis://localhost:6379/0',
      client,
      onLostNode = 'ttl',
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
    if (client !== undefined && options.url !== undefined)
      throw misuse('CACHE_BAD_OPTION', 'Give either a url or a client')
    if (onLostNode !== 'ttl' && onLostNode !== 'bump')
      throw misuse('CACHE_BAD_OPTION', `onLostNode must be 'ttl' or 'bump', got ${quote(onLostNode)}`)
    toMs(socketTimeout, 'socketTimeout')
    toMs(budget, 'budget')
    const { namespace, openTransport } = options
    this.options = {
      url,
      client: client === undefined ? undefined : checkClient(client),
      maxConnections,
      socketTimeout,
      budget,
      runtime,
      namespace,
      onLostNode,
      openTransport,
    }
    // Whoever prints or logs the backend must not print the password.
    Object.defineProperty(this, 'options', { enumerable: false })
    Object.defineProperty(this, 'closed', { enumerable: false, writable: true, value: false })
    Object.defineProperty(this, 'connection', { enumerable: false, writable: true, value: undefined })
    this.watchers = new Set()
    this.followers = new Set()
    Object.defineProperty(this, 'watchers', { enumerable: false })
    Object.defineProperty(this, 'followers', { enumerable: false })
    this.batch = { get: (keys) => opened(this).getMany(keys), delete: (keys) => opened(this).delete(keys) }
    this.tags = {
      read: (since) => opened(this).tags.read(since),
      stamp: (tags, since) => opened(this).tags.stamp(tags, since),
      renew: (emptied) => opened(this).tags.renew(emptied),
      enter: (since) => opened(this).tags.enter(since),
    }
    this.scan = { keys: (prefix) => opened(this).scan(prefix) }
    const current = (): RedisCommands | undefined => this.connection
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

  /** Loads the client and connects. Rejects when the first attempt fails; the link goes on trying until `close`. */
  async connect(): Promise<void> {
    this.closed = false
    const { RedisConnection } = await import('./redis-connection.ts')
    const open = await openTransportOf(this.options)
    if (this.closed) throw new CacheError('CACHE_CLOSED', 'The Redis backend was closed while it was being connected')
    const { namespace, client, onLostNode, maxConnections, runtime, socketTimeout, budget } = this.options
    this.connection ??= new RedisConnection({
      namespace,
      runtime,
      open,
      onLostNode,
      sideConnections: client === undefined ? maxConnections - 1 : 0,
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

  async close(owing = false): Promise<void> {
    this.closed = true
    const { connection } = this
    this.connection = undefined
    await connection?.stop(owing)
  }
}

async function openTransportOf({ url, client, openTransport }: ResolvedRedisOptions): Promise<OpenTransport> {
  if (openTransport !== undefined) return openTransport
  if (client !== undefined) return openClientTransport(client)
  return (await import('./node-redis-transport.ts')).openNodeRedisTransport(url)
}

/** @returns the function that leaves */
function joined<T>(all: Set<T>, one: T): () => void {
  all.add(one)
  return () => void all.delete(one)
}

function opened(backend: RedisBackend): RedisCommands {
  if (backend.connection === undefined) throw new CacheError('CACHE_UNAVAILABLE', 'The Redis backend is not connected')
  return backend.connection
}
