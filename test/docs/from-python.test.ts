// The blocks of docs/from-python.md, compiled from the page itself, do what the text around them says.
import type * as application from './given/application.ts'
import {
  type CacheBackend,
  cached,
  type CachedFunction,
  CacheKeyGenerator,
  cacheManager,
  type CacheManager,
  closeCache,
  createCache,
  type Duration,
  initCache,
  type Invalidation,
  isCacheError,
  loadConfig,
  MemoryBackend,
} from '@speedrun/cache'
import { MemcachedBackend } from '@speedrun/cache/memcached'
import type { FastifyInstance } from 'fastify'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { testPage } from '../support/doc-blocks.ts'
import { startMemcached } from '../support/memcached-server.ts'
import { startRedis } from '../support/redis-server.ts'
import type { Model, ParsedDocument } from './given/application.ts'

const longWait = { timeout: 20_000, interval: 20 }
const nobodyListens = 'redis://127.0.0.1:1/0'

const redis = await startRedis()
let scratch = ''
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'test-from-python-'))
})
afterAll(async () => {
  await redis.stop()
  await rm(scratch, { recursive: true, force: true })
})

beforeEach(async () => {
  vi.stubEnv('REDIS_URL', redis.url)
  vi.stubEnv('CACHE_LOG_LEVEL', 'silent')
  await redis.cli('FLUSHALL')
})
afterEach(closeCache)

type Parse = CachedFunction<(fileHash: string) => Promise<ParsedDocument>>

/** One client besides redis-cli itself is the cache. */
const clients = async (): Promise<number> => (await redis.cli('CLIENT', 'LIST')).split('\n').length - 1

type Application = typeof application

await testPage('docs/from-python.md', (page) => {
  /** What the application really did since the last question. */
  const done = async (): Promise<string[]> => (await page.load<Application>('application')).done.splice(0)

  beforeEach(async () => {
    await done()
    ;(await page.load<Application>('application')).database.contents.clear()
  })

  // Start and stop

  type LifeCycle = { createApp(): FastifyInstance }
  page.module<LifeCycle>('life-cycle', 'the cache opens and closes with the application', async ({ createApp }) => {
    const app = createApp()
    expect(await cacheManager.healthCheck()).toBe(false)
    await app.ready()
    expect(await cacheManager.healthCheck()).toBe(true)
    expect(await cacheManager.set('a', '1')).toBe(true)
    expect(await clients()).toBe(1)
    await app.close()
    expect(await cacheManager.healthCheck()).toBe(false)
    await expect.poll(clients, longWait).toBe(0)
  })

  page.module<LifeCycle>('life-cycle', 'the application starts while Redis is away', async ({ createApp }) => {
    vi.stubEnv('REDIS_URL', nobodyListens)
    const app = createApp()
    await app.ready()
    expect((await cacheManager.healthReport()).status).toBe('degraded')
    await app.close()
  })

  page.module<LifeCycle>(
    'life-cycle',
    'a wrong setting stops the start and names the variable',
    async ({ createApp }) => {
      vi.stubEnv('CACHE_DEFAULT_TTL', '1 hour')
      await expect(createApp().ready()).rejects.toThrow('CACHE_DEFAULT_TTL')
    },
  )

  // Cache a function

  page.module<{ parseDocument: Parse }>(
    'decorate',
    'the second call with equal arguments does not run the function',
    async ({ parseDocument }) => {
      await initCache()
      const first = await parseDocument('abc123')
      expect(await parseDocument('abc123')).toEqual(first)
      expect(await done()).toEqual(['parse abc123'])
      expect(Number(await redis.cli('TTL', 'document:parseDocument:abc123'))).toBeGreaterThan(3500)
      expect(Number(await redis.cli('TTL', 'document:parseDocument:abc123'))).toBeLessThanOrEqual(3600)
      expect(parseDocument.name).toBe('parseDocument')
      expect(parseDocument.keyFor('42')).toBe("document:parseDocument:'42'")
      expect(parseDocument.keyFor('2e7d')).toBe('document:parseDocument:2e7d')
    },
  )

  page.module<{ parseDocument: Parse }>(
    'decorate',
    'callers at the same time share one run',
    async ({ parseDocument }) => {
      await initCache()
      await Promise.all(Array.from({ length: 50 }, () => parseDocument('shared')))
      expect(await done()).toEqual(['parse shared'])
    },
  )

  page.module<{ parseDocument: Parse }>(
    'decorate',
    'before initCache the function runs uncached',
    async ({ parseDocument }) => {
      await parseDocument('early')
      await parseDocument('early')
      expect(await done()).toEqual(['parse early', 'parse early'])
    },
  )

  for (const decorators of ['standard', 'legacy'] as const) {
    page.program(
      'decorate-method',
      `a method is cached until it is forgotten, with ${decorators} decorators`,
      async () => {
        const { stdout, stderr } = await page.script(
          `import { cacheOf, closeCache, initCache } from '@speedrun/cache'
         import { done } from './application.js'
         import { DocumentService, forgetDocument } from './decorate-method.js'
         await initCache()
         const service = new DocumentService()
         const told = [cacheOf(service, 'parse').keyFor('abc')]
         await service.parse('abc')
         await service.parse('abc')
         told.push(...done.splice(0), await forgetDocument(service, 'abc'))
         await service.parse('abc')
         console.log(JSON.stringify([...told, ...done]))
         await closeCache()`,
          decorators,
        )
        expect(stderr).toBe('')
        expect(JSON.parse(stdout)).toEqual(['document-service:parse:abc', 'parse abc', 'applied', 'parse abc'])
      },
    )
  }

  // Which key

  page.module<{ parseDocument: Parse }>(
    'documents',
    'function, generator and redis-cli meet at one key',
    async ({ parseDocument }) => {
      await initCache()
      const key = CacheKeyGenerator.documentParse('abc123')
      expect(parseDocument.keyFor('abc123')).toBe(key)
      const result = await parseDocument('abc123')
      expect(JSON.parse((await cacheManager.get(key)) ?? '')).toEqual(result)
      expect(await redis.cli('EXISTS', 'document:parse:abc123')).toBe('1')
      await cacheManager.delete(key)
      await parseDocument('abc123')
      expect(await done()).toEqual(['parse abc123', 'parse abc123'])
    },
  )

  page.module<{ parseDocument: Parse }>(
    'documents',
    'an entry of the Python service is used as it is, until the first clear',
    async ({ parseDocument }) => {
      await redis.cli('SET', 'document:parse:old', '{"hash": "old", "pages": 9}', 'EX', '600')
      await initCache()
      expect(await parseDocument('old')).toEqual({ hash: 'old', pages: 9 })
      expect(await done()).toEqual([])
      await cacheManager.clear()
      expect(await parseDocument('old')).toEqual({ hash: 'old', pages: 3 })
    },
  )

  // By hand

  interface ByHand {
    remember(fileHash: string, result: ParsedDocument): Promise<boolean>
    recall(fileHash: string): Promise<ParsedDocument | null>
    forget(fileHash: string): Promise<Invalidation>
  }
  page.module<ByHand>('manual', 'what is set is got until it is deleted', async ({ remember, recall, forget }) => {
    await initCache()
    expect(await recall('a')).toBeNull()
    expect(await remember('a', { hash: 'a', pages: 1 })).toBe(true)
    expect(await recall('a')).toEqual({ hash: 'a', pages: 1 })
    expect(Number(await redis.cli('TTL', 'document:parse:a'))).toBeGreaterThan(3500)
    expect(await forget('a')).toBe('applied')
    expect(await recall('a')).toBeNull()
  })

  page.module<ByHand>('manual', 'none of the three rejects without a store', async ({ remember, recall, forget }) => {
    vi.stubEnv('REDIS_URL', nobodyListens)
    await initCache({ onUnavailable: 'none' })
    expect(await remember('a', { hash: 'a', pages: 1 })).toBe(false)
    expect(await recall('a')).toBeNull()
    expect(await forget('a')).toBe('journaled')
  })

  page.module<{ parsedDocument: Parse }>('manual-values', 'getOrSet loads once', async ({ parsedDocument }) => {
    await initCache()
    await parsedDocument('a')
    expect(await parsedDocument('a')).toEqual({ hash: 'a', pages: 3 })
    expect(await done()).toEqual(['parse a'])
    expect(await cacheManager.getValue('document:parse:a')).toEqual({ hash: 'a', pages: 3 })
  })

  // In memory

  interface InMemory {
    useMemory(): Promise<CacheManager>
    createSmallCache(): CacheManager
  }
  page.module<InMemory>('memory', 'nothing reaches Redis', async ({ useMemory }) => {
    expect(await useMemory()).toBe(cacheManager)
    await cacheManager.set('a', '1')
    expect(await cacheManager.get('a')).toBe('1')
    expect(await redis.cli('DBSIZE')).toBe('0')
  })

  page.module<InMemory>(
    'memory',
    'a cache of its own shares nothing and keeps to its limit',
    async ({ useMemory, createSmallCache }) => {
      await useMemory()
      const first = createSmallCache()
      const second = createSmallCache()
      await first.set('a', '1')
      expect(await second.get('a')).toBeNull()
      expect(await cacheManager.get('a')).toBeNull()
      for (let index = 0; index < 100; index++) await first.set(`big:${index}`, 'x'.repeat(20_000))
      const { memory } = first.stats()
      expect(memory?.bytes).toBeLessThanOrEqual(1024 * 1024)
      expect(memory?.evictions).toBeGreaterThan(0)
    },
  )

  // A folder

  type Folder = { FolderBackend: new (folder: string) => CacheBackend }
  page.module<Folder>('folder-backend', 'its six methods keep the rules', async ({ FolderBackend }) => {
    const backend = new FolderBackend(join(scratch, 'rules'))
    expect(await backend.ping()).toBe(true)
    await keepsTheRules(backend)
  })

  page.module<Folder>('folder-backend', 'what one process stored, the next one finds', async ({ FolderBackend }) => {
    const folder = join(scratch, 'again')
    for (const expected of [['parse a'], []]) {
      await initCache(new FolderBackend(folder))
      const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
      await parseDocument('a')
      expect(await done()).toEqual(expected)
      await closeCache()
    }
    expect(await readdir(folder)).toEqual([CacheKeyGenerator.computeHash('document:parse:a')])
  })

  page.module<Folder>('folder-backend', 'a failure throws, and harms no caller', async ({ FolderBackend }) => {
    const file = join(scratch, 'a-file')
    await writeFile(file, '')
    await expect(new FolderBackend(file).get('a')).rejects.toThrow('ENOTDIR')
    const folder = join(scratch, 'breaks')
    await initCache(new FolderBackend(folder))
    const problems: string[] = []
    const end = cacheManager.on('problem', ({ during }) => problems.push(during))
    await rm(folder, { recursive: true })
    await writeFile(folder, '')
    const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
    expect(await parseDocument('a')).toEqual({ hash: 'a', pages: 3 })
    expect(problems).toContain('read')
    end()
  })

  page.module<Folder>('folder-backend', 'the report says that tags stay in the process', async ({ FolderBackend }) => {
    await initCache(new FolderBackend(join(scratch, 'tags')))
    expect(await cacheManager.healthReport()).toMatchObject({ backend: 'folder', tags: 'process' })
  })

  // Memcached

  type Memcached = { useMemcached(...servers: readonly string[]): Promise<CacheManager> }
  page.module<Memcached>(
    'memcached-backend',
    'the manager connects it and finds it again',
    async ({ useMemcached }) => {
      await using server = await startMemcached()
      await useMemcached(server.address)
      const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
      await parseDocument('a')
      await parseDocument('a')
      expect(await done()).toEqual(['parse a'])
      expect(await server.ask('mg documents:document:parse:a')).toBe('HD\r\n')
      await server.kill()
      expect(await parseDocument('b')).toEqual({ hash: 'b', pages: 3 })
      const away = { backend: 'memcached', status: 'degraded', primary: false }
      expect(await cacheManager.healthReport()).toMatchObject(away)
      await server.restart()
      await vi.waitFor(async () => expect((await cacheManager.healthReport()).status).toBe('connected'), longWait)
    },
  )

  page.module<Memcached>('memcached-backend', 'the limits of the old sample are none', async ({ useMemcached }) => {
    await using server = await startMemcached()
    await useMemcached(server.address)
    for (const key of ['k'.repeat(400), 'white space']) {
      expect(await cacheManager.set(key, 'kept', 60 * 86_400)).toBe(true)
      expect(await cacheManager.get(key)).toBe('kept')
    }
    expect(await cacheManager.set('large', 'x'.repeat(1_200_000))).toBe(false)
    expect(await cacheManager.get('white space')).toBe('kept')
  })

  // Keys

  page.module<{ keys: string[] }>('keys', 'they are the strings of the Python layer', async ({ keys }) => {
    const expected = ['document:parse:abc123', 'document:tables:abc123', 'ocr:extract:def456', 'image:tampering:ghi789']
    expect(keys).toEqual([...expected, 'validation:format:jkl012', 'risk:DOCUMENT:7d4e'])
    // The comments beside them say the same.
    const source = await readFile(new URL('../../docs/from-python.md', import.meta.url), 'utf8')
    for (const key of keys) expect(source).toContain(`// ${key}\n`)
    expect(CacheKeyGenerator.imageAnalysis('h')).toBe('image:full:h')
    expect(() => CacheKeyGenerator.documentParse(undefined as never)).toThrow('fileHash')
    expect(() => CacheKeyGenerator.documentParse('')).toThrow('fileHash')
  })

  page.module<{ key: string }>('own-keys', 'a family of keys of one’s own', ({ key }) => {
    expect(key).toBe('invoice:total:EUR:42')
  })

  // Configuration

  page.text('environment', 'loadConfig understands the file, however it was read', (text) => {
    const expected = {
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
    }
    expect(loadConfig(parseEnv(text))).toEqual(expected)
    // Not everything that reads such files takes the comments off.
    const asItStands = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const pairs = asItStands.map(
      (line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const,
    )
    expect(pairs.find(([name]) => name === 'CACHE_TTL_OCR')?.[1]).toContain('#')
    expect(loadConfig(Object.fromEntries(pairs))).toEqual(expected)
    // Nothing else is set: the defaults are the same.
    expect({ ...loadConfig({}), ttls: expected.ttls }).toEqual(expected)
  })

  interface Configuration {
    readScan: Parse
    start(): Promise<CacheManager>
  }
  page.module<Configuration>(
    'configuration',
    'the operation picks its variable, whenever it is set',
    async ({ readScan }) => {
      vi.stubEnv('CACHE_TTL_OCR', '172800   # 48 hours')
      await initCache()
      await readScan('a')
      const ttl = Number(await redis.cli('TTL', readScan.keyFor('a')))
      expect(ttl).toBeGreaterThan(172_700)
      expect(ttl).toBeLessThanOrEqual(172_800)
    },
  )

  page.module<Configuration>('configuration', 'code wins over the environment', async ({ readScan, start }) => {
    vi.stubEnv('CACHE_DEFAULT_TTL', '60')
    vi.stubEnv('CACHE_TTL_VALIDATION', '60')
    await start()
    await readScan('a')
    const check = cached(async () => 1, { name: 'check', operation: 'validation' })
    await check()
    const ttls = [await redis.cli('TTL', readScan.keyFor('a')), await redis.cli('TTL', 'check')].map(Number)
    expect(ttls[0]).toBeGreaterThan(1700)
    expect(ttls[0]).toBeLessThanOrEqual(1800)
    expect(ttls[1]).toBeGreaterThan(43_000)
    expect(ttls[1]).toBeLessThanOrEqual(43_200)
  })

  page.module<Configuration>('configuration', 'CACHE_ENABLED=False writes nothing anywhere', async ({ readScan }) => {
    vi.stubEnv('CACHE_ENABLED', 'False')
    await initCache()
    await readScan('a')
    await readScan('a')
    expect(await done()).toEqual(['parse a', 'parse a'])
    expect(await cacheManager.set('a', '1')).toBe(false)
    expect(await redis.cli('DBSIZE')).toBe('0')
    expect(await clients()).toBe(0)
  })

  // Health

  page.module<{ addHealthRoute(app: FastifyInstance): void }>(
    'health',
    'it answers 200 always, and says how the cache is',
    async ({ addHealthRoute }) => {
      const { createApp } = await page.load<LifeCycle>('life-cycle')
      await using own = await startRedis()
      vi.stubEnv('REDIS_URL', own.url)
      const app = createApp()
      addHealthRoute(app)
      const health = async (): Promise<unknown> => {
        const { statusCode, body } = await app.inject('/health')
        expect(statusCode).toBe(200)
        return JSON.parse(body)
      }
      expect(await health()).toEqual({ cache: 'connected', status: 'connected' })
      expect(await cacheManager.healthCheck()).toBe(true)
      await own.kill()
      await expect.poll(health, longWait).toEqual({ cache: 'disconnected', status: 'degraded' })
      expect(await cacheManager.healthCheck()).toBe(false)
      await own.restart()
      await expect.poll(health, longWait).toEqual({ cache: 'connected', status: 'connected' })
      await initCache({ enabled: false })
      expect(await health()).toEqual({ cache: 'disconnected', status: 'disabled' })
      await initCache({ url: nobodyListens, onUnavailable: 'none' })
      expect(await health()).toEqual({ cache: 'disconnected', status: 'disconnected' })
      await app.close()
    },
  )

  // Tests of one's own

  page.program('counted-test', 'it passes, and without a cache it fails', async () => {
    const passed = await page.run('counted-test', { flags: ['--test'] })
    expect(passed.stdout).toMatch(/^[#ℹ] pass 1$/m)
    expect(passed.code).toBe(0)
    const failed = await page.run('counted-test', { flags: ['--test'], env: { CACHE_ENABLED: 'False' } })
    expect(failed.stdout).toMatch(/^[#ℹ] fail 1$/m)
    expect(failed.code).toBe(1)
  })

  page.program('mocked-test', 'it passes, and with another default it fails', async () => {
    const passed = await page.run('mocked-test', { flags: ['--test'] })
    expect(passed.stdout).toMatch(/^[#ℹ] pass 1$/m)
    expect(passed.code).toBe(0)
    const failed = await page.run('mocked-test', { flags: ['--test'], env: { CACHE_NAMESPACE: 'other' } })
    expect(failed.stdout).toMatch(/^[#ℹ] fail 1$/m)
  })

  // Redis away

  page.module<{ start(report: (line: string) => void): Promise<void> }>(
    'fallback',
    'down and up again, and nothing deleted comes back',
    async ({ start }) => {
      const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
      await using own = await startRedis()
      vi.stubEnv('REDIS_URL', own.url)
      const lines: string[] = []
      await start((line) => lines.push(line))
      await parseDocument('kept')
      await parseDocument('deleted')
      await done()

      own.pause()
      expect(await parseDocument('new')).toEqual({ hash: 'new', pages: 3 })
      await expect.poll(() => lines.at(-1), longWait).toContain('cache: connected -> degraded')
      await done()
      await parseDocument('meanwhile')
      expect((await parseDocument.withStatus('meanwhile')).source).toBe('fallback')
      expect(await done()).toEqual(['parse meanwhile'])
      expect(await parseDocument.invalidate('deleted')).toBe('journaled')
      await expect(cacheManager.delete('x', { strict: true })).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' })

      own.resume()
      await expect.poll(() => lines.at(-1), longWait).toContain('cache: degraded -> connected')
      await parseDocument('kept')
      expect(await done()).toEqual([])
      await parseDocument('deleted')
      await parseDocument('meanwhile')
      expect(await done()).toEqual(['parse deleted', 'parse meanwhile'])
    },
  )

  page.module('fallback', 'the table of onUnavailable is right', async () => {
    const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
    const expected = { memory: ['parse a'], none: ['parse a', 'parse a'] }
    for (const onUnavailable of ['memory', 'none'] as const) {
      await initCache({ url: nobodyListens, onUnavailable })
      await parseDocument('a')
      await parseDocument('a')
      expect(await done()).toEqual(expected[onUnavailable])
    }
    await closeCache()
    await expect(initCache({ url: nobodyListens, onUnavailable: 'throw' })).rejects.toMatchObject({
      code: 'CACHE_UNAVAILABLE',
    })
  })

  page.module('fallback', 'the function’s own error is its own, and it does not run again', async () => {
    await initCache()
    const error = new Error('not a PDF')
    const fails = vi.fn(async (_hash: string): Promise<number> => {
      throw error
    })
    const parse = cached(fails, { keyPrefix: 'fails', name: 'always' })
    await expect(parse('a')).rejects.toBe(error)
    expect(fails).toHaveBeenCalledTimes(1)
  })

  // TTLs

  interface Ttls {
    readDocument: Parse
    getStatistics: CachedFunction<() => Promise<unknown>>
    readPages: Parse
  }
  page.module<Ttls>(
    'ttls',
    'each result lives as long as it says',
    async ({ readDocument, getStatistics, readPages }) => {
      await initCache()
      await Promise.all([readDocument('a'), getStatistics(), readPages('a')])
      expect(getStatistics.keyFor()).toBe('stats:countDocuments')
      const lives = async (key: string): Promise<number> => Number(await redis.cli('TTL', key))
      expect(await lives('document:parse:a')).toBeGreaterThan(86_300)
      expect(await lives('stats:countDocuments')).toBeGreaterThan(200)
      expect(await lives('stats:countDocuments')).toBeLessThanOrEqual(300)
      const week = 7 * 86_400
      expect(await lives(readPages.keyFor('a'))).toBeGreaterThan(week * 0.9 - 100)
      expect(await lives(readPages.keyFor('a'))).toBeLessThanOrEqual(week)
    },
  )

  page.module('ttls', 'zero and negative lives are errors, an end must be given up by name', async () => {
    await initCache()
    for (const ttl of [0, -1, Number.NaN] as Duration[])
      await expect(cacheManager.set('a', '1', ttl)).rejects.toBeInstanceOf(RangeError)
    expect(await cacheManager.set('a', '1', 'forever')).toBe(true)
    expect(Number(await redis.cli('TTL', 'a'))).toBeGreaterThan(300_000_000)
  })

  // Hashes

  interface Hashes {
    parseUpload(content: Uint8Array): Promise<ParsedDocument>
    parseFile(path: string): Promise<ParsedDocument>
  }
  page.module<Hashes>(
    'hashes',
    'bytes and file of the same content share an entry',
    async ({ parseUpload, parseFile }) => {
      await initCache()
      const content = Buffer.from('the same content')
      const hash = createHash('sha256').update(content).digest('hex')
      const path = join(scratch, 'another-name.pdf')
      await writeFile(path, content)
      expect((await parseUpload(content)).hash).toBe(hash)
      expect((await parseFile(path)).hash).toBe(hash)
      expect(await done()).toEqual([`parse ${hash}`])
      expect(await redis.cli('EXISTS', `document:parse:${hash}`)).toBe('1')
    },
  )

  // Data

  page.module<{ getConfig: CachedFunction<() => Promise<unknown>> }>(
    'plain-data',
    'a hit equals what the function returned',
    async ({ getConfig }) => {
      await initCache()
      const loaded = await getConfig()
      expect(await getConfig.withStatus()).toMatchObject({ source: 'l1', value: loaded })
      await initCache({ l1: false })
      const hit = await getConfig.withStatus()
      expect(hit.source).toBe('l2')
      expect(hit.value).toStrictEqual(loaded)
      expect(hit.value).toStrictEqual({
        key: 'value',
        since: new Date('2025-01-15'),
        limits: new Map([['pages', 500n]]),
      })
    },
  )

  page.module('plain-data', 'an instance is returned, stored nowhere, and reported', async () => {
    await initCache()
    const { Model } = await page.load<Application>('application')
    const problems: unknown[] = []
    const end = cacheManager.on('problem', ({ error }) => problems.push(error))
    const train = cached(async () => new Model('v', [1]), { name: 'trainUncacheable' })
    expect(await train()).toBeInstanceOf(Model)
    expect(await train()).toBeInstanceOf(Model)
    expect(isCacheError(problems[0], 'CACHE_UNSTORABLE_VALUE')).toBe(true)
    expect(cacheManager.stats().operations['trainUncacheable']).toMatchObject({ loads: 2, fills: 0 })
    await expect(cacheManager.setValue('model', new Model('v', [1]))).rejects.toMatchObject({
      code: 'CACHE_UNSTORABLE_VALUE',
    })
    end()
  })

  page.module<{ latestModel: CachedFunction<() => Promise<Model>> }>(
    'model-codec',
    'a hit is an instance again, trained once',
    async ({ latestModel }) => {
      for (const backend of [undefined, new MemoryBackend()]) {
        await initCache(backend)
        await Promise.all([latestModel(), latestModel()])
        const model = await latestModel()
        expect(model.score(2)).toBe(6)
        expect(await done()).toEqual(['train'])
      }
    },
  )

  page.module<{ getModel(): Promise<Model> }>(
    'model-by-hand',
    'it works too, but trains once for each who waits',
    async ({ getModel }) => {
      await initCache()
      await Promise.all([getModel(), getModel()])
      expect(await done()).toEqual(['train', 'train'])
      expect((await getModel()).score(2)).toBe(6)
      expect(await done()).toEqual([])
    },
  )

  // Delete and update

  interface Updating {
    riskScore: CachedFunction<(documentId: string) => Promise<number>>
    updateDocument(documentId: string, newContent: Uint8Array): Promise<Invalidation>
  }
  page.module<Updating>(
    'invalidation',
    'an update drops the old content and all that has the tag; the old recipe drops neither',
    async ({ riskScore, updateDocument }) => {
      await initCache()
      const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
      const { database } = await page.load<Application>('application')
      const [before, after] = [Buffer.from('old'), Buffer.from('newer')]
      const [oldHash, newHash] = [before, after].map((content) => CacheKeyGenerator.computeHash(content)) as [
        string,
        string,
      ]
      const oldKey = CacheKeyGenerator.documentParse(oldHash)

      await database.save('7', before)
      await parseDocument(oldHash)
      expect(await riskScore('7')).toBe(3)

      // The old recipe, on a copy of the state: nothing that is stored goes away.
      await cacheManager.delete(CacheKeyGenerator.documentParse(newHash))
      expect(await cacheManager.exists(oldKey)).toBe(true)
      expect(await cacheManager.exists('risk:DOCUMENT:7')).toBe(true)

      expect(await updateDocument('7', after)).toBe('applied')
      expect(await cacheManager.exists(oldKey)).toBe(false)
      expect(await cacheManager.exists('risk:DOCUMENT:7')).toBe(false)
      expect(await riskScore('7')).toBe(5)
      expect(await cacheManager.inspect('risk:DOCUMENT:7')).toMatchObject({ tags: ['document:7'] })
    },
  )

  page.module<Updating>('invalidation', 'a score begun before the update is not kept', async ({ updateDocument }) => {
    await initCache()
    const { database } = await page.load<Application>('application')
    await database.save('8', Buffer.from('old'))
    let finish = (): void => {}
    const gate = new Promise<void>((resolve) => (finish = resolve))
    const slowScore = cached(
      async (documentId: string) => {
        const { length } = await database.load(documentId)
        await gate
        return length
      },
      { keyPrefix: 'slow', name: 'score', tags: (_score, documentId) => [`document:${documentId}`] },
    )
    const early = slowScore('8')
    await expect.poll(() => cacheManager.stats().operations['slow']?.loads, longWait).toBe(1)
    await updateDocument('8', Buffer.from('newer'))
    finish()
    await early
    expect(await slowScore('8')).toBe(5)
  })

  page.module('invalidation', 'disabled is what it says', async () => {
    await initCache({ enabled: false })
    expect(await cacheManager.delete('a')).toBe('disabled')
  })

  // Debug logging

  page.program('debug-logging', 'a hit and a miss are logged under the old name', async () => {
    const { stderr, code } = await page.run('debug-logging')
    expect(code).toBe(0)
    expect(stderr).toContain('DEBUG:cache.decorator:Cache miss: document:parse:abc123\n')
    expect(stderr).toContain('DEBUG:cache.decorator:Cache hit: document:parse:abc123\n')
  })

  page.text('debug-lines', 'they are what the program above prints', async (text) => {
    const { stderr } = await page.run('debug-logging')
    expect(stderr).toBe(text)
  })

  page.program('debug-logging', 'a logger gets the text alone, and keys as redactKey leaves them', async () => {
    const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    await initCache({
      backend: new MemoryBackend(),
      logger,
      logLevel: 'debug',
      redactKey: (key) => `${key.slice(0, 8)}...`,
    })
    await parseDocument('abc123')
    expect(logger.debug.mock.calls).toEqual([['Cache miss: document...']])
  })

  // Migrations

  page.module<{ parseDocument: (hash: string) => Promise<ParsedDocument> }>(
    'before-cache',
    'it runs each time',
    async ({ parseDocument }) => {
      await initCache()
      await parseDocument('a')
      await parseDocument('a')
      expect(await done()).toEqual(['parse a', 'parse a'])
    },
  )

  page.module<{ parseDocument: Parse }>(
    'after-cache',
    'it runs once, and its caller is the same',
    async ({ parseDocument }) => {
      const before = await page.load<{ parseDocument: (hash: string) => Promise<ParsedDocument> }>('before-cache')
      await initCache()
      const results = []
      for (const parse of [before.parseDocument, parseDocument, parseDocument]) results.push(await parse('a'))
      expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1)
      expect(await done()).toEqual(['parse a', 'parse a'])
      expect([parseDocument.name, parseDocument.length]).toEqual([
        before.parseDocument.name,
        before.parseDocument.length,
      ])
    },
  )

  page.module<{ start(kind: string): Promise<CacheManager> }>(
    'choose-backend',
    'the same function on four backends',
    async ({ start }) => {
      const { parseDocument } = await page.load<{ parseDocument: Parse }>('documents')
      // Those that take no argument are started as written; the other two where a test may write and listen.
      const { FolderBackend } = await page.load<Folder>('folder-backend')
      const server = await startMemcached()
      const starts = {
        redis: () => start('redis'),
        memory: () => start('memory'),
        folder: () => initCache(new FolderBackend(join(scratch, 'chosen'))),
        memcached: () => initCache(new MemcachedBackend({ servers: [server.address] })),
      }
      for (const [name, begin] of Object.entries(starts)) {
        await begin()
        expect(await cacheManager.healthReport()).toMatchObject({ backend: name, status: 'connected' })
        const results = [await parseDocument('same'), await parseDocument('same')]
        expect(results).toEqual([
          { hash: 'same', pages: 3 },
          { hash: 'same', pages: 3 },
        ])
        expect(await done()).toEqual(['parse same'])
        expect(await parseDocument.invalidate('same')).toBe('applied')
        await parseDocument('same')
        expect(await done()).toEqual(['parse same'])
      }
      await closeCache()
      await server.stop()
    },
  )
})

/** What every backend must do, whatever is behind it. */
async function keepsTheRules(backend: CacheBackend): Promise<void> {
  expect((await backend.get('absent')) ?? null).toBeNull()
  expect(await backend.exists('absent')).toBe(false)
  expect(await backend.delete('absent')).toBe(false)
  for (const value of ['', 'null', 'two\nlines\r\n', 'END\r\n', 'ä€😀', 'x'.repeat(100_000)]) {
    expect(await backend.set('key', value, 60)).toBe(true)
    expect(await backend.get('key')).toBe(value)
    expect(await backend.exists('key')).toBe(true)
  }
  expect(await backend.delete('key')).toBe(true)
  expect((await backend.get('key')) ?? null).toBeNull()
  await backend.set('brief', 'x', 1)
  await expect.poll(() => backend.get('brief'), longWait).toBeFalsy()
  // Through a manager, two at a time.
  const manager = await createCache({ backend }).init()
  await Promise.all(['a', 'b', 'c'].map((key) => manager.set(key, key.repeat(3), 60)))
  expect(await Promise.all(['a', 'b', 'c', 'd'].map((key) => manager.get(key)))).toEqual(['aaa', 'bbb', 'ccc', null])
}
