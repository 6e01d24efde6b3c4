import type { LinkEvents } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { withTimeLimit } from '../../support/deadline.ts'
import { CacheError } from '../../support/errors.ts'
import { LinkTimer } from '../../support/link-timer.ts'
import type { Introduction } from './introduction.ts'
import { answers, MemcachedConnection } from './memcached-connection.ts'
import type { Command } from './meta-commands.ts'
import type { Reply } from './replies.ts'
import type { OpenSocket } from './socket.ts'

// The way to one server. It is up or it is not: a command on a link that is down fails at once. It comes back by itself, for ever, with a
// capped backoff; an opening that hangs is given up, and so is a connection on which the server owes an answer and sends nothing.

export interface MemcachedLinkOptions {
  readonly host: string
  readonly port: number
  readonly runtime: Runtime
  readonly open: OpenSocket
  readonly connectTimeoutMs: number
  readonly events: LinkEvents
}

/** The kernel of a frozen server accepts connections; nobody answers on them. */
const longestOpeningMs = 2000
/** How often a connection is looked at. */
const lookMs = 500
/** Without a word for so long, the server is asked for one. */
const idleMs = 1000
const longestSilenceMs = 2000
/** Timers come before sockets: after a blocked event loop, what has arrived is looked at first. */
const graceMs = 50

export class MemcachedLink {
  readonly #options: MemcachedLinkOptions
  #connection: MemcachedConnection | undefined
  #opening: MemcachedConnection | undefined
  #introduction: Introduction | undefined
  #introducedAt = 0
  #why = 'not yet'
  readonly #timer: LinkTimer
  #attempt: Promise<void> | undefined
  #epoch = 0

  constructor(options: MemcachedLinkOptions) {
    this.#options = options
    this.#timer = new LinkTimer(options.runtime)
  }

  get isUp(): boolean {
    return this.#connection !== undefined
  }

  /** One life of the connection: what was learnt in one is nothing to go by in the next, unless the history is the same. */
  get epoch(): number {
    return this.#epoch
  }

  /** Of the present connection's server, else of the last one's. */
  get history(): string | undefined {
    return this.#introduction?.history
  }

  get maxItemBytes(): number {
    return this.#introduction?.maxItemBytes ?? Infinity
  }

  /** The server's clock, seconds; ours where it did not say. */
  get time(): number {
    const { runtime } = this.#options
    const time = this.#introduction?.time
    return time === undefined ? runtime.now() / 1000 : time + (runtime.monotonic() - this.#introducedAt) / 1000
  }

  /** Starts, and waits for the present attempt: rejects when it fails, while the link goes on trying. */
  async start(): Promise<void> {
    this.#timer.start()
    if (this.isUp) return
    await (this.#attempt ??= this.#connect('deadline'))
  }

  /**
   * @param epoch only on this connection: a CAS value of another may mean another item by now
   * @throws {CacheError} `CACHE_UNAVAILABLE`
   */
  async exchange(commands: readonly Command[], epoch: number = this.#epoch): Promise<Reply[]> {
    if (this.#connection === undefined || epoch !== this.#epoch) {
      throw new CacheError('CACHE_UNAVAILABLE', `The Memcached server is not connected (${this.#why})`)
    }
    return await this.#connection.exchange(commands)
  }

  stop(): void {
    this.#timer.stop()
    const connection = this.#connection ?? this.#opening
    this.#connection = undefined
    this.#opening = undefined
    connection?.end(new CacheError('CACHE_CLOSED', 'The Memcached backend was closed'))
  }

  /** @param kind whether somebody waits for it, see `Runtime.setTimer` */
  async #connect(kind: 'deadline' | 'background'): Promise<void> {
    const { connectTimeoutMs, runtime, host, port, open, events } = this.#options
    const connection = new MemcachedConnection({
      host,
      port,
      runtime,
      open,
      lost: (error) => this.#lost(connection, error),
    })
    this.#opening = connection
    try {
      const asked = connection.introduce()
      asked.catch(() => {})
      const introduction = await withTimeLimit(asked, Math.min(connectTimeoutMs, longestOpeningMs), runtime, kind)
      if (introduction === undefined) throw new CacheError('CACHE_TIMEOUT', 'The Memcached server did not answer')
      if (!this.#timer.isRunning) throw new CacheError('CACHE_CLOSED', 'The Memcached backend was closed')
      this.#introduction = introduction
      this.#introducedAt = runtime.monotonic()
    } catch (error) {
      this.#opening = undefined
      connection.end(error)
      this.#retryLater(error)
      throw error
    } finally {
      this.#attempt = undefined
    }
    this.#opening = undefined
    this.#connection = connection
    this.#epoch++
    this.#timer.connected()
    this.#lookLater(connection)
    events.restored()
  }

  #lost(connection: MemcachedConnection, error: Error): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    this.#retryLater(error)
    this.#options.events.lost(this.#why)
  }

  #retryLater(error: unknown): void {
    this.#why = error instanceof Error ? error.message : 'it ended'
    this.#timer.retry(() => {
      this.#attempt ??= this.#connect('background')
      this.#attempt.catch(() => {})
    })
  }

  #lookLater(connection: MemcachedConnection): void {
    this.#timer.set(lookMs, () => this.#look(connection, false))
  }

  #look(connection: MemcachedConnection, isSure: boolean): void {
    if (this.#connection !== connection) return
    if (connection.silence > longestSilenceMs) {
      if (isSure) return connection.end(new CacheError('CACHE_TIMEOUT', 'The Memcached server does not answer'))
      return this.#timer.set(graceMs, () => this.#look(connection, true))
    }
    const idle = this.#options.runtime.monotonic() - connection.heardAt
    if (connection.silence === 0 && idle >= idleMs) answers(connection).catch(() => {})
    this.#lookLater(connection)
  }
}
