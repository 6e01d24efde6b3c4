// What only a whole process can show: that it ends by itself, that nothing keeps it alive or kills it, that ESM and CommonJS share one cache.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sharedRedisUrl } from '../support/shared-redis.ts'

const entry = new URL('../../dist/index.js', import.meta.url)
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'process-test-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

let serial = 0
/** Runs a script to its own end. @returns what it printed; rejects when it fails or does not end within a minute */
async function run(
  source: string,
  extension = 'mjs',
  env: Record<string, string> = {},
): Promise<{ stdout: string; stderr: string }> {
  const file = join(folder, `script-${++serial}.${extension}`)
  await writeFile(
    file,
    source.replaceAll('@speedrun/cache', extension === 'cjs' ? entry.pathname : pathToFileURL(entry.pathname).href),
  )
  return await promisify(execFile)(process.execPath, [file], { timeout: 60_000, env: { ...process.env, ...env } })
}

test.each(['memory', 'Redis', 'no Redis'])('a script ends by itself after closeCache (%s)', async (kind) => {
  const { stdout, stderr } = await run(
    `
    import { cached, closeCache, initCache, MemoryBackend } from '@speedrun/cache'
    await initCache(${kind === 'memory' ? 'new MemoryBackend()' : ''})
    const fn = cached(async (n) => n * 2, { name: 'script-${kind.replace(' ', '-')}', ttl: '30d' })
    console.log(await fn(21), await fn(21))
    await closeCache()
    console.log(process.getActiveResourcesInfo().filter((name) => name === 'Timeout' || name === 'TCPSocketWrap').length)
  `,
    'mjs',
    { REDIS_URL: kind === 'Redis' ? sharedRedisUrl() : 'redis://127.0.0.1:1/0' },
  )
  expect(stdout).toBe('42 42\n0\n')
  expect(stderr).toBe(
    kind === 'no Redis'
      ? 'WARNING:cache:Cache degraded (redis): The Redis server cannot be reached (ECONNREFUSED)\n'
      : '',
  )
})

test('a script that forgets closeCache ends too, and one that awaits a call is not ended before its answer', async () => {
  const { stdout } = await run(
    `
    import { createCache, initCache } from '@speedrun/cache'
    await initCache()
    const hangs = { get: () => new Promise(() => {}), set: () => true, delete: () => true, exists: () => true, ping: () => true, close() {} }
    console.log(await createCache({ backend: hangs, logLevel: 'silent' }).getOrSet('k', () => 'answered'))
  `,
    'mjs',
    { REDIS_URL: sharedRedisUrl() },
  )
  expect(stdout).toBe('answered\n')
})

test('ESM and CommonJS importers share the default cache: two calls, one run', async () => {
  await writeFile(
    join(folder, 'common.cjs'),
    `const { cached } = require('${entry.pathname}')
     let runs = 0
     exports.fn = cached(async (hash) => ({ hash, run: ++runs }), { name: 'shared-by-both' })
     exports.cacheManager = require('${entry.pathname}').cacheManager`,
  )
  const { stdout } = await run(`
    import { cacheManager, cached, closeCache, initCache, MemoryBackend } from '@speedrun/cache'
    import common from './common.cjs'
    await initCache(new MemoryBackend())
    await common.fn('a')
    console.log(common.cacheManager === cacheManager, (await common.fn('a')).run, await cacheManager.exists('shared-by-both:a'))
    await closeCache()
  `)
  expect(stdout).toBe('true 1 true\n')
})

test('the default logger prints the exact lines of the Python layer, at debug only', async () => {
  const source = `
    import { CacheKeyGenerator, cached, closeCache, initCache, MemoryBackend } from '@speedrun/cache'
    await initCache(new MemoryBackend())
    const parse = cached(async (hash) => hash, { key: CacheKeyGenerator.documentParse })
    await parse('abc123')
    await parse('abc123')
    await closeCache()
  `
  const { stderr } = await run(source, 'mjs', { CACHE_LOG_LEVEL: 'debug' })
  expect(stderr.split('\n').filter((line) => line.startsWith('DEBUG'))).toEqual([
    'DEBUG:cache.decorator:Cache miss: document:parse:abc123',
    'DEBUG:cache.decorator:Cache hit: document:parse:abc123',
  ])
  expect((await run(source)).stderr).toBe('')
})

test('a bad environment variable rejects initCache by name, and never a later call', async () => {
  const { stdout } = await run(
    `
    import { cached, createCache, initCache } from '@speedrun/cache'
    const fn = cached(async () => 'works', { name: 'works-anyway' })
    await initCache().catch((error) => console.log(error.code, error.message))
    try { createCache() } catch (error) { console.log(error.code, error.message) }
    console.log(await fn())
  `,
    'mjs',
    { CACHE_DEFAULT_TTL: '1 hour', CACHE_LOG_LEVEL: 'error' },
  )
  const line = "CACHE_BAD_CONFIG CACHE_DEFAULT_TTL must be a number of seconds, more than 0, got '1 hour'"
  expect(stdout).toBe(`${line}\n${line}\nworks\n`)
})

test('a second process hits in Redis what the first computed', async () => {
  const source = `
    import { cached, closeCache, initCache } from '@speedrun/cache'
    await initCache()
    const fn = cached(async (n) => ({ n, by: process.pid, when: new Date(0), big: 1n }), { name: 'across-processes', tags: ['t'] })
    const { value, source } = await fn.withStatus(Number(process.env.ARGUMENT))
    console.log(source, value.by === process.pid, value.big, value.when.getTime())
    await closeCache()
  `
  const env = { REDIS_URL: sharedRedisUrl(), ARGUMENT: String(Date.now()) }
  expect((await run(source, 'mjs', env)).stdout).toBe('load true 1n 0\n')
  expect((await run(source, 'mjs', env)).stdout).toBe('l2 false 1n 0\n')
})
