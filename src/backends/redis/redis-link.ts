import type { LinkEvents } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { withTimeLimit } from '../../support/deadline.ts'
import { CacheError } from '../../support/errors.ts'
import { LinkTimer } from '../../support/link-timer.ts'
import type { Introduction } from './introduction.ts'
import { follow, greet, introduce } from './introduction.ts'
import { OwnConnections } from './own-connections.ts'
import { endsConnection, explain, ReplyError } from './reply-error.ts'
import type { OpenTransport, Transport } from './transport.ts'

// The one connection whose order counts. It is up or it is not: a command on a link that is down fails at once. It comes back by itself,
// for ever, with a capped backoff; a handshake that hangs is given up; a heartbeat finds the server that is frozen, silently gone, no
// master any more, or one again with other data. What the server tells of changes comes in the order of the answers, so an answer says that
// everything that happened before its command was sent has been told.

/** What an open link tells beside its end and its return. */
export interface FollowEvents {
  /** See `TransportOptions.invalidated`. */
  invalidated(keys: readonly string[] | null): void
  /** See `PushEvents.heard`. */
  heard(sentAt: number): void
}

export interface RedisLinkOptions {
  readonly connectTimeoutMs: number
  readonly runtime: Runtime
  readonly open: OpenTransport
  readonly events: LinkEvents & FollowEvents
  /** See `introduce`. */
  readonly scriptKey: string
}

/** A server frozen at boot accepts the connection and never answers the handshake. */
const longestHandshakeMs = 2000
/**
 * How old the last answer may get, counted from when its command was sent, before the server is asked for another one. What is kept in memory
 * lives from one to the next (`PushCapability.boundMs`).
 */
const heartbeatMs = 250
/** How often the server is asked for the history of its data, however much else it answers. */
const historyMs = 1000
/** A heartbeat that takes longer ends the connection. */
const longestSilenceMs = 1000

export class RedisLink {
  /** Every connection of this process that its server may still hear. */
  readonly connections: OwnConnections = new OwnConnections()
  readonly #options: RedisLinkOptions
  readonly #turn: () => number
  #transport: Transport | undefined
  #opening: Transport | undefined
  #introduction: Introduction | undefined
  #why = 'not yet'
  readonly #timer: LinkTimer
  #attempt: Promise<void> | undefined
  /** When the newest command was sent that was answered on the present connection. */
  #heardAt = 0
  /** When something was answered on it last. */
  #answeredAt = 0
  /** When the history was asked for. */
  #greetedAt = 0

  constructor(options: RedisLinkOptions) {
    this.#options = options
    const { runtime } = options
    this.#timer = new LinkTimer(runtime)
    this.#turn = runtime.turn ?? (() => runtime.monotonic())
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

  /** The present connection, to be compared only. */
  get connection(): object | undefined {
    return this.#transport
  }

  /** Whether changes of what is read are told on the present connection. */
  get follows(): boolean {
    return this.isUp && this.#introduction?.follows === true
  }

  /** Whether the account of the present connection, else of the last one, may run scripts. Before the first one: as if. */
  get runsScripts(): boolean {
    return this.#introduction?.runsScripts ?? true
  }

  /** Starts, and waits for the present attempt: rejects when it fails, while the link goes on trying. */
  async start(): Promise<void> {
    this.#timer.start()
    if (this.#transport !== undefined) return
    await (this.#attempt ??= this.#connect())
  }

  /** @throws {CacheError} `CACHE_UNAVAILABLE` when the server cannot serve; {ReplyError} when it refuses the command */
  async send(args: readonly string[]): Promise<unknown> {
    const transport = this.#transport
    if (transport === undefined) {
      throw new CacheError('CACHE_UNAVAILABLE', `The Redis server is not connected (${this.#why})`)
    }
    const sentAt = this.#options.runtime.monotonic()
    try {
      const reply = await transport.send(args)
      this.#answered(transport, sentAt)
      return reply
    } catch (error) {
      if (endsConnection(error)) this.#lose(transport, error)
      else this.#answered(transport, sentAt)
      throw explain(error)
    }
  }

  stop(): void {
    this.#timer.stop()
    const transport = this.#transport ?? this.#opening
    this.#transport = undefined
    transport?.destroy()
  }

  async #connect(): Promise<void> {
    const { connectTimeoutMs, runtime, open, events } = this.#options
    let transport: Transport | undefined
    try {
      const opened = await open({
        connectTimeoutMs,
        lost: (error) => this.#lose(transport, error),
        invalidated: (keys) => events.invalidated(keys),
      })
      transport = opened
      this.#opening = opened
      if (!this.#timer.isRunning) throw new CacheError('CACHE_CLOSED', 'The link was closed')
      const introduced = this.#introduce(opened)
      introduced.catch(() => {})
      const introduction = await withTimeLimit(introduced, Math.min(connectTimeoutMs, longestHandshakeMs), runtime)
      if (introduction === undefined) {
        throw new CacheError('CACHE_TIMEOUT', 'The Redis server did not answer the handshake')
      }
      if (!this.#timer.isRunning) throw new CacheError('CACHE_CLOSED', 'The link was closed')
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
    this.#timer.connected()
    this.#heardAt = this.#greetedAt = runtime.monotonic()
    this.#beatLater(transport)
    events.restored()
  }

  /** Old connections first: after this nothing that was sent on one can still happen. */
  async #introduce(transport: Transport): Promise<Introduction> {
    await transport.ready
    const introduction = await introduce(transport, this.#options.scriptKey)
    const { own } = introduction
    if (own !== undefined) {
      this.connections.add(own)
      await this.connections.closeOthers(transport, own)
    }
    return await follow(transport, introduction)
  }

  /** @param sentAt when its command was sent, by the monotonic clock */
  #answered(transport: Transport, sentAt: number): void {
    // The answer of a connection that was given up says nothing about the present one.
    if (this.#transport !== transport) return
    this.#answeredAt = this.#turn()
    if (sentAt < this.#heardAt) return
    this.#heardAt = sentAt
    if (this.follows) this.#options.events.heard(sentAt)
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
    this.#timer.retry(() => {
      this.#attempt ??= this.#connect()
      this.#attempt.catch(() => {})
    })
  }

  #beatLater(transport: Transport): void {
    const due = Math.min(this.#heardAt + heartbeatMs, this.#greetedAt + historyMs)
    this.#timer.set(Math.max(0, due - this.#options.runtime.monotonic()), () => void this.#beat(transport))
  }

  /** One at a time: the next is due when this one was answered. */
  async #beat(transport: Transport): Promise<void> {
    const sentAt = this.#options.runtime.monotonic()
    const greets = sentAt >= this.#greetedAt + historyMs
    // Something else was answered meanwhile.
    if (!greets && sentAt < this.#heardAt + heartbeatMs) return this.#beatLater(transport)
    if (greets) this.#greetedAt = sentAt
    let trouble: unknown
    try {
      const sent = greets ? greet(transport, this.#introduction as Introduction) : transport.send(['PING'])
      const answer = sent.then(() => true)
      answer.catch(() => {})
      let since = sentAt
      while ((await withTimeLimit(answer, longestSilenceMs, this.#options.runtime, 'background')) === undefined) {
        // So much was asked for before that its turn has not come.
        if (this.#answeredAt <= since) throw new CacheError('CACHE_TIMEOUT', 'The Redis server does not answer')
        since = this.#answeredAt
      }
    } catch (error) {
      // An error is an answer.
      if (!(error instanceof ReplyError) || endsConnection(error)) trouble = error
    }
    if (this.#transport !== transport) return
    if (trouble !== undefined) return this.#lose(transport, trouble)
    this.#answered(transport, sentAt)
    this.#beatLater(transport)
  }
}
