// Stale values: served when the options say so, loaded anew behind them once, and never after an invalidation. On memory and on a backend of
// six methods, where every read is a round trip.
import { describe, expect, test } from 'vitest'
import type { CacheBackend, CacheManager } from '../../src/index.ts'
import { cached, createCache, MemoryBackend } from '../../src/index.ts'
import { gate, until } from '../support/gate.ts'
import type { ManualRuntime } from '../support/manual-runtime.ts'
import { manualRuntime } from '../support/manual-runtime.ts'
import { asyncMapBackend } from '../support/map-backend.ts'

const backends: ReadonlyArray<readonly [string, (runtime: ManualRuntime) => CacheBackend]> = [
  ['memory', (runtime) => new MemoryBackend({ runtime })],
  ['six methods', () => asyncMapBackend()],
]

let serial = 0
function setUp(backend: (runtime: ManualRuntime) => CacheBackend): {
  readonly runtime: ManualRuntime
  readonly manager: CacheManager
  readonly name: string
} {
  const runtime = manualRuntime()
  const manager = createCache({ backend: backend(runtime), runtime, logLevel: 'silent' })
  return { runtime, manager, name: `freshness-${++serial}` }
}

describe.each(backends)('on %s', (_, backend) => {
  test('swr: the old value at once, one load behind it, then the new one', async () => {
    const { runtime, manager, name } = setUp(backend)
    let run = 0
    const held = gate()
    const fn = cached(
      async (id: string) => {
        if (++run > 1) await held.wait()
        return `${id} ${run}`
      },
      { name, manager, ttl: 10, swr: 60 },
    )
    expect(await fn('a')).toBe('a 1')
    runtime.advance(10_000)
    const stale = await Promise.all(Array.from({ length: 100 }, () => fn.withStatus('a')))
    expect(new Set(stale.map(({ value }) => value))).toEqual(new Set(['a 1']))
    expect(stale.every((one) => one.stale && one.ageMs === 10_000)).toBe(true)
    await held.reached
    expect(run).toBe(2)
    expect(await fn('a')).toBe('a 1')
    held.open()
    await manager.drain()
    expect(await fn.withStatus('a')).toMatchObject({ value: 'a 2', stale: false })
    expect(run).toBe(2)
    expect(manager.stats().operations[name]).toMatchObject({ loads: 2, misses: 1, hits: { stale: 101 } })
    // Beyond the window there is nothing to serve.
    runtime.advance(70_000)
    expect(await fn('a')).toBe('a 3')
  })

  test('swr: never after delete, set or an invalidated tag', async () => {
    const { runtime, manager, name } = setUp(backend)
    let run = 0
    const fn = cached(async (id: string) => `${id} ${++run}`, {
      name,
      manager,
      ttl: 10,
      swr: 60,
      staleIfError: 60,
      tags: (_result, id) => [`doc:${id}`],
    })
    for (const invalidate of [
      () => fn.invalidate('a'),
      () => manager.delete(fn.keyFor('a')),
      () => manager.invalidateTags(['doc:a']),
      () => manager.clear(),
      () => manager.setValue(fn.keyFor('a'), 'set'),
    ]) {
      await fn.refresh('a')
      const before = run
      runtime.advance(10_000)
      await invalidate()
      expect(await fn('a')).not.toBe(`a ${before}`)
    }
  })

  test('swr: a load behind that is invalidated while it runs stores nothing, and what it stood behind is gone', async () => {
    const { runtime, manager, name } = setUp(backend)
    let run = 0
    const held = gate()
    const fn = cached(
      async () => {
        if (++run === 2) await held.wait()
        return run
      },
      { name, manager, ttl: 10, swr: 60 },
    )
    await fn()
    runtime.advance(10_000)
    expect(await fn()).toBe(1)
    await held.reached
    await fn.invalidate()
    expect(await fn()).toBe(3)
    held.open()
    await manager.drain()
    expect(await fn()).toBe(3)
    expect(manager.stats().operations[name]).toMatchObject({ fenced: 1 })
  })

  test('staleIfError: the old value while the loader fails, asked again only after a while, twice as long each time', async () => {
    const { runtime, manager, name } = setUp(backend)
    let run = 0
    let broken = false
    const problems: string[] = []
    manager.on('problem', ({ during }) => problems.push(during))
    const fn = cached(
      async () => {
        run++
        if (broken) throw new Error('origin away')
        return run
      },
      { name, manager, ttl: 10, staleIfError: 600 },
    )
    expect(await fn()).toBe(1)
    broken = true
    runtime.advance(10_000)
    const first = await Promise.all(Array.from({ length: 100 }, () => fn.withStatus()))
    expect(run).toBe(2)
    expect(first.every(({ value, stale }) => value === 1 && stale)).toBe(true)
    expect(problems).toEqual(['load'])
    for (const [ms, runs] of [
      [0, 2],
      [999, 2],
      [1, 3],
      [1999, 3],
      [1, 4],
      [3999, 4],
      [1, 5],
    ] as const) {
      // prettier-ignore
      runtime.advance(ms)
      expect(await fn()).toBe(1)
      expect(run).toBe(runs)
    }
    broken = false
    runtime.advance(30_000)
    expect(await fn()).toBe(6)
    expect(await fn.withStatus()).toMatchObject({ value: 6, stale: false })
  })

  test('staleIfError: without an old value the error reaches the callers; after an invalidation too', async () => {
    const { runtime, manager, name } = setUp(backend)
    const failure = new Error('origin away')
    let broken = true
    const fn = cached(
      async () => {
        if (broken) throw failure
        return 1
      },
      { name, manager, ttl: 10, staleIfError: 600 },
    )
    await expect(fn()).rejects.toBe(failure)
    broken = false
    await fn()
    broken = true
    runtime.advance(10_000)
    expect(await fn()).toBe(1)
    await fn.invalidate()
    await expect(fn()).rejects.toBe(failure)
    broken = false
    expect(await fn()).toBe(1)
    runtime.advance(610_000)
    broken = true
    await expect(fn()).rejects.toBe(failure)
  })

  test('swr: inside the retry-after nothing runs, and the old value is served', async () => {
    const { runtime, manager, name } = setUp(backend)
    let run = 0
    const fn = cached(
      async () => {
        if (++run > 1) throw new Error('origin away')
        return run
      },
      { name, manager, ttl: 10, swr: 600 },
    )
    await fn()
    runtime.advance(10_000)
    expect(await fn()).toBe(1)
    await until('the load behind failed', () => run === 2)
    await manager.drain()
    for (let call = 0; call < 100; call++) expect(await fn()).toBe(1)
    expect(run).toBe(2)
    runtime.advance(1000)
    expect(await fn()).toBe(1)
    await manager.drain()
    expect(run).toBe(3)
  })

  test('softTimeout: the old value when a load takes longer, and the load goes on', async () => {
    const { runtime, manager, name } = setUp(backend)
    let run = 0
    const held = gate()
    const fn = cached(
      async () => {
        if (++run > 1) await held.wait()
        return run
      },
      { name, manager, ttl: 10, staleIfError: 600, softTimeout: '500ms' },
    )
    await fn()
    runtime.advance(10_000)
    const waiting = [fn.withStatus(), fn.withStatus()]
    await held.reached
    runtime.advance(499)
    let settled = false
    void Promise.race(waiting).then(() => (settled = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(settled).toBe(false)
    runtime.advance(1)
    for (const one of await Promise.all(waiting)) expect(one).toMatchObject({ value: 1, stale: true })
    // Who comes now does not wait once more.
    expect(await fn()).toBe(1)
    expect(run).toBe(2)
    held.open()
    await manager.drain()
    expect(await fn()).toBe(2)
  })

  test('softTimeout: not for what was invalidated meanwhile', async () => {
    const { runtime, manager, name } = setUp(backend)
    let run = 0
    const held = gate()
    const fn = cached(
      async () => {
        if (++run > 1) await held.wait()
        return run
      },
      { name, manager, ttl: 10, staleIfError: 600, softTimeout: '500ms' },
    )
    await fn()
    runtime.advance(10_000)
    const waiting = fn()
    await held.reached
    await fn.invalidate()
    runtime.advance(500)
    let settled = false
    void waiting.then(() => (settled = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(settled).toBe(false)
    held.open()
    expect(await waiting).toBe(2)
    // It was invalidated: what the load brought is stored nowhere.
    expect(await fn()).toBe(3)
  })

  test('refreshAhead: one load behind the fresh value, before it ends', async () => {
    const runtime: ManualRuntime = { ...manualRuntime(), random: () => 1 - Math.exp(-3) }
    const manager = createCache({ backend: backend(runtime), runtime, logLevel: 'silent' })
    let run = 0
    const fn = cached(
      async () => {
        runtime.advance(1000)
        return ++run
      },
      { name: `freshness-${++serial}`, manager, ttl: 60, refreshAhead: true },
    )
    await fn()
    // The draw is three load times.
    runtime.advance(56_000)
    expect(await fn()).toBe(1)
    await manager.drain()
    expect(run).toBe(1)
    runtime.advance(1000)
    expect(await fn.withStatus()).toMatchObject({ value: 1, stale: false })
    await manager.drain()
    expect(run).toBe(2)
    expect(await fn()).toBe(2)
    expect(manager.stats().total).toMatchObject({ misses: 1, loads: 2 })
  })

  test('cacheErrors: the same error object, and nothing runs, until its ttl is over or the key is invalidated', async () => {
    const { runtime, manager, name } = setUp(backend)
    const failure = Object.assign(new Error('no such document'), { code: 404 })
    let run = 0
    const fn = cached(
      async (_id: string) => {
        run++
        throw failure
      },
      { name, manager, cacheErrors: { ttl: 30, when: (error) => (error as { code?: number }).code === 404 } },
    )
    const errors = await Promise.all(Array.from({ length: 100 }, () => fn('a').catch((error: unknown) => error)))
    expect(new Set(errors)).toEqual(new Set([failure]))
    expect(run).toBe(1)
    runtime.advance(29_999)
    await expect(fn('a')).rejects.toBe(failure)
    expect(run).toBe(1)
    await expect(fn('b')).rejects.toBe(failure)
    expect(run).toBe(2)
    runtime.advance(1)
    await expect(fn('a')).rejects.toBe(failure)
    expect(run).toBe(3)
    await fn.invalidate('a')
    await expect(fn('a')).rejects.toBe(failure)
    expect(run).toBe(4)
    await manager.invalidateTags(['any: the tags of a failure are those of the options'])
    await expect(fn('a')).rejects.toBe(failure)
    expect(run).toBe(4)
    await expect(fn.refresh('a')).rejects.toBe(failure)
    expect(run).toBe(5)
  })

  test('cacheErrors: what `when` does not name is not remembered; tags that come from results end what is', async () => {
    const { manager, name } = setUp(backend)
    let run = 0
    let code = 500
    const fn = cached(
      async () => {
        run++
        throw Object.assign(new Error('failed'), { code })
      },
      {
        name,
        manager,
        tags: () => ['from the result'],
        cacheErrors: { ttl: 30, when: (error) => (error as { code?: number }).code === 404 },
      },
    )
    await expect(fn()).rejects.toThrow('failed')
    await expect(fn()).rejects.toThrow('failed')
    expect(run).toBe(2)
    code = 404
    await expect(fn()).rejects.toThrow('failed')
    await expect(fn()).rejects.toThrow('failed')
    expect(run).toBe(3)
    await manager.invalidateTags(['from the result'])
    await expect(fn()).rejects.toThrow('failed')
    expect(run).toBe(4)
  })
})

test('a getOrSet loader is told why it runs, and what there was', async () => {
  const { runtime, manager } = setUp((own) => new MemoryBackend({ runtime: own }))
  const told: unknown[] = []
  const read = async (mode?: 'refresh'): Promise<unknown> =>
    await manager.getOrSet(
      'k',
      (load) => {
        told.push([load.reason, load.stale])
        return { etag: told.length }
      },
      { ttl: 10, swr: 60, mode },
    )
  await read()
  runtime.advance(10_000)
  expect(await read()).toEqual({ etag: 1 })
  await manager.drain()
  await read('refresh')
  expect(told).toEqual([
    ['miss', undefined],
    ['stale', { etag: 1 }],
    ['refresh', undefined],
  ])
})

test('a failure behind a value that was served is a problem, not an unhandled rejection', async () => {
  const { runtime, manager } = setUp((own) => new MemoryBackend({ runtime: own }))
  const problems: unknown[] = []
  manager.on('problem', (event) => problems.push(event))
  const failure = new Error('origin away')
  let broken = false
  const fn = cached(
    async () => {
      if (broken) throw failure
      return 1
    },
    { name: `freshness-${++serial}`, manager, ttl: 10, swr: 5 },
  )
  await fn()
  broken = true
  runtime.advance(10_000)
  expect(await fn()).toBe(1)
  await manager.drain()
  expect(problems).toEqual([{ error: failure, during: 'load', key: fn.keyFor() }])
})
