import type { Runtime } from '../../contracts/runtime.ts'
import { withTimeLimit } from '../../support/deadline.ts'
import { CacheError } from '../../support/errors.ts'
import { introduce } from './introduction.ts'
import type { OwnConnection } from './own-connections.ts'
import type { RedisLink } from './redis-link.ts'
import { explain, ReplyError } from './reply-error.ts'
import type { OpenTransport, Transport } from './transport.ts'

// Connections for what would make everybody else wait: five megabytes on the link delay every read behind them. Their order with the link
// does not matter as long as each command is over when its promise settles. So one that ends without an answer is closed by the server, by
// word of the link, before anybody hears of it; and when the link is lost, all are given up with it.

export interface SideConnectionsOptions {
  readonly link: RedisLink
  readonly runtime: Runtime
  readonly open: OpenTransport
  /** Bounds opening one, and each command. */
  readonly timeoutMs: number
  /** How many there may be; 0: everything goes over the link. */
  readonly most: number
}

/** What lies idle for longer may have been cut by whatever stands in between, which shows only when it is used. */
const longestIdleMs = 15_000

interface Side {
  readonly transport: Transport
  readonly own: OwnConnection
  idleSince: number
}

export class SideConnections {
  readonly #options: SideConnectionsOptions
  readonly #idle: Side[] = []
  readonly #transports: Set<Transport> = new Set()
  readonly #waiting: Array<() => void> = []
  #taken = 0

  constructor(options: SideConnectionsOptions) {
    this.#options = options
  }

  /** @throws like `RedisLink.send` */
  async send(args: readonly string[]): Promise<unknown> {
    const { link, most } = this.#options
    if (most === 0) return await this.#answer(link, args)
    if (this.#taken === most) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#taken++
    try {
      const side = this.#takeIdle() ?? (link.isUp ? await this.#open() : undefined)
      // The server may allow no more connections; the link is always there, or says why not.
      if (side === undefined) return await this.#answer(link, args)
      try {
        const reply = await this.#answer(side.transport, args)
        this.#giveBack(side)
        return reply
      } catch (error) {
        if (error instanceof ReplyError) this.#giveBack(side)
        else await this.#giveUp(side)
        throw explain(error)
      }
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#taken--
      else next()
    }
  }

  /** The link is gone: so are these. What they have under way rejects. */
  drop(): void {
    this.#idle.length = 0
    for (const transport of this.#transports) transport.destroy()
    this.#transports.clear()
  }

  async #answer(to: Pick<Transport, 'send'>, args: readonly string[]): Promise<unknown> {
    const { runtime, timeoutMs } = this.#options
    const answer = await withTimeLimit(
      to.send(args).then((reply) => ({ reply })),
      timeoutMs,
      runtime,
    )
    if (answer === undefined) throw new CacheError('CACHE_TIMEOUT', `The server took longer than ${timeoutMs} ms`)
    return answer.reply
  }

  async #open(): Promise<Side | undefined> {
    const { link, runtime, open, timeoutMs } = this.#options
    const transport = await open({ connectTimeoutMs: timeoutMs, lost: () => this.#forget(transport) })
    this.#transports.add(transport)
    try {
      const introduced = transport.ready.then(() => introduce(transport))
      introduced.catch(() => {})
      const { own } = (await withTimeLimit(introduced, timeoutMs, runtime)) ?? {}
      if (own !== undefined && own.runId === link.runId) {
        link.connections.add(own)
        return { transport, own, idleSince: 0 }
      }
    } catch {
      // Why it cannot be opened does not matter: there is another way.
    }
    this.#forget(transport)
    transport.destroy()
    return undefined
  }

  #takeIdle(): Side | undefined {
    const side = this.#idle.pop()
    if (side === undefined || this.#options.runtime.monotonic() - side.idleSince <= longestIdleMs) return side
    // The others have been idle for longer still. Nothing is under way on them, so nobody has to close them.
    for (const { transport } of [side, ...this.#idle.splice(0)]) {
      this.#transports.delete(transport)
      transport.destroy()
    }
    return undefined
  }

  #giveBack(side: Side): void {
    side.idleSince = this.#options.runtime.monotonic()
    // It may have been dropped after its answer came.
    if (this.#transports.has(side.transport)) this.#idle.push(side)
  }

  #forget(transport: Transport): void {
    this.#transports.delete(transport)
    const index = this.#idle.findIndex((side) => side.transport === transport)
    if (index >= 0) this.#idle.splice(index, 1)
  }

  async #giveUp({ transport, own }: Side): Promise<void> {
    this.#forget(transport)
    transport.destroy()
    try {
      await this.#options.link.connections.close(this.#options.link, own)
    } catch {
      // The link is gone too. The next one begins by closing them all.
    }
  }
}
