// What may happen to a Redis and the way to it, and what a client may expect of it meanwhile.
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Duration } from '../../src/contracts/duration.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { until } from '../support/gate.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'

/** What an operation needs of the server: to read, to store a value, to delete a key, to stamp tags, to renew the clock. */
export type Need = 'read' | 'store' | 'delete' | 'stamp' | 'renew' | 'ping'

/** `maybe`: some of it is, and which depends on when the loss is noticed. */
export type Answer = 'yes' | 'no' | 'maybe'

export interface Fault {
  readonly name: string
  /** Lines of redis.conf. */
  readonly config?: readonly string[]
  /** Long where the server answers, however slow the machine; short where nobody does. */
  readonly budget: Duration
  /** Whether what is needed is done, and said so in time. */
  readonly answers: Readonly<Record<Need, Answer>>
  /** `down`: everybody is, sooner or later, and until the fault is over. `up`: nobody notices anything but the answers. */
  readonly state: 'up' | 'down' | 'either'
  /** `false`: what was in the store before may not be served after, because nobody knows what got lost. */
  readonly keeps: boolean
  strike(world: World): Promise<unknown> | void
  heal(world: World): Promise<unknown> | void
}

/** A server, the way to it, and perhaps others beside it. */
export interface World extends AsyncDisposable {
  /** The one that clients are to use. */
  redis: RedisServer
  readonly proxy: FaultProxy
  /** What the server asks for now. */
  credentials: { readonly password?: string }
  readonly others: RedisServer[]
  /**
   * Asks the server itself, past the proxy; a connection costs less than a redis-cli. With another client than the cache:
   * @redis/client makes its class of commands anew whenever the address is another one than before.
   */
  ask(command: string, ...args: readonly string[]): Promise<unknown>
}

export async function makeWorld(config: readonly string[] = []): Promise<World> {
  const redis = await startRedis({ config })
  const world: Omit<World, 'proxy'> = {
    redis,
    credentials: {},
    others: [],
    ask: async (command, ...args) => {
      const options = { port: world.redis.port, enableReadyCheck: false, retryStrategy: () => null }
      const client = new Redis({ ...options, ...world.credentials })
      try {
        return await client.call(command, ...args)
      } finally {
        client.disconnect()
      }
    },
    async [Symbol.asyncDispose]() {
      await proxy.close()
      for (const server of new Set([redis, world.redis, ...world.others])) await server.stop()
    },
  }
  // The proxy looks the port up for each connection: whoever is the server then.
  const target = {
    get port() {
      return world.redis.port
    },
  }
  const proxy = await startFaultProxy(target)
  return Object.assign(world, { proxy })
}

const short = '500ms'
const long = '8s'
const everything = { read: 'yes', store: 'yes', delete: 'yes', stamp: 'yes', renew: 'yes', ping: 'yes' } as const
const nothing = { read: 'no', store: 'no', delete: 'no', stamp: 'no', renew: 'no', ping: 'no' } as const
const refusesWrites = { ...nothing, read: 'yes', ping: 'yes' } as const
const anything = {
  read: 'maybe',
  store: 'maybe',
  delete: 'maybe',
  stamp: 'maybe',
  renew: 'maybe',
  ping: 'maybe',
} as const

const unreachable = { budget: short, answers: nothing, state: 'down', keeps: true } as const
const reachable = { budget: long, answers: everything, state: 'up', keeps: true } as const

function onTheWay(name: string, strike: (proxy: FaultProxy) => Promise<unknown> | void): Fault {
  return { ...unreachable, name, strike: ({ proxy }) => strike(proxy), heal: ({ proxy }) => proxy.heal() }
}

function harmless(name: string, strike: (proxy: FaultProxy) => void): Fault {
  return { ...reachable, name, strike: ({ proxy }) => strike(proxy), heal: ({ proxy }) => proxy.heal() }
}

async function startReplica(world: World): Promise<RedisServer> {
  const replica = await startRedis()
  world.others.push(replica)
  await replica.cli('REPLICAOF', '127.0.0.1', String(world.redis.port))
  await until('the replica follows', async () => (await replica.cli('INFO', 'replication')).includes('link_status:up'))
  await until('the replica has everything', async () => (await world.ask('WAIT', '1', '100')) === 1)
  return replica
}

export const faults: readonly Fault[] = [
  {
    ...unreachable,
    name: 'the server is killed, and comes back with what it had saved',
    keeps: false,
    strike: async ({ redis }) => {
      await redis.cli('SAVE')
      await redis.kill()
    },
    heal: ({ redis }) => redis.restart(),
  },
  {
    ...unreachable,
    name: 'the server is frozen',
    strike: ({ redis }) => redis.pause(),
    heal: ({ redis }) => redis.resume(),
  },
  onTheWay('connections are refused', (proxy) => proxy.refuse()),
  {
    ...unreachable,
    name: 'connections are cut, once',
    answers: anything,
    state: 'either',
    strike: ({ proxy }) => proxy.cut(),
    heal: () => undefined,
  },
  onTheWay('a black hole', (proxy) => proxy.blackHole()),
  onTheWay('half-open: commands arrive, answers do not', (proxy) => proxy.halfOpen()),
  onTheWay('the way is frozen, and later delivers everything', (proxy) => proxy.freeze()),
  // A heartbeat still passes: the connection is not given up.
  onTheWay('slower than the budget', (proxy) => proxy.slow(480)),
  harmless('slow', (proxy) => proxy.slow(20)),
  harmless('replies come drop by drop', (proxy) => proxy.drip(50, 1)),
  harmless('replies come merged', (proxy) => proxy.merge(10)),
  harmless('replies come in small pieces', (proxy) => proxy.split(16)),
  {
    ...unreachable,
    name: 'the server becomes a replica (READONLY)',
    // It still answers reads until a heartbeat finds out what it is.
    answers: { ...nothing, read: 'maybe', ping: 'maybe' },
    keeps: false,
    strike: ({ redis }) => redis.cli('REPLICAOF', '127.0.0.1', '1'),
    heal: ({ redis }) => redis.cli('REPLICAOF', 'NO', 'ONE'),
  },
  {
    ...unreachable,
    name: 'the server becomes a replica without its master (MASTERDOWN)',
    config: ['replica-serve-stale-data no'],
    keeps: false,
    answers: { ...nothing, ping: 'maybe' },
    strike: ({ redis }) => redis.cli('REPLICAOF', '127.0.0.1', '1'),
    heal: ({ redis }) => redis.cli('REPLICAOF', 'NO', 'ONE'),
  },
  {
    ...unreachable,
    name: 'the master dies, its replica answers, and is promoted later',
    config: ['repl-diskless-sync-delay 0'],
    keeps: false,
    strike: async (world) => {
      const replica = await startReplica(world)
      await world.redis.kill()
      world.others.push(world.redis)
      world.redis = replica
    },
    heal: (world) => world.redis.cli('REPLICAOF', 'NO', 'ONE'),
  },
  {
    ...reachable,
    name: 'out of memory (OOM)',
    config: ['maxmemory-policy noeviction'],
    // What makes void needs no memory to spare.
    answers: { ...refusesWrites, delete: 'yes', stamp: 'yes', renew: 'yes' },
    strike: ({ redis }) => redis.cli('CONFIG', 'SET', 'maxmemory', '1'),
    heal: ({ redis }) => redis.cli('CONFIG', 'SET', 'maxmemory', '0'),
  },
  {
    ...reachable,
    name: 'a master without the replicas it wants (NOREPLICAS)',
    answers: refusesWrites,
    strike: ({ redis }) => redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    heal: ({ redis }) => redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '0'),
  },
  {
    ...reachable,
    name: 'a disk that cannot be written to (MISCONF)',
    config: ['save 3600 1000000'],
    answers: refusesWrites,
    strike: async ({ redis }) => {
      await mkdir(await obstacle(redis))
      await redis.cli('BGSAVE')
      const failed = async (): Promise<boolean> => (await redis.cli('INFO')).includes('rdb_last_bgsave_status:err')
      await until('saving fails', failed)
    },
    heal: async ({ redis }) => {
      await rmdir(await obstacle(redis))
      await redis.cli('BGSAVE')
      const saved = async (): Promise<boolean> => (await redis.cli('INFO')).includes('rdb_last_bgsave_status:ok')
      await until('saving works', saved)
    },
  },
  {
    ...unreachable,
    name: 'the server is started again and loads for a while (LOADING)',
    config: ['enable-debug-command local', 'key-load-delay 2000', 'loading-process-events-interval-bytes 1024'],
    keeps: false,
    strike: async ({ redis }) => {
      await redis.cli('DEBUG', 'POPULATE', '20000', 'filler', '10')
      await redis.cli('SAVE')
      await redis.restart({ whileLoading: true })
    },
    heal: ({ redis }) => redis.cli('CONFIG', 'SET', 'key-load-delay', '0'),
  },
  {
    ...unreachable,
    name: 'the password is changed (NOAUTH)',
    strike: async (world) => {
      await world.redis.cli('CONFIG', 'SET', 'requirepass', 'other')
      world.credentials = { password: 'other' }
      await world.ask('CLIENT', 'KILL', 'TYPE', 'normal')
    },
    heal: async (world) => {
      await world.ask('CONFIG', 'SET', 'requirepass', '')
      world.credentials = {}
    },
  },
]

/** A folder where the server wants to put its file. */
async function obstacle(redis: RedisServer): Promise<string> {
  const dir = (await redis.cli('CONFIG', 'GET', 'dir')).split('\n')[1]
  return join(dir ?? '', 'dump.rdb')
}
