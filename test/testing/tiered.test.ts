// A near backend in front of a far one: nothing that was deleted or overwritten comes back, whatever the near one does, and whenever.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tiered } from '../../src/backends/combined/tiered.ts'
import type { CacheBackend } from '../../src/index.ts'
import { createCache, isCacheError, MemoryBackend } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import type { FlakyOptions, MockBackend } from '../../src/testing.ts'
import { createMockBackend, createMockStore, fakeClock, flakyBackend } from '../../src/testing.ts'
import { gate } from '../support/gate.ts'

const keys = ['a', 'b'] as const

/** Reads and writes of two keys at random times, each read held against what was answered before it began. @returns what was read too old */
async function schedule(seed: number, near: FlakyOptions): Promise<string[]> {
  const clock = fakeClock({ seed: seed + 1 })
  const random = seededRandom(seed)
  const store = createMockStore(clock)
  const farOf = (): CacheBackend =>
    flakyBackend(createMockBackend({ store, capabilities: ['batch'] }), { seed, latency: 30, runtime: clock })
  const backend = tiered(
    // Its answers come when they come, and so may what it does: a late answer stands for both.
    lateAtBothEnds(
      flakyBackend(new MemoryBackend({ runtime: clock }), { ...near, seed, runtime: clock }),
      clock,
      random,
    ),
    farOf(),
    { runtime: clock, nearTtl: 60 },
  )
  const wrong: string[] = []
  const written = { a: 0, b: 0 }
  const answered = { a: 0, b: 0 }
  const writing = { a: Promise.resolve(), b: Promise.resolve() }
  const running: Array<Promise<void>> = []
  const read = async (key: 'a' | 'b'): Promise<void> => {
    const floor = answered[key]
    const [text] = random() < 0.3 ? ((await backend.batch?.get([key])) ?? []) : [await backend.get(key)]
    if (typeof text === 'string' && Number(text) < floor)
      wrong.push(`${key}: read ${text}, though ${floor} was answered`)
  }
  const write = async (key: 'a' | 'b', number: number): Promise<void> => {
    if (random() < 0.4) await backend.delete(key)
    else await backend.set(key, String(number), 600)
    answered[key] = number
  }
  for (let step = 0; step < 60; step++) {
    const key = keys[Math.floor(random() * 2)] as 'a' | 'b'
    if (random() < 0.3) {
      const number = ++written[key]
      // A manager sends one write of a key after the other.
      writing[key] = writing[key].then(() => write(key, number))
      running.push(writing[key])
    } else {
      running.push(read(key))
    }
    if (random() < 0.5) await clock.advance(random() < 0.1 ? 1500 : Math.floor(random() * 40))
  }
  await clock.advance(10_000)
  await Promise.all(running)
  return wrong
}

/** What it is told is done later than it is called, as over a network. */
function lateAtBothEnds(inner: CacheBackend, clock: ReturnType<typeof fakeClock>, random: () => number): CacheBackend {
  const later = async <T>(work: () => T): Promise<Awaited<T>> => {
    await new Promise<void>((resolve) => void clock.setTimer(resolve, random() * 40, 'deadline'))
    return await work()
  }
  return {
    get: (key) => later(() => inner.get(key)),
    set: (key, value, ttl) => later(() => inner.set(key, value, ttl)),
    delete: (key) => later(() => inner.delete(key)),
    exists: (key) => inner.exists(key),
    ping: () => inner.ping(),
    close: () => inner.close(),
  }
}

describe('whatever happens when', () => {
  test.each<[string, FlakyOptions]>([
    ['is late', { latency: 20 }],
    ['is later than its budget', { latency: 90 }],
    ['fails', { latency: 20, errors: 0.1 }],
    ['hangs', { latency: 20, hangs: 0.05, errors: 0.05 }],
  ])('a read gives nothing older than what was answered before it, with a near one that %s', async (_, near) => {
    const seeds = fc.integer({ min: 0, max: 1_000_000 })
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        expect(await schedule(seed, near)).toEqual([])
      }),
      { numRuns: 40 },
    )
  })
})

/** A tier of two mocks. */
function pair(nearTtl = 5): {
  near: MockBackend
  far: MockBackend
  backend: CacheBackend
  clock: ReturnType<typeof fakeClock>
  errors: unknown[]
} {
  const clock = fakeClock()
  const near = createMockBackend({ runtime: clock })
  const far = createMockBackend({ store: createMockStore(clock), capabilities: ['batch', 'tags', 'leases', 'scan'] })
  const errors: unknown[] = []
  const backend = tiered(near, far, { runtime: clock, nearTtl, onNearError: (error) => void errors.push(error) })
  return { near, far, backend, clock, errors }
}

describe('copies', () => {
  test('are read in place of the far one, and end with nearTtl', async () => {
    const { far, backend, clock } = pair()
    await far.set('k', 'text', 600)
    far.clearCalls()
    for (let read = 0; read < 3; read++) {
      expect(await backend.get('k')).toBe('text')
      await clock.settle()
    }
    expect(far.count('get')).toBe(1)
    await far.set('k', 'of another process', 600)
    await clock.advance(4999)
    expect(await backend.get('k')).toBe('text')
    await clock.advance(1)
    expect(await backend.get('k')).toBe('of another process')
  })

  test('of what was set here end when it ends', async () => {
    const { backend, clock } = pair()
    await backend.set('k', 'text', 2)
    await clock.advance(1999)
    expect(await backend.get('k')).toBe('text')
    await clock.advance(1)
    expect(await backend.get('k')).toBeNull()
  })

  test('are of no use to the next process, which may not know what was deleted', async () => {
    const { near, far, backend, clock } = pair()
    await backend.set('k', 'text', 600)
    await clock.settle()
    expect([...near.store.texts.values()]).toEqual([expect.stringMatching(/\ntext$/)])
    await far.delete('k')
    const next = tiered(near, far, { runtime: clock })
    expect(await next.get('k')).toBeNull()
  })

  test('are dropped when the store says that it holds another text, so that a manager does not read the old one again', async () => {
    const { far, backend, clock } = pair()
    await far.set('k', 'old', 600)
    await backend.get('k')
    await clock.settle()
    await far.set('k', 'new', 600)
    expect(await backend.get('k')).toBe('old')
    const request = { token: 't', leaseMs: 5000, seen: 'old', despite: 'nothing' } as const
    expect(await backend.leases?.acquire('k', request)).toEqual({ kind: 'changed' })
    expect(await backend.get('k')).toBe('new')
  })

  test('are not made of what was read while it was deleted', async () => {
    const { far, near, backend, clock } = pair()
    await far.set('k', 'old', 600)
    const held = gate()
    far.answerOnce('get', async () => {
      await held.wait()
      return 'old'
    })
    const reading = backend.get('k')
    await held.reached
    expect(await backend.delete('k')).toBe(true)
    held.open()
    expect(await reading).toBe('old')
    await clock.settle()
    expect(near.store.texts.size).toBe(0)
    expect(await backend.get('k')).toBeNull()
  })
})

describe('copies, beside others', () => {
  test('are made of neither of two writes that ran at once: nobody knows which the store ran last', async () => {
    const { far, backend, clock } = pair()
    const held = gate()
    far.answerOnce('set', async () => {
      await held.wait()
      return true
    })
    const first = backend.set('k', 'first', 600)
    await backend.set('k', 'second', 600)
    held.open()
    await first
    await clock.settle()
    expect(await backend.get('k')).toBe('second')
    const both = [backend.set('k', 'third', 600), backend.delete('k')]
    await Promise.all(both)
    expect(await backend.get('k')).toBeNull()
  })

  test('end though the near one never ends anything', async () => {
    const clock = fakeClock()
    const texts = new Map<string, string>()
    const timeless: CacheBackend = {
      get: (key) => texts.get(key),
      set: (key, value) => (texts.set(key, value), true),
      delete: (key) => texts.delete(key),
      exists: (key) => texts.has(key),
      ping: () => true,
      close: () => {},
    }
    const far = createMockBackend({ runtime: clock })
    const backend = tiered(timeless, far, { runtime: clock })
    await backend.set('k', 'text', 600)
    await clock.settle()
    await far.delete('k')
    await clock.advance(4999)
    expect(await backend.get('k')).toBe('text')
    await clock.advance(1)
    expect(await backend.get('k')).toBeNull()
  })

  test('are looked for before the tag clock is read, so that it is not older than what is then read far', async () => {
    const { near, far, backend } = pair()
    const held = gate()
    near.answer('get', async () => {
      await held.wait()
      return null
    })
    const both = [backend.get('k'), backend.tags?.read(undefined)]
    await held.reached
    held.open()
    await Promise.all(both)
    expect(far.calls.map(({ method }) => method)).toEqual(['get', 'tags.read'])
  })
})

describe('a near backend', () => {
  test('that fails is left alone for a second, and all it held is void', async () => {
    const { near, far, backend, clock, errors } = pair(600)
    await backend.set('k', 'text', 600)
    await clock.settle()
    near.fail(new Error('away'))
    // Nobody hears of it but who asked to.
    expect(await backend.delete('k')).toBe(true)
    await clock.settle()
    expect(errors).toHaveLength(1)
    near.clearCalls()
    for (let read = 0; read < 10; read++) expect(await backend.get('k')).toBeNull()
    expect(near.calls).toEqual([])
    near.fail(undefined)
    await clock.advance(1000)
    expect(near.store.texts.size).toBe(1)
    expect(await backend.get('k')).toBeNull()
    await far.set('k', 'again', 600)
    expect(await backend.get('k')).toBe('again')
  })

  test('that hangs costs one budget', async () => {
    const { near, far, backend, clock, errors } = pair()
    await far.set('k', 'text', 600)
    near.answer('get', () => new Promise(() => {}))
    const reading = Promise.all([backend.get('k'), backend.get('k')])
    await clock.advance(50)
    expect(await reading).toEqual(['text', 'text'])
    expect(isCacheError(errors[0], 'CACHE_TIMEOUT')).toBe(true)
    expect(await backend.get('k')).toBe('text')
    expect(clock.pending).toBe(0)
  })

  test('that cannot be opened leaves the far one alone in its place', async () => {
    const { near, backend } = pair()
    near.fail(new Error('away'))
    await backend.connect?.()
    expect(await backend.set('k', 'text', 60)).toBe(true)
    expect(await backend.get('k')).toBe('text')
    await backend.close()
  })
})

describe('a far backend', () => {
  test('that fails is heard of, where there is no copy', async () => {
    const { far, backend } = pair()
    far.fail(new Error('away'))
    for (const asked of [() => backend.get('k'), () => backend.set('k', 'x', 60), () => backend.delete('k')]) {
      await expect(asked()).rejects.toThrow('away')
    }
    await expect(backend.batch?.get(['k', 'l'])).rejects.toThrow('away')
    await expect(backend.ping()).rejects.toThrow('away')
  })

  test('has a manager on it that loads once, is told of tags, and never serves what was invalidated', async () => {
    const { far, backend, clock } = pair()
    const cache = await createCache({ backend, runtime: clock, env: {}, logLevel: 'silent' }).init()
    const other = await createCache({ backend: far, runtime: clock, env: {}, logLevel: 'silent' }).init()
    let loads = 0
    const load = async (): Promise<number> => ++loads
    expect(await cache.getOrSet('k', load, { tags: ['t'], ttl: 600 })).toBe(1)
    expect(await cache.getOrSet('k', load, { tags: ['t'], ttl: 600 })).toBe(1)
    expect(await other.invalidateTags(['t'])).toBe('applied')
    expect(await cache.getOrSet('k', load, { tags: ['t'], ttl: 600 })).toBe(2)
    expect(await cache.delete('k')).toBe('applied')
    expect(await cache.getOrSet('k', load, { tags: ['t'], ttl: 600 })).toBe(3)
    await cache.close()
    await other.close()
  })
})

test('what cannot be is refused at once', () => {
  const memory = new MemoryBackend()
  expect(() => tiered(memory, undefined as never)).toThrow('The far backend must be a backend, got undefined')
  expect(() => tiered({ set: () => true } as never, memory)).toThrow(
    'The near backend must be a backend, but has no method get',
  )
  expect(() => tiered(memory, memory, { nearTtl: 'forever' })).toThrow('nearTtl must have an end')
  expect(() => tiered(memory, memory, { nearTtl: 0 })).toThrow('nearTtl must be more than zero')
  expect(() => tiered(memory, memory, { nearTTL: 1 } as never)).toThrow("did you mean 'nearTtl'?")
})
