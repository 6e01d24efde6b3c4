// Connections between nodes and the server: each an ordered pair of queues that the schedule empties, in pieces of its choosing. A command of
// a connection that its node has given up may still arrive.
import type { OpenTransport, Transport, TransportOptions } from '../../src/backends/redis/transport.ts'
import type { Library } from './library.ts'
import type { Client, Message, SimulatedRedis } from './server.ts'

interface Waiting {
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: Error) => void
}

export class Wire {
  readonly node: number
  readonly outbox: Array<readonly string[]> = []
  readonly inbox: Array<Message | 'end'> = []
  readonly #options: TransportOptions
  readonly #ReplyError: Library['ReplyError']
  readonly #waiting: Waiting[] = []
  readonly ready: Promise<void>
  #becomeReady: () => void = () => {}
  #fail: (error: Error) => void = () => {}
  client: Client | undefined
  isConnecting = true
  /** The node has given it up. */
  isDropped = false
  /** The server has ended it: nothing of it arrives any more. */
  isEnded = false
  /** Both ends think it is there, and nothing gets through. */
  isHole = false

  constructor(node: number, options: TransportOptions, { ReplyError }: Pick<Library, 'ReplyError'>) {
    this.node = node
    this.#options = options
    this.#ReplyError = ReplyError
    this.ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve
      this.#fail = reject
    })
    this.ready.catch(() => {})
  }

  send(args: readonly string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.isDropped || this.isConnecting) return reject(new Error('not connected'))
      this.#waiting.push({ resolve, reject })
      this.outbox.push(args)
    })
  }

  drop(): void {
    this.isDropped = true
    this.#fail(new Error('dropped'))
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('dropped'))
  }

  /** The connection attempt arrives. */
  connect(server: SimulatedRedis | undefined): void {
    this.isConnecting = false
    if (server === undefined) {
      this.isEnded = true
      this.#fail(new Error('refused'))
      return
    }
    const client: Client = {
      id: server.nextId(),
      tracks: false,
      tell: (message) => void this.inbox.push(message),
      end: () => {
        this.isEnded = true
        this.inbox.push('end')
      },
    }
    server.clients.set(client.id, client)
    this.client = client
    this.#becomeReady()
  }

  /** One command arrives at the server. */
  carry(server: SimulatedRedis): void {
    const args = this.outbox.shift()
    if (args !== undefined && !this.isEnded) server.run(this.client as Client, args)
  }

  /** So many messages arrive at the node in one piece. */
  deliver(count: number): void {
    for (const message of this.inbox.splice(0, count)) {
      if (this.isDropped) return
      if (message === 'end') this.lose()
      else if (message.kind === 'push') this.#options.invalidated?.(message.keys)
      else {
        const waiting = this.#waiting.shift()
        if (message.kind === 'reply') waiting?.resolve(message.reply)
        else waiting?.reject(new this.#ReplyError(message.text))
      }
    }
  }

  /** The node finds out that it is gone. */
  lose(): void {
    if (this.isDropped) return
    this.drop()
    this.#options.lost(new Error('lost'))
  }
}

export class Network {
  readonly wires: Wire[] = []
  readonly #library: Pick<Library, 'ReplyError'>

  constructor(library: Pick<Library, 'ReplyError'>) {
    this.#library = library
  }

  opener(node: number): OpenTransport {
    return (options) => {
      const wire = new Wire(node, options, this.#library)
      this.wires.push(wire)
      const transport: Transport = {
        ready: wire.ready,
        carriesPushes: options.invalidated !== undefined,
        send: (args) => wire.send(args),
        destroy: () => wire.drop(),
      }
      return Promise.resolve(transport)
    }
  }

  /** Forgets what can do nothing any more. */
  tidy(server: SimulatedRedis): void {
    for (let at = this.wires.length - 1; at >= 0; at--) {
      const wire = this.wires[at] as Wire
      if (!wire.isDropped || wire.isConnecting || wire.isHole) continue
      if (wire.outbox.length > 0 && !wire.isEnded) continue
      if (wire.client !== undefined) server.gone(wire.client)
      this.wires.splice(at, 1)
    }
  }
}
