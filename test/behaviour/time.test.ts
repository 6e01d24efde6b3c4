// Lives end when they should, on a clock the test moves, and no entry needs a timer.
import { expect, test } from 'vitest'
import { cached, createCache, loadConfig, MemoryBackend } from '../../src/index.ts'
import { manualRuntime } from '../support/manual-runtime.ts'
import { startRedis } from '../support/redis-server.ts'

const day = 86_400_000

test('a 30-day entry lives 30 days and needs no timer', async () => {
  const runtime = manualRuntime()
  const manager = createCache({ backend: new MemoryBackend({ runtime }), runtime })
  let runs = 0
  const fn = cached(async () => ++runs, { name: 'thirty-days', ttl: '30d', manager })
  await fn()
  expect(runtime.pending).toBe(0)
  runtime.advance(30 * day - 1)
  expect(await fn()).toBe(1)
  runtime.advance(1)
  expect(await fn()).toBe(2)
})

test.each([
  ['the option', { ttl: 60 as const }, 60],
  ['CACHE_TTL_OCR of the operation', { operation: 'ocr' }, 172_800],
  ['ttls of the cache over the environment', { operation: 'image_analysis' }, 120],
  ['CACHE_DEFAULT_TTL', {}, 1800],
  ['the ttl over the operation', { operation: 'ocr', ttl: '5m' as const }, 300],
])('a life is that of %s', async (name, options, seconds) => {
  const runtime = manualRuntime()
  const manager = createCache({
    backend: new MemoryBackend({ runtime }),
    runtime,
    env: { CACHE_DEFAULT_TTL: '1800', CACHE_TTL_OCR: '172800', CACHE_TTL_IMAGE_ANALYSIS: '86400' },
    ttls: { image_analysis: '2m' },
  })
  const fn = cached(async () => 1, { ...options, name: `life-of-${name.replaceAll(' ', '-')}`, manager })
  await fn()
  const info = await manager.inspect(fn.keyFor())
  expect((info?.staleAt?.getTime() ?? 0) - (info?.createdAt.getTime() ?? 0)).toBe(seconds * 1000)
})

test('forever has no end; jitter only shortens', async () => {
  const runtime = manualRuntime()
  const manager = createCache({ backend: new MemoryBackend({ runtime }), runtime })
  await manager.set('k', 'v', 'forever')
  expect((await manager.inspect('k'))?.staleAt).toBeNull()
  runtime.advance(100 * 365 * day)
  expect(await manager.get('k')).toBe('v')
  await manager.getOrSet('j', () => 1, { ttl: 100, jitter: 0.2 })
  const info = await manager.inspect('j')
  // The random number of this runtime is 0.5.
  expect((info?.staleAt?.getTime() ?? 0) - (info?.createdAt.getTime() ?? 0)).toBe(90_000)
})

test('in Redis a life is rounded up to whole seconds there and exact here', async () => {
  await using redis = await startRedis()
  await using manager = await createCache({ url: redis.url }).init()
  await manager.set('k', 'v', '90500ms')
  await manager.set('f', 'v', 'forever')
  const info = await manager.inspect('k')
  const createdAt = info?.createdAt.getTime() ?? 0
  expect((info?.staleAt?.getTime() ?? 0) - createdAt).toBe(90_500)
  // 91 seconds after Redis took it, which was not before it was created.
  expect(Number(await redis.cli('PEXPIRETIME', 'k')) - createdAt).toBeGreaterThanOrEqual(91_000)
  expect(Number(await redis.cli('TTL', 'f'))).toBeGreaterThan(9 * 365 * 86_400)
})

test('the example environment is what it says', async () => {
  const { readFile } = await import('node:fs/promises')
  const lines = (await readFile(new URL('../../.env.example', import.meta.url), 'utf8')).split('\n')
  const env = Object.fromEntries(
    lines
      .filter((line) => /^[A-Z]/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
  expect(loadConfig(env)).toEqual({
    redisUrl: 'redis://localhost:6379/0',
    redisMaxConnections: 50,
    redisSocketTimeout: 5,
    enabled: true,
    defaultTtl: 3600,
    ttls: { document_parsing: 86_400, ocr: 172_800, image_analysis: 86_400, validation: 43_200 },
    budget: 0.2,
    logLevel: 'warn',
    wireFormat: 'envelope',
    namespace: undefined,
  })
})
