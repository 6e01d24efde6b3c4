import { misuse } from '../../support/errors.ts'
import { ReplyError } from './reply-error.ts'
import type { OpenTransport, Transport } from './transport.ts'

// A client the application has already, as a transport. It stays the application's: it is never closed here, and it reconnects as it was
// told to. What is sent goes out only while it is ready, because its queue would send it minutes later; and everything under way is given
// up when it loses its connection.
//
// Given up by us is not given up by the client. node-redis keeps what it has not written yet, ioredis sends again what was not answered:
// after the next connection is made, minutes later, a value that others have deleted since would be back. Neither lets a command be
// withdrawn, but both look at it only when they write it; so what is given up becomes a PING.

/** node-redis 4 and later (`redis`, `@redis/client`), as far as it is used here. */
interface NodeRedisClient {
  readonly isReady: boolean
  sendCommand(args: string[]): Promise<unknown>
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
}

/** ioredis 5 and later, or iovalkey, as far as it is used here. */
interface IoRedisClient {
  readonly status: string
  readonly options: object
  connect(): Promise<unknown>
  call(command: string, ...args: string[]): Promise<unknown>
  sendCommand(command: never): unknown
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
}

/** What `call` makes of its arguments and hands to `sendCommand`. */
interface IoRedisCommand {
  name: string
  args: unknown[]
}

/** A client of one server: not a cluster's, and without a key prefix of its own. */
export type RedisClient = NodeRedisClient | IoRedisClient

/** After any of these the connection may be gone; whether it is, the client says. */
const changes = ['error', 'close', 'end', 'reconnecting'] as const

/** @throws {TypeError} `CACHE_BAD_OPTION` when it is no such client */
export function checkClient(client: unknown): RedisClient {
  const given = Object(client) as Partial<NodeRedisClient & IoRedisClient> & Foreign
  const isKnown =
    typeof given.on === 'function' &&
    ((typeof given.sendCommand === 'function' && typeof given.isReady === 'boolean') ||
      (typeof given.call === 'function' && typeof given.status === 'string'))
  // A sentinel client of node-redis looks like one of a server, but wants to be told with each command whether it only reads.
  const isOfMany = given.isCluster === true || given.slots !== undefined || given.getSentinelNode !== undefined
  if (!isKnown || isOfMany) {
    throw misuse('CACHE_BAD_OPTION', 'client must be a node-redis, ioredis or iovalkey client of one server')
  }
  if (given.options?.keyPrefix) {
    throw misuse('CACHE_BAD_OPTION', 'client must not have a keyPrefix of its own: use the namespace of the cache')
  }
  return client as RedisClient
}

interface Foreign {
  readonly isCluster?: boolean
  readonly slots?: unknown
  readonly getSentinelNode?: unknown
  readonly options?: { readonly keyPrefix?: unknown }
}

/** Clients that have the listener without which an `error` ends the process; they keep it, nobody knows how long it is needed. */
const guarded = new WeakSet<RedisClient>()

export function openClientTransport(client: RedisClient): OpenTransport {
  if (!guarded.has(client)) client.on('error', () => {})
  guarded.add(client)
  return async ({ lost }) => openTransport(client, lost)
}

/** A command that the client has taken. */
interface Sent {
  readonly reply: Promise<unknown>
  /** Should the client still write it, now or once more, it does nothing. */
  withdraw(): void
}

function openTransport(client: RedisClient, lost: (error: unknown) => void): Transport {
  const give = givesTo(client)
  const underWay = new Map<Sent, (error: Error) => void>()
  let wasReady = isReady(client)
  let isOver = false
  let becomeReady: () => void = () => {}
  let giveUp: (error: Error) => void = () => {}
  const ready = new Promise<void>((resolve, reject) => {
    becomeReady = resolve
    giveUp = reject
  })
  // The link awaits it; should it have given up before, nobody does.
  ready.catch(() => {})
  if (wasReady) becomeReady()

  const changed = (): void => {
    if (isOver || isReady(client) || !wasReady) return
    end()
    lost(new Error('The client lost its connection'))
  }
  const nowReady = (): void => {
    wasReady = true
    becomeReady()
  }
  const end = (): void => {
    isOver = true
    for (const event of changes) client.off(event, changed)
    client.off('ready', nowReady)
    const error = new Error('The connection was given up')
    giveUp(error)
    for (const [sent, reject] of underWay) {
      sent.withdraw()
      reject(error)
    }
    underWay.clear()
  }
  for (const event of changes) client.on(event, changed)
  client.on('ready', nowReady)
  // `lazyConnect`: it waits for a first command, which is what this is.
  if ('status' in client && client.status === 'wait') client.connect().catch(() => {})

  return {
    ready,
    send: (args) =>
      new Promise((resolve, reject) => {
        if (isOver || !isReady(client)) return reject(new Error('The client is not ready'))
        const sent = give(args)
        underWay.set(sent, reject)
        sent.reply
          .finally(() => underWay.delete(sent))
          .then(
            (reply) => resolve(asText(reply)),
            (error: unknown) => reject(asReplyError(error)),
          )
      }),
    destroy() {
      if (!isOver) end()
    },
  }
}

function isReady(client: RedisClient): boolean {
  return 'isReady' in client ? client.isReady : client.status === 'ready'
}

function givesTo(client: RedisClient): (args: readonly string[]) => Sent {
  if ('isReady' in client) {
    return (args) => {
      const own = [...args]
      return { reply: client.sendCommand(own), withdraw: () => void own.splice(0, own.length, 'PING') }
    }
  }
  // The client to all that `call` asks of it, but for these two.
  let command: IoRedisCommand | undefined
  const onlooker = Object.create(client, {
    sendCommand: {
      value(made: IoRedisCommand) {
        command = made
        return client.sendCommand(made as never)
      },
    },
    // It would send later, not in the order of the calls, and on whatever connection there is by then.
    options: { value: Object.create(client.options, { enableAutoPipelining: { value: false } }) as unknown },
  }) as IoRedisClient
  return ([name = '', ...args]) => {
    const reply = onlooker.call(name, ...args)
    const made = command
    command = undefined
    return {
      reply,
      withdraw() {
        if (made !== undefined) Object.assign(made, { name: 'PING', args: [] })
      },
    }
  }
}

/** A client may be set to give bytes, or texts with more to them. */
function asText(reply: unknown): unknown {
  if (reply instanceof String) return String(reply)
  if (reply instanceof Uint8Array) return Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength).toString()
  return Array.isArray(reply) ? reply.map(asText) : reply
}

/**
 * Each package, and each copy of one, has a class of its own; the name tells, unless a bundler has shortened it. Then the text does: what a
 * server answers begins with a code, `WRONGTYPE Operation against …`, and nothing that a client says itself does.
 */
function asReplyError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error('The client failed')
  for (let type: unknown = Object.getPrototypeOf(error); type !== null; type = Object.getPrototypeOf(type)) {
    const name = (type as { readonly constructor?: { readonly name?: string } }).constructor?.name
    if (name === 'ReplyError' || name === 'ErrorReply') return new ReplyError(error.message)
  }
  return /^[A-Z]{2,} /.test(error.message) ? new ReplyError(error.message) : error
}
