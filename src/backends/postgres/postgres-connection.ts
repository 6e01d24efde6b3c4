import type { LeaseCapability, LinkEvents, PushEvents, TagCapability } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { CacheError } from '../../support/errors.ts'
import type { SqlRow } from '../sql/sql-calls.ts'
import { SqlCommands } from '../sql/sql-commands.ts'
import type { TableNames } from '../sql/table-names.ts'
import { ChangeListener } from './change-listener.ts'
import type { Connections } from './own-connections.ts'
import { noListener } from './own-connections.ts'
import { PoolCalls, statement } from './pool-calls.ts'
import type { PostgresClient } from './postgres-client.ts'
import type { OpenedPostgres } from './opened-postgres.ts'

// The parts of an open backend, put together: statements over the pool, what is told on the listening connection, and the order between them.

export interface PostgresConnectionOptions {
  readonly connections: Connections
  readonly names: TableNames
  readonly runtime: Runtime
  readonly pooled: boolean | undefined
  readonly budgetMs: number
  readonly socketTimeoutMs: number
  readonly prepare: (client: PostgresClient) => Promise<void>
  readonly events: LinkEvents & PushEvents
}

const noneToSpare = 'The pool has one connection: none is left to be told of changes, so no value is kept in memory'

export class PostgresConnection implements OpenedPostgres {
  readonly #options: PostgresConnectionOptions
  readonly #commands: SqlCommands
  readonly #calls: PoolCalls
  readonly #listener: ChangeListener

  constructor(options: PostgresConnectionOptions) {
    const { connections, names, runtime, pooled, budgetMs, socketTimeoutMs, prepare, events } = options
    this.#options = options
    const { openListener } = connections
    this.#listener = new ChangeListener({
      names,
      runtime,
      open: openListener ?? (pooled === true ? this.#borrow : noListener),
      pooled,
      connectTimeoutMs: socketTimeoutMs,
      prepare,
      events: {
        lost: (reason) => events.lost(reason),
        restored: () => {
          this.#commands.own.forget()
          events.restored()
        },
        told: (kind, keys, origin) => this.#told(kind, keys, origin),
        heard: (sentAt) => events.heard(sentAt),
      },
    })
    const listener = this.#listener
    this.#calls = new PoolCalls({ pool: connections.pool, names, runtime, mayCall: () => listener.mayCall() })
    this.#commands = new SqlCommands({
      calls: this.#calls.call,
      runtime,
      budgetMs,
      socketTimeoutMs,
      events,
      history: () => listener.history,
      isTold: () => listener.isOn,
      leasesAreOn: () => true,
      seen: (row, sentAt) => this.#seen(row, sentAt),
      toldUpTo: (changes) => listener.toldUpTo(changes),
    })
  }

  get tags(): Required<TagCapability> {
    return this.#commands.tags
  }

  get leases(): LeaseCapability {
    return this.#commands.leases
  }

  get history(): string | undefined {
    return this.#listener.history
  }

  get limits(): readonly string[] {
    const { connections } = this.#options
    return connections.openListener === undefined ? [...this.#listener.limits, noneToSpare] : this.#listener.limits
  }

  get follows(): boolean {
    return this.#listener.isOn
  }

  async start(): Promise<void> {
    await this.#listener.start()
  }

  get(keys: readonly string[]): Promise<ReadonlyArray<string | null>> {
    return this.#commands.get(keys)
  }

  set(key: string, value: string, ttl: number): Promise<boolean> {
    return this.#commands.set(key, value, ttl)
  }

  delete(keys: readonly string[]): Promise<number> {
    return this.#commands.delete(keys)
  }

  exists(key: string): Promise<boolean> {
    return this.#commands.exists(key)
  }

  scan(prefix: string): AsyncIterable<readonly string[]> {
    return this.#commands.scan(prefix)
  }

  async ping(): Promise<boolean> {
    const { names, budgetMs } = this.#options
    this.#listener.mayCall()
    const { rows } = await this.#calls.run(statement(names, 'hello', {}), budgetMs, 'ping')
    const { history } = rows[0] as { readonly history: string | null }
    this.#listener.greeted(history ?? undefined)
    this.#listener.mayCall()
    return true
  }

  async stop(): Promise<void> {
    await this.#commands.stop()
    this.#listener.stop()
    await this.#options.connections.end()
  }

  /** To find out about the server once, where no connection is kept. */
  readonly #borrow = async () => {
    const client = await this.#options.connections.pool.connect()
    return Object.assign(client, { destroy: () => client.release(true) })
  }

  #told(kind: string, keys: readonly string[], origin: string): void {
    const { events } = this.#options
    if (this.#commands.own.isKnown(origin)) return
    if (kind === 't') events.tagsChanged()
    else if (kind === 'k') {
      if (keys.length > 0) events.changed(keys)
    } else {
      events.changedAll()
      events.tagsChanged()
    }
  }

  async #seen({ changes, place }: SqlRow, sentAt: number): Promise<void> {
    const { history } = this.#listener
    const timeline = history?.split('.')[1]
    if (timeline !== undefined && timeline !== place) {
      this.#listener.doubt('Another server answers than the one that tells of changes')
      throw new CacheError('CACHE_UNAVAILABLE', 'Another PostgreSQL server answers, or a standby')
    }
    await this.#listener.toldUpTo(changes)
    this.#listener.seen(changes, sentAt)
  }
}
