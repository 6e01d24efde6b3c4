// What the cache says of itself: events as a story, counters per operation, and nothing of keys or values where they do not belong.
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { cached, createCache, MemoryBackend } from '../../src/index.ts'
import { manualRuntime } from '../support/manual-runtime.ts'
import { startRedis } from '../support/redis-server.ts'

test('one call after the other, told as events and counted per operation', async () => {
  const runtime = manualRuntime()
  const manager = createCache({ backend: new MemoryBackend({ runtime }), runtime })
  const story: unknown[] = []
  const off = (['hit', 'miss', 'load', 'invalidate'] as const).map((name) =>
    manager.on(name, (event) => story.push([name, event])),
  )
  const fn = cached(
    async (hash: string) => {
      runtime.advance(250)
      return hash
    },
    { keyPrefix: 'told', name: 'parse', operation: 'document_parsing', ttl: 60, manager },
  )
  await fn('a')
  runtime.advance(1000)
  await fn('a')
  await fn.invalidate('a')
  runtime.advance(60_000)
  const named = { key: 'told:parse:a', operation: 'document_parsing' }
  expect(story).toEqual([
    ['miss', { ...named, reason: 'absent' }],
    ['load', { ...named, ms: 250, outcome: 'stored' }],
    ['hit', { ...named, source: 'l1', stale: false, ageMs: 1000 }],
    ['invalidate', { target: { keys: ['told:parse:a'] }, origin: 'local', outcome: 'applied' }],
  ])
  for (const remove of off) remove()
  await fn('a')
  expect(story).toHaveLength(4)
  expect(manager.stats().operations['document_parsing']).toEqual({
    hits: { l1: 1, l2: 0, stale: 0 },
    misses: 2,
    loads: 2,
    loadErrors: 0,
    fills: 2,
    fenced: 0,
    refused: 0,
    fallbackHits: 0,
    loadMs: 500,
    savedMs: 250,
    cost: 0,
    savedCost: 0,
  })
  expect(manager.stats().total).toEqual(manager.stats().operations['document_parsing'])
})

test('a miss says why', async () => {
  await using redis = await startRedis()
  await using manager = await createCache({ url: redis.url }).init()
  const reasons: string[] = []
  manager.on('miss', (event) => reasons.push(event.reason))
  const read = async (key: string): Promise<unknown> => await manager.getValue(key)
  await read('absent')
  await manager.setValue('tagged', 1, { tags: ['t'] })
  await manager.invalidateTags(['t'])
  await read('tagged')
  await redis.cli('SET', 'future', '#sc2 whatever')
  await read('future')
  await redis.cli('SET', 'broken', '#sc1 json 1 2\n{}')
  await read('broken')
  const text = await redis.cli('GET', 'tagged')
  const past = `#sc1 json 1000 1000 1000 0 ${text.split(' ')[6]} 0 -\n1`
  await redis.cli('SET', 'past', past)
  await read('past')
  expect(reasons).toEqual(['absent', 'invalidated', 'version', 'corrupt', 'expired'])
  const number = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) => (typeof value === 'number' ? { value } : { issues: [{ message: 'no number' }] }),
    },
  } as const
  await manager.setValue('guarded', 'text')
  expect(await manager.getOrSet('guarded', () => 5, { schema: number })).toBe(5)
  expect(reasons.at(-1)).toBe('schema')
  await redis.cli('SET', 'nan', 'NaN')
  expect(await manager.getOrSet('nan', () => 5)).toBe(5)
  expect(reasons.at(-1)).toBe('corrupt')
})

test('a value another program wrote as JSON is a hit', async () => {
  await using redis = await startRedis()
  await using manager = await createCache({ url: redis.url }).init()
  await redis.cli('SET', 'document:parse:abc', '{"pages": 3, "title": "Gr\\u00fc\\u00dfe", "score": 1.0}')
  const fn = cached(async (_hash: string) => ({ pages: 0, title: '', score: 0 }), {
    key: (hash) => `document:parse:${hash}`,
    manager,
  })
  expect(await fn.withStatus('abc')).toMatchObject({ value: { pages: 3, title: 'Grüße', score: 1 }, source: 'l2' })
  expect(await manager.get('document:parse:abc')).toContain('"pages": 3')
})

test('keys are in debug lines only, redacted if asked; values are nowhere', async () => {
  const lines: string[] = []
  const line = (text: string): void => void lines.push(text)
  const logger = { debug: line, info: line, warn: line, error: line }
  const secret = 'IBAN-DE02120300000000202051'
  const manager = createCache({
    backend: new MemoryBackend(),
    logger,
    logLevel: 'debug',
    redactKey: (key) => `${key.slice(0, 4)}…`,
  })
  const failing = {
    get: () => Promise.reject(new Error(`ERR ${secret}`)),
    set: () => Promise.reject(new Error(secret)),
    delete: () => true,
    exists: () => true,
    ping: () => true,
    close: () => {},
  }
  const broken = createCache({ backend: failing, logger, logLevel: 'debug' })
  await manager.getOrSet(`person:${secret}`, () => ({ secret }))
  await manager.getOrSet(`person:${secret}`, () => ({ secret }))
  await broken.getOrSet('k', () => ({ secret }))
  await broken.setValue('k', { secret })
  await manager.setValue('k', { secret, bad: () => {} }).catch((error: unknown) => lines.push(inspect(error)))
  expect(lines.join('\n')).not.toContain(secret)
  expect(lines).toContain('Cache hit: pers…')
})

test('a listener or logger that throws harms nobody, and a line cannot be forged', async () => {
  const lines: string[] = []
  const logger = {
    debug: (text: string) => {
      lines.push(text)
      throw new Error('disk full')
    },
    info() {},
    warn() {},
    error() {},
  }
  const manager = createCache({ backend: new MemoryBackend(), logger, logLevel: 'debug' })
  const problems: unknown[] = []
  manager.on('miss', () => {
    throw new Error('listener')
  })
  manager.on('problem', (event) => problems.push(event.during))
  expect(await manager.getOrSet('k\u2028', () => 1)).toBe(1)
  expect(problems).toEqual(['listener'])
  expect(lines.every((text) => !/[\r\n]/.test(text))).toBe(true)
})
