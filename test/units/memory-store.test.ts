// The memory tier: never more bytes than its limit, the least recently used out first, nothing served after its time, and no operation
// that walks over what is stored.
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { MemoryStore } from '../../src/backends/memory/memory-store.ts'
import type { Entry } from '../../src/contracts/entry.ts'

const factor = Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)

function entry(value: unknown, options: Partial<Entry> = {}): Entry {
  return {
    value,
    form: 'text',
    immutable: true,
    frozen: false,
    plan: undefined,
    json: false,
    cost: 0,
    deafForMs: 0,
    guardedBy: undefined,
    codec: undefined,
    createdAt: 0,
    staleAt: Infinity,
    deleteAt: Infinity,
    computeMs: 0,
    clockId: 'process',
    t0: 0,
    tags: [],
    ...options,
  }
}

/** What an entry costs, seen from outside. */
function costOf(key: string, stored: Entry, bytes: number): number {
  const store = new MemoryStore(2 ** 40, Infinity)
  store.set(key, stored, bytes)
  return store.bytes
}

// The reference: a Map in the order of use.

type Step =
  | { readonly kind: 'get' | 'delete'; readonly key: string }
  | { readonly kind: 'set'; readonly key: string; readonly bytes: number; readonly life: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'clear' }

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'a longer key', '')
const set = fc.record({
  kind: fc.constant('set' as const),
  key,
  bytes: fc.constantFrom(0, 1, 40, 100, 300, 500, 841, 2000),
  life: fc.constantFrom(Infinity, 0, 5, 20),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: set },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('get' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 5, 15) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const }) },
)
const steps = fc.array(step, { maxLength: 80, size: 'max' })

describe('the memory store', () => {
  test('does what a Map in the order of use does, to the byte, when nothing expires', () => {
    let evictions = 0
    fc.assert(
      fc.property(
        steps,
        fc.constantFrom(1000, 2000, 4000),
        fc.constantFrom(1, 2, 4, Infinity),
        (list, maxBytes, maxEntries) => {
          const store = new MemoryStore(maxBytes, maxEntries)
          const model = new Map<string, { readonly stored: Entry; readonly size: number }>()
          // With so few entries each insert begins an epoch, and only the first use in one counts.
          let used = new Set<string>()
          const total = (): number => [...model.values()].reduce((sum, { size }) => sum + size, 0)
          let evicted = 0
          for (const one of list) {
            if (one.kind === 'clear') {
              store.clear()
              model.clear()
            } else if (one.kind === 'delete') {
              expect(store.delete(one.key)).toBe(model.delete(one.key))
            } else if (one.kind === 'get') {
              const found = model.get(one.key)
              expect(store.get(one.key, 0)).toBe(found?.stored)
              if (found !== undefined && !used.has(one.key)) {
                used.add(one.key)
                model.delete(one.key)
                model.set(one.key, found)
              }
            } else if (one.kind === 'set') {
              const stored = entry('x')
              const size = costOf(one.key, stored, one.bytes)
              model.delete(one.key)
              const fits = size <= maxBytes / 2
              expect(store.set(one.key, stored, one.bytes)).toBe(fits)
              if (fits) {
                used = new Set([one.key])
                model.set(one.key, { stored, size })
              }
              for (const oldest of model.keys()) {
                if (total() <= maxBytes && model.size <= maxEntries) break
                model.delete(oldest)
                evicted++
              }
            }
            expect(store.bytes).toBe(total())
            expect(store.size).toBe(model.size)
            expect(store.bytes).toBeLessThanOrEqual(maxBytes)
            expect(store.evictions).toBe(evicted)
          }
          evictions += evicted
          // The order of use is the same to the end: every key it still has is the one the model has.
          for (const [name, { stored }] of model) expect(store.get(name, 0)).toBe(stored)
        },
      ),
      { numRuns: 400 * factor },
    )
    expect(evictions).toBeGreaterThan(400 * factor)
  })

  test('serves the last value set and nothing after its time, and keeps what was used last', () => {
    let kept = 0
    let expired = 0
    fc.assert(
      fc.property(steps, (list) => {
        const maxBytes = 3000
        const store = new MemoryStore(maxBytes, Infinity)
        const latest = new Map<string, Entry>()
        // Sizes by last use. What expired or was evicted may still be in it: that only makes it promise less.
        const used = new Map<string, number>()
        const mayBeEvicted = new Set<string>()
        // Only the first use after an insert counts: with so few entries each insert begins an epoch.
        let usedInEpoch = new Set<string>()
        let now = 0
        for (const one of list) {
          if (one.kind === 'wait') now += one.ms
          else if (one.kind === 'clear') {
            store.clear()
            latest.clear()
            used.clear()
          } else if (one.kind === 'delete') {
            if (store.delete(one.key)) expect(latest.has(one.key)).toBe(true)
            latest.delete(one.key)
            used.delete(one.key)
          } else if (one.kind === 'set') {
            const stored = entry('x', { createdAt: now, deleteAt: now + one.life })
            const size = costOf(one.key, stored, one.bytes)
            latest.delete(one.key)
            used.delete(one.key)
            mayBeEvicted.delete(one.key)
            if (store.set(one.key, stored, one.bytes)) {
              latest.set(one.key, stored)
              used.set(one.key, size)
              usedInEpoch = new Set([one.key])
            } else expect(size).toBeGreaterThan(maxBytes / 2)
            let newer = 0
            for (const [name, bytes] of [...used].toReversed()) if ((newer += bytes) > maxBytes) mayBeEvicted.add(name)
          } else {
            const found = store.get(one.key, now)
            const known = latest.get(one.key)
            if (found === undefined) {
              latest.delete(one.key)
              if (known === undefined) continue
              if (known.deleteAt <= now) expired++
              else expect(mayBeEvicted.has(one.key)).toBe(true)
              continue
            }
            kept++
            expect(found).toBe(known)
            expect(found.deleteAt).toBeGreaterThan(now)
            if (usedInEpoch.has(one.key)) continue
            usedInEpoch.add(one.key)
            const size = used.get(one.key) as number
            used.delete(one.key)
            used.set(one.key, size)
            mayBeEvicted.delete(one.key)
          }
          expect(store.bytes).toBeLessThanOrEqual(maxBytes)
          expect(store.bytes).toBeGreaterThanOrEqual(0)
        }
      }),
      { numRuns: 600 * factor },
    )
    expect(Math.min(kept, expired)).toBeGreaterThan(200 * factor)
  })

  test('has no entry at the moment it is to be deleted, and has it the moment before', () => {
    const store = new MemoryStore(10_000, Infinity)
    store.set('a', entry('x', { deleteAt: 100 }), 10)
    expect(store.get('a', 99.999)?.value).toBe('x')
    expect(store.get('a', 100)).toBeUndefined()
    expect(store.size).toBe(0)
    expect(store.bytes).toBe(0)
    // The clock may step back: gone is gone.
    expect(store.get('a', 50)).toBeUndefined()
  })

  test('refuses an entry larger than half of it, drops the older one of that key and nothing else', () => {
    const store = new MemoryStore(10_000, Infinity)
    store.set('a', entry('old'), 100)
    store.set('b', entry('other'), 100)
    expect(store.set('a', entry('new'), 5_000)).toBe(false)
    expect(store.get('a', 0)).toBeUndefined()
    expect(store.get('b', 0)?.value).toBe('other')
    expect(store.evictions).toBe(0)
    const overhead = costOf('a', entry('x'), 0)
    expect(store.set('a', entry('x'), 5_000 - overhead)).toBe(true)
    expect(store.set('a', entry('x'), 5_001 - overhead)).toBe(false)
    expect(store.set('a', entry('x'), Infinity)).toBe(false)
  })

  test('counts keys and tags as well as values', () => {
    const plain = costOf('k', entry('x'), 10)
    expect(plain).toBeGreaterThan(10)
    expect(costOf('k'.repeat(1001), entry('x'), 10)).toBeGreaterThanOrEqual(plain + 1000)
    const tags = Array.from({ length: 100 }, (_, index) => ({ tag: `${'t'.repeat(500)}${index}`, t0: 1 }))
    expect(costOf('k', entry('x', { tags }), 10)).toBeGreaterThanOrEqual(plain + 100 * 500)
  })

  test('keeps what is read again and again while 10,000 others pass by', () => {
    const store = new MemoryStore(100_000, Infinity)
    store.set('hot', entry('hot'), 100)
    for (let index = 0; index < 10_000; index++) {
      store.set(`cold ${index}`, entry('x'), 100)
      expect(store.get('hot', 0)?.value).toBe('hot')
    }
    expect(store.evictions).toBeGreaterThan(9_000)
  })

  test('stays bounded through 200,000 inserts, by bytes and by entries, with and without expiry', () => {
    for (const [maxBytes, maxEntries, life] of [[1_000_000, Infinity, Infinity], [2 ** 40, 1_000, Infinity], [1_000_000, 1_000, 100]] as const) {
      const store = new MemoryStore(maxBytes, maxEntries)
      let mostBytes = 0
      let mostEntries = 0
      for (let index = 0; index < 200_000; index++) {
        store.set(`key ${index % 150_000}`, entry('x', { createdAt: index, deleteAt: index + life }), index % 500)
        mostBytes = Math.max(mostBytes, store.bytes)
        mostEntries = Math.max(mostEntries, store.size)
      }
      expect(mostBytes).toBeLessThanOrEqual(maxBytes)
      expect(mostEntries).toBeLessThanOrEqual(Math.min(maxEntries, 10_000))
      expect(store.get('key 49999', 199_999)?.value).toBe('x')
      for (let index = 0; index < 150_000; index++) store.delete(`key ${index}`)
      expect(store.bytes).toBe(0)
      expect(store.size).toBe(0)
    }
  }) // prettier-ignore

  test('is as good as new after clear', () => {
    const store = new MemoryStore(100_000, Infinity)
    for (let index = 0; index < 5_000; index++) store.set(`a${index}`, entry('x'), 10)
    store.clear()
    expect([store.size, store.bytes]).toEqual([0, 0])
    expect(store.get('a4999', 0)).toBeUndefined()
    expect(store.delete('a4999')).toBe(false)
    for (let index = 0; index < 5_000; index++) store.set(`b${index}`, entry(index), 10)
    expect(store.bytes).toBeLessThanOrEqual(100_000)
    expect(store.get('b4999', 0)?.value).toBe(4999)
  })
})

describe('the work of one operation', () => {
  test('never walks over a Map, however much is evicted', () => {
    const walks = [
      vi.spyOn(Map.prototype, 'keys'),
      vi.spyOn(Map.prototype, 'values'),
      vi.spyOn(Map.prototype, 'entries'),
      vi.spyOn(Map.prototype, 'forEach'),
      vi.spyOn(Map.prototype, Symbol.iterator),
    ]
    const store = new MemoryStore(200_000, Infinity)
    for (let index = 0; index < 20_000; index++) {
      store.set(`key ${index}`, entry('x'), 100)
      store.get(`key ${index >> 1}`, 0)
      if (index % 3 === 0) store.delete(`key ${index - 10}`)
    }
    const calls = walks.map((walk) => walk.mock.calls.length)
    vi.restoreAllMocks()
    expect(store.evictions).toBeGreaterThan(1_000)
    expect(calls).toEqual([0, 0, 0, 0, 0])
  })

  /** An entry that counts how often its time is looked at. */
  function watched(looks: { count: number }, deleteAt: number): Entry {
    return Object.defineProperty({ ...entry('x') }, 'deleteAt', {
      get() {
        looks.count++
        return deleteAt
      },
    })
  }

  test('looks at a few entries only, however many there are', () => {
    const looks = { count: 0 }
    const store = new MemoryStore(2 ** 40, 5_000)
    const most = { set: 0, get: 0, delete: 0 }
    const cost = (run: () => unknown): number => {
      const before = looks.count
      run()
      return looks.count - before
    }
    for (let index = 0; index < 20_000; index++) {
      most.set = Math.max(
        most.set,
        cost(() => store.set(`key ${index}`, watched(looks, Infinity), 100)),
      )
      most.get = Math.max(
        most.get,
        cost(() => store.get(`key ${index - 100}`, 0)),
      )
      if (index % 7 === 0)
        most.delete = Math.max(
          most.delete,
          cost(() => store.delete(`key ${index - 50}`)),
        )
    }
    expect(store.evictions).toBeGreaterThan(10_000)
    expect(most.set).toBeLessThanOrEqual(8)
    expect(most.get).toBeLessThanOrEqual(1)
    expect(most.delete).toBeLessThanOrEqual(1)
  })

  test('takes the room of what is gone again: after many evictions what expired goes as soon as after few', () => {
    const store = new MemoryStore(2 ** 40, 1_000)
    for (let index = 0; index < 50_000; index++) store.set(`passed ${index}`, entry('x'), 100)
    for (let index = 0; index < 1_000; index++) store.set(`old ${index}`, entry('x', { deleteAt: 10 }), 100)
    for (let index = 0; index < 300; index++) store.set(`new ${index}`, entry('x', { createdAt: 20 }), 100)
    expect(store.size).toBe(300)
  })

  test('drops what expired unread within a quarter of a turnover', () => {
    const store = new MemoryStore(2 ** 40, Infinity)
    for (let index = 0; index < 4_000; index++) store.set(`old ${index}`, entry('x', { deleteAt: 10 }), 100)
    expect(store.size).toBe(4_000)
    for (let index = 0; index < 1_100; index++) store.set(`new ${index}`, entry('x', { createdAt: 20 }), 100)
    expect(store.size).toBe(1_100)
    expect(store.bytes).toBe(
      Array.from({ length: 1_100 }, (_, i) => costOf(`new ${i}`, entry('x'), 100)).reduce((a, b) => a + b, 0),
    )
    expect(store.evictions).toBe(0)
    for (let index = 0; index < 1_100; index++) expect(store.get(`new ${index}`, 20)).toBeDefined()
  })
})
