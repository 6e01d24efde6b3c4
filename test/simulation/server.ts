// What Redis does, as far as the cache asks it: values with a life, sorted sets, scripts in one step, and the list of who has read what.
import { createHash } from 'node:crypto'
import type { Programs, Reply } from './programs.ts'
import { programs } from './programs.ts'

/** Without a stack: it is thrown often, and its place says nothing. */
export class Refusal {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

const digests = new Map<string, string>()

function sha1Of(code: string): string {
  let digest = digests.get(code)
  if (digest === undefined) {
    digest = createHash('sha1').update(code).digest('hex')
    digests.set(code, digest)
  }
  return digest
}

/** The other end of a connection. */
export interface Ear {
  /** Something for it to read: a reply or a push. */
  tell(message: Message): void
  /** The server ends it. */
  end(): void
}

/** A connection as the server knows it. */
export interface Client extends Ear {
  readonly id: number
  tracks: boolean
}

export type Message =
  | { readonly kind: 'reply'; readonly reply: Reply }
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'push'; readonly keys: readonly string[] | null }

type Stored =
  | { readonly type: 'string'; readonly text: string; readonly endsAt: number }
  | { readonly type: 'zset'; readonly members: Map<string, number>; readonly endsAt: number }

export class SimulatedRedis {
  runId: string
  replicationId: string
  readonly clients: Map<number, Client> = new Map()
  readonly data: Map<string, Stored> = new Map()
  readonly followers: Map<string, Set<Client>> = new Map()
  readonly #scripts: Set<string> = new Set()
  readonly #programs: Programs
  #saved: Map<string, Stored> = new Map()
  readonly #now: () => number
  readonly #random: () => number
  #ids = 0
  isFull = false
  /** A script runs that has written already: it is not stopped any more. */
  #hasWritten = false
  #isScript = false
  commands = 0

  /** @param now wall-clock milliseconds of the server */
  constructor(now: () => number, random: () => number, own: Programs = programs) {
    this.#programs = own
    this.#now = now
    this.#random = random
    this.runId = this.#id()
    this.replicationId = this.#id()
  }

  welcome({ tell, end }: Ear): Client {
    const client: Client = { id: ++this.#ids, tracks: false, tell, end }
    this.clients.set(client.id, client)
    return client
  }

  /**
   * A replica that becomes the master: it has what had reached it, and nobody is connected. This one goes on answering whom it has, until it
   * is deposed.
   */
  promoteReplica(): SimulatedRedis {
    const promoted = new SimulatedRedis(this.#now, this.#random, this.#programs)
    for (const [key, stored] of this.#saved) promoted.data.set(key, stored)
    promoted.save()
    promoted.commands = this.commands
    return promoted
  }

  depose(): void {
    for (const client of [...this.clients.values()]) client.end()
    this.clients.clear()
    this.followers.clear()
  }

  /** Ends all connections; a server that comes back without its data has begun another history. */
  restart(keeps: 'all' | 'what was saved' | 'nothing'): void {
    this.depose()
    this.#scripts.clear()
    this.#ids = 0
    this.runId = this.#id()
    this.replicationId = this.#id()
    if (keeps === 'all') return
    this.data.clear()
    if (keeps === 'what was saved') for (const [key, stored] of this.#saved) this.data.set(key, stored)
  }

  /** What is done from here on is lost with a restart that finds only what was saved, as with a failover to a replica that lags. */
  save(): void {
    this.#saved = new Map(this.data)
  }

  gone(client: Client): void {
    // Ids begin anew with each life of the server.
    if (this.clients.get(client.id) === client) this.clients.delete(client.id)
    for (const followers of this.followers.values()) followers.delete(client)
  }

  /** Runs a command of a client and tells it the answer. */
  run(client: Client, args: readonly string[]): void {
    this.commands++
    try {
      const reply = this.#execute(client, args)
      client.tell({ kind: 'reply', reply })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      client.tell({ kind: 'error', text: error.message })
    }
  }

  /** Drops keys whose time is over, or any key, and tells who follows them. */
  evict(key: string): void {
    if (this.data.delete(key)) this.#changed(key, undefined)
  }

  expire(): void {
    for (const [key, { endsAt }] of this.data) if (endsAt <= this.#now()) this.evict(key)
  }

  /** Somebody else's command: another program's, say. */
  outside(...args: readonly string[]): Reply {
    return this.#command(undefined, args)
  }

  #execute(client: Client, args: readonly string[]): Reply {
    const [name] = args
    if (name === 'CLIENT') return this.#client(client, args)
    if (name === 'EVAL' || name === 'EVALSHA') return this.#script(client, args)
    return this.#command(client, args)
  }

  #client(client: Client, [, what, ...rest]: readonly string[]): Reply {
    if (what === 'ID') return client.id
    if (what === 'TRACKING') {
      client.tracks = rest[0] === 'ON'
      return 'OK'
    }
    if (what === 'KILL') {
      const other = this.clients.get(Number(rest[1]))
      if (other === undefined || other === client) return 0
      other.end()
      this.gone(other)
      return 1
    }
    throw new Refusal(`ERR unknown subcommand ${what}`)
  }

  #script(client: Client, [kind, code, count, ...rest]: readonly string[]): Reply {
    const sha = kind === 'EVAL' ? sha1Of(code as string) : (code as string)
    if (kind === 'EVALSHA' && !this.#scripts.has(sha)) throw new Refusal('NOSCRIPT No matching script')
    this.#scripts.add(sha)
    const program = this.#programs.get(sha)
    if (program === undefined)
      throw new Error(`A script without a program in the simulation: ${String(code).slice(0, 200)}`)
    const keys = rest.slice(0, Number(count))
    this.#isScript = true
    try {
      return program((...args) => this.#command(client, args.map(String)), keys, rest.slice(Number(count)))
    } finally {
      this.#isScript = false
      this.#hasWritten = false
    }
  }

  #command(client: Client | undefined, args: readonly string[]): Reply {
    const [name, key = '', ...rest] = args
    switch (name) {
      case 'PING':
        return 'PONG'
      case 'INFO':
        return key === 'server' ? `run_id:${this.runId}\r\n` : `role:master\r\nmaster_replid:${this.replicationId}\r\n`
      case 'TIME': {
        const us = Math.floor(this.#now() * 1000)
        return [String(Math.floor(us / 1e6)), String(us % 1e6)]
      }
      case 'DBSIZE':
        return this.data.size
      case 'MGET':
        return [key, ...rest].map((one) => this.#text(client, one, true))
      case 'GET':
        return this.#text(client, key, false)
      case 'GETRANGE':
        return Buffer.from(this.#text(client, key, false) ?? '')
          .subarray(Number(rest[0]), Number(rest[1]) + 1)
          .toString()
      case 'STRLEN':
        return Buffer.byteLength(this.#text(client, key, false) ?? '')
      case 'TYPE':
        return this.#read(client, key)?.type ?? 'none'
      case 'EXISTS':
        return [key, ...rest].filter((one) => this.#read(client, one) !== undefined).length
      case 'PTTL': {
        const stored = this.#read(client, key)
        return stored === undefined ? -2 : stored.endsAt === Infinity ? -1 : Math.ceil(stored.endsAt - this.#now())
      }
      case 'SET': {
        const [text = '', unit, span] = rest
        const endsAt = unit === undefined ? Infinity : this.#now() + Number(span) * (unit === 'EX' ? 1000 : 1)
        this.#write(client, key, { type: 'string', text, endsAt })
        return 'OK'
      }
      case 'PEXPIRE': {
        const stored = this.#live(key)
        if (stored === undefined) return 0
        this.#write(client, key, { ...stored, endsAt: this.#now() + Number(rest[0]) })
        return 1
      }
      case 'DEL':
      case 'UNLINK':
        this.#hasWritten = this.#isScript
        return [key, ...rest].filter((one) => this.#delete(client, one)).length
      case 'FLUSHALL':
        this.data.clear()
        this.#flushed()
        return 'OK'
      case 'ZADD':
        this.#zset(client, key, (members) =>
          members.set(rest[1] as string, Number(rest[0]?.replace('inf', 'Infinity'))),
        )
        return 1
      case 'ZREM':
        this.#hasWritten = this.#isScript
        if (this.#members(key)?.has(rest[0] as string) === true)
          this.#zset(client, key, (members) => members.delete(rest[0] as string))
        return 1
      case 'ZRANGEBYSCORE':
        return this.#range(client, key, rest[0] as string)
      default:
        throw new Error(`The simulated server does not know ${name}`)
    }
  }

  #range(client: Client | undefined, key: string, from: string): Reply {
    const stored = this.#read(client, key)
    if (stored === undefined) return []
    if (stored.type !== 'zset') throw new Refusal('WRONGTYPE Operation against a key')
    const isOpen = from.startsWith('(')
    const low = Number((isOpen ? from.slice(1) : from).replace('inf', 'Infinity'))
    return [...stored.members]
      .filter(([, score]) => (isOpen ? score > low : score >= low))
      .sort(([, a], [, b]) => (a === b ? 0 : a - b))
      .map(([member, score]) => [member, score])
  }

  #zset(client: Client | undefined, key: string, change: (members: Map<string, number>) => unknown): void {
    const stored = this.#live(key)
    if (stored !== undefined && stored.type !== 'zset') throw new Refusal('WRONGTYPE Operation against a key')
    const members = new Map(stored?.members)
    change(members)
    this.#write(client, key, { type: 'zset', members, endsAt: Infinity })
  }

  #members(key: string): ReadonlyMap<string, number> | undefined {
    const stored = this.#live(key)
    if (stored !== undefined && stored.type !== 'zset') throw new Refusal('WRONGTYPE Operation against a key')
    return stored?.members
  }

  #live(key: string): Stored | undefined {
    const stored = this.data.get(key)
    if (stored === undefined || stored.endsAt > this.#now()) return stored
    this.data.delete(key)
    this.#changed(key, undefined)
    return undefined
  }

  #read(client: Client | undefined, key: string): Stored | undefined {
    const stored = this.#live(key)
    if (client?.tracks === true) {
      const followers = this.followers.get(key) ?? new Set()
      this.followers.set(key, followers.add(client))
    }
    return stored
  }

  #text(client: Client | undefined, key: string, otherTypesAreNone: boolean): string | null {
    const stored = this.#read(client, key)
    if (stored === undefined) return null
    if (stored.type === 'string') return stored.text
    if (otherTypesAreNone) return null
    throw new Refusal('WRONGTYPE Operation against a key')
  }

  #write(client: Client | undefined, key: string, stored: Stored): void {
    if (this.isFull && !this.#hasWritten) throw new Refusal('OOM command not allowed')
    this.#live(key)
    this.data.set(key, stored)
    this.#changed(key, client)
  }

  #delete(client: Client | undefined, key: string): boolean {
    if (this.#live(key) === undefined) return false
    this.data.delete(key)
    this.#changed(key, client)
    return true
  }

  /** All who follow the key are told, and follow it no more; not the one who did it. */
  #changed(key: string, by: Client | undefined): void {
    const followers = this.followers.get(key)
    if (followers === undefined) return
    this.followers.delete(key)
    for (const client of followers) if (client !== by) client.tell({ kind: 'push', keys: [key] })
  }

  #flushed(): void {
    this.followers.clear()
    for (const client of this.clients.values()) if (client.tracks) client.tell({ kind: 'push', keys: null })
  }

  #id(): string {
    return Math.floor(this.#random() * 2 ** 48)
      .toString(16)
      .padStart(12, '0')
  }
}
