// Parts of a cache, and tags that flow up: what is cleared or invalidated is void, whatever was made from it too, and nothing else is.
import { afterEach, describe, expect, test } from 'vitest'
import type { CacheManager, CacheOptions } from '../../src/index.ts'
import { cached, createCache, MemoryBackend, withCache } from '../../src/index.ts'
import { gate } from '../support/gate.ts'
import { manualRuntime } from '../support/manual-runtime.ts'
import { asyncMapBackend } from '../support/map-backend.ts'
import { sharedRedisUrl } from '../support/shared-redis.ts'

const managers: CacheManager[] = []
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close()
})
let serial = 0
const named = (): string => `derived-${process.pid}-${++serial}`
async function open(options: CacheOptions): Promise<CacheManager> {
  const manager = await createCache({ logLevel: 'silent', ...options }).init()
  managers.push(manager)
  return manager
}

const caches: ReadonlyArray<readonly [string, () => Promise<CacheManager>]> = [
  ['memory', () => open({ backend: new MemoryBackend() })],
  ['six methods', () => open({ backend: asyncMapBackend() })],
  ['Redis', () => open({ url: sharedRedisUrl(), namespace: named() })],
]

describe.each(caches)('namespaces on %s', (_, create) => {
  test('keep their keys apart, and clear themselves and what is in them, nothing else', async () => {
    const manager = await create()
    const a = manager.namespace('a')
    const b = manager.namespace('b')
    const inner = a.namespace('inner')
    for (const [cache, value] of [
      [manager, 'root'],
      [a, 'a'],
      [b, 'b'],
      [inner, 'inner'],
    ] as const) {
      // prettier-ignore
      expect(await cache.set('k', value)).toBe(true)
      expect(await cache.setValue('v', { value })).toBe(true)
    }
    const all = async (): Promise<Array<string | null>> =>
      await Promise.all([manager, a, b, inner].map((cache) => cache.get('k')))
    expect(await all()).toEqual(['root', 'a', 'b', 'inner'])
    expect(await a.clear()).toBe('applied')
    expect(await all()).toEqual(['root', null, 'b', null])
    expect(await inner.getValue('v')).toBeUndefined()
    expect(await b.getValue('v')).toEqual({ value: 'b' })
    await a.set('k', 'again')
    await inner.set('k', 'again')
    expect(await all()).toEqual(['root', 'again', 'b', 'again'])
    await inner.clear()
    expect(await all()).toEqual(['root', 'again', 'b', null])
    expect(await manager.clear()).toBe('applied')
    expect(await all()).toEqual([null, null, null, null])
  })

  test('a load in flight is void when its namespace is cleared', async () => {
    const part = (await create()).namespace('part')
    const held = gate()
    const slow = part.getOrSet('k', async () => {
      await held.wait()
      return 'old'
    })
    await held.reached
    await part.clear()
    held.open()
    expect(await slow).toBe('old')
    expect(await part.getOrSet('k', () => 'new')).toBe('new')
  })

  test('serve cached functions, and have no way to close the whole', async () => {
    const manager = await create()
    const part = manager.namespace('part')
    let run = 0
    const fn = cached(async (id: string) => `${id} ${++run}`, { name: named(), manager: part })
    await fn('x')
    expect(await fn('x')).toBe('x 1')
    expect(await part.exists(fn.keyFor('x'))).toBe(true)
    expect(await manager.exists(fn.keyFor('x'))).toBe(false)
    await part.clear()
    expect(await fn('x')).toBe('x 2')
    expect(await part.delete(fn.keyFor('x'))).toBe('applied')
    expect(await fn('x')).toBe('x 3')
    expect('close' in part || 'init' in part || 'healthCheck' in part).toBe(false)
  })
})

test('a namespace has a name that can stand in a key', async () => {
  const manager = await open({ backend: new MemoryBackend() })
  for (const name of ['', 'a:b', 'a b', 'x'.repeat(200)]) {
    expect(() => manager.namespace(name)).toThrow(/The name of a namespace must be/)
  }
})

describe.each(caches)('tags that flow up on %s', (_, create) => {
  test('invalidating a part drops the whole, however the whole came to know the part', async () => {
    const manager = await create()
    let runs = 0
    const parse = cached(async (id: string) => `text of ${id}`, {
      name: named(),
      manager,
      tags: (_text, id) => [`doc:${id}`],
    })
    const score = cached(async (id: string) => `${await parse(id)}, score ${++runs}`, {
      name: named(),
      manager,
      inheritTags: true,
    })
    // Hit and miss of the part tell the whole the same.
    await parse('hit')
    for (const id of ['hit', 'miss']) {
      const before = await score(id)
      expect(await score(id)).toBe(before)
      expect((await manager.inspect(score.keyFor(id)))?.tags).toEqual([`doc:${id}`])
      await manager.invalidateTags(['doc:other'])
      expect(await score(id)).toBe(before)
      await manager.invalidateTags([`doc:${id}`])
      expect(await score(id)).not.toBe(before)
    }
  })

  test('through several levels, through getOrSet, and with tags of their own', async () => {
    const manager = await create()
    let runs = 0
    const leaf = cached(async () => 'leaf', { name: named(), manager, tags: ['leaf'] })
    const middle = cached(
      async () => `${await leaf()} ${await manager.getOrSet(named(), () => 'manual', { tags: ['manual'] })}`,
      { name: named(), manager, inheritTags: true, tags: ['middle'] },
    )
    const top = cached(async () => `${await middle()} ${++runs}`, { name: named(), manager, inheritTags: true })
    for (const tag of ['leaf', 'manual', 'middle']) {
      const before = await top()
      expect(await top()).toBe(before)
      await manager.invalidateTags([tag])
      expect(await top()).not.toBe(before)
    }
  })

  test('an inherited tag keeps the part’s own time: what was invalidated before the whole began stays valid', async () => {
    const manager = await create()
    let runs = 0
    const part = cached(async () => 'part', { name: named(), manager, tags: ['t'] })
    const whole = cached(async () => `${await part()} ${++runs}`, { name: named(), manager, inheritTags: true })
    await manager.invalidateTags(['t'])
    await whole()
    await whole()
    expect(runs).toBe(1)
  })

  test('a part invalidated while the whole is computed from it makes the whole void', async () => {
    const manager = await create()
    const held = gate()
    let runs = 0
    const part = cached(async () => `part ${runs}`, { name: named(), manager, tags: ['t'] })
    const whole = cached(
      async () => {
        const text = await part()
        if (++runs === 1) await held.wait()
        return text
      },
      { name: named(), manager, inheritTags: true },
    )
    const old = whole()
    await held.reached
    await manager.invalidateTags(['t'])
    held.open()
    expect(await old).toBe('part 0')
    expect(await whole()).toBe('part 1')
  })
})

test('a whole made from a stale part is fresh no longer than that part is kept', async () => {
  const runtime = manualRuntime()
  const manager = await open({ backend: new MemoryBackend({ runtime }), runtime })
  const part = cached(async () => 'part', { name: named(), manager, ttl: 10, swr: 5 })
  const whole = cached(async () => [await part()], { name: named(), manager, inheritTags: true, ttl: 3600 })
  await part()
  runtime.advance(12_000)
  await whole()
  const info = await manager.inspect(whole.keyFor())
  expect((info?.staleAt?.getTime() ?? 0) - runtime.now()).toBe(3000)
})

test('a whole made from another cache’s value, or from an uncached part, is not kept', async () => {
  const [own, other] = [
    await open({ backend: asyncMapBackend() }),
    await open({ url: sharedRedisUrl(), namespace: named() }),
  ]
  const elsewhere = cached(async () => 'elsewhere', { name: named(), manager: other })
  const here = cached(async () => 'here', { name: named(), manager: own })
  const off = cached(async () => 'off', { name: named(), manager: own, enabled: false })
  const problems: string[] = []
  own.on('problem', ({ error }) => problems.push((error as { code: string }).code))
  for (const make of [async () => [await elsewhere(), await here()], async () => [await off()]]) {
    let runs = 0
    const whole = cached(
      async () => {
        runs++
        return await make()
      },
      { name: named(), manager: own, inheritTags: true },
    )
    await whole()
    await whole()
    expect(runs).toBe(2)
  }
  expect(problems).toEqual(Array.from({ length: 4 }, () => 'CACHE_UNSTORABLE_VALUE'))
})

test('delete is exact: it does not reach what was made from the entry', async () => {
  const manager = await open({ backend: new MemoryBackend() })
  const part = cached(async () => 'part', { name: named(), manager, tags: ['t'] })
  let runs = 0
  const whole = cached(async () => `${await part()} ${++runs}`, { name: named(), manager, inheritTags: true })
  await whole()
  await part.invalidate()
  expect(await whole()).toBe('part 1')
})

test('a scope around a function that inherits changes nothing of what flows up', async () => {
  const manager = await open({ backend: new MemoryBackend() })
  const part = cached(async () => 'part', { name: named(), manager, tags: ['t'] })
  const whole = cached(async () => await part(), { name: named(), manager, inheritTags: true })
  await withCache({ scope: 'tenant' }, async () => {
    await whole()
    expect((await manager.inspect(whole.keyFor()))?.tags).toEqual(['t'])
  })
})
