import type { LinkEvents } from '../../contracts/backend.ts'
import type { Runtime, Timer } from '../../contracts/runtime.ts'
import { withTimeLimit } from '../../support/deadline.ts'
import { CacheError } from '../../support/errors.ts'
import type { Introduction } from './introduction.ts'
import { greet, introduce } from './introduction.ts'
import { OwnConnections } from './own-connections.ts'
import { endsConnection, explain, ReplyError } from './reply-error.ts'
import type { OpenTransport, Transport } from './transport.ts'

// The one connection whose order counts. It is up or it is not: a command on a link that is down fails at once. It comes back by itself,
// for ever, with a capped backoff; a handshake that hangs is given up; a heartbeat finds the server that is frozen, silently gone, no
// master any more, or one again with other data.

export interface RedisLinkOptions {
  readonly connectTimeoutMs: number
  readonly runtime: Runtime
  readonly open: OpenTransport
  readonly events: LinkEvents
}

const firstRetryMs = 50
/** With the handshake's limit it bounds how long a server that is back goes unnoticed. */
const longestRetryMs = 1000
/** A server frozen at boot accepts the connection and never answers the handshake. */
const longestHandshakeMs = 2000
const heartbeatMs = 1000

export class RedisLink {
  /** Every connection of this process that its server may still hear. */
  readonly connections: OwnConnections = new OwnConnections()
  readonly #options: RedisLinkOptions
  #transport: Transport | undefined
  #opening: Transport | undefined
  #introduction: Introduction | undefined
  #running = false
  #why = 'not yet'
  #retryMs = firstRetryMs
  #timer: Timer | undefined
  #attempt: Promise<void> | undefined

  constructor(options: RedisLinkOptions) {
    this.#options = options
  }

  /** Of the server of the present connection, else of the last one. */
  get runId(): string | undefined {
    return this.#introduction?.runId
  }

  /** See `LinkCapability`. */
  get history(): string | undefined {
    return this.#introduction?.history
  }

  get isUp(): boolean {
    return this.#transport !== undefined
  }

  get limits(): readonly string[] {
    return this.#introduction?.limits ?? []
  }

  /** Starts, and waits for the present attempt: rejects when it fails, while the link goes on trying. */
  async start(): Promise<void> {
    this.#running = true
    if (this.#transport !== undefined) return
    await (this.#attempt ??= this.#connect())
  }

  /** @throws {CacheError} `CACHE_UNAVAILABLE` when the server cannot serve; {ReplyError} when it refuses the command */
  async send(args: readonly string[]): Promise<unknown> {
    const transport = this.#transport
    if (transport === undefined) {
      throw new CacheError('CACHE_UNAVAILABLE', `The Redis server is not connected (${this.#why})`)
    }
    try {
      return await transport.send(args)
    } catch (error) {
      if (endsConnection(error)) this.#lose(transport, error)
      throw explain(error)
    }
  }

  stop(): void {
    this.#running = false
    this.#clearTimer()
    const transport = this.#transport ?? this.#opening
    this.#transport = undefined
    transport?.destroy()
  }

  async #connect(): Promise<void> {
    const { connectTimeoutMs, runtime, open, events } = this.#options
    let transport: Transport | undefined
    try {
      const opened = await open({ connectTimeoutMs, lost: (error) => this.#lose(transport, error) })
      transport = opened
      this.#opening = opened
      if (!this.#running) throw new CacheError('CACHE_CLOSED', 'The link was closed')
      const introduced = this.#introduce(opened)
      introduced.catch(() => {})
      const introduction = await withTimeLimit(introduced, Math.min(connectTimeoutMs, longestHandshakeMs), runtime)
      if (introduction === undefined) {
        throw new CacheError('CACHE_TIMEOUT', 'The Redis server did not answer the handshake')
      }
      if (!this.#running) throw new CacheError('CACHE_CLOSED', 'The link was closed')
      this.#introduction = introduction
    } catch (error) {
      transport?.destroy()
      this.#retryLater(error)
      throw explain(error)
    } finally {
      this.#attempt = undefined
      this.#opening = undefined
    }
    this.#transport = transport
    this.#retryMs = firstRetryMs
    this.#beatLater(transport)
    events.restored()
  }

  /** Old connections first: after this nothing that was sent on one can still happen. */
  async #introduce(transport: Transport): Promise<Introduction> {
    await transport.ready
    const introduction = await introduce(transport)
    const { own } = introduction
    if (own !== undefined) {
      this.connections.add(own)
      await this.connections.closeOthers(transport, own)
    }
    return introduction
  }

  #lose(transport: Transport | undefined, error: unknown): void {
    if (transport === undefined || this.#transport !== transport) return
    this.#transport = undefined
    transport.destroy()
    this.#retryLater(error)
    this.#options.events.lost(this.#why)
  }

  #retryLater(error: unknown): void {
    this.#why = explain(error).message
    if (!this.#running) return
    const delay = this.#retryMs * (0.75 + this.#options.runtime.random() / 2)
    this.#retryMs = Math.min(longestRetryMs, this.#retryMs * 2)
    this.#setTimer(delay, () => {
      this.#attempt ??= this.#connect()
      this.#attempt.catch(() => {})
    })
  }

  #beatLater(transport: Transport): void {
    this.#setTimer(heartbeatMs, () => void this.#beat(transport))
  }

  async #beat(transport: Transport): Promise<void> {
    let trouble: unknown
    try {
      const greeting = greet(transport, this.#introduction as Introduction).then(() => true)
      greeting.catch(() => {})
      if ((await withTimeLimit(greeting, heartbeatMs, this.#options.runtime, 'background')) === undefined) {
        throw new CacheError('CACHE_TIMEOUT', 'The Redis server does not answer')
      }
    } catch (error) {
      // An error is an answer.
      if (!(error instanceof ReplyError) || endsConnection(error)) trouble = error
    }
    if (this.#transport !== transport) return
    if (trouble === undefined) this.#beatLater(transport)
    else this.#lose(transport, trouble)
  }

  #setTimer(ms: number, callback: () => void): void {
    const { runtime } = this.#options
    this.#clearTimer()
    this.#timer = runtime.setTimer(
      () => {
        this.#timer = undefined
        if (this.#running) callback()
      },
      ms,
      'background',
    )
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#options.runtime.clearTimer(this.#timer)
    this.#timer = undefined
  }
}
