// C5 and C6: the store dies, nobody notices but for the speed; it comes back, and nothing that was invalidated meanwhile comes with it.
import { inspect } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import type { CacheManager, CacheState, Logger } from '../../src/index.ts'
import { cached, cacheManager, closeCache, createCache, initCache } from '../../src/index.ts'
import { until } from '../support/gate.ts'
import { startRedis } from '../support/redis-server.ts'

afterEach(async () => {
  await closeCache()
})

/** A loopback port nobody listens on. */
const nowhere = 'redis://127.0.0.1:1/0'

function recorder(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = []
  const line = (text: string): void => void lines.push(text)
  return { lines, logger: { debug: line, info: line, warn: line, error: line } }
}

test('Redis dead at boot: initCache answers, the application works, health says so, memory stands in', async () => {
  const { logger, lines } = recorder()
  await initCache({ url: nowhere, logger })
  let runs = 0
  const fn = cached(async (hash: string) => ({ hash, run: ++runs }), { name: 'dead-at-boot' })
  expect(await fn('a')).toEqual({ hash: 'a', run: 1 })
  expect(await fn('a')).toEqual({ hash: 'a', run: 1 })
  expect((await fn.withStatus('a')).source).toBe('fallback')
  expect(await cacheManager.healthCheck()).toBe(false)
  expect(await cacheManager.healthReport()).toMatchObject({
    status: 'degraded',
    backend: 'redis',
    primary: false,
    fallback: 'memory',
    breaker: 'open',
    latencyMs: null,
  })
  expect(lines.filter((line) => line.startsWith('Cache degraded'))).toHaveLength(1)
  expect(cacheManager.stats().total.fallbackHits).toBe(2)
})

test('Redis frozen at boot: initCache answers within its limit and hits begin when the server thaws', async () => {
  await using redis = await startRedis()
  redis.pause()
  await using manager = createCache({ url: redis.url })
  const started = Date.now()
  await manager.init()
  // The limit is 1.5 s. A machine may be slow; waiting for the server itself would take for ever.
  expect(Date.now() - started).toBeLessThan(20_000)
  expect(await manager.getOrSet('k', () => 'loaded')).toBe('loaded')
  redis.resume()
  await until('the primary is used', async () => (await manager.healthReport()).status === 'connected')
  await manager.getOrSet('k', () => 'again')
  expect(await redis.cli('EXISTS', 'k')).toBe('1')
})

test('onUnavailable: none runs loaders uncached, throw rejects init', async () => {
  await using manager = await createCache({ url: nowhere, onUnavailable: 'none' }).init()
  let runs = 0
  const load = (): number => ++runs
  expect(await manager.getOrSet('k', load)).toBe(1)
  expect(await manager.getOrSet('k', load)).toBe(2)
  expect(await manager.set('k', 'v')).toBe(false)
  expect((await manager.healthReport()).status).toBe('disconnected')
  await expect(initCache({ url: nowhere, onUnavailable: 'throw' })).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' })
  await initCache({ url: nowhere })
  expect((await cacheManager.healthReport()).status).toBe('degraded')
})

test.each(['killed', 'frozen'])(
  '%s while running: no call rejects, hits resume after the return, fallback entries are gone',
  async (fault) => {
    await using redis = await startRedis()
    // Without memory in front of it: what is asked here is where hits come from.
    await using manager = await createCache({ url: redis.url, l1: false }).init()
    const states: CacheState[] = []
    manager.on('state', (event) => states.push(event.to))
    let runs = 0
    const fn = cached(async (hash: string) => ({ hash, run: ++runs }), { name: `running-${fault}`, manager, ttl: '1h' })
    await fn('before')
    if (fault === 'killed') await redis.kill()
    else redis.pause()
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => fn(`during-${index % 5}`)))
    expect(answers).toHaveLength(50)
    expect(await fn('during-0')).toEqual(answers[0])
    expect(manager.stats().memory?.entries).toBe(5)
    if (fault === 'killed') await redis.restart()
    else redis.resume()
    await until('hits come from Redis again', async () => {
      await fn('after')
      return (await fn.withStatus('after')).source === 'l2'
    })
    expect(states).toEqual(['degraded', 'connected'])
    // What the fallback held is nowhere: the next call of each loads anew.
    expect(manager.stats().memory).toBeUndefined()
    const before = runs
    await fn('during-0')
    expect(runs).toBe(before + 1)
    // Not even the next outage finds it again.
    redis.pause()
    await fn('finds the outage')
    await fn('during-1')
    expect(runs).toBe(before + 3)
  },
)

test.each(['killed', 'frozen'])(
  'what is deleted, tagged away or overwritten while Redis is %s is never served after its return',
  async (fault) => {
    await using redis = await startRedis({ config: ['appendonly yes', 'appendfsync always'] })
    await using manager = await createCache({ url: redis.url }).init()
    for (const key of ['deleted', 'overwritten', 'kept']) await manager.setValue(key, 'old')
    await manager.setValue('tagged', 'old', { tags: ['t'] })
    if (fault === 'killed') await redis.kill()
    else redis.pause()
    expect(await manager.delete('deleted')).toBe('journaled')
    expect(await manager.invalidateTags(['t'])).toBe('journaled')
    await expect(manager.delete('deleted', { strict: true })).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' })
    expect(await manager.setValue('overwritten', 'new')).toBe(true)
    expect(await manager.getValue('overwritten')).toBe('new')
    expect(await manager.getValue('deleted')).toBeUndefined()
    expect(manager.stats().journal).toBe(3)
    if (fault === 'killed') await redis.restart()
    else redis.resume()
    const seen = new Map<string, Set<unknown>>()
    await until('the primary is used', async () => {
      for (const key of ['deleted', 'tagged', 'overwritten']) {
        const values = seen.get(key) ?? new Set()
        seen.set(key, values.add(await manager.getValue(key)))
      }
      return (await manager.healthReport()).status === 'connected'
    })
    for (const key of ['deleted', 'tagged', 'overwritten']) {
      const last = await manager.getValue(key)
      expect([key, last]).toEqual([key, undefined])
      expect(seen.get(key)?.has('old')).toBe(false)
    }
    expect(manager.stats().journal).toBe(0)
    expect(await redis.cli('EXISTS', 'deleted', 'overwritten')).toBe('0')
    // A server that was started again may have lost what it confirmed before: whatever it holds counts as void.
    expect(await manager.getValue('kept')).toBe(fault === 'killed' ? undefined : 'old')
  },
)

test('a load begun in the outage and ended after it is answered and stored nowhere', async () => {
  await using redis = await startRedis()
  await using manager = await createCache({ url: redis.url }).init()
  // Frozen, not killed: a restarted server would refuse the value for having lost its tag clock.
  redis.pause()
  await manager.getOrSet('notice', () => 1)
  let finish: (value: string) => void = () => {}
  const slow = manager.getOrSet('k', () => new Promise<string>((resolve) => (finish = resolve)))
  redis.resume()
  await until('the primary is used', async () => (await manager.healthReport()).status === 'connected')
  finish('from the outage')
  expect(await slow).toBe('from the outage')
  await manager.drain()
  expect(await redis.cli('EXISTS', 'k')).toBe('0')
})

test('the password is in no log line, error, event or report', async () => {
  const secret = 'hunter2-s3cret'
  await using redis = await startRedis({
    config: [`requirepass ${secret}`],
    cliArguments: ['-a', secret, '--no-auth-warning'],
  })
  const { logger, lines } = recorder()
  const events: unknown[] = []
  const url = redis.url.replace('redis://', `redis://:${secret}@`)
  await using manager = createCache({ url, logger, logLevel: 'debug' })
  for (const event of ['state', 'problem', 'load', 'miss'] as const)
    manager.on(event, (payload) => events.push(payload))
  await manager.init()
  expect(await manager.set('k', 'v')).toBe(true)
  const report = await manager.healthReport()
  expect(report.status).toBe('connected')
  await redis.cli('CONFIG', 'SET', 'requirepass', 'another-secret')
  await redis.kill()
  await manager.getOrSet('k', () => 1)
  await until('the loss is noticed', () => events.some((event) => inspect(event).includes('cannot be reached')))
  const wrong = createCache({
    url: `redis://:${secret}@127.0.0.1:1/0`,
    onUnavailable: 'throw',
    logger,
    logLevel: 'debug',
  })
  const failure: unknown = await wrong.init().catch((error: unknown) => error)
  const bad = [`http://:${secret}@host`, `redis://:${secret}@host/x`, `:${secret}`].map((redisUrl) => {
    try {
      return createCache({ url: redisUrl })
    } catch (error) {
      return error
    }
  })
  const everything = inspect([lines, events, report, failure, bad, manager, wrong, manager.stats()], { depth: 10 })
  expect(everything).not.toContain(secret)
  expect(bad.every((error) => error instanceof TypeError)).toBe(true)
})

test('no call rejects on a backend whose every method fails, throws or hangs', async () => {
  const faults: Record<string, () => never | Promise<never>> = {
    rejects: () => Promise.reject(new Error('down')),
    throws: () => {
      throw new Error('down')
    },
    hangs: () => new Promise<never>(() => {}),
  }
  for (const [fault, fail] of Object.entries(faults)) {
    const manager: CacheManager = createCache({
      backend: { get: fail, set: fail, delete: fail, exists: fail, ping: () => true, close: () => {} },
      budget: '30ms',
    })
    expect(await manager.getOrSet('k', () => `loaded ${fault}`)).toBe(`loaded ${fault}`)
    expect(await manager.get('other')).toBeNull()
    expect(await manager.delete('k')).toBe('journaled')
    await manager.set('k', 'v')
    await manager.close()
  }
})
