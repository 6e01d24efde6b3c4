// The connection to Redis: what was sent on one that is lost cannot happen later, and what answers is known for who it is.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { openNodeRedisTransport } from '../../src/backends/redis/node-redis-transport.ts'
import type { OpenTransport } from '../../src/backends/redis/transport.ts'
import type { CacheManager, CacheOptions, StateEvent } from '../../src/index.ts'
import { createCache, RedisBackend } from '../../src/index.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { until } from '../support/gate.ts'
import { startRedis } from '../support/redis-server.ts'

const managers: CacheManager[] = []
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close()
})

/** @param awaited whether to wait until it is connected, however slow the machine */
async function open(options: CacheOptions, awaited = true): Promise<{ manager: CacheManager; states: StateEvent[] }> {
  const manager = createCache({ logLevel: 'silent', budget: '2s', ...options })
  const states: StateEvent[] = []
  manager.on('state', (event) => states.push(event))
  managers.push(manager)
  await manager.init()
  if (awaited) await until('the cache is connected', () => isConnected(manager))
  return { manager, states }
}

const isConnected = async (manager: CacheManager): Promise<boolean> =>
  (await manager.healthReport()).status === 'connected'

/** The transport of the product, whose connections never have others closed. */
function withoutKill(url: string): OpenTransport {
  const open = openNodeRedisTransport(url)
  return async (options) => {
    const transport = await open(options)
    return {
      ...transport,
      send: (args) => (args.join(' ').startsWith('CLIENT KILL') ? Promise.resolve(0) : transport.send(args)),
    }
  }
}

describe('late commands of a connection that was lost', () => {
  async function lateSet(kill: boolean): Promise<string> {
    await using redis = await startRedis()
    await using proxy = await startFaultProxy(redis)
    const options = kill ? { url: proxy.url } : { openTransport: withoutKill(proxy.url) }
    const { manager, states } = await open({ backend: new RedisBackend(options) })
    const [link] = proxy.connections
    link?.holdRequests()
    // Nobody will ever know whether it arrives.
    expect(await manager.set('k', 'old')).toBe(false)
    expect(states.at(-1)?.to).toBe('degraded')
    link?.cutClient()
    await until('the cache is connected again', () => isConnected(manager))
    await manager.delete('k')
    expect(await manager.set('k', 'new')).toBe(true)
    expect(link?.heldBytes).toBeGreaterThan(0)
    await link?.release()
    return await redis.cli('GET', 'k')
  }

  test('cannot undo what came later: the server closes old connections first', async () => {
    expect(await lateSet(true)).toMatch(/\nnew$/)
  })

  test('would undo it otherwise', async () => {
    expect(await lateSet(false)).toMatch(/\nold$/)
  })
})

test('two caches on one backend are both told that its connection is lost, and both come back', async () => {
  await using redis = await startRedis()
  await using proxy = await startFaultProxy(redis)
  const backend = new RedisBackend({ url: proxy.url })
  const both = [await open({ backend }), await open({ backend })]
  proxy.cut()
  for (const { manager, states } of both) {
    await until('it is told', () => states.some(({ to }) => to === 'degraded'))
    await until('it is back', () => isConnected(manager))
    expect(manager.stats().outages).toBe(1)
  }
})

test('the same server on a new connection: nothing it had confirmed is repeated, so what others wrote since stays', async () => {
  await using redis = await startRedis()
  await using proxy = await startFaultProxy(redis)
  const { manager, states } = await open({ url: proxy.url })
  const { manager: neighbour } = await open({ url: redis.url })
  expect(await manager.set('k', 'older')).toBe(true)
  expect(await neighbour.set('k', 'newer')).toBe(true)
  proxy.cut()
  await until('it is noticed', () => states.some(({ to }) => to === 'degraded'))
  await until('it is back', () => isConnected(manager))
  expect(await manager.get('k')).toBe('newer')
  expect(await neighbour.get('k')).toBe('newer')
})

describe('values that go beside the link', () => {
  const large = 'x'.repeat(100_000)

  test('use another connection, never more than were allowed', async () => {
    await using redis = await startRedis()
    for (const [maxConnections, wanted] of [
      [1, 1],
      [2, 2],
      [50, 5],
    ] as const) {
      // prettier-ignore
      await using proxy = await startFaultProxy(redis)
      const { manager } = await open({ url: proxy.url, maxConnections })
      const keys = Array.from({ length: 20 }, (_, index) => `large:${maxConnections}:${index}`)
      expect(await Promise.all(keys.map((key) => manager.set(key, large)))).toEqual(keys.map(() => true))
      expect(await manager.get(keys[19] ?? '')).toBe(large)
      expect(proxy.connections).toHaveLength(wanted)
      await manager.set('small', 'x')
      expect(proxy.connections).toHaveLength(wanted)
    }
  })

  test('do not arrive late either: one that hangs is closed by word of the link', async () => {
    await using redis = await startRedis()
    await using proxy = await startFaultProxy(redis)
    const { manager } = await open({ url: proxy.url, socketTimeout: '1s' })
    await manager.set('other', large)
    const [, side] = proxy.connections
    side?.holdRequests()
    expect(await manager.set('k', large)).toBe(false)
    await until('the hanging connection is closed', () => side?.serverOpen === false)
    await until('the cache is connected', () => isConnected(manager))
    await until('the write is undone', () => manager.stats().journal === 0)
    expect(await manager.set('k', 'new')).toBe(true)
    await side?.release()
    expect(await redis.cli('GET', 'k')).toMatch(/\nnew$/)
  })

  test('do not arrive late when link and side connection are lost together', async () => {
    await using redis = await startRedis()
    await using proxy = await startFaultProxy(redis)
    const { manager } = await open({ url: proxy.url })
    await manager.set('other', large)
    const [link, side] = proxy.connections
    side?.holdRequests()
    const set = manager.set('k', large)
    await until('it is on its way', () => (side?.heldBytes ?? 0) > 100_000)
    link?.cut()
    expect(await set).toBe(false)
    await until('the cache is connected', () => isConnected(manager))
    expect(await manager.set('k', 'new')).toBe(true)
    await side?.release()
    expect(await redis.cli('GET', 'k')).toMatch(/\nnew$/)
  })

  test('take the link when the server allows no more connections', async () => {
    await using redis = await startRedis({ config: ['maxclients 1'] })
    const { manager } = await open({ url: redis.url })
    expect(await manager.set('k', large)).toBe(true)
    expect(await manager.get('k')).toBe(large)
  })
})

describe('what answers', () => {
  test('a master that becomes a replica is left alone until it is one again, and what it held is void', async () => {
    await using redis = await startRedis()
    await using other = await startRedis()
    const { manager, states } = await open({ url: redis.url })
    await manager.set('k', 'before')
    await redis.cli('REPLICAOF', '127.0.0.1', String(other.port))
    await until('it is noticed', () => states.at(-1)?.to === 'degraded')
    expect(states.at(-1)?.reason).toMatch(/replica|READONLY/)
    expect(await manager.get('k')).toBeNull()
    expect(await manager.set('k', 'meanwhile')).toBe(true)
    await redis.cli('REPLICAOF', 'NO', 'ONE')
    await until('the cache is connected', () => isConnected(manager))
    // The same process, but its data may come from another one.
    expect(await manager.get('k')).toBeNull()
    expect(await manager.set('k', 'after')).toBe(true)
    expect(await manager.get('k')).toBe('after')
  })

  test('a master that was demoted and promoted while nobody asked is noticed all the same', async () => {
    await using redis = await startRedis()
    const { manager, states } = await open({ url: redis.url })
    await manager.set('k', 'before')
    // Nobody answers there: it syncs with nobody, so it never refuses what the link asks in between.
    await redis.cli('REPLICAOF', '127.0.0.1', '1')
    await redis.cli('REPLICAOF', 'NO', 'ONE')
    await until('it is noticed', () => states.some(({ to }) => to === 'degraded'))
    await until('the cache is connected', () => isConnected(manager))
    expect(await manager.get('k')).toBeNull()
  })

  test.each(['empty', 'with what it had saved'])(
    'a server that is started again %s: what another program wrote is read if it is newer than the start',
    async (how) => {
      await using redis = await startRedis()
      const { manager, states } = await open({ url: redis.url })
      await redis.cli('SET', 'foreign', '"old"')
      expect(await manager.getValue('foreign')).toBe('old')
      if (how !== 'empty') await redis.cli('SAVE')
      await redis.restart()
      await until('it is noticed', () => states.some(({ to }) => to === 'degraded'))
      await until('the cache is connected', () => isConnected(manager))
      // Nobody knows which of the values in a saved data set were deleted before the start.
      expect(await manager.getValue('foreign')).toBeUndefined()
      await redis.cli('SET', 'foreign', '"new"')
      expect(await manager.getValue('foreign')).toBe(how === 'empty' ? 'new' : undefined)
    },
  )

  test('a server that refuses writes for lack of memory is used for reading, and deletes are applied', async () => {
    await using redis = await startRedis({ config: ['maxmemory-policy noeviction'] })
    const { manager, states } = await open({ url: redis.url })
    await manager.set('k', 'kept')
    await manager.set('gone', 'old')
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1')
    let runs = 0
    for (let call = 0; call < 20; call++) expect(await manager.getOrSet(`cold-${call}`, () => ++runs)).toBe(call + 1)
    expect(manager.stats().total.refused).toBe(20)
    expect(await manager.set('k2', 'v')).toBe(false)
    expect(await manager.get('k')).toBe('kept')
    expect(await manager.delete('gone')).toBe('applied')
    // Its old value must not outlive a set that was refused.
    expect(await manager.set('k', 'new')).toBe(false)
    expect(await manager.get('k')).toBeNull()
    expect(states.at(-1)?.to).toBe('connected')
    expect(manager.stats().outages).toBe(0)
    await redis.cli('CONFIG', 'SET', 'maxmemory', '0')
    expect(await manager.set('k', 'new')).toBe(true)
  })

  test('a server that refuses PING and writes because it cannot save is read, by who is there and by who comes', async () => {
    // A folder stands where its file should go.
    await using redis = await startRedis({ config: ['save 3600 1000000'] })
    const { manager, states } = await open({ url: redis.url })
    await manager.set('k', 'kept')
    const [, folder = ''] = (await redis.cli('CONFIG', 'GET', 'dir')).split('\n')
    await mkdir(join(folder, 'dump.rdb'))
    await redis.cli('BGSAVE')
    await until('saving fails', async () => (await redis.cli('PING')).startsWith('MISCONF'))
    expect(await manager.healthCheck()).toBe(true)
    expect(await manager.get('k')).toBe('kept')
    const { manager: newcomer } = await open({ url: redis.url })
    expect(await newcomer.get('k')).toBe('kept')
    expect(await newcomer.getOrSet('cold', () => 'loaded')).toBe('loaded')
    expect(states.at(-1)?.to).toBe('connected')
    expect(manager.stats().outages).toBe(0)
  })

  test('tags are invalidated everywhere though the server has no memory to spare', async () => {
    await using redis = await startRedis({ config: ['maxmemory-policy noeviction'] })
    const { manager } = await open({ url: redis.url })
    const { manager: neighbour } = await open({ url: redis.url })
    await manager.setValue('k', 'old', { tags: ['t'] })
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1')
    expect(await manager.invalidateTags(['t'])).toBe('applied')
    expect(await manager.getValue('k')).toBeUndefined()
    expect(await neighbour.getValue('k')).toBeUndefined()
    await manager.setValue('k', 'new')
    expect(await manager.clear()).toBe('applied')
    await redis.cli('CONFIG', 'SET', 'maxmemory', '0')
    expect(await neighbour.setValue('k', 'newer', { tags: ['t'] })).toBe(true)
    expect(await manager.getValue('k')).toBe('newer')
  })

  test('a changed password: the cache stands in, and comes back with the password', async () => {
    const secret = ['-a', 'right', '--no-auth-warning']
    await using redis = await startRedis({ config: ['requirepass right'], cliArguments: secret })
    const { manager, states } = await open({ url: redis.url.replace('redis://', 'redis://:right@') })
    expect(await manager.set('k', 'v')).toBe(true)
    await redis.cli('CONFIG', 'SET', 'requirepass', 'other')
    await redis.cli('-a', 'other', 'CLIENT', 'KILL', 'TYPE', 'normal')
    await until('it is noticed', () => states.at(-1)?.to === 'degraded')
    expect(await manager.getOrSet('cold', () => 'loaded')).toBe('loaded')
    expect(await manager.delete('k')).toBe('journaled')
    expect((await manager.healthReport()).status).toBe('degraded')
    await redis.cli('-a', 'other', 'CONFIG', 'SET', 'requirepass', 'right')
    await until('the cache is connected', () => isConnected(manager))
    expect(await manager.get('k')).toBeNull()
  })

  test('a server that loads a large data set is not used before it has', async () => {
    await using redis = await startRedis({
      config: ['enable-debug-command local', 'key-load-delay 500', 'loading-process-events-interval-bytes 1024'],
    })
    await redis.cli('DEBUG', 'POPULATE', '20000', 'filler', '10')
    await redis.cli('SAVE')
    await redis.restart({ whileLoading: true })
    await expect(redis.cli('GET', 'k')).resolves.toMatch(/LOADING/)
    const { manager, states } = await open({ url: redis.url }, false)
    expect(states[0]).toMatchObject({ to: 'degraded' })
    expect(states[0]?.reason).toMatch(/LOADING/)
    expect(await manager.getOrSet('k', () => 'loaded')).toBe('loaded')
    await redis.cli('CONFIG', 'SET', 'key-load-delay', '0')
    await until('the cache is connected', () => isConnected(manager))
  })

  test('an account that may not close connections or ask who answers works, and the report says what that costs', async () => {
    await using redis = await startRedis()
    const rules = [
      '~*',
      '+@read',
      '+@write',
      '+@scripting',
      '+@connection',
      '-client',
      '+client|id',
      '+client|setname',
      '+time',
    ]
    await redis.cli('ACL', 'SETUSER', 'app', 'on', '>secret', ...rules)
    const { manager } = await open({ url: redis.url.replace('redis://', 'redis://app:secret@') })
    expect(await manager.set('k', 'v')).toBe(true)
    expect(await manager.get('k')).toBe('v')
    expect(await manager.invalidateTags(['t'])).toBe('applied')
    const { status, limits } = await manager.healthReport()
    expect(status).toBe('connected')
    expect(limits.map((limit) => limit.split(' is not permitted')[0])).toEqual([
      'INFO',
      'CLIENT KILL',
      'CLIENT TRACKING',
    ])
    const { manager: full } = await open({ url: redis.url })
    expect((await full.healthReport()).limits).toEqual([])
  })
})
