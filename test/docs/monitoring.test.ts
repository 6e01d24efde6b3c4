// The blocks and commands of docs/monitoring.md, on a server with the settings of infra/redis.conf. `docker exec -it speedrun-redis
// redis-cli` becomes the redis-cli of that server: there is no container in a test.
import { cached, CacheKeyGenerator, cacheManager, closeCache, initCache, MemoryBackend } from '@speedrun/cache'
import { afterAll, afterEach, beforeEach, expect, vi } from 'vitest'
import { testPage } from '../support/doc-blocks.ts'
import { startRedis } from '../support/redis-server.ts'

const redis = await startRedis()
afterAll(() => redis.stop())
const server = () => redis

beforeEach(async () => {
  vi.stubEnv('REDIS_URL', redis.url)
  vi.stubEnv('CACHE_LOG_LEVEL', 'silent')
  await redis.cli('FLUSHALL')
  await redis.cli('CONFIG', 'RESETSTAT')
  await initCache()
})
afterEach(closeCache)

const parse = cached(async (hash: string) => ({ hash, pages: 3 }), {
  key: CacheKeyGenerator.documentParse,
  operation: 'document_parsing',
  tags: (_result, hash) => [`document:${hash}`],
  ttl: '1h',
})

/** `name:value` lines, as INFO prints them. */
const valueIn = (info: string, name: string): string | undefined =>
  info
    .split(/\r?\n/)
    .find((line) => line.startsWith(`${name}:`))
    ?.slice(name.length + 1)
const sorted = (lines: string): string[] => lines.split('\n').toSorted()

await testPage('docs/monitoring.md', (page) => {
  page.module<{ hitRates(): Record<string, number> }>(
    'hit-rate',
    'hits by hits and misses, per operation',
    async ({ hitRates }) => {
      const readScan = cached(async (hash: string) => hash.length, { keyPrefix: 'scan', name: 'read' })
      const unused = cached(async () => 1, { keyPrefix: 'unused', name: 'never' })
      expect(unused.keyFor()).toBe('unused:never')
      const before = cacheManager.stats().operations['document_parsing']?.hits.l1 ?? 0
      await parse('rate')
      await parse('rate')
      await parse('rate')
      await parse('other')
      await readScan('a')
      await cacheManager.get('absent')
      expect(hitRates()).toEqual({ document_parsing: 0.5, scan: 0, manual: 0 })
      expect(cacheManager.stats().operations['document_parsing']?.hits.l1).toBe(before + 2)
      // Not in this process' memory, but in Redis.
      await initCache({ l1: false })
      await parse('rate')
      expect(cacheManager.stats().operations['document_parsing']?.hits).toMatchObject({ l1: before + 2, l2: 1 })
    },
  )

  page.module<{ hitRates(): Record<string, number> }>(
    'hit-rate',
    'the counters of the table count what it says',
    async () => {
      const of = (name: string) => cacheManager.stats().operations[name]
      const never = cached(async (_x: number) => 'no', { name: 'neverKept', shouldCache: () => false })
      await never(1)
      expect(of('neverKept')).toMatchObject({ misses: 1, loads: 1, refused: 1, fills: 0 })
      const throws = cached(async (_x: number) => Promise.reject(new Error('no')), { name: 'alwaysThrows' })
      await throws(1).catch(() => {})
      expect(of('alwaysThrows')).toMatchObject({ loads: 1, loadErrors: 1 })
      let begin = (): void => {}
      const begun = new Promise<void>((resolve) => (begin = resolve))
      let finish = (): void => {}
      const gate = new Promise<void>((resolve) => (finish = resolve))
      const slow = cached(
        async (_x: number) => {
          begin()
          await gate
          return 'late'
        },
        { name: 'slowOne' },
      )
      const running = slow(1)
      await begun
      await slow.invalidate(1)
      finish()
      await running
      expect(of('slowOne')).toMatchObject({ loads: 1, fenced: 1, fills: 0 })
      const shared = cached(async (_x: number) => 'yes', { name: 'sharedOne' })
      await Promise.all([shared(1), shared(1), shared(1)])
      expect(of('sharedOne')).toMatchObject({ misses: 1, loads: 1, hits: { l2: 0 } })
      await initCache(new MemoryBackend())
      const quick = cached(async (_x: number) => 'yes', { name: 'quickOne' })
      await quick(1)
      await quick(1)
      expect(of('quickOne')).toMatchObject({ hits: { l1: 1, l2: 0 }, fills: 1 })
    },
  )

  type Count = (metric: string, labels: Record<string, string>) => void
  page.module<{ countEvents(count: Count): () => void }>(
    'events',
    'each event is counted, until the end',
    async ({ countEvents }) => {
      const counted: string[] = []
      const end = countEvents((metric, labels) => counted.push([metric, ...Object.values(labels)].join(' ')))
      await parse('events')
      await parse('events')
      await parse.invalidate('events')
      const model = cached(async () => new (class Model {})(), { name: 'instance' })
      await model()
      end()
      await parse('events')
      expect(counted).toEqual([
        'cache_misses document_parsing absent',
        'cache_loads document_parsing stored',
        'cache_hits document_parsing l1',
        'cache_misses instance absent',
        'cache_problems encode',
        'cache_loads instance refused',
      ])
    },
  )

  page.module<{ describeCache(): Promise<string> }>(
    'state',
    'it names status, answer and what is waiting',
    async ({ describeCache }) => {
      expect(await describeCache()).toMatch(
        /^connected: redis answers in \d+\.\d ms, breaker closed, 0 invalidations waiting, memory coherent, 500 ms behind at most$/,
      )
      await initCache({ url: 'redis://127.0.0.1:1/0' })
      await cacheManager.delete('a')
      expect(await describeCache()).toMatch(
        /^degraded: redis no answer, breaker (open|half-open), 1 invalidations waiting, memory off, 0 ms behind at most$/,
      )
    },
  )

  page.commands(
    'server-statistics',
    'hits, misses, evicted and expired keys, clients, number of keys',
    server,
    async ({ run }) => {
      await parse('a')
      await parse('a')
      const stats = await run('INFO stats')
      for (const name of ['keyspace_hits', 'keyspace_misses', 'evicted_keys', 'expired_keys']) {
        expect(valueIn(stats, name), name).toMatch(/^\d+$/)
      }
      expect(Number(valueIn(stats, 'keyspace_hits'))).toBeGreaterThan(0)
      // This process and the redis-cli that asks.
      const clients = await run('INFO clients')
      expect(valueIn(clients, 'connected_clients')).toBe('2')
      expect(valueIn(clients, 'tracking_clients')).toBe('1')
      expect(Number(valueIn(stats, 'tracking_total_keys'))).toBeGreaterThan(0)
      expect(await run('DBSIZE')).toBe('2')
    },
  )

  page.commands('interactive', 'it takes commands, one per line', server, async ({ run }) => {
    await parse('a')
    const answers = await run('redis-cli', { input: 'PING\nEXISTS document:parse:a\nquit\n' })
    expect(answers.split('\n').slice(0, 2)).toEqual(['PONG', '1'])
  })

  page.commands('list', 'the keys of a pattern, all keys, and the same by KEYS', server, async ({ run }) => {
    await Promise.all([parse('a'), parse('b'), cacheManager.set('other', '1')])
    expect(sorted(await run("--pattern 'document:parse:*'"))).toEqual(['document:parse:a', 'document:parse:b'])
    const all = ['document:parse:a', 'document:parse:b', 'other', 'speedrun-cache#t']
    expect(sorted(await run("--pattern '*'"))).toEqual(all)
    expect(sorted(await run("KEYS '*'"))).toEqual(all)
  })

  page.commands('read', 'a header, the JSON, and the size in memory', server, async ({ run }) => {
    await parse('abc123')
    const text = await run('--raw GET "document:parse:abc123"')
    const [header, ...json] = text.split('\n')
    expect(header).toMatch(/^#sc1 json \d+ 3600000 3600000 [\d.]+ \S+ \d+ document%3Aabc123=\d+$/)
    expect(json).toEqual(['{"hash":"abc123","pages":3}'])
    // redis-cli prints it so when its output is no terminal.
    expect(await run('redis-cli GET "document:parse:abc123"')).toBe(text)
    expect(Number(await run('MEMORY USAGE "document:parse:abc123"'))).toBeGreaterThan(text.length)
  })

  page.module<{ describeEntry(key: string): Promise<string> }>(
    'inspect',
    'size, end and tags, not the value',
    async ({ describeEntry }) => {
      await parse('abc123')
      const [, until = ''] =
        /^document:parse:abc123: 27 bytes, until (\S+Z), tags: document:abc123$/.exec(
          await describeEntry('document:parse:abc123'),
        ) ?? []
      expect(Date.parse(until)).toBeGreaterThan(Date.now() + 3_500_000)
      expect(Date.parse(until)).toBeLessThanOrEqual(Date.now() + 3_600_000)
      await cacheManager.set('endless', '1', 'forever')
      expect(await describeEntry('endless')).toBe('endless: 1 bytes, until it is deleted, tags: ')
      expect(await describeEntry('absent')).toBe('absent: not there')
    },
  )

  page.module(
    'inspect',
    'a value that JSON would change has a ! in front, and a lost tag clock voids everything',
    async () => {
      const dated = cached(async () => ({ at: new Date(0) }), { name: 'dated' })
      await dated()
      expect((await redis.cli('GET', 'dated')).split('\n')[1]).toMatch(/^!/)
      await redis.cli('DEL', 'speedrun-cache#t')
      await expect.poll(async () => (await dated.withStatus()).source, { timeout: 20_000 }).toBe('load')
    },
  )

  page.commands(
    'ttl',
    'seconds that are left, -2 for none; a void entry is there until its end',
    server,
    async ({ run }) => {
      expect(await run('TTL "document:parse:abc123"')).toBe('-2')
      await parse('abc123')
      await cacheManager.invalidateTags(['document:abc123'])
      const left = Number(await run('TTL "document:parse:abc123"'))
      expect(left).toBeGreaterThan(3500)
      expect(left).toBeLessThanOrEqual(3600)
      expect((await parse.withStatus('abc123')).source).toBe('load')
    },
  )

  page.commands('memory', 'what is used, and the settings of infra/redis.conf', server, async ({ run }) => {
    const memory = await run('INFO memory')
    expect(valueIn(memory, 'used_memory_human')).toMatch(/^[\d.]+[KMG]$/)
    expect(valueIn(memory, 'maxmemory_human')).toBe('2.00G')
    expect(await run('GET maxmemory')).toBe('maxmemory\n2147483648')
    expect(await run('GET maxmemory-policy')).toBe('maxmemory-policy\nallkeys-lru')
    expect(await run('GET save')).toBe('save\n')
    expect(await run('GET appendonly')).toBe('appendonly\nno')
  })

  page.module('state', 'a memory backend tells its bounds', async () => {
    expect(cacheManager.stats().memory).toMatchObject({ entries: 0, maxBytes: 64 * 1024 * 1024 })
    await initCache(new MemoryBackend({ maxBytes: 1000 }))
    await cacheManager.set('a', '1')
    expect(cacheManager.stats().memory).toMatchObject({ entries: 1, maxBytes: 1000, evictions: 0 })
  })
})
