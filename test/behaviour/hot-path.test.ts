// The short way of a hit gives what the long way gives: by argument and by full key, with and without who listens, and it never says yes to
// what is stale, void, of another codec or not guarded.
import { execFile } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { CacheManager } from '../../src/index.ts'
import { cached, createCache, MemoryBackend } from '../../src/index.ts'
import { gate } from '../support/gate.ts'
import { manualRuntime } from '../support/manual-runtime.ts'
import { mapBackend } from '../support/map-backend.ts'

let serial = 0
const named = (): string => `hot-${++serial}`
const memory = (): CacheManager => createCache({ backend: new MemoryBackend(), logLevel: 'silent' })

test('an argument and its full key are one entry, whichever was there first', async () => {
  const manager = memory()
  const name = named()
  await manager.setValue(`${name}:early`, 'set before there was a function')
  let run = 0
  const fn = cached(async (id: string | number) => `${typeof id} ${id} ${++run}`, { name, manager })
  expect(await fn('early')).toBe('set before there was a function')
  expect(await fn('early')).toBe('set before there was a function')
  const values = [
    await fn('5'),
    await fn(5),
    await fn('x'),
    await fn(-0),
    await fn(0),
    await fn('a longer text, with spaces'),
  ]
  expect(new Set(values).size).toBe(6)
  for (const argument of ['5', 5, 'x', -0, 0, 'a longer text, with spaces', 'early'] as const) {
    const first = await fn(argument)
    expect(await fn(argument)).toBe(first)
    expect(await manager.getValue(fn.keyFor(argument))).toBe(first)
    expect(await manager.getOrSet(fn.keyFor(argument), () => 'never')).toBe(first)
    await manager.delete(fn.keyFor(argument))
    expect(await fn(argument)).not.toBe(first)
    await manager.setValue(fn.keyFor(argument), 'set')
    expect(await fn(argument)).toBe('set')
    await fn.invalidate(argument)
    expect(await manager.exists(fn.keyFor(argument))).toBe(false)
  }
  expect(run).toBe(13)
})

test('two functions on one memory do not meet, nor do a text and a number', async () => {
  const manager = memory()
  const prefix = named()
  const a = cached(async (id: unknown) => ['a', id], { keyPrefix: prefix, name: 'a', manager })
  const b = cached(async (id: unknown) => ['b', id], { keyPrefix: prefix, name: 'b', manager })
  for (const id of ['1', 1, 'true', 'NaN', Number.NaN, 1e21, 'x'.repeat(2000), '']) {
    for (let call = 0; call < 2; call++) {
      expect(await a(id)).toEqual(['a', id])
      expect(await b(id)).toEqual(['b', id])
    }
  }
})

test('an entry is served to its end and not beyond, by a clock that may be late and by one that is not', async () => {
  const runtime = manualRuntime()
  let recent = runtime.now()
  const lagging = { ...runtime, recent: () => recent }
  const manager = createCache({ backend: new MemoryBackend({ runtime }), runtime: lagging, logLevel: 'silent' })
  let run = 0
  const fn = cached(async (_id: string) => ++run, { name: named(), ttl: 1, manager })
  await fn('a')
  for (const [ms, expected] of [
    [500, 1],
    [499, 1],
    [1, 2],
    [983, 2],
    [1, 2],
    [16, 3],
  ] as const) {
    // prettier-ignore
    runtime.advance(ms)
    // As late as the clock may be.
    recent = runtime.now() - 16
    expect(await fn('a')).toBe(expected)
  }
})

test('stale, guarded, foreign and frozen entries are what they are on the long way', async () => {
  const runtime = manualRuntime()
  const manager = createCache({ backend: new MemoryBackend({ runtime }), runtime, logLevel: 'silent' })
  const numbers = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) => (typeof value === 'number' ? { value } : { issues: [{ message: 'no number' }] }),
    },
  } as const
  const name = named()
  const guarded = cached(async (_id: string) => 5 as unknown, { name, manager, schema: numbers })
  await manager.setValue(`${name}:a`, 'no number')
  expect(await guarded('a')).toBe(5)
  expect(await guarded('a')).toBe(5)
  const key = named()
  await manager.set(`${key}:a`, '{"raw":1}')
  const raw = cached(async (_id: string) => ({ raw: 0 }), { name: key, manager })
  expect(await raw('a')).toEqual({ raw: 1 })
  const frozen = cached(async (_id: string) => ({ list: [1] }), { name: named(), manager, isolation: 'frozen' })
  const one = await frozen('a')
  expect(await frozen('a')).toBe(one)
  expect(Object.isFrozen(one.list)).toBe(true)
  // A reader that asks for copies of what a frozen function stored may change them.
  const copy = await manager.getOrSet<{ list: number[] }>(frozen.keyFor('a'), () => ({ list: [] }))
  copy.list.push(2)
  expect(await frozen('a')).toEqual({ list: [1] })
})

test('an invalidated tag voids what is in a table, and what it does not touch is judged once and served', async () => {
  const manager = memory()
  let run = 0
  const fn = cached(async (id: string) => `${id} ${++run}`, {
    name: named(),
    manager,
    tags: (_text, id) => [`doc:${id}`],
  })
  await Promise.all([fn('a'), fn('b')])
  await manager.invalidateTags(['doc:a'])
  expect(await Promise.all([fn('a'), fn('b')])).toEqual(['a 3', 'b 2'])
  const other = createCache({ backend: new MemoryBackend() })
  await other.invalidateTags(['doc:b'])
  expect(await fn('b')).toBe('b 2')
})

test('ten thousand callers of one argument while it loads: one load, one promise where they may share, a copy each where not', async () => {
  const manager = memory()
  for (const isolation of ['frozen', 'copy'] as const) {
    const held = gate()
    let run = 0
    const fn = cached(
      async (_id: string) => {
        run++
        await held.wait()
        return { list: [1] }
      },
      { name: named(), manager, isolation },
    )
    const calls = Array.from({ length: 10_000 }, () => fn('a'))
    held.open()
    const values = await Promise.all(calls)
    expect(run).toBe(1)
    expect(new Set(values).size).toBe(isolation === 'frozen' ? 1 : 10_000)
  }
})

test('who comes to a load by its argument loads anew when another cache on the same memory has invalidated its tag', async () => {
  const backend = new MemoryBackend()
  const [one, two] = [createCache({ backend }), createCache({ backend })]
  const held = gate()
  let run = 0
  const fn = cached(
    async (_id: string) => {
      const mine = ++run
      if (mine === 1) await held.wait()
      return mine
    },
    { name: named(), manager: one, tags: ['t'], isolation: 'frozen' },
  )
  const first = fn('a')
  await held.reached
  await two.invalidateTags(['t'])
  const late = [fn('a'), fn('a')]
  held.open()
  expect(await first).toBe(1)
  expect(await Promise.all(late)).toEqual([2, 2])
})

describe('who listens', () => {
  test('hears of every hit with its key, whichever way it took', async () => {
    const manager = memory()
    const fn = cached(async (id: string) => id, { keyPrefix: 'heard', name: named(), manager })
    const heard: string[] = []
    await fn('a')
    await fn('with spaces')
    const off = manager.on('hit', ({ key }) => heard.push(key))
    for (const argument of ['a', 'with spaces']) {
      await fn(argument)
      await fn(argument)
    }
    expect(heard).toEqual([fn.keyFor('a'), fn.keyFor('a'), fn.keyFor('with spaces'), fn.keyFor('with spaces')])
    off()
    await fn('a')
    expect(heard).toHaveLength(4)
    expect(manager.stats().total.hits.l1).toBe(5)
  })

  test('may be a tool that knows of no cache: diagnostics channels', async () => {
    const manager = memory()
    const told: unknown[] = []
    const listen = (event: unknown, name: string | symbol): void => void told.push([name, event])
    const channels = ['hit', 'miss', 'load', 'invalidate'].map((event) => `speedrun-cache:${event}`)
    for (const channel of channels) subscribe(channel, listen)
    const name = named()
    const fn = cached(async (_id: string) => 1, { name, manager, cost: 0.25 })
    await fn('a')
    await fn('a')
    await fn.invalidate('a')
    for (const channel of channels) unsubscribe(channel, listen)
    await fn('a')
    const at = { key: `${name}:a`, operation: name }
    expect(told).toMatchObject([
      ['speedrun-cache:miss', { ...at, reason: 'absent' }],
      ['speedrun-cache:load', { ...at, outcome: 'stored' }],
      ['speedrun-cache:hit', { ...at, source: 'l1', stale: false }],
      ['speedrun-cache:invalidate', { target: { keys: [`${name}:a`] }, outcome: 'applied' }],
    ])
    expect(manager.stats().operations[name]).toMatchObject({ cost: 0.5, savedCost: 0.25, hits: { l1: 1 } })
  })

  test('costs what its function says: a number, or by the result', async () => {
    const manager = memory()
    const fn = cached(async (pages: number) => ({ pages }), {
      name: named(),
      manager,
      cost: (result) => result.pages * 0.01,
    })
    await fn(100)
    await fn(100)
    await fn(50)
    const { cost, savedCost } = manager.stats().total
    expect([cost, savedCost]).toEqual([1.5, 1])
    const broken = cached(async () => 1, { name: named(), manager, cost: () => Number.NaN })
    await broken()
    expect(manager.stats().total.cost).toBe(1.5)
  })
})

test('a hit of an entry that another process stored saves its cost too', async () => {
  const backend = mapBackend()
  const open = (): CacheManager => createCache({ backend, logLevel: 'silent' })
  const [writer, reader] = [open(), open()]
  const name = named()
  const cost = ({ pages }: { pages: number }): number => pages * 0.5
  await writer.getOrSet(name, () => ({ pages: 4 }), { cost, operation: 'o' })
  await reader.getOrSet(name, () => ({ pages: 0 }), { cost, operation: 'o' })
  expect(writer.stats().total).toMatchObject({ cost: 2, savedCost: 0 })
  expect(reader.stats().total).toMatchObject({ cost: 0, savedCost: 2, hits: { l2: 1 } })
})

test('what is not stored is said: too large, refused by its schema', async () => {
  for (const backend of [new MemoryBackend(), mapBackend()]) {
    const manager = createCache({ backend, maxValueBytes: 100, logLevel: 'silent' })
    const problems: string[] = []
    manager.on('problem', ({ error, during }) => problems.push(`${during} ${(error as { code: string }).code}`))
    expect(await manager.getOrSet('large', () => 'x'.repeat(1000))).toHaveLength(1000)
    const never = {
      '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'no' }] }) },
    } as const
    expect(await manager.getOrSet('guarded', () => 1, { schema: never })).toBe(1)
    expect(problems).toEqual(['write CACHE_UNSTORABLE_VALUE', 'policy CACHE_UNSTORABLE_VALUE'])
    expect(manager.stats().total).toMatchObject({ refused: 2, fills: 0 })
  }
})

test('AsyncLocalStorage is switched on by withCache and inheritTags, and by nothing else', async () => {
  const entry = new URL('../../dist/index.js', import.meta.url).href
  const script = `
    import { AsyncLocalStorage } from 'node:async_hooks'
    let runs = 0
    for (const method of ['run', 'enterWith', '_enable', 'exit']) {
      const original = AsyncLocalStorage.prototype[method]
      if (original) AsyncLocalStorage.prototype[method] = function (...args) { runs++; return original.apply(this, args) }
    }
    const { cached, createCache, MemoryBackend, withCache } = await import(${JSON.stringify(entry)})
    const manager = createCache({ backend: new MemoryBackend() })
    const fn = cached(async (a) => [a], { name: 'plain', manager, tags: ['t'], swr: 5 })
    await fn('a'); await fn('a'); await fn({ a: 1 }); await fn.refresh('a'); await fn.withStatus('a'); await fn.prime([1], 'a')
    await manager.getOrSet('k', () => 1); await manager.namespace('n').set('k', 'v'); await manager.invalidateTags(['t']); await manager.clear()
    const before = runs
    const outer = cached(async () => await fn('a'), { name: 'outer', manager, inheritTags: true })
    await outer()
    const inherited = runs
    await withCache({ mode: 'bypass' }, () => fn('a'))
    console.log(JSON.stringify([before, inherited > before, runs > inherited]))
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
  expect(JSON.parse(stdout)).toEqual([0, true, true])
})
