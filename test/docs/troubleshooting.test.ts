// The blocks and commands of docs/troubleshooting.md. The commands run against a server with the settings of infra/redis.conf: `docker
// exec -it speedrun-redis redis-cli` becomes its redis-cli, there is no container in a test.
import { cached, cacheManager, type CachedFunction, type CacheManager, closeCache, initCache } from '@speedrun/cache'
import { afterAll, afterEach, beforeEach, expect, vi } from 'vitest'
import { testPage } from '../support/doc-blocks.ts'
import { startRedis } from '../support/redis-server.ts'
import type { ParsedDocument } from './given/application.ts'

const longWait = { timeout: 20_000, interval: 20 }
const nobodyListens = 'redis://127.0.0.1:1/0'

const redis = await startRedis()
const full = await startRedis({ config: ['maxmemory-policy noeviction'] })
afterAll(() => Promise.all([redis.stop(), full.stop()]))
const server = () => redis

beforeEach(async () => {
  vi.stubEnv('REDIS_URL', redis.url)
  vi.stubEnv('CACHE_LOG_LEVEL', 'silent')
  await redis.cli('FLUSHALL')
})
afterEach(closeCache)

type Parse = CachedFunction<(fileHash: string) => Promise<ParsedDocument>>

/** The lines the default logger prints while `run` runs. */
async function printed(run: () => Promise<unknown>): Promise<string> {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  try {
    await run()
    return write.mock.calls.map(([text]) => String(text)).join('')
  } finally {
    write.mockRestore()
  }
}

await testPage(
  'docs/troubleshooting.md',
  (page) => {
    page.commands('ping', 'the server says PONG', server, async ({ run }) => {
      expect(await run('ping')).toBe('PONG')
    })

    page.module<{ checkCache(): Promise<string> }>(
      'check-health',
      'each line of the table comes as it stands there',
      async ({ checkCache }) => {
        expect(await checkCache()).toBe('Cache healthy: false (none: disconnected)')
        await initCache()
        expect(await checkCache()).toBe('Cache healthy: true (redis: connected)')
        await initCache({ url: nobodyListens })
        expect(await checkCache()).toBe('Cache healthy: false (redis: degraded)')
        await initCache({ url: nobodyListens, onUnavailable: 'none' })
        expect(await checkCache()).toBe('Cache healthy: false (redis: disconnected)')
        vi.stubEnv('CACHE_ENABLED', 'False')
        await initCache()
        expect(await checkCache()).toMatch(/^Cache healthy: false \(\w+: disabled\)$/)
      },
    )

    page.commands('environment', 'the shell prints both variables', server, async ({ run }) => {
      const env = { REDIS_URL: 'redis://localhost:6379/0', CACHE_ENABLED: 'True' }
      expect(await run('$REDIS_URL', { env })).toBe('redis://localhost:6379/0')
      expect(await run('$CACHE_ENABLED', { env })).toBe('True')
    })

    page.module<{ describeSettings(): unknown }>(
      'check-settings',
      'what the cache understood, without the password',
      ({ describeSettings }) => {
        vi.stubEnv('REDIS_URL', 'redis://user:secret@cache.internal:6380/2')
        vi.stubEnv('CACHE_ENABLED', 'no')
        vi.stubEnv('CACHE_TTL_OCR', '60 # a minute')
        const settings = describeSettings()
        expect(settings).toEqual({
          enabled: false,
          defaultTtl: 3600,
          ttls: { ocr: 60 },
          namespace: undefined,
          redis: 'cache.internal:6380/2',
        })
        expect(JSON.stringify(settings)).not.toContain('secret')
      },
    )

    page.module('check-settings', 'a bad value rejects by name', async () => {
      vi.stubEnv('CACHE_ENABLED', 'perhaps')
      await expect(initCache()).rejects.toMatchObject({
        code: 'CACHE_BAD_CONFIG',
        message: expect.stringContaining('CACHE_ENABLED'),
      })
    })

    page.module(
      'check-health',
      'at level info the reason of a failed connection is a line, and the password is not in it',
      async () => {
        const reason = async (url: string): Promise<string> =>
          await printed(async () => {
            await initCache({ url, logLevel: 'info' })
            await closeCache()
          })
        expect(await reason(nobodyListens)).toMatch(/^INFO:cache:Cache connect problem: .*ECONNREFUSED/m)
        expect(await reason('redis://no-such-host.invalid:6379/0')).toMatch(
          /^INFO:cache:Cache connect problem: .*(?:ENOTFOUND|EAI_AGAIN)/m,
        )
        await using locked = await startRedis({
          config: ['requirepass right'],
          cliArguments: ['-a', 'right', '--no-auth-warning'],
        })
        const address = locked.url.replace('redis://', '')
        expect(await reason(locked.url)).toMatch(/^INFO:cache:Cache connect problem: .*NOAUTH/m)
        const wrong = await reason(`redis://:wrong@${address}`)
        expect(wrong).toMatch(/^INFO:cache:Cache connect problem: .*WRONGPASS/m)
        expect(wrong).not.toContain('wrong@')
        expect(await reason(`redis://:right@${address}`)).not.toContain('problem')
      },
    )

    page.module(
      'check-health',
      'a server that accepts and does not answer is a timeout, and is used when it answers',
      async () => {
        await using frozen = await startRedis()
        frozen.pause()
        expect(await printed(() => initCache({ url: frozen.url, logLevel: 'info', socketTimeout: '500ms' }))).toMatch(
          /^INFO:cache:Cache connect problem: CACHE_TIMEOUT /m,
        )
        frozen.resume()
        await expect.poll(() => cacheManager.healthCheck(), longWait).toBe(true)
      },
    )

    interface Sources {
      key: string
      first: string
      second: string
    }
    page.module<{ sources(hash: string): Promise<Sources> }>(
      'with-status',
      'load first, then the cache',
      async ({ sources }) => {
        await initCache()
        expect(await sources('abc123')).toEqual({ key: 'document:parse:abc123', first: 'load', second: 'l1' })
        await initCache({ enabled: false })
        expect(await sources('abc123')).toEqual({ key: 'document:parse:abc123', first: 'load', second: 'load' })
      },
    )

    page.module<{ explain(print: (line: string) => void): () => void }>(
      'why-not-stored',
      'each line of the table comes from what it says',
      async ({ explain }) => {
        await initCache({ maxValueBytes: 1000 })
        const lines: string[] = []
        const end = explain((line) => lines.push(line))
        const told = async (run: () => Promise<unknown>): Promise<string[]> => {
          await run().catch(() => {})
          return lines.splice(0)
        }

        const moment = cached(async (now: number) => now, { name: 'moment' })
        expect(await told(() => moment(1))).toEqual(['moment:1: miss, absent', 'moment:1: stored'])
        expect(await told(() => moment(2))).toEqual(['moment:2: miss, absent', 'moment:2: stored'])

        const instance = cached(async () => new (class Model {})(), { name: 'instance' })
        expect(await told(instance)).toEqual([
          'instance: miss, absent',
          expect.stringMatching(/^encode: .*cannot be cached/),
          'instance: refused',
        ])

        const large = cached(async () => 'x'.repeat(2000), { name: 'large' })
        expect(await told(large)).toEqual([
          'large: miss, absent',
          expect.stringMatching(/^write: .*maxValueBytes/),
          'large: refused',
        ])

        const unwanted = cached(async () => 1, { name: 'unwanted', shouldCache: () => false })
        expect(await told(unwanted)).toEqual(['unwanted: miss, absent', 'unwanted: refused'])

        const failing = cached(async () => Promise.reject(new Error('no')), { name: 'failing' })
        expect(await told(failing)).toEqual(['failing: miss, absent', 'failing: failed'])

        const tagged = cached(async () => 1, { name: 'tagged', tags: ['some'] })
        await tagged()
        await cacheManager.invalidateTags(['some'])
        lines.splice(0)
        expect(await told(tagged)).toEqual(['tagged: miss, invalidated', 'tagged: stored'])

        const codec = { name: 'other', encode: String, decode: Number }
        const recoded = cached(async () => 1, { key: () => 'tagged', codec })
        expect(await told(recoded)).toEqual(['tagged: miss, version', 'tagged: stored'])

        await redis.cli('DEL', 'tagged')
        expect(await told(recoded)).toEqual(['tagged: miss, absent', 'tagged: stored'])

        await closeCache()
        expect(await told(recoded)).toEqual(['tagged: uncached'])
        end()
      },
    )

    page.module('why-not-stored', 'the errors of calls and definitions have the codes of the table', async () => {
      await initCache()
      const takesFunction = cached(async (_run: () => void) => 1, { name: 'takesFunction' })
      await expect(takesFunction(() => {})).rejects.toMatchObject({ code: 'CACHE_UNHASHABLE_ARGUMENT' })
      const codeOf = (define: () => unknown): unknown => {
        try {
          return define()
        } catch (error) {
          return (error as { readonly code?: unknown }).code
        }
      }
      expect(codeOf(() => cached(async () => 1, {}))).toBe('CACHE_NO_IDENTITY')
      cached(async () => 'first', { keyPrefix: 'twice' })
      expect(codeOf(() => cached(async () => 'second', { keyPrefix: 'twice' }))).toBe('CACHE_NO_IDENTITY')
      expect(codeOf(() => cached(async () => 1, { name: 'noLife', ttl: 0 }))).toBe('CACHE_BAD_DURATION')
      expect(codeOf(() => cached(async () => 1, { name: 'noUnit', ttl: '15' as never }))).toBe('CACHE_BAD_DURATION')
      await expect(cacheManager.get('')).rejects.toMatchObject({ code: 'CACHE_BAD_KEY' })
    })

    page.module<{ memoryInFront(): Promise<string> }>(
      'why-off',
      'each line of the table comes as it stands there',
      async ({ memoryInFront }) => {
        const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
        await initCache({ url: nobodyListens })
        expect(await memoryInFront()).toBe('degraded, l1 off')
        await initCache({ l1: false })
        expect(await memoryInFront()).toBe('connected, l1 off')
        await redis.cli('ACL', 'SETUSER', 'untold', 'on', '>secret', '~*', '+@all', '-client|tracking')
        await initCache({ url: redis.url.replace('redis://', 'redis://untold:secret@') })
        expect(await memoryInFront()).toMatch(/^connected, l1 off\nCLIENT TRACKING is not permitted/)
        await initCache()
        expect(await memoryInFront()).toBe('connected, l1 coherent')
        await redis.cli('SET', 'document:parse:theirs', '{"hash":"theirs","pages":1}')
        for (let read = 0; read < 3; read++) {
          expect((await parseDocument.withStatus('theirs')).source).toBe('l2')
        }
        await cacheManager.set('raw', 'v')
        const sources: string[] = []
        const end = cacheManager.on('hit', ({ source }) => sources.push(source))
        await cacheManager.get('raw')
        await cacheManager.get('raw')
        end()
        expect(sources).toEqual(['l2', 'l1'])
      },
    )

    page.module('with-status', 'clear reaches every process on the server, and frees nothing by itself', async () => {
      const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
      await initCache()
      await parseDocument('old')
      const other = await page.script(
        `import { cacheManager, closeCache, initCache } from '@speedrun/cache'
         await initCache()
         console.log(await cacheManager.clear())
         await closeCache()`,
      )
      expect(other.stdout).toBe('applied\n')
      expect((await parseDocument.withStatus('old')).source).toBe('load')
      await cacheManager.clear()
      expect(await redis.cli('EXISTS', 'document:parse:old')).toBe('1')
      expect(await cacheManager.get('document:parse:old')).toBeNull()
    })

    page.module('with-status', 'a raised version is another key', () => {
      const [first, second] = [1, 2].map((version) =>
        cached(async (hash: string) => hash, { keyPrefix: 'versioned', name: 'parse', version }),
      )
      expect(first?.keyFor('a')).not.toBe(second?.keyFor('a'))
    })

    page.commands('too-large', 'memory, the largest entry, the policy', server, async ({ run }) => {
      await initCache()
      await cacheManager.set('the-largest', 'x'.repeat(100_000))
      expect(await run('INFO memory')).toMatch(/^used_memory_human:/m)
      expect(await run('--bigkeys')).toMatch(/Biggest string found .*the-largest/)
      expect(await run('maxmemory-policy')).toBe('maxmemory-policy\nallkeys-lru')
    })

    page.commands('empty', 'the memory is free, and the cache goes on', server, async ({ run }) => {
      const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
      await initCache()
      await parseDocument('a')
      expect(await run('FLUSHDB ASYNC')).toBe('OK')
      // Who is told of it begins a new tag clock.
      expect(['', 'speedrun-cache#t']).toContain(await redis.cli('KEYS', '*'))
      await expect.poll(async () => (await parseDocument.withStatus('a')).source, longWait).toBe('load')
      expect((await parseDocument.withStatus('a')).source).toBe('l1')
    })

    page.commands(
      'set-policy',
      'a full server refuses, functions run; with the policy set entries make room',
      () => full,
      async ({ run }) => {
        const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
        await initCache({ url: full.url })
        await parseDocument('before')
        await full.cli('CONFIG', 'SET', 'maxmemory', '1mb')
        const problems: string[] = []
        const end = cacheManager.on('problem', ({ during, error }) => problems.push(`${during} ${String(error)}`))
        expect(await parseDocument('full')).toEqual({ hash: 'full', pages: 3 })
        expect(problems.join('\n')).toMatch(/^write .*OOM/)
        expect(cacheManager.stats().operations['document_parsing']?.refused).toBe(1)
        expect((await parseDocument.withStatus('before')).source).toBe('l1')
        end()
        await full.cli('CONFIG', 'SET', 'maxmemory', '20mb')
        expect(await run('allkeys-lru')).toBe('OK')
        for (let index = 0; index < 100; index++) await cacheManager.set(`fills:${index}`, 'x'.repeat(500_000))
        await parseDocument('after')
        expect((await parseDocument.withStatus('after')).source).toBe('l1')
        expect(await full.cli('INFO', 'stats')).toMatch(/^evicted_keys:[1-9]/m)
      },
    )

    page.module<{ startVerbosely(): Promise<CacheManager> }>(
      'debug',
      'the lines of the table are printed as they stand there',
      async ({ startVerbosely }) => {
        const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
        await using own = await startRedis()
        vi.stubEnv('REDIS_URL', own.url)
        const lines = await printed(async () => {
          await startVerbosely()
          await parseDocument('abc123')
          await parseDocument('abc123')
          own.pause()
          await parseDocument('frozen')
          await expect.poll(async () => (await cacheManager.healthReport()).status, longWait).toBe('degraded')
          own.resume()
          await expect.poll(async () => (await cacheManager.healthReport()).status, longWait).toBe('connected')
          const model = cached(async (_x: number) => new (class Model {})(), { keyPrefix: 'model' })
          await model(1)
          await model(2)
          await closeCache()
        })
        expect(lines).toContain('DEBUG:cache.decorator:Cache miss: document:parse:abc123\n')
        expect(lines).toContain('DEBUG:cache.decorator:Cache hit: document:parse:abc123\n')
        expect(lines).toContain('INFO:cache:Cache read problem: CACHE_TIMEOUT ')
        expect(lines.match(/^WARNING:cache:Cache degraded \(redis\): /gm)).toHaveLength(1)
        expect(lines.match(/^WARNING:cache:Cache connected \(redis\): /gm)).toHaveLength(1)
        expect(lines.match(/^WARNING:cache:Results of 'model' are not cached: /gm)).toHaveLength(1)
      },
    )

    page.module('debug', 'use before initCache is one line', async () => {
      const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
      const { stderr } = await page.script(
        `import { parseDocument } from './documents.js'
         await parseDocument('a')
         await parseDocument('b')`,
      )
      expect(parseDocument.name).toBe('expensiveParsing')
      expect(stderr).toBe('WARNING:cache:The cache is used before initCache(): functions run uncached\n')
    })
  },
  'docs/from-python.md',
)
