// The cache on Memcached: what users are promised, with managers that stand for processes, on real servers that die, freeze and come back.
import { afterEach, describe, expect, test } from 'vitest'
import type { CacheManager } from '../../src/index.ts'
import { cached, createCache } from '../../src/index.ts'
import type { MemcachedBackendOptions } from '../../src/memcached.ts'
import { MemcachedBackend } from '../../src/memcached.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { gate, until } from '../support/gate.ts'
import { startMemcached } from '../support/memcached-server.ts'

const managers: CacheManager[] = []
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close()
})

async function start(
  address: string,
  options: MemcachedBackendOptions = {},
  budget: string = '5s',
): Promise<CacheManager> {
  const backend = new MemcachedBackend({ servers: [address], budget: 5, ...options })
  const manager = createCache({ backend, logLevel: 'silent', budget: budget as '5s', namespace: 'app' })
  managers.push(manager)
  return await manager.init()
}

test('a value loaded in one process is a hit in the other, as it was', async () => {
  await using server = await startMemcached()
  const [one, other] = [await start(server.address), await start(server.address)]
  const value = {
    at: new Date(0),
    tags: new Map([['ä', new Set([1n, undefined, NaN, -0])]]),
    bytes: new Uint8Array([0, 255]),
  }
  for (const key of ['plain', 'with blanks and ümlauts', 'k'.repeat(1000)]) {
    expect(await one.getOrSet(key, () => value, '400d')).toEqual(value)
    expect(await other.getOrSet(key, () => 'loaded again')).toEqual(value)
  }
  expect(await one.healthReport()).toMatchObject({ status: 'connected', backend: 'memcached', tags: 'shared' })
})

test('two processes that ask for a cold key at once load it once', async () => {
  await using server = await startMemcached()
  const [one, other] = [await start(server.address), await start(server.address)]
  const loading = gate()
  let loads = 0
  const load = async (): Promise<string> => {
    loads++
    await loading.wait()
    return 'value'
  }
  const asked = [one, other].flatMap((manager) => Array.from({ length: 20 }, () => manager.getOrSet('cold', load)))
  await loading.reached
  // Time enough for the other to load as well, were it let.
  for (let turns = 0; turns < 30; turns++) await server.ask('mn')
  loading.open()
  expect(new Set(await Promise.all(asked))).toEqual(new Set(['value']))
  expect(loads).toBe(1)
})

describe('an invalidation in another process during a load', () => {
  const ways: ReadonlyArray<readonly [string, (other: CacheManager) => Promise<unknown>]> = [
    ['delete', (other) => other.delete('k')],
    ['set', (other) => other.setValue('k', 'set')],
    ['invalidateTags', (other) => other.invalidateTags(['t'])],
    ['clear', (other) => other.clear()],
  ]
  test.each(ways)('%s: what comes late is served to nobody who asks later', async (_, invalidate) => {
    await using server = await startMemcached()
    const [one, other] = [await start(server.address), await start(server.address)]
    const old = gate()
    const asked = one.getOrSet('k', async () => (await old.wait(), 'old'), { ttl: '1h', tags: ['t'] })
    await old.reached
    await invalidate(other)
    const now = await other.getValue('k')
    old.open()
    expect(await asked).toBe('old')
    await one.drain()
    for (const manager of [one, other]) expect(await manager.getValue('k')).toBe(now)
    for (const manager of [one, other]) {
      expect(await manager.getOrSet('k', () => 'new', { ttl: '1h', tags: ['t'] })).toBe(now ?? 'new')
    }
  })
})

test('a value that is too large: the call succeeds, the event says so, the old value is gone, the next call works', async () => {
  await using server = await startMemcached()
  await using larger = await startMemcached({ arguments: ['-I', '2m'] })
  await using smaller = await startMemcached({ arguments: ['-I', '512k'] })
  const megabyte = 1024 * 1024
  for (const [address, options, fits, over] of [
    [server.address, {}, megabyte - 500, megabyte + 1],
    [larger.address, { maxItemBytes: 2 * megabyte }, 2 * megabyte - 500, 2 * megabyte + 1],
    [smaller.address, {}, megabyte / 2 - 500, megabyte / 2 + 1],
  ] as const) {
    const manager = await start(address, options)
    const problems: string[] = []
    manager.on('problem', ({ error }) => problems.push(String(error)))
    let length: number = fits
    let runs = 0
    const document = cached(async (hash: string) => (runs++, 'x'.repeat(hash === 'a' ? length : 0)), {
      name: `large-${fits}`,
      manager,
      ttl: '1h',
    })
    expect((await document('a')).length).toBe(fits)
    expect((await document('a')).length).toBe(fits)
    expect([runs, problems]).toEqual([1, []])
    length = over
    await document.invalidate('a')
    expect((await document('a')).length).toBe(over)
    expect(problems.join()).toMatch(/MemcachedRefusal: The item has \d+ bytes/)
    expect(problems.join()).not.toContain('xx')
    length = 1
    expect(await document('a')).toBe('x')
    expect(await document('a')).toBe('x')
    expect(runs).toBe(3)
    // By hand: what was there before is not served after a set that could not be stored.
    await manager.setValue('by-hand', 'old')
    expect(await manager.setValue('by-hand', 'y'.repeat(over))).toBe(false)
    expect(await manager.getValue('by-hand')).toBeUndefined()
    expect((await manager.healthReport()).status).toBe('connected')
  }
})

test('a server that refuses for lack of memory is well: the calls succeed', async () => {
  await using server = await startMemcached({ arguments: ['-m', '2', '-M'] })
  const manager = await start(server.address)
  for (let index = 0; index < 12; index++) {
    expect((await manager.getOrSet(`k${index}`, () => 'x'.repeat(500_000))).length).toBe(500_000)
  }
  expect((await manager.healthReport()).status).toBe('connected')
})

test('a server without CAS values is no store for this: init says why', async () => {
  await using server = await startMemcached({ arguments: ['-C'] })
  const backend = new MemcachedBackend({ servers: [server.address] })
  await expect(backend.connect()).rejects.toThrow('keeps no CAS values')
  await backend.close()
})

const isConnected = async (manager: CacheManager): Promise<boolean> =>
  (await manager.healthReport()).status === 'connected'
const isDegraded = async (manager: CacheManager): Promise<boolean> =>
  (await manager.healthReport()).status === 'degraded'

describe('while the server is away calls go on, and what was deleted meanwhile is not served after it', () => {
  test('killed and started anew', async () => {
    await using server = await startMemcached()
    const manager = await start(server.address)
    await manager.setValue('k', 'old')
    await server.kill()
    expect(await manager.getOrSet('other', () => 'loaded')).toBe('loaded')
    await until('it is degraded', () => isDegraded(manager))
    expect(await manager.delete('k')).toBe('journaled')
    expect(await manager.getOrSet('k', () => 'meanwhile')).toBe('meanwhile')
    await server.restart()
    await until('it is back', () => isConnected(manager))
    expect(await manager.getValue('k')).toBeUndefined()
    expect(await manager.getOrSet('k', () => 'new')).toBe('new')
    expect(await server.ask('mg app:k s')).toMatch(/^HD/)
  })

  test('frozen, with a budget that passes', async () => {
    await using server = await startMemcached()
    const manager = await start(server.address, {}, '100ms')
    await manager.setValue('k', 'old')
    await manager.getOrSet('tagged', () => 'old', { ttl: '1h', tags: ['t'] })
    server.pause()
    // It answers nothing, and yet all of these end.
    expect(await manager.getOrSet('other', () => 'loaded')).toBe('loaded')
    expect(await manager.delete('k')).toBe('journaled')
    expect(await manager.invalidateTags(['t'])).toBe('journaled')
    expect(await manager.getOrSet('k', () => 'meanwhile')).toBe('meanwhile')
    expect((await manager.healthReport()).status).toBe('degraded')
    expect(await manager.getOrSet('late', () => 'loaded')).toBe('loaded')
    expect(await manager.getOrSet('late', () => 'again')).toBe('loaded')
    server.resume()
    await until('it is back', () => isConnected(manager))
    expect(await manager.getValue('k')).toBeUndefined()
    expect(await manager.getOrSet('tagged', () => 'new', { ttl: '1h', tags: ['t'] })).toBe('new')
    expect(await manager.getValue('late')).toBeUndefined()
  })

  test.each(['refuse', 'blackHole', 'halfOpen', 'freeze'] as const)(
    'the network: %s',
    { timeout: 60_000 },
    async (fault) => {
      await using server = await startMemcached()
      await using proxy = await startFaultProxy(server)
      const manager = await start(`127.0.0.1:${proxy.port}`, {}, '100ms')
      const other = await start(server.address)
      await manager.setValue('k', 'old')
      await manager.setValue('stays', 'here')
      await proxy[fault]()
      expect(await manager.getOrSet('x', () => 'loaded')).toBe('loaded')
      expect(await manager.delete('k')).toBe('journaled')
      expect(await manager.getOrSet('k', () => 'meanwhile')).toBe('meanwhile')
      expect(await manager.set('stays', 'changed while away')).toBe(true)
      await proxy.heal()
      await until('it is back', () => isConnected(manager), 30_000)
      for (const one of [manager, other]) {
        expect(await one.getValue('k')).toBeUndefined()
        expect(await one.getValue('stays')).toBeUndefined()
        expect(await one.getValue('x')).toBeUndefined()
      }
    },
  )

  test('one of two servers', async () => {
    await using server = await startMemcached()
    await using second = await startMemcached()
    const manager = await start(server.address, { servers: [server.address, second.address] })
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`)
    for (const key of keys) await manager.setValue(key, 'old')
    await second.kill()
    await until('it is degraded', () => isDegraded(manager))
    for (const key of keys) expect(await manager.delete(key)).toBe('journaled')
    for (const key of keys) expect(await manager.getOrSet(key, () => 'meanwhile')).toBe('meanwhile')
    await second.restart()
    await until('it is back', () => isConnected(manager))
    for (const key of keys) expect(await manager.getValue(key)).toBeUndefined()
  })
})

test('several servers are lost with the first of them, and back with the last', async () => {
  await using server = await startMemcached()
  await using second = await startMemcached()
  const backend = new MemcachedBackend({ servers: [server.address, second.address], budget: 5 })
  const told: string[] = []
  const end = backend.link.watch({ lost: () => told.push('lost'), restored: () => told.push('restored') })
  await backend.connect()
  expect(told).toEqual(['restored'])
  const { history } = backend.link
  await second.kill()
  await until('it is told', () => told.length === 2)
  await server.kill()
  await second.restart()
  // That of whoever asks, and ours.
  await until('one is back', async () => Number(/curr_connections (\d+)/.exec(await second.ask('stats'))?.[1]) >= 2)
  expect(told).toEqual(['restored', 'lost'])
  expect(backend.leases.isOn).toBe(false)
  await server.restart()
  await until('it is told', () => told.length === 3)
  expect(told).toEqual(['restored', 'lost', 'restored'])
  expect(backend.link.history).not.toBe(history)
  end()
  await backend.close()
})

test('nothing is left when it is closed: no timer, no connection', async () => {
  await using server = await startMemcached()
  const manager = await start(server.address)
  await manager.setValue('k', 'v')
  const connections = async (): Promise<number> => Number(/curr_connections (\d+)/.exec(await server.ask('stats'))?.[1])
  const before = await connections()
  await manager.close()
  await until('the connection is gone', async () => (await connections()) === before - 1)
})
