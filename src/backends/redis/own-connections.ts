import { ReplyError } from './reply-error.ts'
import type { Transport } from './transport.ts'

// A connection that is given up may still have commands on the way: in a buffer, in a proxy, in a switch. The server runs them when they
// arrive, which may be after what a newer connection sent: a value deleted since comes back for good. So every connection of ours is
// known by its id, and before a new one is used the server is told to close those that were given up. After its answer nothing of theirs
// can run any more.
//
// Ids begin anew with every life of a server (its run id), so an id is closed only on the server that gave it: under the same number
// another client may be connected by then. https://redis.io/docs/latest/commands/client-kill/

/** Beyond it the oldest are forgotten. There is one per connection that was lost and whose server has not been seen since. */
const mostRemembered = 1000

export interface OwnConnection {
  readonly id: string
  /** Of the server that gave it. */
  readonly runId: string
}

export class OwnConnections {
  readonly #known: Set<OwnConnection> = new Set()

  add(own: OwnConnection): void {
    this.#known.add(own)
    if (this.#known.size <= mostRemembered) return
    const oldest = this.#known.values().next()
    if (oldest.done !== true) this.#known.delete(oldest.value)
  }

  /** Has the server of `asking` close all the others that it knows of. */
  async closeOthers(transport: Pick<Transport, 'send'>, asking: OwnConnection): Promise<void> {
    const others = [...this.#known].filter(({ id, runId }) => runId === asking.runId && id !== asking.id)
    await Promise.all(others.map((own) => this.close(transport, own)))
  }

  /** @param transport leads to the server that gave the id */
  async close(transport: Pick<Transport, 'send'>, own: OwnConnection): Promise<void> {
    try {
      await transport.send(['CLIENT', 'KILL', 'ID', own.id])
    } catch (error) {
      // Not permitted: `introduce` has found that out, and the health report says so.
      if (!(error instanceof ReplyError)) throw error
    }
    this.#known.delete(own)
  }
}
