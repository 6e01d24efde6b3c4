import type { Runtime } from '../../contracts/runtime.ts'
import { CacheError } from '../../support/errors.ts'
import type { Introduction } from './introduction.ts'
import { introduce } from './introduction.ts'
import type { Command } from './meta-commands.ts'
import { noOperation } from './meta-commands.ts'
import { PendingReplies } from './pending-replies.ts'
import type { Reply } from './replies.ts'
import { ReplyReader } from './replies.ts'
import type { OpenSocket, Socket } from './socket.ts'

// One connection, from its opening to its end: commands go out together with all others of their turn, and answers come back in order. It
// ends once, whatever the reason, and with it all that waits.

export interface ConnectionOptions {
  readonly host: string
  readonly port: number
  readonly runtime: Runtime
  readonly open: OpenSocket
  /** Called once. */
  readonly lost: (error: Error) => void
}

/** Beyond these the server does not keep up, and waiting in line is no better than being told so. */
const mostPending = 100_000
const mostWaitingBytes = 64 * 1024 * 1024

export class MemcachedConnection {
  readonly #options: ConnectionOptions
  readonly #pending: PendingReplies = new PendingReplies()
  readonly #socket: Socket
  readonly #opened: Promise<void>
  #failOpening: (error: Error) => void = () => {}
  #outgoing: Array<string | Buffer> = []
  #isOver = false
  #heardAt: number

  constructor(options: ConnectionOptions) {
    this.#options = options
    const { host, port, open, runtime } = options
    this.#heardAt = runtime.monotonic()
    const reader = new ReplyReader((reply) => this.#pending.take(reply))
    let opened = (): void => {}
    this.#opened = new Promise((resolve, reject) => {
      opened = resolve
      this.#failOpening = reject
    })
    this.#opened.catch(() => {})
    this.#socket = open({
      host,
      port,
      opened,
      received: (chunk) => {
        if (this.#isOver) return
        this.#heardAt = runtime.monotonic()
        try {
          reader.push(chunk)
        } catch (error) {
          this.end(error)
        }
      },
      lost: (error) => this.end(error),
    })
  }

  /** Milliseconds since the server owes an answer and has sent nothing; 0 when it owes none. */
  get silence(): number {
    const { oldest } = this.#pending
    return oldest === undefined ? 0 : this.#options.runtime.monotonic() - Math.max(oldest, this.#heardAt)
  }

  /** When something came last, by the monotonic clock. */
  get heardAt(): number {
    return this.#heardAt
  }

  /** @throws {CacheError} `CACHE_UNAVAILABLE` */
  async introduce(): Promise<Introduction> {
    await this.#opened
    const known: Command = { line: 'mn', codes: ['MN', 'ERROR'] }
    const stats = (line: string): Command => ({ line, codes: ['END', 'ERROR'] })
    const [first] = await this.exchange([known, stats('stats'), stats('stats settings')])
    return introduce(first as Reply, this.#pending.stats)
  }

  /**
   * Sends the commands, in this order and with nothing between them on this connection.
   * @throws {CacheError} `CACHE_UNAVAILABLE` when it ends before all are answered, or too many wait: they may have been done or not
   */
  exchange(commands: readonly Command[]): Promise<Reply[]> {
    if (commands.length === 0) return Promise.resolve([])
    const { runtime } = this.#options
    if (this.#isOver)
      return Promise.reject(new CacheError('CACHE_UNAVAILABLE', 'The connection to Memcached is closed'))
    if (this.#pending.size > mostPending || this.#socket.waiting > mostWaitingBytes) {
      return Promise.reject(new CacheError('CACHE_UNAVAILABLE', 'The Memcached server does not keep up'))
    }
    return new Promise((resolve, reject) => {
      const replies: Reply[] = []
      const answer = (reply: Reply): void => {
        if (replies.push(reply) === commands.length) resolve(replies)
      }
      const sentAt = runtime.monotonic()
      if (this.#outgoing.length === 0) runtime.defer(() => this.#sendAll())
      for (const command of commands) {
        this.#outgoing.push(this.#pending.add(command, sentAt, answer, reject))
        if (command.data !== undefined) this.#outgoing.push(command.data, '\r\n')
      }
    })
  }

  /** Idempotent. */
  end(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#outgoing = []
    this.#socket.destroy()
    const reason = unreachable(error)
    this.#failOpening(reason)
    this.#pending.fail(reason)
    this.#options.lost(reason)
  }

  #sendAll(): void {
    const parts: Array<string | Buffer> = []
    let lines = ''
    for (const part of this.#outgoing) {
      if (typeof part === 'string') lines += part
      else {
        parts.push(lines, part)
        lines = ''
      }
    }
    if (lines !== '') parts.push(lines)
    this.#outgoing = []
    if (parts.length > 0) this.#socket.write(parts)
  }
}

/** Whether the server answers now: for `ping`, and to keep a connection that is not used from dying unseen. */
export async function answers(connection: Pick<MemcachedConnection, 'exchange'>): Promise<boolean> {
  return (await connection.exchange([noOperation])).length === 1
}

/** The error as callers get it: a system error's code, and no address. */
function unreachable(error: unknown): CacheError {
  if (error instanceof CacheError) return error
  const code = (error as { readonly code?: unknown } | undefined)?.code
  const name = typeof code === 'string' ? code : 'the connection ended'
  return new CacheError('CACHE_UNAVAILABLE', `The Memcached server cannot be reached (${name})`)
}
