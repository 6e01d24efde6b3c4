// The clock, the mock, the counter and the flaky store: what a test of a service is made of, so each must itself be right.
import { describe, expect, test } from 'vitest'
import { createCache, isCacheError, MemoryBackend } from '../../src/index.ts'
import type { CacheManager } from '../../src/index.ts'
import type { FlakyOptions, MockStore } from '../../src/testing.ts'
import { countedLoader, createMockBackend, createMockStore, fakeClock, flakyBackend } from '../../src/testing.ts'
import { gate } from '../support/gate.ts'
import { everyCapability } from './mock-fleet.ts'

describe('fakeClock', () => {
  test('runs each timer at its own time, and what it sets off before the next one', async () => {
    const clock = fakeClock()
    const log: string[] = []
    const note = (what: string): void => void log.push(`${what} ${clock.monotonic()}`)
    clock.setTimer(() => note('late'), 30, 'background')
    clock.setTimer(
      () => {
        note('early')
        clock.setTimer(() => note('from early'), 5, 'deadline')
        void Promise.resolve().then(async () => {
          for (let turn = 0; turn < 20; turn++) await Promise.resolve()
          note('promise of early')
          clock.defer(() => note('deferred by early'))
        })
      },
      10,
      'deadline',
    )
    const cancelled = clock.setTimer(() => note('cancelled'), 20, 'deadline')
    clock.clearTimer(cancelled)
    await clock.advance(29)
    expect(log).toEqual(['early 10', 'promise of early 10', 'deferred by early 10', 'from early 15'])
    expect([clock.monotonic(), clock.pending]).toEqual([29, 1])
    await clock.advance(1)
    expect(log.at(-1)).toBe('late 30')
  })

  test('runs those of one time in the order in which they were armed', async () => {
    const clock = fakeClock()
    const log: number[] = []
    for (let index = 0; index < 20; index++) clock.setTimer(() => log.push(index), 5, 'deadline')
    await clock.advance(5)
    expect(log).toEqual(Array.from({ length: 20 }, (_, index) => index))
  })

  test('moves the wall clock with it, and alone', async () => {
    const clock = fakeClock({ startsAt: 1000 })
    await clock.advance(500)
    clock.jump(-700)
    expect([clock.now(), clock.monotonic()]).toEqual([800, 500])
  })

  test('gives the same random numbers for the same seed', () => {
    const numbers = (seed: number): number[] => {
      const { random } = fakeClock({ seed })
      return Array.from({ length: 100 }, () => random())
    }
    expect(numbers(1)).toEqual(numbers(1))
    expect(numbers(1)).not.toEqual(numbers(2))
    expect(numbers(3).every((number) => number >= 0 && number < 1)).toBe(true)
  })

  test('throws what a timer threw, after the others have run', async () => {
    const clock = fakeClock()
    const log: string[] = []
    clock.setTimer(
      () => {
        throw new Error('of a timer')
      },
      1,
      'deadline',
    )
    clock.setTimer(() => log.push('ran'), 2, 'deadline')
    await expect(clock.advance(5)).rejects.toThrow('of a timer')
    expect(log).toEqual(['ran'])
  })

  test('moves a cache from fresh to over', async () => {
    const clock = fakeClock()
    const cache = await createCache({ backend: new MemoryBackend({ runtime: clock }), runtime: clock, env: {} }).init()
    const load = countedLoader(async () => 'value')
    const read = async (): Promise<string> => await cache.getOrSet('k', load, { ttl: '1h' })
    await read()
    await clock.advance(3_599_999)
    await read()
    expect(load.count).toBe(1)
    await clock.advance(1)
    await read()
    expect(load.count).toBe(2)
    await cache.close()
  })

  test.each([-1, Number.NaN, Infinity, '5' as unknown as number])('refuses to advance by %s', async (ms) => {
    await expect(fakeClock().advance(ms)).rejects.toThrow(RangeError)
  })
})

describe('createMockBackend', () => {
  test('notes its calls, and answers rightly, or as it was told to', async () => {
    const mock = createMockBackend()
    await mock.set('k', 'text', 60)
    expect(await mock.get('k')).toBe('text')
    mock.answerOnce('get', () => 'once')
    mock.answer('exists', (key: string) => key === 'x')
    expect([await mock.get('k'), await mock.get('k'), await mock.exists('k'), await mock.exists('x')]).toEqual([
      'once',
      'text',
      false,
      true,
    ])
    mock.answer('exists', undefined)
    expect(await mock.exists('k')).toBe(true)
    expect(mock.calls.slice(0, 2)).toEqual([
      { method: 'set', args: ['k', 'text', 60] },
      { method: 'get', args: ['k'] },
    ])
    expect([mock.count('get'), mock.count('delete')]).toEqual([3, 0])
    mock.clearCalls()
    expect(mock.calls).toEqual([])
  })

  test('fails as a store that is away, and a manager goes on without it', async () => {
    const clock = fakeClock()
    const mock = createMockBackend({ runtime: clock })
    const cache = await createCache({ backend: mock, runtime: clock, env: {}, logLevel: 'silent' }).init()
    mock.fail(new Error('away'))
    const load = countedLoader(async () => 'value')
    expect(await cache.getOrSet('k', load)).toBe('value')
    expect(await cache.delete('k')).toBe('journaled')
    expect(await cache.healthCheck()).toBe(false)
    await cache.close()
  })

  test('shares a store with others, so that a test has a fleet in one process: one load, and one word to all', async () => {
    const clock = fakeClock()
    const store = createMockStore(clock)
    const fleet = await Promise.all(Array.from({ length: 5 }, () => joined(store)))
    const held = gate()
    let loads = 0
    const load = countedLoader(async () => {
      const name = `load ${++loads}`
      await held.wait()
      return name
    })
    const readAll = (): Promise<string[]> => Promise.all(fleet.map((node) => node.getOrSet('k', load, { ttl: 600 })))
    const first = readAll()
    await clock.settle()
    await held.reached
    held.open()
    await clock.advance(10)
    expect(await first).toEqual(Array.from({ length: 5 }, () => 'load 1'))
    expect([load.count, load.mostAtOnce, load.running]).toEqual([1, 1, 0])
    const [one] = fleet as [CacheManager]
    expect(await one.delete('k')).toBe('applied')
    const second = readAll()
    await clock.advance(10)
    expect(await second).toEqual(Array.from({ length: 5 }, () => 'load 2'))
    await Promise.all(fleet.map((node) => node.close()))
  })

  async function joined(store: MockStore): Promise<CacheManager> {
    const backend = createMockBackend({ store, capabilities: everyCapability })
    return await createCache({ backend, runtime: store.runtime, env: {}, logLevel: 'silent' }).init()
  }

  test.each([
    [{ capabilities: ['link'] }, 'A mock has no capability'],
    [{ capabilites: [] }, "did you mean 'capabilities'?"],
    [{ store: createMockStore(), runtime: fakeClock() }, 'a store has a clock'],
  ])('refuses %j', (options, message) => {
    expect(() => createMockBackend(options as never)).toThrow(message)
    expect(() => createMockBackend().answer('gets' as never, () => 1)).toThrow("no method 'gets'")
    expect(() => createMockBackend().answer('get', 'text' as never)).toThrow('must be a function')
  })
})

describe('countedLoader', () => {
  test('counts calls, what they were given, and how many ran at once; results, errors and `this` pass', async () => {
    const owner = { factor: 2 }
    const load = countedLoader(async function (this: typeof owner, x: number) {
      if (x < 0) throw new RangeError('negative')
      return x * this.factor
    })
    const both = [load.call(owner, 1), load.call(owner, 2)]
    expect([load.running, load.mostAtOnce]).toEqual([2, 2])
    expect(await Promise.all(both)).toEqual([2, 4])
    await expect(load.call(owner, -1)).rejects.toThrow(RangeError)
    expect([load.count, load.calls, load.running]).toEqual([3, [[1], [2], [-1]], 0])
    load.reset()
    expect([load.count, load.mostAtOnce]).toEqual([0, 0])
    const sync = countedLoader(function named(text: string) {
      return text.length
    })
    expect([sync('four'), sync.name, sync.length, sync.running]).toEqual([4, 'named', 1, 0])
    expect(() => countedLoader(7 as never)).toThrow('takes a function, got 7')
  })
})

describe('flakyBackend', () => {
  const everything: FlakyOptions = { latency: 50, errors: 0.2, hangs: 0.1, corrupt: 0.2 }

  /** What 400 calls of a kind come to. */
  async function weather(options: FlakyOptions): Promise<string[]> {
    const clock = fakeClock()
    const flaky = flakyBackend(new MemoryBackend({ runtime: clock }), { ...options, runtime: clock })
    const log: string[] = []
    for (let call = 0; call < 400; call++) {
      const at = clock.monotonic()
      const work = call % 2 === 0 ? flaky.set('k', `text ${call}`, 600) : flaky.get('k')
      void Promise.resolve(work).then(
        (answer) => log.push(`${call} ${String(answer)} after ${Math.round(clock.monotonic() - at)}`),
        (error: Error) => log.push(`${call} ${error.message}`),
      )
      await clock.advance(60)
    }
    return [...log, JSON.stringify(flaky.faults)]
  }

  test('has the same faults for the same seed, and others for another', async () => {
    const one = await weather({ ...everything, seed: 1 })
    expect(await weather({ ...everything, seed: 1 })).toEqual(one)
    expect(await weather({ ...everything, seed: 2 })).not.toEqual(one)
    const { late, errors, hangs, corrupt } = JSON.parse(one.at(-1) ?? '') as Record<string, number>
    for (const count of [late, errors, hangs, corrupt]) expect(count).toBeGreaterThan(10)
    expect(one.length - 1 + (hangs ?? 0)).toBe(400)
  })

  test('does of what failed some all the same: an error does not say that nothing has happened', async () => {
    const inner = new MemoryBackend()
    const flaky = flakyBackend(inner, { errors: 1 })
    let done = 0
    for (let call = 0; call < 100; call++) {
      await expect(flaky.set(`k${call}`, 'x', 60)).rejects.toThrow('flaky: set failed')
      if (inner.exists(`k${call}`)) done++
    }
    expect(done).toBeGreaterThan(20)
    expect(done).toBeLessThan(80)
    flaky.isFlaky = false
    expect(await flaky.set('k', 'x', 60)).toBe(true)
  })

  test('damages what is read, always: a cache takes it for a miss, and nothing breaks', async () => {
    const flaky = flakyBackend(createMockBackend({ capabilities: ['batch'] }), { corrupt: 1 })
    for (let call = 0; call < 50; call++) {
      flaky.isFlaky = false
      await flaky.set('k', `text ${call}`, 60)
      flaky.isFlaky = true
      expect(await flaky.get('k')).not.toBe(`text ${call}`)
      expect(await flaky.batch?.get(['none', 'k'])).not.toEqual([null, `text ${call}`])
    }
    expect(flaky.faults.corrupt).toBe(100)
  })

  test('breaks no call of a cache on it', async () => {
    const clock = fakeClock()
    const inner = createMockBackend({ store: createMockStore(clock), capabilities: ['batch', 'tags', 'leases'] })
    const flaky = flakyBackend(inner, { seed: 3, errors: 0.2, hangs: 0.1, corrupt: 0.1, latency: 50, runtime: clock })
    const cache = createCache({ backend: flaky, runtime: clock, env: {}, logLevel: 'silent' })
    const opening = cache.init()
    await clock.advance(10_000)
    await opening
    for (let call = 0; call < 100; call++) {
      const key = `k${call % 7}`
      const answer = cache.getOrSet(key, async () => `value of ${key}`, { ttl: 5 })
      await clock.advance(1000)
      expect(await answer).toBe(`value of ${key}`)
    }
    const closing = cache.close()
    await clock.advance(60_000)
    await closing
    expect(flaky.faults.errors).toBeGreaterThan(5)
  })

  test.each<[FlakyOptions, string]>([
    [{ errors: 2 }, 'errors must be a share from 0 to 1, got 2'],
    [{ latency: -1 }, 'latency must be milliseconds'],
    [{ seed: 0.5 }, 'seed must be a whole number'],
    [{ hang: 1 } as never, "did you mean 'hangs'?"],
  ])('refuses %j', (options, message) => {
    expect(() => flakyBackend(new MemoryBackend(), options)).toThrow(message)
  })
})

test('the errors of the kit are ones of the package', () => {
  let caught: unknown
  try {
    fakeClock({ seed: Number.NaN })
  } catch (error) {
    caught = error
  }
  expect(isCacheError(caught, 'CACHE_BAD_OPTION')).toBe(true)
})
