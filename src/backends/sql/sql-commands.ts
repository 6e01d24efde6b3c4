import type { LeaseCapability, PushEvents, TagCapability } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { OwnChanges } from './own-changes.ts'
import { SetLives } from './set-lives.ts'
import type { SqlCalls, SqlRow } from './sql-calls.ts'
import { createSqlLeases } from './sql-leases.ts'
import { SqlReads } from './sql-reads.ts'
import { createSqlTags, randomId } from './sql-tags.ts'
import { storedKey, toWire } from './stored-text.ts'

// What a backend does with the functions in the database, whoever carries the calls.

export interface SqlCommandsOptions {
  readonly calls: SqlCalls
  readonly runtime: Runtime
  readonly budgetMs: number
  /** Bounds what has no budget. */
  readonly socketTimeoutMs: number
  readonly events: Pick<PushEvents, 'writing' | 'written'>
  readonly history: () => string | undefined
  /** Whether changes are told on the present connection. */
  readonly isTold: () => boolean
  readonly leasesAreOn: () => boolean
  /** See `SqlReadsOptions`. */
  readonly seen: (row: SqlRow, sentAt: number) => Promise<void>
  readonly toldUpTo: (changes: unknown) => Promise<void>
}

/** One write in so many removes what is over: more than is written each time. */
const trimOdds = 1 / 64
const keysPerDelete = 500
const keysPerPage = 1000

export class SqlCommands {
  readonly own: OwnChanges
  readonly tags: Required<TagCapability>
  readonly leases: LeaseCapability
  readonly #options: SqlCommandsOptions
  readonly #reads: SqlReads
  readonly #lives: SetLives
  readonly #node: string
  #trimming: Promise<unknown> | undefined

  constructor(options: SqlCommandsOptions) {
    const { calls, runtime, budgetMs, socketTimeoutMs, events, history, isTold, leasesAreOn, toldUpTo } = options
    this.#options = options
    this.#node = randomId(runtime)
    this.own = new OwnChanges(this.#node, events)
    this.#reads = new SqlReads(options)
    const endLife = (life: number): Promise<unknown> =>
      calls({ fn: 'end_life', args: { p_node: this.#node, p_life: life }, ms: socketTimeoutMs })
    this.#lives = new SetLives(endLife)
    const { own } = this
    this.tags = createSqlTags({
      calls,
      runtime,
      own,
      budgetMs,
      history,
      besideReads: (since) => this.#reads.clock(since),
    })
    this.leases = createSqlLeases({
      calls,
      own,
      events,
      budgetMs,
      writeMs: socketTimeoutMs,
      isOn: leasesAreOn,
      isTold,
      toldUpTo,
      stored: () => this.#trimNowAndThen(),
    })
  }

  async get(keys: readonly string[]): Promise<ReadonlyArray<string | null>> {
    return await this.#reads.get(keys)
  }

  async set(key: string, value: string, ttl: number): Promise<boolean> {
    const { calls, socketTimeoutMs } = this.#options
    const { key: p_key, long: p_long } = storedKey(key)
    const rows = await this.own.announce({
      keys: [key],
      send: (p_origin) =>
        this.#lives.run((p_life) =>
          calls({
            fn: 'set',
            args: { p_key, p_long, p_value: toWire(value), p_ttl: ttl, p_node: this.#node, p_life, p_origin },
            ms: socketTimeoutMs,
          }),
        ),
    })
    this.#trimNowAndThen()
    return rows[0]?.['stored'] === true
  }

  /** @returns how many existed */
  async delete(keys: readonly string[]): Promise<number> {
    const { calls, socketTimeoutMs: ms } = this.#options
    return await this.own.announce({
      keys,
      send: async (p_origin) => {
        await this.#lives.settled()
        let existed = 0
        for (let from = 0; from < keys.length; from += keysPerDelete) {
          const p_told = keys.slice(from, from + keysPerDelete)
          const p_keys = p_told.map((key) => storedKey(key).key)
          const rows = await calls({ fn: 'delete', args: { p_keys, p_told, p_origin }, ms })
          existed += Number(rows[0]?.['existed'] ?? 0)
        }
        return existed
      },
    })
  }

  async exists(key: string): Promise<boolean> {
    const { calls, budgetMs } = this.#options
    const rows = await calls({ fn: 'exists', args: { p_key: storedKey(key).key }, ms: budgetMs })
    return rows[0]?.['found'] === true
  }

  async *scan(prefix: string): AsyncGenerator<readonly string[]> {
    const { calls, socketTimeoutMs } = this.#options
    if (prefix.includes('\u0000')) return
    for (let after = ''; ;) {
      const args = { p_prefix: prefix, p_after: after, p_limit: keysPerPage }
      const rows = await calls({ fn: 'scan', args, ms: socketTimeoutMs })
      if (rows.length > 0) yield rows.map((row) => String(row['long_key'] ?? row['key']))
      if (rows.length < keysPerPage) return
      after = String(rows.at(-1)?.['key'])
    }
  }

  /** Waits for what goes on without a caller. */
  async stop(): Promise<void> {
    await this.#trimming
  }

  #trimNowAndThen(): void {
    const { calls, runtime, socketTimeoutMs } = this.#options
    if (this.#trimming !== undefined || runtime.random() >= trimOdds) return
    const over = (): void => void (this.#trimming = undefined)
    // Nobody waits for it; should it fail, the next will do it.
    this.#trimming = calls({ fn: 'trim', args: {}, ms: socketTimeoutMs }).then(over, over)
  }
}
