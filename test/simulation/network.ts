// Connections between processes and the server: each an ordered pair of queues that the schedule empties, in pieces of its choosing. A command
// of a connection that its process has given up may still arrive; one to a deposed server is answered by that.
import type { OpenTransport, Transport, TransportOptions } from '../../src/backends/redis/transport.ts'
import type { Library } from './library.ts'
import type { Client, Message, SimulatedRedis } from './server.ts'

interface Waiting {
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: Error) => void
}

export class Wire {
  readonly life: number
  readonly outbox: Array<readonly string[]> = []
  readonly inbox: Array<Message | 'end'> = []
  readonly ready: Promise<void>
  readonly #options: TransportOptions
  readonly #ReplyError: Library['ReplyError']
  readonly #waiting: Waiting[] = []
  #becomeReady: () => void = () => {}
  #fail: (error: Error) => void = () => {}
  /** Who is at the other end; `undefined` until it is reached. */
  server: SimulatedRedis | undefined
  client: Client | undefined
  isConnecting = true
  /** The process has given it up. */
  isDropped = false
  /** The server has ended it: nothing of it arrives any more. */
  isEnded = false
  /** Both ends think it is there, and nothing gets through. */
  isHole = false

  constructor(life: number, options: TransportOptions, { ReplyError }: Pick<Library, 'ReplyError'>) {
    this.life = life
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
    this.server = server
    this.client = server.welcome({
      tell: (message) => void this.inbox.push(message),
      end: () => {
        this.isEnded = true
        this.inbox.push('end')
      },
    })
    this.#becomeReady()
  }

  /** One command arrives at the server. */
  carry(): void {
    const args = this.outbox.shift()
    if (args !== undefined && !this.isEnded) this.server?.run(this.client as Client, args)
  }

  /** So many messages arrive at the process in one piece. */
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

  /** The process finds out that it is gone. */
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

  opener(life: number): OpenTransport {
    return (options) => {
      const wire = new Wire(life, options, this.#library)
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
  tidy(): void {
    for (let index = this.wires.length - 1; index >= 0; index--) {
      const wire = this.wires[index] as Wire
      if (!wire.isDropped || wire.isConnecting || wire.isHole) continue
      if (wire.outbox.length > 0 && !wire.isEnded) continue
      if (wire.client !== undefined) wire.server?.gone(wire.client)
      this.wires.splice(index, 1)
    }
  }
}
