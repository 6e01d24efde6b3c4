// Where a key is kept, what it is called there, and how times become the server's.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readClock, stamped, writeClock } from '../../src/backends/memcached/clock-text.ts'
import { atLeast, expiry } from '../../src/backends/memcached/expiry.ts'
import { clockName, itemName, leaseName } from '../../src/backends/memcached/item-names.ts'
import { hash, placeOf } from '../../src/backends/memcached/servers.ts'
import { MemcachedBackend } from '../../src/memcached.ts'

const anyKey = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.string({ unit: 'grapheme', maxLength: 400 }),
  fc.constantFrom('a b', 'a\r\nmd b', 'x'.repeat(250), 'x'.repeat(251), 'é', '#h:x', '#l:', '\ud800', '\ufffd', ''),
)

describe('names', () => {
  test('are such as the server takes, whatever the key', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        for (const name of [itemName(key), leaseName(key), clockName(key)]) expect(name).toMatch(/^[\x21-\x7e]{1,250}$/)
      }),
    )
  })

  test('are different for different keys, and for a key that is the name of another', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (one, other) => {
        if (one === other) return
        const names = [itemName(one), itemName(other), leaseName(one), leaseName(other), clockName(one)]
        const crafted = names.slice(2).map((name) => itemName(name))
        expect(new Set([...names, ...crafted]).size).toBe(names.length + crafted.length)
        expect(itemName(itemName('a b'))).not.toBe(itemName('a b'))
      }),
    )
  })

  test('a plain key keeps its own, for other programs', () => {
    expect(itemName('document:parse:abc')).toBe('document:parse:abc')
    expect(itemName('x'.repeat(250))).toBe('x'.repeat(250))
  })
})

describe('times', () => {
  test('are never shorter than asked, and become dates beyond thirty days', () => {
    const now = 1_800_000_000
    expect(expiry(1, now)).toBe(2)
    expect(expiry(30 * 86_400 - 1, now)).toBe(30 * 86_400)
    expect(expiry(30 * 86_400, now)).toBe(now + 30 * 86_400 + 1)
    expect(expiry(10 * 365 * 86_400, now)).toBe(now + 10 * 365 * 86_400 + 1)
    expect(atLeast(1)).toBe(2)
    expect(atLeast(5000)).toBe(6)
  })

  test('ten years from now end with the 32 bits of the server, and do not begin anew', () => {
    expect(expiry(10 * 365 * 86_400, 2_000_000_000)).toBe(2 ** 31 - 1)
  })
})

describe('places on several servers', () => {
  const seeds = (names: readonly string[]): number[] => names.map(hash)
  const names = Array.from({ length: 5 }, (_, index) => `cache-${index}.internal:11211`)
  const keys = Array.from({ length: 20_000 }, (_, index) => `document:parse:${index}`)

  test('are shared out evenly', () => {
    const counts = names.map(() => 0)
    for (const key of keys) counts[placeOf(key, seeds(names))]!++
    for (const count of counts) expect(Math.abs(count - 4000)).toBeLessThan(400)
  })

  test('do not depend on the order of the list; one server less moves its own share only', () => {
    const others = [...names].reverse()
    const less = names.filter((_, index) => index !== 2)
    for (const key of keys) {
      const at = names[placeOf(key, seeds(names))]
      expect(others[placeOf(key, seeds(others))]).toBe(at)
      if (at !== names[2]) expect(less[placeOf(key, seeds(less))]).toBe(at)
    }
  })
})

describe('the text of the tag clock', () => {
  const tag = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  test('comes back as it was, and what was not written by us is none', () => {
    fc.assert(
      fc.property(fc.array(fc.array(tag, { minLength: 1, maxLength: 4 }), { maxLength: 10 }), (calls) => {
        const { clock } = stamped({ id: '0-abc', floor: 3, stamps: new Map() }, calls, Infinity)
        expect(readClock(writeClock(clock))).toEqual(clock)
      }),
    )
    fc.assert(fc.property(fc.string(), (text) => readClock(text) === undefined))
    expect(readClock('#tc1 0-a 0\n5 a\n4 b')).toBeUndefined()
  })

  test('under a limit: what was stamped is known, or below the floor', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(tag, { minLength: 1, maxLength: 4 }), { maxLength: 60 }),
        fc.integer({ min: 20, max: 300 }),
        (calls, most) => {
          let clock = { id: '0-abc', floor: 0, stamps: new Map<string, number>() }
          const truth = new Map<string, number>()
          let top = 0
          for (const tags of calls) {
            clock = stamped(clock, [tags], most).clock
            top++
            for (const one of tags) truth.set(one, top)
            expect(writeClock(clock).length).toBeLessThanOrEqual(
              Math.max(most, writeClock({ ...clock, stamps: new Map() }).length),
            )
            for (const [one, at] of truth) {
              const known = clock.stamps.get(one)
              expect(known === at || (known === undefined && clock.floor >= at)).toBe(true)
            }
          }
        },
      ),
    )
  })
})

describe('options', () => {
  test.each([
    [{ servers: [] }, 'servers must be a list'],
    [{ servers: 'a:1' }, 'servers must be a list'],
    [{ servers: ['a:0'] }, "servers must hold 'host:port'"],
    [{ servers: ['a:70000'] }, "servers must hold 'host:port'"],
    [{ servers: ['memcached://user:hidden@a'] }, "servers must hold 'host:port'"],
    [{ servers: ['a b:1'] }, "servers must hold 'host:port'"],
    [{ servers: ['a:1', 'A:1'] }, 'servers must name each server once'],
    [{ servers: ['a', 'a:11211'] }, 'servers must name each server once'],
    [{ server: ['a:1'] }, "did you mean 'servers'"],
    [{ maxItemBytes: 10 }, 'maxItemBytes must be'],
    [{ maxItemBytes: 1.5e6 + 0.5 }, 'maxItemBytes must be'],
    [{ prefix: 1 }, 'prefix must be a string'],
    [{ budget: -1 }, 'budget must be'],
    [{ socketTimeout: 'soon' }, 'socketTimeout'],
  ])('%j is refused when the backend is made', (options, message) => {
    let error: unknown
    try {
      new MemcachedBackend(options as never)
    } catch (thrown) {
      error = thrown
    }
    expect(String(error)).toContain(message)
    expect(String(error)).not.toContain('hidden')
  })

  test('undefined is not given, and nothing is opened', async () => {
    const given = { servers: undefined, budget: undefined, maxItemBytes: undefined, prefix: undefined }
    const backend = new MemcachedBackend(given)
    expect(backend.options.servers).toEqual([{ name: '127.0.0.1:11211', host: '127.0.0.1', port: 11211 }])
    expect(new MemcachedBackend({ servers: ['[::1]:2', 'Cache'] }).options.servers).toEqual([
      { name: '[::1]:2', host: '::1', port: 2 },
      { name: 'cache:11211', host: 'cache', port: 11211 },
    ])
    await expect(backend.get('a')).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' })
    expect(backend.leases.isOn).toBe(false)
  })
})
