import type { Runtime, Timer } from '../../contracts/runtime.ts'
import { withTimeLimit } from '../../support/deadline.ts'
import { CacheError } from '../../support/errors.ts'
import type { OpenTransport, Transport } from './transport.ts'
import { ReplyError } from './transport.ts'

// The one connection to the server. It is up or it is not: a command on a link that is down fails at once. It comes back by itself, for
// ever, with a capped backoff; a handshake that hangs is given up; a heartbeat finds the server that is frozen or silently gone.
//
// An error answer that means "I cannot serve now" counts as unavailable, as if the link were down.

export interface RedisLinkOptions {
  readonly url: string
  readonly connectTimeoutMs: number
  readonly runtime: Runtime
  readonly open: OpenTransport
}

const firstRetryMs = 50
const longestRetryMs = 2000
/** A server frozen at boot accepts the connection and never answers the handshake. */
const longestHandshakeMs = 2000
const heartbeatMs = 1000

/** Answers of a server that lives but cannot serve: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors */
const unavailable: ReadonlySet<string> = new Set([
  'LOADING',
  'READONLY',
  'MASTERDOWN',
  'NOAUTH',
  'WRONGPASS',
  'NOPERM',
  'CLUSTERDOWN',
  'TRYAGAIN',
])
/** After these the connection itself is of no use: it leads to a replica, or its credentials are no longer good. */
const dropsLink: ReadonlySet<string> = new Set(['READONLY', 'NOAUTH'])

export class RedisLink {
  readonly #options: RedisLinkOptions
  #transport: Transport | undefined
  #running = false
  #retryMs = firstRetryMs
  #timer: Timer | undefined
  #attempt: Promise<void> | undefined

  constructor(options: RedisLinkOptions) {
    this.#options = options
  }

  /** Starts, and waits for the present attempt: rejects when it fails, while the link goes on trying. */
  async start(): Promise<void> {
    this.#running = true
    if (this.#transport !== undefined) return
    this.#attempt ??= this.#connect()
    await this.#attempt
  }

  /** @throws {CacheError} `CACHE_UNAVAILABLE` when the server cannot serve; {ReplyError} for any other error it answers */
  async send(args: readonly string[]): Promise<unknown> {
    const transport = this.#transport
    if (transport === undefined) throw new CacheError('CACHE_UNAVAILABLE', 'The Redis server is not connected')
    try {
      return await transport.send(args)
    } catch (error) {
      if (!(error instanceof ReplyError)) throw gone(error)
      if (dropsLink.has(error.code)) this.#lose(transport)
      if (unavailable.has(error.code))
        throw new CacheError('CACHE_UNAVAILABLE', `The Redis server answers ${error.code}`)
      throw error
    }
  }

  stop(): void {
    this.#running = false
    if (this.#timer !== undefined) this.#options.runtime.clearTimer(this.#timer)
    this.#timer = undefined
    this.#transport?.destroy()
    this.#transport = undefined
  }

  async #connect(): Promise<void> {
    const { url, connectTimeoutMs, runtime, open } = this.#options
    let transport: Transport | undefined
    try {
      const opened = await open({ url, connectTimeoutMs, lost: () => this.#lose(transport) })
      transport = opened
      const inTime = await withTimeLimit(
        opened.ready.then(() => true),
        Math.min(connectTimeoutMs, longestHandshakeMs),
        runtime,
      )
      if (inTime !== true) throw new CacheError('CACHE_TIMEOUT', 'The Redis server did not answer the handshake')
      if (!this.#running) throw new CacheError('CACHE_CLOSED', 'The link was closed')
    } catch (error) {
      transport?.destroy()
      this.#attempt = undefined
      this.#retryLater()
      throw gone(error)
    }
    this.#attempt = undefined
    this.#transport = transport
    this.#retryMs = firstRetryMs
    this.#beatLater(transport)
  }

  #lose(transport: Transport | undefined): void {
    if (transport === undefined || this.#transport !== transport) return
    this.#transport = undefined
    transport.destroy()
    this.#retryLater()
  }

  #retryLater(): void {
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
    const answered = await withTimeLimit(
      transport.send(['PING']).then(
        () => true,
        // An error is an answer; a lost connection reports itself.
        (error: unknown) => error instanceof ReplyError,
      ),
      heartbeatMs,
      this.#options.runtime,
      'background',
    )
    if (this.#transport !== transport) return
    if (answered === true) this.#beatLater(transport)
    else this.#lose(transport)
  }

  #setTimer(ms: number, callback: () => void): void {
    const { runtime } = this.#options
    if (this.#timer !== undefined) runtime.clearTimer(this.#timer)
    this.#timer = runtime.setTimer(
      () => {
        this.#timer = undefined
        if (this.#running) callback()
      },
      ms,
      'background',
    )
  }
}

function gone(error: unknown): CacheError {
  if (error instanceof CacheError) return error
  const code = (error as { readonly code?: unknown } | undefined)?.code
  const why = typeof code === 'string' ? code : error instanceof Error ? error.name : 'unknown'
  return new CacheError('CACHE_UNAVAILABLE', `The Redis server cannot be reached (${why})`)
}
