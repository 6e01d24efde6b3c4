// Entries shared with other languages: bare JSON in, bare JSON out, and no tag, window or header that another program would stumble over.
import { afterEach, describe, expect, test } from 'vitest'
import type { CacheManager, CacheOptions } from '../../src/index.ts'
import { cached, createCache, MemoryBackend } from '../../src/index.ts'
import { mapBackend } from '../support/map-backend.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startRedis } from '../support/redis-server.ts'

const managers: CacheManager[] = []
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close()
})
async function open(options: CacheOptions): Promise<CacheManager> {
  const manager = await createCache({ logLevel: 'silent', ...options }).init()
  managers.push(manager)
  return manager
}
let serial = 0
const named = (): string => `plain-${++serial}`

test('a plain entry is what json.loads expects, lives its ttl, and is a hit', async () => {
  await using redis = await startRedis()
  const manager = await open({ url: redis.url, l1: false })
  const fn = cached(async (hash: string) => ({ hash, title: 'Größe "1"', pages: [1, 2.5, null, true] }), {
    key: (hash) => `document:parse:${hash}`,
    manager,
    wire: 'plain',
    ttl: 90,
  })
  const loaded = await fn('abc')
  expect(await redis.cli('GET', 'document:parse:abc')).toBe(JSON.stringify(loaded))
  expect(Number(await redis.cli('TTL', 'document:parse:abc'))).toBeGreaterThan(0)
  expect(await fn.withStatus('abc')).toMatchObject({ value: loaded, source: 'l2' })
  expect(await fn.invalidate('abc')).toBe('applied')
  expect(await redis.cli('EXISTS', 'document:parse:abc')).toBe('0')
})

test('CACHE_WIRE_FORMAT=plain: raw strings are bare, one that imitates our header still comes back, what needs a header has one', async () => {
  await using redis = await startRedis()
  const manager = await open({ url: redis.url, env: { CACHE_WIRE_FORMAT: 'plain' } })
  for (const text of ['', 'bare', '{"a":1}', '#sc1 json 1 2 3\n', '#sc9 x', '!["$d",0]']) {
    await manager.set('k', text)
    expect(await manager.get('k')).toBe(text)
  }
  await manager.set('k', 'bare')
  expect(await redis.cli('GET', 'k')).toBe('bare')
  await manager.setValue('v', { a: [1] })
  expect(await redis.cli('GET', 'v')).toBe('{"a":[1]}')
  await manager.setValue('tagged', 1, { tags: ['t'] })
  expect(await redis.cli('GET', 'tagged')).toMatch(/^#sc1 json /)
  await manager.invalidateTags(['t'])
  expect(await manager.getValue('tagged')).toBeUndefined()
  expect(await manager.getValue('v')).toEqual({ a: [1] })
})

test('what JSON has no place for is returned and not stored', async () => {
  const backend = mapBackend()
  const manager = await open({ backend, wire: 'plain' })
  const problems: string[] = []
  manager.on('problem', ({ error }) => problems.push((error as Error).message))
  const fn = cached(async () => ({ at: new Date(5) }), { name: named(), manager })
  expect(await fn()).toEqual({ at: new Date(5) })
  expect(backend.texts.size).toBe(0)
  expect(problems[0]).toMatch(/what JSON has no place for/)
})

test.each([
  ['tags', { tags: ['t'] }],
  ['inheritTags', { inheritTags: true }],
  ['swr', { swr: 5 }],
  ['staleIfError', { staleIfError: 5 }],
  ['refreshAhead', { refreshAhead: true }],
])('a function that says wire: plain cannot say %s', (_, options) => {
  expect(() => cached(async () => 1, { name: named(), wire: 'plain', ...options } as never)).toThrow(
    "wire: 'plain' keeps nothing but the ttl",
  )
})

describe('clear', () => {
  const keysOf = async (redis: RedisServer): Promise<string[]> =>
    (await redis.cli('KEYS', '*'))
      .split('\n')
      .filter((key) => key !== '' && !key.endsWith('#t'))
      .toSorted()

  test('needs a namespace, and deletes its keys and no others, however its name looks to a pattern', async () => {
    await using redis = await startRedis()
    const open1 = await open({ url: redis.url, wire: 'plain' })
    await open1.setValue('other', 1)
    await expect(open1.clear()).rejects.toMatchObject({ code: 'CACHE_MISUSE' })
    expect(await open1.getValue('other')).toBe(1)
    const manager = await open({ url: redis.url, wire: 'plain', namespace: 'a*[b]?' })
    for (let index = 0; index < 2500; index++) await manager.setValue(`k${index}`, index)
    await redis.cli('SET', 'axxb?:not-ours', '1')
    expect(await manager.clear()).toBe('applied')
    expect(await keysOf(redis)).toEqual(['axxb?:not-ours', 'other'])
    // What is written after it is read again.
    await manager.setValue('k1', 'again')
    expect(await redis.cli('GET', 'a*[b]?:k1')).toBe('"again"')
    expect(await manager.getValue('k1')).toBe('again')
    const part = manager.namespace('part')
    await part.setValue('k', 1)
    await part.setValue('tagged', 1, { tags: ['t'] })
    await part.clear()
    expect(await Promise.all([part.getValue('k'), part.getValue('tagged'), manager.getValue('k1')])).toEqual([
      undefined,
      undefined,
      'again',
    ])
    await part.setValue('k', 2)
    expect(await part.getValue('k')).toBe(2)
  })

  test('tells the truth: a backend that cannot list its keys, a store that does not answer', async () => {
    const six = await open({ backend: mapBackend(), wire: 'plain', namespace: 'n' })
    await six.setValue('k', 1)
    await expect(six.clear()).rejects.toMatchObject({ code: 'CACHE_MISUSE' })
    await using redis = await startRedis()
    const manager = await open({ url: redis.url, wire: 'plain', namespace: 'n' })
    await manager.setValue('k', 1)
    redis.pause()
    await manager.healthCheck()
    await expect(manager.clear()).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' })
    const memory = await open({ backend: new MemoryBackend(), wire: 'plain' })
    await memory.setValue('k', 1)
    expect(await memory.clear()).toBe('applied')
    expect(await memory.getValue('k')).toBeUndefined()
  })
})
