// `onLostNode: 'bump'`: a process that ends without a word makes the fleet load everything anew, once. How long it has been silent is what
// stands in Redis, in seconds of the server; the tests write it there instead of waiting.
import { setImmediate } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { LostNodes } from '../../src/backends/redis/lost-nodes.ts'
import type { CacheManager, CacheOptions } from '../../src/index.ts'
import { createCache, RedisBackend } from '../../src/index.ts'
import { gate, until } from '../support/gate.ts'
import { type ManualRuntime, manualRuntime } from '../support/manual-runtime.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { compileCrashClient } from './crash-processes.ts'

const registry = '{speedrun-cache#t}:nodes#t'
const signMs = 5000

const managers: CacheManager[] = []
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close()
})

async function open(redis: RedisServer, options: CacheOptions = {}): Promise<CacheManager> {
  const given: CacheOptions = { url: redis.url, onLostNode: 'bump', logLevel: 'silent', budget: '20s', ...options }
  const manager = createCache(given)
  managers.push(manager)
  await manager.init()
  await until('the cache is connected', async () => (await manager.healthReport()).status === 'connected')
  return manager
}

/** Its time stands still but for `pass`. */
async function openByHand(redis: RedisServer): Promise<{ manager: CacheManager; pass: (ms: number) => Promise<void> }> {
  const runtime: ManualRuntime = manualRuntime(Date.now())
  let next = 0
  // Two caches must not take each other for the same one.
  const random = (): number => (++next * Math.PI + Math.random()) % 1
  const given = { ...runtime, random }
  const backend = new RedisBackend({ url: redis.url, onLostNode: 'bump', runtime: given })
  const manager = await open(redis, { url: undefined, onLostNode: undefined, backend, runtime: given })
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 250) {
      runtime.advance(250)
      // What that has set in motion is answered before this is: no deadline passes for a slow machine.
      await backend.ping()
      await setImmediate()
    }
  }
  return { manager, pass }
}

const secondsOf = async (redis: RedisServer): Promise<number> => Number((await redis.cli('TIME')).split('\n')[0])
const nodesOf = async (redis: RedisServer): Promise<string[]> =>
  (await redis.cli('ZRANGE', registry, '0', '-1')).split('\n').filter((line) => line !== '')

async function silentSince(redis: RedisServer, node: string, seconds: number): Promise<void> {
  await redis.cli('ZADD', registry, String((await secondsOf(redis)) - seconds), node)
}

test('what was stored before a process fell silent is void for whoever opens next, once', async () => {
  await using redis = await startRedis()
  const first = await open(redis)
  await first.setValue('before', 1)
  await first.setValue('tagged', 1, { tags: ['t'] })
  await silentSince(redis, 'dead', 40)

  const second = await open(redis)
  for (const key of ['before', 'tagged']) expect(await second.getValue(key)).toBeUndefined()
  // The others see it with their next read.
  for (const key of ['before', 'tagged']) expect(await first.getValue(key)).toBeUndefined()
  expect(await nodesOf(redis)).toHaveLength(2)

  await second.setValue('after', 1)
  const third = await open(redis)
  expect([await third.getValue('after'), await first.getValue('after')]).toEqual([1, 1])
})

test('a cache that is open finds it out by itself, with its next sign', async () => {
  await using redis = await startRedis()
  const { manager, pass } = await openByHand(redis)
  await manager.setValue('before', 1)
  await silentSince(redis, 'dead', 40)
  await pass(signMs - 250)
  expect(await manager.getValue('before')).toBe(1)
  await pass(250)
  await until('it was found out', async () => (await nodesOf(redis)).length === 1)
  expect(await manager.getValue('before')).toBeUndefined()
  await manager.setValue('after', 1)
  await pass(2 * signMs)
  expect(await manager.getValue('after')).toBe(1)
})

test('half a minute at most goes by, two signs included', async () => {
  await using redis = await startRedis()
  const first = await open(redis)
  await first.setValue('before', 1)
  // Another five seconds may pass until somebody looks.
  await silentSince(redis, 'dead', 25)
  const second = await open(redis)
  expect(await second.getValue('before')).toBeUndefined()
})

test('one that lives is not lost: it says so again and again', async () => {
  await using redis = await startRedis()
  const { manager, pass } = await openByHand(redis)
  await manager.setValue('k', 1)
  const [node = ''] = await nodesOf(redis)
  for (let index = 0; index < 3; index++) {
    await silentSince(redis, node, 15)
    const other = await open(redis)
    expect(await other.getValue('k')).toBe(1)
    await other.close()
    await pass(signMs)
    const age = (await secondsOf(redis)) - Number(await redis.cli('ZSCORE', registry, node))
    // It may be slow, but it has said so since.
    expect(age).toBeLessThan(15)
  }
  expect(await nodesOf(redis)).toEqual([node])
})

test('one that was silent for long and lives is nobody lost to itself', async () => {
  await using redis = await startRedis()
  const { manager, pass } = await openByHand(redis)
  await manager.setValue('k', 1)
  const [node = ''] = await nodesOf(redis)
  await silentSince(redis, node, 3600)
  await pass(signMs)
  expect(await manager.getValue('k')).toBe(1)
})

test('one that was closed leaves nothing behind, so nothing becomes void', async () => {
  await using redis = await startRedis()
  const first = await open(redis)
  await first.setValue('k', 1)
  await first.close()
  expect(await redis.cli('EXISTS', registry)).toBe('0')
  const second = await open(redis)
  expect(await second.getValue('k')).toBe(1)
  expect(await nodesOf(redis)).toHaveLength(1)
})

test('one that was closed while it was saying that it lives says goodbye last, and nothing after it', async () => {
  const said: string[] = []
  const held = gate()
  const nodes = new LostNodes({
    bumped: () => {},
    clockKey: 'clock',
    runtime: manualRuntime(),
    link: { history: 'h', isUp: true },
    run: async () => {
      await held.wait()
      said.push('lives')
    },
    send: async ([command = '']) => (command === 'PING' ? undefined : said.push(command)),
  })
  nodes.start()
  const signing = nodes.sign()
  await held.reached
  const stopping = nodes.stop(false)
  await setImmediate()
  expect(said).toEqual([])
  held.open()
  await Promise.all([signing, stopping])
  // As a store does that was about to come back.
  await nodes.sign()
  expect(said).toEqual(['lives', 'ZREM'])
})

test('one that was closed while it owes invalidations says no goodbye', async () => {
  const said: string[] = []
  const nodes = new LostNodes({
    bumped: () => {},
    clockKey: 'clock',
    runtime: manualRuntime(),
    link: { history: 'h', isUp: true },
    run: async () => void said.push('lives'),
    send: async ([command = '']) => void said.push(command),
  })
  nodes.start()
  await nodes.stop(true)
  await nodes.sign()
  expect(said).toEqual([])
})

test('a server without memory for the registry is used all the same', async () => {
  await using redis = await startRedis({ config: ['maxmemory-policy noeviction'] })
  const first = await open(redis)
  await first.setValue('k', 1)
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1')
  const second = await open(redis)
  expect(await second.getValue('k')).toBe(1)
})

test.each(['frozen', 'killed'])('one that was closed while Redis was %s counts as lost', async (fault) => {
  await using redis = await startRedis({ config: ['appendonly yes', 'appendfsync always'] })
  const first = await open(redis, { budget: '100ms' })
  const [node = ''] = await nodesOf(redis)
  expect(node).not.toBe('')
  if (fault === 'frozen') redis.pause()
  else await redis.kill()
  await first.delete('k')
  await first.close()
  if (fault === 'frozen') redis.resume()
  else await redis.restart()
  expect(await nodesOf(redis)).toEqual([node])
})

test('values without a header are void as well, until `clear` has gone through the keys', async () => {
  await using redis = await startRedis()
  const options = { wire: 'plain', namespace: 'shared' } as const
  const first = await open(redis, options)
  await first.setValue('plain', { n: 1 })
  expect(await redis.cli('GET', 'shared:plain')).toBe('{"n":1}')
  expect(await first.getValue('plain')).toEqual({ n: 1 })
  await redis.cli('ZADD', '{shared:speedrun-cache#t}:nodes#t', String((await secondsOf(redis)) - 40), 'dead')
  const second = await open(redis, options)
  expect(await second.getValue('plain')).toBeUndefined()
  await second.clear()
  await second.setValue('plain', { n: 2 })
  expect(await second.getValue('plain')).toEqual({ n: 2 })
})

test('applications that share a database do not mind each other', async () => {
  await using redis = await startRedis()
  const mine = await open(redis, { namespace: 'mine' })
  await mine.setValue('k', 1)
  expect(await redis.cli('ZCARD', '{mine:speedrun-cache#t}:nodes#t')).toBe('1')
  await silentSince(redis, 'dead', 40)
  await open(redis)
  const other = await open(redis, { namespace: 'mine' })
  expect(await other.getValue('k')).toBe(1)
})

test('without the option nothing is registered, and nobody is missed', async () => {
  await using redis = await startRedis()
  for (const onLostNode of [undefined, 'ttl'] as const) {
    const first = await open(redis, { onLostNode })
    await first.setValue('k', 1)
    expect(await redis.cli('EXISTS', registry)).toBe('0')
    await silentSince(redis, 'dead', 40)
    const second = await open(redis, { onLostNode })
    expect(await second.getValue('k')).toBe(1)
    await redis.cli('DEL', registry)
  }
})

test.each(['bump', 'ttl'] as const)(
  'a process killed in an outage, with %s',
  { timeout: 180_000 },
  async (onLostNode) => {
    using client = await compileCrashClient()
    await using redis = await startRedis()
    const keys = { first: [], second: [], tagged: ['t'] }
    const writer = client.start({
      role: 'writer',
      url: redis.url,
      onLostNode,
      keys,
      groups: [[{ do: 'delete', key: 'first' }], [{ do: 'delete', key: 'second' }], [{ do: 'tag', tag: 't' }]],
    })
    try {
      await writer.said('stored')
      redis.pause()
      writer.go()
      await writer.said('done')
      await writer.kill()
      redis.resume()
      for (const node of await nodesOf(redis)) await silentSince(redis, node, 40)
      const manager = await open(redis, { onLostNode })
      const found = [await manager.getValue('second'), await manager.getValue('tagged')]
      // What nobody else knew of lives on to the end of its ttl, unless somebody asks for more.
      expect(found).toEqual(onLostNode === 'bump' ? [undefined, undefined] : [1, 1])
    } finally {
      redis.resume()
      await writer.kill()
    }
  },
)
