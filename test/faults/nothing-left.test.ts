// After close() nothing is left, whatever the store was doing: no flight, no fence token, no write that somebody waits for, no timer that
// keeps the process, no connection.
import { expect, test } from 'vitest'
import { openNodeRedisTransport } from '../../src/backends/redis/node-redis-transport.ts'
import { viewOf } from '../../src/cache-view.ts'
import { cached, createCache, RedisBackend } from '../../src/index.ts'
import { systemRuntime } from '../../src/support/runtime.ts'
import { countTimers } from '../support/counting-runtime.ts'
import type { FaultProxy } from '../support/fault-proxy.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { until } from '../support/gate.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startRedis } from '../support/redis-server.ts'
import { countTransports } from './fleet.ts'

type Strike = (redis: RedisServer, proxy: FaultProxy) => unknown
const faults: Record<string, Strike> = {
  healthy: () => {},
  killed: (redis) => redis.kill(),
  frozen: (redis) => redis.pause(),
  refused: (_redis, proxy) => proxy.refuse(),
  cut: (_redis, proxy) => proxy.cut(),
  'black hole': (_redis, proxy) => proxy.blackHole(),
  'half-open': (_redis, proxy) => proxy.halfOpen(),
  full: (redis) => redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1'),
}

test.each(Object.entries(faults))('%s: close() leaves nothing, also of what was under way', async (_fault, strike) => {
  await using redis = await startRedis()
  await using proxy = await startFaultProxy(redis)
  const runtime = countTimers(systemRuntime)
  const transports = countTransports(openNodeRedisTransport(proxy.url))
  const backend = new RedisBackend({ openTransport: transports, runtime, socketTimeout: '1s' })
  const manager = createCache({ backend, runtime, logLevel: 'silent' })
  await manager.init()
  await until('it is connected', async () => (await manager.healthReport()).status === 'connected')
  const fn = cached(async (id: string) => `value of ${id}`, { name: 'left', manager, ttl: '1h', swr: '1h' })
  const large = 'x'.repeat(100_000)
  await Promise.all([fn('a'), manager.set('large', large)])
  await strike(redis, proxy)
  // Nobody waits for these before the cache is closed.
  const underWay = [
    ...Array.from({ length: 20 }, (_, index) => fn(`cold ${index}`)),
    fn('a'),
    fn.refresh('a'),
    manager.set('k', 'v'),
    manager.set('large', large),
    manager.delete('a'),
    manager.invalidateTags(['t']),
    manager.clear(),
    manager.healthCheck(),
  ]
  await manager.close()
  const ends = await Promise.allSettled(underWay)
  expect(ends.filter(({ status }) => status === 'rejected')).toEqual([])
  const { engine } = viewOf(manager)
  const { flights, failures } = engine.reads
  await until('all loads are over', () => flights.size === 0)
  expect([flights.fence.size, failures.size, transports.open]).toEqual([0, 0, 0])
  // What was under way hears of the end in the turns after it.
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(runtime.armed).toBe(0)
})
