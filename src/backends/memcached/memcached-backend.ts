import type {
  BatchCapability,
  CacheBackend,
  LeaseCapability,
  LinkCapability,
  LinkEvents,
  TagCapability,
} from '../../contracts/backend.ts'
import { toMs } from '../../support/duration.ts'
import { CacheError } from '../../support/errors.ts'
import type { MemcachedOperations } from './operations.ts'
import type { MemcachedBackendOptions, ResolvedMemcachedOptions } from './options.ts'
import { resolve } from './options.ts'

// The shell of the Memcached backend: options, and nothing else until `connect` loads the rest.

/**
 * Memcached 1.6 and later, one server or several. Every operation has a deadline; a fill is refused when anybody has changed its key since
 * the load began, in any program. It tells nobody of changes: each read asks the server, unless `l1: { maxAge }` is given.
 *
 * @example
 * await initCache(new MemcachedBackend({ servers: ['cache-1.internal:11211', 'cache-2.internal:11211'] }))
 */
export class MemcachedBackend implements CacheBackend {
  readonly name = 'memcached'
  readonly batch: BatchCapability
  readonly tags: TagCapability
  readonly link: LinkCapability
  readonly leases: LeaseCapability
  readonly options: ResolvedMemcachedOptions
  /** What `connect` opened. */
  store: MemcachedOperations | undefined
  /** Whether `close` was called since `connect`. */
  closed = false
  /** Who is told of the connections' fate. */
  readonly watchers: Set<LinkEvents> = new Set()

  /** @throws {TypeError | RangeError} `CACHE_BAD_OPTION`, `CACHE_BAD_DURATION` */
  constructor(options: MemcachedBackendOptions = {}) {
    this.options = resolve(options)
    for (const name of ['store', 'closed', 'watchers']) Object.defineProperty(this, name, { enumerable: false })
    const current = (): MemcachedOperations | undefined => this.store
    const { watchers } = this
    this.batch = {
      get: async (keys) => await opened(this).get(keys),
      delete: async (keys) => await opened(this).delete(keys),
    }
    this.tags = {
      read: async (since) => await opened(this).tags.read(since),
      stamp: async (tags, since) => await opened(this).tags.stamp(tags, since),
      renew: async (emptied) => await opened(this).tags.renew(emptied),
    }
    this.leases = {
      get isOn() {
        return current()?.leases.isOn ?? false
      },
      acquire: async (key, request) => await opened(this).leases.acquire(key, request),
      renew: async (key, token, leaseMs) => await opened(this).leases.renew(key, token, leaseMs),
      fill: async (key, value, ttl, token) => await opened(this).leases.fill(key, value, ttl, token),
      release: async (key, token, pauseMs) => await opened(this).leases.release(key, token, pauseMs),
    }
    this.link = {
      watch(events) {
        watchers.add(events)
        return () => void watchers.delete(events)
      },
      get history() {
        return current()?.history
      },
      limits: [],
    }
  }

  /** Connects to all servers. Rejects when the first attempt fails; the links go on trying until `close`. */
  async connect(): Promise<void> {
    this.closed = false
    const { MemcachedStore: Store } = await import('./memcached-store.ts')
    const { openSocket } = await import('./socket.ts')
    if (this.closed)
      throw new CacheError('CACHE_CLOSED', 'The Memcached backend was closed while it was being connected')
    const {
      servers,
      prefix,
      maxItemBytes,
      budget,
      socketTimeout,
      runtime,
      openSocket: open = openSocket,
    } = this.options
    this.store ??= new Store({
      servers,
      prefix,
      maxItemBytes,
      runtime,
      open,
      budgetMs: toMs(budget, 'budget'),
      socketTimeoutMs: toMs(socketTimeout, 'socketTimeout'),
      events: {
        lost: (reason) => this.watchers.forEach((events) => events.lost(reason)),
        restored: () => this.watchers.forEach((events) => events.restored()),
      },
    })
    await this.store.start()
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

  /** Ends the connections. Idempotent. */
  async close(): Promise<void> {
    this.closed = true
    const { store } = this
    this.store = undefined
    store?.stop()
  }
}

function opened(backend: MemcachedBackend): MemcachedOperations {
  if (backend.store === undefined) throw new CacheError('CACHE_UNAVAILABLE', 'The Memcached backend is not connected')
  return backend.store
}
