// What stands in a store that others write to: whatever it is, it is a hit or a miss with a reason, never an exception, never code, and
// never a change to an object that has nothing to do with it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CacheManager, MissReason } from '../../src/index.ts'
import { cached, createCache } from '../../src/index.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startRedis } from '../support/redis-server.ts'

let redis: RedisServer
let manager: CacheManager
const reasons: MissReason[] = []
beforeAll(async () => {
  redis = await startRedis()
  manager = await createCache({ url: redis.url, logLevel: 'silent', l1: false }).init()
  manager.on('miss', ({ reason }) => reasons.push(reason))
})
afterAll(async () => {
  await manager.close()
  await redis.stop()
})

const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
const header = async (): Promise<string> => {
  await manager.setValue('for-its-header', 1)
  return (await redis.cli('GET', 'for-its-header')).split('\n')[0] ?? ''
}

let serial = 0
describe.each(['copy', 'frozen'] as const)('a function in %s isolation', (isolation) => {
  test.each<readonly [string, string, MissReason]>([
    ['a Python NaN', '{"score": NaN}', 'corrupt'],
    ['a Python Infinity', '[Infinity, -Infinity]', 'corrupt'],
    ['half a JSON text', '{"pages": [1, 2', 'corrupt'],
    ['random bytes', '\u0001\u0080\ufffd%PNG\r\n', 'corrupt'],
    ['an empty string', '', 'corrupt'],
    ['a format of the future', '#sc7 brotli 1 2 3\nxx', 'version'],
    ['half a header', '#sc1 json 17324', 'corrupt'],
    ['a header of nonsense', '#sc1 a b c d e f g h\n{}', 'corrupt'],
    ['nesting of 501 levels', deep(501), 'corrupt'],
    ['nesting of 50,000 levels', deep(50_000), 'corrupt'],
    ['a tag nobody knows', '!["$eval","process.exit()"]', 'corrupt'],
    ['a tag with the wrong content', '!["$b","Float64Array","AAA="]', 'corrupt'],
    ['a date that is none', '!["$d","yesterday"]', 'corrupt'],
  ])('finds %s, misses, says why, and loads', async (_, stored, reason) => {
    const key = `hostile:${++serial}`
    const fn = cached(async () => 'loaded', { key: () => key, manager, isolation })
    await redis.cli('SET', key, stored)
    reasons.length = 0
    expect(await fn()).toBe('loaded')
    expect(reasons).toEqual([reason])
    expect(await fn.withStatus()).toMatchObject({ value: 'loaded', source: 'l2' })
  })

  test('finds our header before a payload that is none', async () => {
    for (const payload of ['{"a":', deep(1000), '!x', 'NaN']) {
      const key = `hostile:${++serial}`
      const fn = cached(async () => 'loaded', { key: () => key, manager, isolation })
      await redis.cli('SET', key, `${await header()}\n${payload}`)
      reasons.length = 0
      expect(await fn()).toBe('loaded')
      expect(reasons).toEqual(['corrupt'])
    }
  })

  test('finds __proto__, gets it as data, and pollutes nothing', async () => {
    for (const stored of [
      '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}',
      '!{"__proto__": {"polluted": ["$u"]}}',
      '!["$o","__proto__",["$o","polluted",1,"toJSON",1]]',
    ]) {
      const key = `hostile:${++serial}`
      const fn = cached(async () => ({}) as Record<string, unknown>, { key: () => key, manager, isolation })
      await redis.cli('SET', key, stored)
      const [found] = await Promise.all([fn(), fn()])
      expect(Object.keys(found)).toContain('__proto__')
      expect(Object.getPrototypeOf(found)).toBe(Object.prototype)
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    }
  })
})

test('a value that Python’s json.dumps wrote is a hit', async () => {
  await redis.cli('SET', 'document:parse:py', '{"pages": 3, "title": "Gr\\u00fc\\u00dfe", "score": 1.0, "at": null}')
  const fn = cached(async (_hash: string) => ({}), { key: (hash) => `document:parse:${hash}`, manager })
  expect(await fn.withStatus('py')).toMatchObject({
    value: { pages: 3, title: 'Grüße', score: 1, at: null },
    source: 'l2',
  })
})
