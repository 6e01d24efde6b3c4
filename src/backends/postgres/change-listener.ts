import type { LinkEvents } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { withTimeLimit } from '../../support/deadline.ts'
import { CacheError } from '../../support/errors.ts'
import { LinkTimer } from '../../support/link-timer.ts'
import { randomId } from '../sql/sql-tags.ts'
import type { TableNames } from '../sql/table-names.ts'
import { CatchingUp } from './catching-up.ts'
import { Echoes } from './echoes.ts'
import type { Introduction } from './introduction.ts'
import { introduce } from './introduction.ts'
import type {
  ListenerClient,
  PostgresClient,
  PostgresNotification,
  PostgresQuery,
  PostgresResult,
} from './postgres-client.ts'
import { statement } from './pool-calls.ts'
import { telling } from './telling.ts'
import { explain } from './statement-error.ts'

// The one connection that is told of changes, and is the link: while it is away, nothing is sent. It comes back by itself, for ever, with a
// capped backoff; a heartbeat finds the server that is frozen, gone, no primary any more, or one with other data. Where connections
// are lent by the transaction nobody can be told, so there is none: then each statement finds out for itself.

export interface ChangeListenerOptions {
  readonly names: TableNames
  readonly runtime: Runtime
  /** A connection that is nobody else's. */
  readonly open: () => Promise<ListenerClient>
  /** Whether connections are lent by the transaction; `undefined`: it is found out. */
  readonly pooled: boolean | undefined
  readonly connectTimeoutMs: number
  /** Called on each new connection, before anything else. */
  readonly prepare: (client: PostgresClient) => Promise<void>
  readonly events: LinkEvents & {
    /** @param kind see `change-functions.ts` */
    told(kind: string, keys: readonly string[], origin: string): void
    heard(sentAt: number): void
  }
}

/** As for Redis: what is kept in memory is served for 500 ms after a sign of life, and its answer needs time to come. */
const heartbeatMs = 250
/** How often the history of the data is asked for. */
const historyMs = 1000
/** A heartbeat that takes longer ends the connection. */
const longestSilenceMs = 1000

export class ChangeListener {
  readonly #options: ChangeListenerOptions
  readonly #catchingUp: CatchingUp
  /** Where this connection tells something to itself. */
  readonly #ownChannel: string
  readonly #echoes: Echoes = new Echoes()
  #client: ListenerClient | undefined
  #opening: ListenerClient | undefined
  #introduction: Introduction | undefined
  #isPooled = false
  #why = 'not yet'
  readonly #timer: LinkTimer
  #attempt: Promise<void> | undefined
  #heardAt = 0
  #greetedAt = 0

  constructor(options: ChangeListenerOptions) {
    this.#options = options
    this.#timer = new LinkTimer(options.runtime)
    this.#ownChannel = `${options.names.channel.slice(0, 40)}_${randomId(options.runtime)}`.slice(0, 63)
    this.#catchingUp = new CatchingUp({ runtime: options.runtime, echo: () => this.#echo() })
  }

  get history(): string | undefined {
    return this.#introduction?.history
  }

  get limits(): readonly string[] {
    return this.#introduction?.limits ?? []
  }

  /** Whether changes are told. */
  get isOn(): boolean {
    return this.#client !== undefined
  }

  /** Another statement has asked for the history. */
  greeted(history: string | undefined): void {
    if (this.#isPooled && this.#introduction !== undefined) this.#introduction = { ...this.#introduction, history }
    else if (history !== this.history) this.doubt('PostgreSQL has begun another history of its data')
  }

  /** @throws {CacheError} `CACHE_UNAVAILABLE` while the link is away */
  mayCall(): void {
    if (this.isOn || (this.#isPooled && this.#timer.isRunning)) return
    throw new CacheError('CACHE_UNAVAILABLE', `PostgreSQL is not connected (${this.#why})`)
  }

  async start(): Promise<void> {
    this.#timer.start()
    if (this.isOn) return
    await (this.#attempt ??= this.#connect())
  }

  stop(): void {
    this.#timer.stop()
    const client = this.#client
    this.#client = undefined
    this.#end()
    client?.destroy()
  }

  /** Resolves when everything up to this number has been told; at once where nothing is. */
  async toldUpTo(changes: unknown): Promise<void> {
    if (this.isOn) await this.#catchingUp.upTo(Number(changes))
  }

  /** @param changes the last, says an answer that was asked for at `sentAt` */
  seen(changes: unknown, sentAt: number): void {
    if (this.isOn && this.#catchingUp.isTold(Number(changes))) this.#heard(sentAt)
  }

  /** Something else shows that the connection does not lead where it did. */
  doubt(reason: string): void {
    if (this.#client !== undefined) this.#lose(this.#client, new CacheError('CACHE_UNAVAILABLE', reason))
  }

  async #connect(): Promise<void> {
    const { connectTimeoutMs, runtime, events } = this.#options
    let client: ListenerClient | undefined
    let isWanted = true
    try {
      const connecting = this.#options.open().then((opened) => {
        if (!isWanted) opened.destroy()
        return opened
      })
      connecting.catch(() => {})
      client = await withTimeLimit(connecting, connectTimeoutMs, runtime)
      if (client === undefined) throw new CacheError('CACHE_TIMEOUT', 'PostgreSQL did not take the connection in time')
      const ready = this.#introduce(client)
      ready.catch(() => {})
      const introduction = await withTimeLimit(ready, connectTimeoutMs, runtime)
      if (introduction === undefined) throw new CacheError('CACHE_TIMEOUT', 'PostgreSQL did not answer in time')
      if (!this.#timer.isRunning) throw new CacheError('CACHE_CLOSED', 'The backend was closed')
      this.#introduction = introduction
    } catch (error) {
      isWanted = false
      client?.destroy()
      this.#retryLater(error)
      throw explain(error, 'connecting')
    } finally {
      this.#attempt = undefined
      this.#opening = undefined
    }
    this.#timer.connected()
    this.#isPooled = this.#introduction.isPooled
    if (this.#isPooled) return client.destroy()
    this.#client = client
    this.#heardAt = this.#greetedAt = runtime.monotonic()
    this.#beatLater(client)
    events.restored()
  }

  async #introduce(client: ListenerClient): Promise<Introduction> {
    const { names, pooled, prepare } = this.#options
    client.on('error', (error: Error) => this.#lose(client, error))
    client.on('end', () => this.#lose(client, new CacheError('CACHE_UNAVAILABLE', 'PostgreSQL closed the connection')))
    await prepare(client)
    const introduction = await introduce(client, names, pooled)
    if (introduction.isPooled) return introduction
    // What is left of a connection before is not listened to: its numbers may be those of another server.
    this.#opening = client
    this.#catchingUp.stop()
    client.on('notification', (message) => {
      if (client === this.#client || client === this.#opening) this.#notified(message)
    })
    // What is told by itself needs no fsync, and nobody else has this session.
    for (const text of ['set synchronous_commit to off', `listen ${names.channel}`, `listen ${this.#ownChannel}`]) {
      await client.query({ text })
    }
    // From here on all that was under way is over: either everybody can read it, or nobody ever will.
    const { rows } = await client.query(statement(names, 'position', {}))
    this.#catchingUp.told(Number((rows[0] as { changes: unknown }).changes))
    return introduction
  }

  #notified({ channel, payload = '' }: PostgresNotification): void {
    if (channel === this.#ownChannel) {
      this.#echoes.came(payload)
      return
    }
    const [changes, origin, kind, keys] = telling(payload)
    this.#options.events.told(kind, keys, origin)
    if (changes > 0) this.#catchingUp.told(changes)
  }

  async #echo(): Promise<void> {
    const client = this.#client
    if (client === undefined) return
    await this.#echoes.hear((name) =>
      this.#ask(client, { text: 'select pg_notify($1, $2)', values: [this.#ownChannel, name] }),
    )
  }

  async #ask(client: ListenerClient, query: PostgresQuery): Promise<PostgresResult> {
    const asked = client.query(query)
    asked.catch(() => {})
    try {
      const answer = await withTimeLimit(asked, longestSilenceMs, this.#options.runtime, 'background')
      if (answer === undefined) throw new CacheError('CACHE_TIMEOUT', 'PostgreSQL does not answer')
      return answer
    } catch (error) {
      this.#lose(client, error)
      throw error
    }
  }

  #heard(sentAt: number): void {
    if (sentAt <= this.#heardAt) return
    this.#heardAt = sentAt
    this.#options.events.heard(sentAt)
  }

  #beatLater(client: ListenerClient): void {
    const due = this.#heardAt + heartbeatMs - this.#options.runtime.monotonic()
    this.#timer.set(Math.max(0, Math.min(heartbeatMs, due)), () => void this.#beat(client))
  }

  /** One at a time. */
  async #beat(client: ListenerClient): Promise<void> {
    const { runtime, names } = this.#options
    const sentAt = runtime.monotonic()
    try {
      if (sentAt >= this.#greetedAt + historyMs) {
        this.#greetedAt = sentAt
        const { rows } = await this.#ask(client, statement(names, 'hello', {}))
        this.greeted((rows[0] as { readonly history: string | null }).history ?? undefined)
        if (this.#client !== client) return
      }
      if (sentAt >= this.#heardAt + heartbeatMs) {
        const { rows } = await this.#ask(client, {
          text: `select last_value::text as changes from ${names.of('changes')}`,
        })
        await this.toldUpTo((rows[0] as { readonly changes: unknown }).changes)
        if (this.#client === client) this.#heard(sentAt)
      }
    } catch (error) {
      this.#lose(client, error)
    }
    if (this.#client === client) this.#beatLater(client)
  }

  #lose(client: ListenerClient, error: unknown): void {
    if (this.#client !== client) return
    this.#client = undefined
    client.destroy()
    this.#retryLater(error)
    this.#options.events.lost(this.#why)
    // Only now is let go who waits to be told.
    this.#end()
  }

  #end(): void {
    this.#catchingUp.stop()
    this.#echoes.end()
  }

  #retryLater(error: unknown): void {
    this.#why = explain(error, 'connecting').message
    this.#timer.retry(() => {
      this.#attempt ??= this.#connect()
      this.#attempt.catch(() => {})
    })
  }
}
