// What a hit returns is what the miss returned, for every kind of value, from memory and through Redis, copied and frozen; and a caller that
// changes what it got changes what nobody else gets. TEST_PROPERTY_FACTOR multiplies the runs.
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { CacheManager, Isolation } from '../../src/index.ts'
import { cached, createCache, MemoryBackend } from '../../src/index.ts'
import { mapBackend } from '../support/map-backend.ts'
import { sharedRedisUrl } from '../support/shared-redis.ts'

const factor = Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)

const hole = Symbol('hole')
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '$', '$d', '!', '#sc1 ', '__proto__', 'constructor', '\ud800', '\u2028\n"'),
)
const primitive = fc.oneof(
  text,
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.boolean(),
  fc.constantFrom(null, undefined, Number.NaN, -0, 0, Infinity, -Infinity, 2 ** 53),
)
const bytes = fc
  .uint8Array({ maxLength: 16 })
  .chain((content) =>
    fc.constantFrom<unknown>(
      content,
      Buffer.from(content),
      content.buffer.slice(0),
      new Uint16Array(content.buffer.slice(0, content.length & ~1)),
      new Float64Array([1.5, Number.NaN, -0]),
      new BigInt64Array([-1n]),
      new DataView(content.buffer.slice(0)),
    ),
  )
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    primitive,
    fc.date({ noInvalidDate: true }),
    bytes,
    fc.webUrl().map((url) => new URL(url)),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.oneof(tie('value'), fc.constant(hole)), { maxLength: 5 }).map(withHoles),
    fc.dictionary(text, tie('value'), { maxKeys: 5 }),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((pairs) => new Map(pairs)),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => new Set(items)),
    fc.array(
      fc.record({ word: text, box: fc.tuple(fc.nat(), fc.nat()), at: fc.option(fc.date({ noInvalidDate: true })) }),
      { maxLength: 6 },
    ),
  ),
}))

function withHoles(items: readonly unknown[]): unknown[] {
  const array = new Array<unknown>(items.length)
  items.forEach((item, index) => {
    if (item !== hole) array[index] = item
  })
  return array
}

/** Null prototypes equal plain ones; Node before 22 finds all urls equal. */
function plain(item: unknown): unknown {
  if (item instanceof URL) return `url ${item.href}`
  if (Array.isArray(item)) {
    const copied = new Array<unknown>(item.length)
    for (const index of Object.keys(item)) copied[Number(index)] = plain(item[Number(index)])
    return copied
  }
  if (item instanceof Map) return new Map([...item].map(([key, inner]) => [plain(key), plain(inner)]))
  if (item instanceof Set) return new Set([...item].map(plain))
  if (typeof item !== 'object' || item === null || ArrayBuffer.isView(item)) return item
  if (item instanceof ArrayBuffer || item instanceof Date) return item
  return Object.fromEntries(Object.entries(item).map(([key, inner]) => [`.${key}`, plain(inner)]))
}
const equal = (one: unknown, other: unknown): boolean => isDeepStrictEqual(plain(one), plain(other))

/** Changes whatever can be changed in a value. */
function deface(item: unknown): void {
  if (typeof item !== 'object' || item === null) return
  if (item instanceof Map) {
    for (const [key, inner] of item) [key, inner].forEach(deface)
    item.set('defaced', 1)
  } else if (item instanceof Set) {
    for (const inner of item) deface(inner)
    item.add('defaced')
  } else if (item instanceof Date) item.setTime(1)
  else if (item instanceof URL) item.hash = 'defaced'
  else if (item instanceof ArrayBuffer) new Uint8Array(item).fill(255)
  else if (ArrayBuffer.isView(item)) new Uint8Array(item.buffer, item.byteOffset, item.byteLength).fill(255)
  else {
    for (const inner of Object.values(item)) deface(inner)
    Reflect.set(item, 'defaced', true)
    if (Array.isArray(item)) Reflect.set(item, 'length', 0)
  }
}

let redis: CacheManager
beforeAll(async () => {
  redis = await createCache({ url: sharedRedisUrl(), namespace: `hit-equals-miss-${process.pid}` }).init()
})
afterAll(async () => {
  await redis.close()
})
const caches: ReadonlyArray<readonly [string, () => CacheManager, number]> = [
  ['memory', () => createCache({ backend: new MemoryBackend() }), 300],
  ['Redis', () => redis, 150],
]

let serial = 0
describe.each(caches)('on %s', (_, open, runs) => {
  test.each<Isolation>(['copy', 'frozen'])(
    'a hit equals the miss, and what a caller does to it stays with that caller (%s)',
    async (isolation) => {
      const manager = open()
      let current: unknown
      const fn = cached(async (_id: string) => current, { name: `equal-${++serial}`, manager, isolation })
      let stored = 0
      await fc.assert(
        fc.asyncProperty(value, async (loaded) => {
          const id = `${++serial}`
          current = loaded
          const original = structuredCloneOf(loaded)
          const [first, joined] = await Promise.all([fn(id), fn(id)])
          expect(equal(first, original)).toBe(true)
          expect(equal(joined, original)).toBe(true)
          // In frozen what can be frozen is; a date, a map or bytes are the reader's own copy.
          for (const one of [first, joined]) tryTo(() => deface(one))
          const hits = await Promise.all([fn(id), fn(id), fn.withStatus(id).then((status) => status.value)])
          for (const hit of hits) expect(equal(hit, original)).toBe(true)
          for (const hit of hits) tryTo(() => deface(hit))
          expect(equal(await fn(id), original)).toBe(true)
          if (await manager.exists(fn.keyFor(id))) stored++
        }),
        { numRuns: runs * factor },
      )
      expect(stored).toBe(runs * factor)
    },
  )
})

function structuredCloneOf(item: unknown): unknown {
  // Not structuredClone itself: it has no urls, and turns a Buffer into a Uint8Array.
  if (item instanceof URL) return new URL(item.href)
  if (Buffer.isBuffer(item)) return Buffer.from(item)
  if (Array.isArray(item)) {
    const copied = new Array<unknown>(item.length)
    for (const index of Object.keys(item)) copied[Number(index)] = structuredCloneOf(item[Number(index)])
    return copied
  }
  if (item instanceof Map)
    return new Map([...item].map(([key, inner]) => [structuredCloneOf(key), structuredCloneOf(inner)]))
  if (item instanceof Set) return new Set([...item].map(structuredCloneOf))
  if (
    typeof item !== 'object' ||
    item === null ||
    item instanceof Date ||
    ArrayBuffer.isView(item) ||
    item instanceof ArrayBuffer
  ) {
    return structuredClone(item)
  }
  const copied = {}
  for (const [key, inner] of Object.entries(item)) {
    Object.defineProperty(copied, key, {
      value: structuredCloneOf(inner),
      enumerable: true,
      writable: true,
      configurable: true,
    })
  }
  return copied
}

function tryTo(change: () => void): void {
  try {
    change()
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError)
  }
}

test('20 concurrent readers of a large frozen value share one object, through memory and through Redis', async () => {
  const pages = Array.from({ length: 2000 }, (_, page) => ({ page, words: ['invoice', 'total', String(page)] }))
  for (const manager of [createCache({ backend: new MemoryBackend() }), redis]) {
    const fn = cached(async (_id: string) => pages, { name: `large-${++serial}`, manager, isolation: 'frozen' })
    await fn('a')
    const readers = await Promise.all(Array.from({ length: 20 }, () => fn('a')))
    expect(new Set(readers).size).toBe(1)
    expect(Object.isFrozen(readers[0]?.[0]?.words)).toBe(true)
    expect(readers[0]).toEqual(pages)
  }
})

test('frozen: what cannot be frozen is each reader’s own, all else is frozen, on a miss and on a hit, on every backend', async () => {
  const made = (): unknown => ({ plain: { a: [1] }, at: new Date(5), list: [{ seen: new Set([1]) }, { b: 2 }] })
  for (const manager of [
    createCache({ backend: new MemoryBackend() }),
    createCache({ backend: mapBackend() }),
    redis,
  ]) {
    const fn = cached(async (_id: string) => made() as ReturnType<typeof shape>, {
      name: `mixed-${++serial}`,
      manager,
      isolation: 'frozen',
    })
    for (let call = 0; call < 3; call++) {
      const [one, other] = await Promise.all([fn('a'), fn('a')])
      expect(one).toEqual(made())
      const frozen = [one, one.plain, one.plain.a, one.list, one.list[0], one.list[1]].map((part) =>
        Object.isFrozen(part),
      )
      expect(frozen).toEqual([true, true, true, true, true, true])
      one.at.setTime(9)
      one.list[0]?.seen?.add(2)
      expect(other).toEqual(made())
      expect(await fn('a')).toEqual(made())
    }
  }
})

test('frozen: what was stored unfrozen, by setValue or a copying function, is not given away to be changed', async () => {
  for (const manager of [createCache({ backend: new MemoryBackend() }), createCache({ backend: mapBackend() })]) {
    const fn = cached(async (_id: string) => ({ list: [0] }), { name: `set-${++serial}`, manager, isolation: 'frozen' })
    await manager.setValue(fn.keyFor('a'), { list: [1] })
    for (let call = 0; call < 3; call++) {
      const one = await fn('a')
      tryTo(() => one.list.push(2))
      expect(await fn('a')).toEqual({ list: [1] })
    }
  }
})

declare function shape(): {
  readonly plain: { readonly a: readonly number[] }
  readonly at: Date
  readonly list: ReadonlyArray<{ readonly seen?: Set<number>; readonly b?: number }>
}

test('dates are dates, whoever put a clock of their own in the place of the real one', async () => {
  const real = new Date(5)
  vi.useFakeTimers()
  try {
    const manager = createCache({ backend: new MemoryBackend() })
    const text = createCache({ backend: mapBackend() })
    for (const cache of [manager, text]) {
      expect(await cache.setValue('real', { at: real })).toBe(true)
      expect(await cache.setValue('faked', { at: new Date(7) })).toBe(true)
      expect(await cache.getValue<{ at: Date }>('real')).toMatchObject({
        at: { getTime: expect.any(Function) as never },
      })
      expect((await cache.getValue<{ at: Date }>('real'))?.at.getTime()).toBe(5)
      expect((await cache.getValue<{ at: Date }>('faked'))?.at.getTime()).toBe(7)
    }
    const fn = cached(async (at: Date) => at.getTime(), { name: `dated-${++serial}`, manager })
    expect(fn.keyFor(real)).toBe(fn.keyFor(new Date(5)))
    expect(await fn(new Date(5))).toBe(5)
  } finally {
    vi.useRealTimers()
  }
})
