import { ReplyError } from './reply-error.ts'
import type { OpenTransport } from './transport.ts'

// @redis/client as a transport. What its defaults would do to us, each measured, and why each option is here:
//
//   reconnectStrategy false    the link reconnects: the client's own strategy gives up for ever after a socket timeout
//   disableOfflineQueue        a command must fail now, not be sent minutes later
//   commandOptions.timeout     an AbortSignal per command costs several times the command; the link has one timer per batch
//   an error listener          without one, a lost connection ends the process
//   maintNotifications         pushes we do not use
//
// Of its ways to hear what the server tells of keys only one fits: `emitInvalidate` sends a CLIENT TRACKING of its own in the handshake,
// without NOLOOP, and an account that may not would not even connect. So each connection that wants to know is given a client-side cache
// that caches nothing: the link turns tracking on, by its own words and when it is time.

/** How operators find the connection in `CLIENT LIST`. */
const clientName = 'speedrun-cache'

/** Sent where the client would turn tracking on: whoever could connect may say it again, and it changes nothing. */
const nothingMore = ['HELLO', '3']

export function openNodeRedisTransport(url: string): OpenTransport {
  let template: ReturnType<typeof createTemplate> | undefined
  return async ({ connectTimeoutMs, lost, invalidated }) => {
    // Made once: where clients of two addresses are made in turn, `createClient` generates and compiles its class anew each time, tens of
    // milliseconds of a blocked event loop per attempt to connect.
    const { client: original, ErrorReply, Listener } = await (template ??= createTemplate(url, connectTimeoutMs))
    const client =
      invalidated === undefined
        ? original.duplicate()
        : original.duplicate({ clientSideCache: new Listener(invalidated) })
    let isReady = false
    let isOver = false
    client.on('error', (error: unknown) => {
      if (!isReady || isOver) return
      isOver = true
      lost(error)
    })
    // An idle cache must not keep the process alive; whoever waits for a command has a deadline that does.
    client.unref()
    const reply = (error: unknown): unknown => (error instanceof ErrorReply ? new ReplyError(error.message) : error)
    const ready = client.connect().then(
      () => {
        isReady = true
      },
      (error: unknown) => {
        throw reply(error)
      },
    )
    // The link awaits it; should it have given up before, nobody does.
    ready.catch(() => {})
    return {
      ready,
      carriesPushes: invalidated !== undefined,
      async send(args) {
        try {
          return await client.sendCommand(args as string[])
        } catch (error) {
          throw reply(error)
        }
      },
      destroy() {
        isOver = true
        client.destroy()
      },
    }
  }
}

/** A client that is never connected; its copies are. */
async function createTemplate(url: string, connectTimeoutMs: number) {
  const { BasicClientSideCache, createClient, ErrorReply } = await import('@redis/client')
  /** What the client calls for each key, as it parses. It is asked for values only by commands with a name, and `sendCommand` is none. */
  class Listener extends BasicClientSideCache {
    readonly #invalidated: (keys: readonly string[] | null) => void

    constructor(invalidated: (keys: readonly string[] | null) => void) {
      super({ recordStats: false })
      this.#invalidated = invalidated
    }

    override trackingOn(): string[] {
      return nothingMore
    }

    /** @param key bytes where no reply is awaited, a text otherwise */
    override invalidate(key: string | Buffer | null): void {
      this.#invalidated(key === null ? null : [key.toString()])
    }
  }
  const client = createClient({
    url,
    name: clientName,
    RESP: 3,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    commandOptions: { timeout: undefined as never },
    socket: { connectTimeout: connectTimeoutMs, reconnectStrategy: false, keepAlive: true },
  })
  return { client, ErrorReply, Listener }
}
