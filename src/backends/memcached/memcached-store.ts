import type { LeaseCapability, LinkEvents, TagCapability } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { Deadlines } from '../../support/deadline.ts'
import { clockName } from './item-names.ts'
import type { Items } from './items.ts'
import { createItems } from './items.ts'
import { createMemcachedLeases } from './leases.ts'
import { MemcachedLink } from './memcached-link.ts'
import { noOperation } from './meta-commands.ts'
import type { MemcachedOperations } from './operations.ts'
import type { Address } from './options.ts'
import { asOne, Servers } from './servers.ts'
import type { OpenSocket } from './socket.ts'
import { createMemcachedTags } from './tags.ts'

// What `connect` opens: the links, and on them each operation under a deadline.

export interface StoreOptions {
  readonly servers: readonly Address[]
  readonly prefix: string
  readonly maxItemBytes: number
  readonly budgetMs: number
  readonly socketTimeoutMs: number
  readonly runtime: Runtime
  readonly open: OpenSocket
  readonly events: LinkEvents
}

/** Each process reads the clock anew whenever a tag was invalidated anywhere, so it must not be large. */
const mostClockBytes = 256 * 1024

export class MemcachedStore implements MemcachedOperations {
  readonly leases: LeaseCapability
  readonly tags: TagCapability
  readonly #servers: Servers
  readonly #items: Items
  readonly #deadlines: Deadlines
  readonly #budgetMs: number
  readonly #socketTimeoutMs: number
  readonly #reads: Set<Promise<unknown>> = new Set()

  constructor(options: StoreOptions) {
    const { runtime, prefix, maxItemBytes, budgetMs, socketTimeoutMs, open } = options
    this.#budgetMs = budgetMs
    this.#socketTimeoutMs = socketTimeoutMs
    this.#deadlines = new Deadlines(runtime)
    const events = asOne(options.events, () => servers.isUp)
    const servers = new Servers(
      options.servers.map(({ name, host, port }) => ({
        name,
        link: new MemcachedLink({ host, port, runtime, open, connectTimeoutMs: socketTimeoutMs, events }),
      })),
    )
    this.#servers = servers
    this.#items = createItems({ servers, prefix, maxItemBytes })
    const briefly = <T>(work: Promise<T>, what: string): Promise<T> => this.#deadlines.bound(work, budgetMs, what)
    const bounded = <T>(work: Promise<T>, what: string): Promise<T> =>
      this.#deadlines.bound(work, socketTimeoutMs, what)
    this.leases = createMemcachedLeases({ servers, items: this.#items, runtime, briefly, bounded })
    const name = clockName(prefix)
    this.tags = createMemcachedTags({
      link: servers.of(name),
      name,
      runtime,
      briefly,
      mostBytes: Math.min(mostClockBytes, Math.floor(maxItemBytes / 2)),
      // One server answers in the order of the questions; of several, one may be slow.
      readsAnswered: () => (options.servers.length === 1 ? Promise.resolve() : Promise.allSettled(this.#reads)),
    })
  }

  get history(): string | undefined {
    return this.#servers.history
  }

  async start(): Promise<void> {
    await this.#servers.start()
  }

  stop(): void {
    this.#servers.stop()
  }

  async get(keys: readonly string[]): Promise<ReadonlyArray<string | null>> {
    const read = this.#items.get(keys)
    this.#reads.add(read)
    const over = (): void => void this.#reads.delete(read)
    read.then(over, over)
    return await this.#deadlines.bound(read, this.#budgetMs, 'get')
  }

  async set(key: string, value: string, ttl: number): Promise<boolean> {
    return await this.#deadlines.bound(this.#items.set(key, value, ttl), this.#socketTimeoutMs, 'set')
  }

  async delete(keys: readonly string[]): Promise<number> {
    return await this.#deadlines.bound(this.#items.delete(keys), this.#socketTimeoutMs, 'delete')
  }

  async exists(key: string): Promise<boolean> {
    return await this.#deadlines.bound(this.#items.exists(key), this.#budgetMs, 'exists')
  }

  async ping(): Promise<boolean> {
    const asked = Promise.all(this.#servers.links.map((link) => link.exchange([noOperation])))
    await this.#deadlines.bound(asked, this.#budgetMs, 'ping')
    return true
  }
}
