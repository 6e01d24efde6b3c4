// A client that the application has already in place of a url: of any of the four packages it works like a connection of our own, through
// outages too, and it stays the application's: never closed, never left with commands that it would send minutes later.
import { spawn } from 'node:child_process'
import type { EventEmitter } from 'node:events'
import { once } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import {
  createClient,
  createClientPool,
  createCluster,
  createSentinel,
  RESP_TYPES,
  VerbatimString,
} from '@redis/client'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis'
import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis-6'
import { Cluster as ValkeyCluster, Redis as Valkey } from 'iovalkey'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { root } from '../../scripts/project.mjs'
import type { CacheManager, CacheOptions, CacheState, RedisBackendOptions, Source } from '../../src/index.ts'
import {
  cached,
  cacheManager,
  closeCache,
  createCache,
  initCache,
  MemoryBackend,
  RedisBackend,
} from '../../src/index.ts'
import { openClientTransport } from '../../src/backends/redis/client-transport.ts'
import { requireBuild } from '../support/built-package.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { until } from '../support/gate.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startRedis } from '../support/redis-server.ts'

type InjectedClient = NonNullable<RedisBackendOptions['client']>

/** An application with a client. That each of them is an `InjectedClient` without a cast is a promise too. */
interface Application extends AsyncDisposable {
  readonly client: InjectedClient
  readonly emitter: EventEmitter
  /** Resolves when the client is connected, now or after further attempts of its own. */
  connect(): Promise<unknown>
  /** As the application would. */
  ping(): Promise<unknown>
}

interface Kind {
  readonly name: string
  /** A client that is not connected yet. */
  open(url: string): Application
}

function nodeRedis(name: string, options: Parameters<typeof createClient>[0]): Kind {
  return {
    name,
    open(url) {
      const client = createClient({ ...options, url })
      return {
        client,
        emitter: client,
        connect: () => client.connect(),
        ping: () => client.sendCommand(['PING']).then(String),
        [Symbol.asyncDispose]: async () => client.destroy(),
      }
    },
  }
}

/** What the three packages that descend from ioredis have in common, as far as this file uses it. */
interface IoRedisLike extends EventEmitter {
  readonly status: string
  connect(): Promise<unknown>
  ping(): Promise<unknown>
  disconnect(): void
}

function ioRedis(name: string, create: (url: string) => IoRedisLike & InjectedClient): Kind {
  return {
    name,
    open(url) {
      const client = create(url)
      return {
        client,
        emitter: client,
        connect: async () => {
          // One that is on its way already refuses to be sent, and goes on by itself.
          client.connect().catch(() => {})
          await until('the client is ready', () => client.status === 'ready')
        },
        ping: () => client.ping(),
        [Symbol.asyncDispose]: async () => client.disconnect(),
      }
    },
  }
}

const descendants: readonly Kind[] = [
  ioRedis('ioredis 5', (url) => new Redis5(url, { lazyConnect: true })),
  ioRedis('ioredis 6', (url) => new Redis6(url, { lazyConnect: true })),
  ioRedis('iovalkey', (url) => new Valkey(url, { lazyConnect: true })),
]
const kinds: readonly Kind[] = [nodeRedis('node-redis', {}), ...descendants]
const bytes = { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.SIMPLE_STRING]: Buffer }
const verbatim = { [RESP_TYPES.VERBATIM_STRING]: VerbatimString }
const variants: readonly Kind[] = [
  ...kinds,
  nodeRedis('node-redis with RESP 2', { RESP: 2 }),
  nodeRedis('node-redis with RESP 3', { RESP: 3 }),
  nodeRedis('node-redis that answers in bytes', { commandOptions: { typeMapping: bytes } }),
  nodeRedis('node-redis with verbatim strings', { commandOptions: { typeMapping: verbatim } }),
]

/** Nothing here is about how fast a machine is. */
const patient = { budget: '20s', socketTimeout: '20s' } as const
/** Long enough for a machine under load, short enough to wait for it. */
const brisk = { budget: '2s', socketTimeout: '2s' } as const

type Limits = Pick<RedisBackendOptions, 'budget' | 'socketTimeout'>

function managerOf(client: InjectedClient, limits: Limits, options: CacheOptions = {}): CacheManager {
  const { budget } = limits
  return createCache({ logLevel: 'silent', budget, ...options, backend: new RedisBackend({ client, ...limits }) })
}

async function isConnected(manager: CacheManager): Promise<boolean> {
  return (await manager.healthReport()).status === 'connected'
}

/** A manager that uses the store: where the machine is slow, `init` may have answered before it did. */
async function opened(client: InjectedClient, limits: Limits, options: CacheOptions = {}): Promise<CacheManager> {
  const manager = await managerOf(client, limits, options).init()
  await until('the client is used', () => isConnected(manager))
  return manager
}

function listenersOf(emitter: EventEmitter): Record<string, number> {
  return Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]))
}

/** What is to be left of us: the listener without which an error of the client ends the process. */
function withGuard(before: Record<string, number>): Record<string, number> {
  return { ...before, error: (before['error'] ?? 0) + 1 }
}

/** Bytes of commands, since it was started. */
async function receivedBy(redis: RedisServer): Promise<number> {
  return Number(/^total_net_input_bytes:(\d+)/m.exec(await redis.cli('INFO', 'stats'))?.[1])
}

/** A process may have one cached function of a name. */
let serial = 0
let shared: RedisServer
beforeAll(async () => {
  shared = await startRedis()
})
beforeEach(async () => {
  await shared.cli('FLUSHALL')
})
afterAll(async () => {
  await shared.stop()
})

test.each(variants)('$name: two calls, one run, also when the second is made by another process', async ({ open }) => {
  await using here = open(shared.url)
  await using there = open(shared.url)
  await Promise.all([here.connect(), there.connect()])
  await using first = await opened(here.client, patient)
  await using second = await opened(there.client, patient)
  let runs = 0
  const load = async (hash: string) => ({ hash, at: new Date(0), run: ++runs })
  const name = `shared-${++serial}`
  const fn = cached(load, { name, manager: first, ttl: '1h' })
  const value = await fn('a')
  expect(await fn('a')).toEqual(value)
  await first.drain()
  const sources: Source[] = []
  second.on('hit', ({ source }) => sources.push(source))
  expect(await second.getOrSet(`${name}:a`, () => load('a'))).toEqual(value)
  expect(sources).toEqual(['l2'])
  expect(runs).toBe(1)
  expect(await first.healthReport()).toMatchObject({ backend: 'redis', primary: true, tags: 'shared', limits: [] })
})

const texts = {
  empty: '',
  unicode: 'Straße · 東京 · 👩‍👩‍👧 · e\u0301 · \u0000 · \r\n$5\r\n',
  'with a byte order mark': '\uFEFFtext',
  'a megabyte': '0123456789abcdé€'.repeat(65_536),
  'like a header of ours': '#sc1 json 1 1 1 1 - 0 \nforged',
}

test.each(variants)('$name: every operation does what it does over a connection of our own', async ({ open }) => {
  await using here = open(shared.url)
  await using there = open(shared.url)
  await Promise.all([here.connect(), there.connect()])
  await using first = await opened(here.client, patient)
  await using second = await opened(there.client, patient)

  for (const [key, text] of Object.entries(texts)) expect([key, await first.set(key, text)]).toEqual([key, true])
  for (const [key, text] of Object.entries(texts)) expect((await second.get(key)) === text, key).toBe(true)
  const many = await second.getMany(['absent', ...Object.keys(texts)])
  expect(new Map(many)).toEqual(new Map(Object.entries(texts)))

  expect(await second.setMany(Object.entries({ a: '1', b: '2', c: '3' }))).toBe(true)
  expect(await first.exists('a')).toBe(true)
  expect(await first.delete('a')).toBe('applied')
  expect([await second.exists('a'), await second.get('a'), await second.get('b')]).toEqual([false, null, '2'])
  expect(await second.deleteMany(['a', 'b', 'c'])).toBe('applied')
  expect(await first.getMany(['a', 'b', 'c'])).toEqual(new Map())

  const typed = { list: [1, -0, null], when: new Date(1), set: new Set(['ü']) }
  expect(await first.setValue('typed', typed, { ttl: '1h', tags: ['t', 'ü'] })).toBe(true)
  expect(await second.getValue('typed')).toEqual(typed)
  expect(await second.inspect('typed')).toMatchObject({ tags: ['t', 'ü'], tier: 'l2' })
  expect(await second.inspect('absent')).toBeNull()
  expect(Number(await shared.cli('TTL', 'typed'))).toBeGreaterThan(0)

  await first.setValue('untagged', 1)
  expect(await second.invalidateTags(['ü', 'never used'])).toBe('applied')
  expect([await first.getValue('typed'), await first.getValue('untagged')]).toEqual([undefined, 1])

  await first.namespace('part').set('k', 'v')
  expect(await second.namespace('part').clear()).toBe('applied')
  expect([await first.namespace('part').get('k'), await first.getValue('untagged')]).toEqual([null, 1])
  expect(await second.clear()).toBe('applied')
  expect(await first.getValue('untagged')).toBeUndefined()
})

test.each(variants)('$name: clear finds what was written as plain JSON, key by key', async ({ open }) => {
  await using application = open(shared.url)
  await application.connect()
  await using manager = await opened(application.client, patient, { wire: 'plain', namespace: 'plain' })
  const keys = Array.from({ length: 20 }, (_, index) => `${index}-é`)
  await Promise.all(keys.map((key) => manager.set(key, `{"of":"${key}"}`)))
  expect(await shared.cli('--raw', 'GET', 'plain:7-é')).toBe('{"of":"7-é"}')
  expect(await manager.clear()).toBe('applied')
  expect(await shared.cli('EXISTS', ...keys.map((key) => `plain:${key}`))).toBe('0')
})

test.each(variants)('$name: nothing is left of us after close but one error listener', async ({ open }) => {
  await using application = open(shared.url)
  const { client, emitter } = application
  await application.connect()
  const before = listenersOf(emitter)
  for (let round = 0; round < 20; round++) {
    const manager = await opened(client, patient)
    expect(await manager.set('k', String(round))).toBe(true)
    await manager.close()
    expect(listenersOf(emitter)).toEqual(withGuard(before))
  }
  expect(await application.ping()).toBe('PONG')
  // As many managers as like to may share it, and one that leaves takes nobody's listeners along.
  const managers = await Promise.all(Array.from({ length: 4 }, () => opened(client, patient)))
  await Promise.all(managers.slice(1).map((manager) => manager.close()))
  expect(await managers[0]?.get('k')).toBe('19')
  await managers[0]?.close()
  expect(listenersOf(emitter)).toEqual(withGuard(before))
})

test.each(kinds)('$name: the client of a backend that was replaced by another stays open', async ({ open }) => {
  await using application = open(shared.url)
  const { client, emitter } = application
  await application.connect()
  const before = listenersOf(emitter)
  try {
    await initCache(new RedisBackend({ client, ...patient }))
    await until('the client is used', () => isConnected(cacheManager))
    await initCache(new MemoryBackend())
    await until('it was let go', () => isDeepStrictEqual(listenersOf(emitter), withGuard(before)))
    expect(await application.ping()).toBe('PONG')
  } finally {
    await closeCache()
  }
  expect(await application.ping()).toBe('PONG')
})

test.each(kinds)('$name: not connected at init, calls are answered, and hits begin when it is', async ({ open }) => {
  await using redis = await startRedis()
  await redis.kill()
  await using application = open(redis.url)
  await using manager = await managerOf(application.client, brisk).init()
  let runs = 0
  const fn = cached(async (hash: string) => ({ hash, run: ++runs }), { name: `early-${++serial}`, manager, ttl: '1h' })
  expect(await fn('a')).toEqual({ hash: 'a', run: 1 })
  expect(await fn.withStatus('a')).toMatchObject({ value: { hash: 'a', run: 1 }, source: 'fallback' })
  expect((await manager.healthReport()).status).toBe('degraded')
  expect(await manager.delete('other')).toBe('journaled')
  const connected = application.connect()
  await redis.restart()
  await connected
  await until('hits come from Redis', async () => (await fn.withStatus('a')).source === 'l2')
  expect(manager.stats().journal).toBe(0)
})

test.each(descendants)('$name: one that waits for its first command is connected by the cache', async ({ open }) => {
  await using application = open(shared.url)
  await using manager = await opened(application.client, patient)
  expect(await manager.set('k', 'v')).toBe(true)
  expect(await application.ping()).toBe('PONG')
})

const faults = kinds.flatMap((kind) => ['killed', 'frozen'].map((fault) => ({ ...kind, fault })))

test.each(faults)(
  '$name, server $fault: calls are answered, what is invalidated stays so, and hits resume by themselves',
  async ({ open, fault }) => {
    // A server that is killed comes back with what was deleted meanwhile: the hard case.
    await using redis = await startRedis({ config: ['appendonly yes', 'appendfsync always'] })
    await using application = open(redis.url)
    await application.connect()
    await using manager = await opened(application.client, brisk)
    const inUse = listenersOf(application.emitter)
    let runs = 0
    const fn = cached(async (hash: string) => ({ hash, run: ++runs }), {
      name: `through-${++serial}`,
      manager,
      ttl: '1h',
    })
    for (const key of ['deleted', 'overwritten']) expect(await manager.setValue(key, 'old')).toBe(true)
    expect(await manager.setValue('tagged', 'old', { tags: ['t'] })).toBe(true)

    if (fault === 'killed') await redis.kill()
    else redis.pause()
    // On its way, or not, when it is found out that nobody answers.
    await manager.setValue('late', 'old')
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => fn(`during-${index % 5}`)))
    expect(new Set(answers.map(({ hash }) => hash)).size).toBe(5)
    expect(await fn('during-0')).toEqual(answers[0])
    expect(await manager.deleteMany(['deleted', 'late'])).toBe('journaled')
    expect(await manager.invalidateTags(['t'])).toBe('journaled')
    expect(await manager.setValue('overwritten', 'new')).toBe(true)
    // Without the store too.
    for (const key of ['deleted', 'tagged', 'late'])
      expect([key, await manager.getValue(key)]).toEqual([key, undefined])

    if (fault === 'killed') await redis.restart()
    else redis.resume()
    const invalidated = ['deleted', 'tagged', 'late', 'overwritten']
    await until('the client is used again', async () => {
      for (const key of invalidated) expect([key, await manager.getValue(key)]).not.toEqual([key, 'old'])
      return await isConnected(manager)
    })
    for (const key of invalidated) expect([key, await manager.getValue(key)]).toEqual([key, undefined])
    expect(await redis.cli('EXISTS', 'deleted', 'late', 'overwritten')).toBe('0')
    expect(manager.stats().journal).toBe(0)
    await until('hits come from Redis again', async () => (await fn.withStatus('after')).source === 'l2')
    expect(await application.ping()).toBe('PONG')
    await until('it is watched as before', () => isDeepStrictEqual(listenersOf(application.emitter), inUse))
  },
)

test.each(kinds)(
  '$name: a connection lost between two calls is noticed, however soon there is another',
  async (kind) => {
    await using proxy = await startFaultProxy(shared)
    await using application = kind.open(proxy.url)
    await application.connect()
    await using manager = await opened(application.client, patient)
    const states: CacheState[] = []
    manager.on('state', ({ to }) => states.push(to))
    // Nobody uses it until it is there again: it may lead to another server by then, which knows nothing of what was invalidated.
    proxy.cut()
    await until('the client is used again', () => states.includes('connected'))
    expect(states.slice(0, 2)).toEqual(['degraded', 'connected'])
  },
)

test.each(kinds)('$name: nothing is handed to a client that is not ready', async ({ open }) => {
  await using redis = await startRedis()
  await using application = open(redis.url)
  const transport = await openClientTransport(application.client)({ connectTimeoutMs: 1, lost() {} })
  await expect(transport.send(['SET', 'early', 'v'])).rejects.toThrow('The client is not ready')
  await application.connect()
  await transport.ready
  expect(await transport.send(['SET', 'in time', 'v'])).toBe('OK')
  transport.destroy()
  await expect(transport.send(['SET', 'late', 'v'])).rejects.toThrow('The client is not ready')
  // Whatever the client may have kept goes before this.
  expect(await application.ping()).toBe('PONG')
  expect(await redis.cli('DBSIZE')).toBe('1')
})

test.each(kinds)('$name: what is written while the server is away is not sent when it is back', async ({ open }) => {
  await using redis = await startRedis()
  await using application = open(redis.url)
  await application.connect()
  await using manager = await opened(application.client, brisk)
  // Frozen first: it is on its way when the connection ends, and nobody has answered it.
  redis.pause()
  const old = 'old'.repeat(35_000)
  await manager.set('on its way', old)
  await redis.kill()
  await manager.set('later', old)
  expect(await manager.deleteMany(['on its way', 'later'])).toBe('journaled')
  await redis.restart()
  await until('the client is used again', () => isConnected(manager))
  // Whatever the client may have kept goes before this.
  expect(await application.ping()).toBe('PONG')
  expect(await receivedBy(redis)).toBeLessThan(old.length)
  expect(await redis.cli('EXISTS', 'on its way', 'later')).toBe('0')
  await until('what is written now is sent', async () => await manager.set('on its way', 'new'))
})

test.each(kinds)('$name: what was under way on a lost connection is not sent on the next one', async ({ open }) => {
  await using redis = await startRedis()
  await using proxy = await startFaultProxy(redis)
  await using application = open(proxy.url)
  await application.connect()
  await using manager = await opened(application.client, brisk)
  // The server lives on, and others with it: what is sent late would overwrite what they have stored since. More than fits into the
  // buffers on the way, so that a part has not left the client.
  proxy.freeze()
  const before = await receivedBy(redis)
  const keys = Array.from({ length: 40 }, (_, index) => `late-${index}`)
  const text = 'old'.repeat(350_000)
  await Promise.all(keys.map((key) => manager.set(key, text)))
  expect(await manager.deleteMany(keys)).toBe('journaled')
  proxy.cut()
  await proxy.heal()
  await until('the client is used again', () => isConnected(manager))
  expect(await application.ping()).toBe('PONG')
  expect((await receivedBy(redis)) - before).toBeLessThan(text.length)
  expect(await redis.cli('EXISTS', ...keys)).toBe('0')
  expect(await manager.set('late-0', 'new')).toBe(true)
  expect(await manager.get('late-0')).toBe('new')
})

/** How a script of its own makes a client: without a listener for its errors. */
const scripts = [
  {
    name: 'node-redis',
    create: `import { createClient } from '@redis/client'
      const client = createClient({ url: process.env.TEST_URL })
      const connect = () => client.connect()
      const end = () => client.destroy()`,
  },
  ...['ioredis', 'ioredis-6', 'iovalkey'].map((name) => ({
    name,
    create: `import { Redis } from '${name}'
      const client = new Redis(process.env.TEST_URL, { lazyConnect: true })
      const connect = () => client.connect()
      const end = () => client.disconnect()`,
  })),
]

interface Script {
  /** Resolves when it has printed the line; rejects when it ends without. */
  says(line: string): Promise<void>
  readonly ended: Promise<{ readonly code: unknown; readonly stdout: string; readonly stderr: string }>
}

/** Runs a script as an application would be run, with the built package. */
function run(source: string, url: string): Script {
  requireBuild()
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    cwd: root,
    env: { ...process.env, TEST_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const printed = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (printed[name] += text))
  let isOver = false
  const ended = once(child, 'close').then(([code]: unknown[]) => {
    isOver = true
    return { code, ...printed }
  })
  return {
    ended,
    says: (line) =>
      until(`the script says '${line}'`, () => {
        if (printed.stdout.split('\n').includes(line)) return true
        if (isOver) throw new Error(`The script ended:\n${printed.stdout}${printed.stderr}`)
        return false
      }),
  }
}

test.each(scripts)('$name: an outage ends no process that does not listen for errors of its client', async (script) => {
  await using redis = await startRedis()
  const child = run(
    `${script.create}
    import { createCache, RedisBackend } from '@speedrun/cache'
    await connect()
    const manager = createCache({ backend: new RedisBackend({ client }), logLevel: 'silent' })
    let isLost = false
    manager.on('state', ({ to }) => {
      if (to === 'degraded') isLost = true
      console.log(to === 'connected' && isLost ? 'back' : to)
    })
    await manager.init()
    while (!isLost || !(await manager.healthCheck())) await new Promise((resolve) => setTimeout(resolve, 20))
    await manager.close()
    console.log('closed')
    // It is the application's again, and still without a listener of its own.
    await new Promise((resolve) => client.once('reconnecting', resolve))
    end()`,
    redis.url,
  )
  await child.says('connected')
  await redis.kill()
  await child.says('degraded')
  await redis.restart()
  await child.says('closed')
  await redis.kill()
  expect(await child.ended).toMatchObject({ code: 0, stderr: '' })
})

test('after close nothing of ours waits for a client that never connected', async () => {
  const child = run(
    `import { createClient } from '@redis/client'
    import { createCache, RedisBackend } from '@speedrun/cache'
    const backend = new RedisBackend({ client: createClient() })
    const manager = await createCache({ backend, logLevel: 'silent' }).init()
    await manager.close()
    await new Promise((resolve) => setImmediate(resolve))
    console.log(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length)`,
    shared.url,
  )
  expect(await child.ended).toEqual({ code: 0, stdout: '0\n', stderr: '' })
})

/** Gives the classes of an error other names, as a bundler that shortens them does. @returns what gives them back */
function shortenNames(error: unknown): () => void {
  const before: Array<readonly [object, string]> = []
  for (let type = Object.getPrototypeOf(error); type !== Error.prototype; type = Object.getPrototypeOf(type)) {
    before.push([type.constructor, type.constructor.name])
    Object.defineProperty(type.constructor, 'name', { value: 'a' })
  }
  return () => before.forEach(([type, name]) => Object.defineProperty(type, 'name', { value: name }))
}

test.each(kinds)(
  '$name: what the server answers is understood where a bundler shortened the names of classes',
  async (kind) => {
    await using application = kind.open(shared.url)
    await application.connect()
    const { client } = application
    const refused = 'isReady' in client ? client.sendCommand(['NOSUCH']) : client.call('NOSUCH')
    const giveBack = shortenNames(await refused.catch((error: unknown) => error))
    try {
      // It asks for scripts that the server does not know.
      await shared.cli('SCRIPT', 'FLUSH')
      await using manager = await opened(client, patient)
      expect(await manager.invalidateTags(['t'])).toBe('applied')
      expect(await manager.set('k', 'v')).toBe(true)
      expect(await manager.get('k')).toBe('v')
    } finally {
      giveBack()
    }
  },
)

const url = 'redis://127.0.0.1:1'
const node = { host: '127.0.0.1', port: 1 }
const lazy = { lazyConnect: true }
const ofOneServer = /client must be a .* client of one server/
const noPrefix = /client must not have a keyPrefix/

test.each<{ readonly what: string; readonly client: unknown; readonly says: RegExp }>([
  { what: 'a cluster client of node-redis', client: createCluster({ rootNodes: [{ url }] }), says: ofOneServer },
  { what: 'a pool of node-redis', client: createClientPool({ url }), says: ofOneServer },
  {
    what: 'a sentinel client of node-redis',
    client: createSentinel({ name: 'primary', sentinelRootNodes: [node] }),
    says: ofOneServer,
  },
  { what: 'a callback client of node-redis', client: createClient({ url }).legacy(), says: ofOneServer },
  { what: 'a transaction of node-redis', client: createClient({ url }).multi(), says: ofOneServer },
  { what: 'a cluster client of ioredis 5', client: new Cluster5([node], lazy), says: ofOneServer },
  { what: 'a cluster client of ioredis 6', client: new Cluster6([node], lazy), says: ofOneServer },
  { what: 'a cluster client of iovalkey', client: new ValkeyCluster([node], lazy), says: ofOneServer },
  { what: 'a pipeline of ioredis', client: new Redis5(url, lazy).pipeline(), says: ofOneServer },
  { what: 'an object of another kind', client: { get: () => null }, says: ofOneServer },
  { what: 'a class', client: Redis5, says: ofOneServer },
  { what: 'a url', client: url, says: ofOneServer },
  { what: 'null', client: null, says: ofOneServer },
  { what: 'a prefix of node-redis', client: createClient({ url, keyPrefix: 'app:' }), says: noPrefix },
  { what: 'a prefix of ioredis 5', client: new Redis5(url, { ...lazy, keyPrefix: 'app:' }), says: noPrefix },
  { what: 'a prefix of ioredis 6', client: new Redis6(url, { ...lazy, keyPrefix: 'app:' }), says: noPrefix },
  { what: 'a prefix of iovalkey', client: new Valkey(url, { ...lazy, keyPrefix: 'app:' }), says: noPrefix },
])('$what is refused at once, by name', ({ client, says }) => {
  const build = (): RedisBackend => new RedisBackend({ client: client as InjectedClient })
  expect(build).toThrow(TypeError)
  expect(build).toThrow(expect.objectContaining({ code: 'CACHE_BAD_OPTION', message: expect.stringMatching(says) }))
})

test.each(kinds)('$name: a client together with a url is refused at once, by name', async ({ open }) => {
  await using application = open(url)
  const build = (): RedisBackend => new RedisBackend({ client: application.client, url })
  expect(build).toThrow(TypeError)
  expect(build).toThrow(expect.objectContaining({ code: 'CACHE_BAD_OPTION', message: 'Give either a url or a client' }))
})
