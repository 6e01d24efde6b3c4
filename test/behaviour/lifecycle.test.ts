// Opening and closing in every order, and nothing left open afterwards.
import { afterEach, expect, test } from 'vitest'
import type { CacheBackend } from '../../src/index.ts'
import { cacheManager, closeCache, createCache, initCache } from '../../src/index.ts'
import { gate, until } from '../support/gate.ts'
import { asyncMapBackend } from '../support/map-backend.ts'
import { manualRuntime } from '../support/manual-runtime.ts'
import { away, switchableBackend } from '../support/slow-backend.ts'

afterEach(async () => {
  await closeCache()
})

function told(story: string[], name: string): CacheBackend {
  return {
    ...asyncMapBackend(),
    connect: async () => void story.push(`${name} connects`),
    close: async () => void story.push(`${name} closes`),
  }
}

test('close and init asked for at once happen one after the other', async () => {
  const story: string[] = []
  await initCache(told(story, 'A'))
  const b = told(story, 'B')
  await Promise.all([closeCache(), initCache(b)])
  expect(await cacheManager.set('k', 'v')).toBe(true)
  expect((await cacheManager.healthReport()).status).toBe('connected')
  await Promise.all([closeCache(), closeCache()])
  expect(story).toEqual(['A connects', 'A closes', 'B connects', 'B closes'])
  story.length = 0
  await Promise.all([initCache(b), closeCache(), initCache(b)])
  expect(await cacheManager.set('k', 'v')).toBe(true)
  expect(story).toEqual(['B connects', 'B closes', 'B connects'])
  // A close asked for after an init closes what that init opens, though an earlier close is still under way.
  const c = told(story, 'C')
  await Promise.all([closeCache(), initCache(c), closeCache()])
  expect(story.slice(3)).toEqual(['B closes', 'C connects', 'C closes'])
})

test('a backend that was in use when the cache is disabled is closed', async () => {
  const backend = switchableBackend()
  await initCache(backend)
  await initCache({ backend, enabled: false })
  await closeCache()
  expect(backend.closes).toBe(1)
})

test('a new backend does not wait for an old one that hangs while closing', async () => {
  const held = gate()
  await initCache({ ...asyncMapBackend(), close: () => held.wait() })
  await initCache(asyncMapBackend())
  expect(await cacheManager.set('k', 'v')).toBe(true)
  held.open()
})

test('a backend that connects after the cache was closed is closed again', async () => {
  const held = gate()
  const story: string[] = []
  const backend = { ...told(story, 'late'), connect: () => held.wait() }
  const opening = createCache({ backend, logLevel: 'silent' })
  const init = opening.init()
  await held.reached
  await init
  await opening.close()
  const closed = story.length
  held.open()
  await until('it is closed again', () => story.length > closed)
})

test('a manager that throws when its backend is away can be opened when it is back', async () => {
  const backend = switchableBackend()
  backend.fault = away()
  const manager = createCache({ backend, onUnavailable: 'throw', logLevel: 'silent' })
  await expect(manager.init()).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' })
  await expect(manager.init()).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' })
  backend.fault = undefined
  await manager.init()
  expect(await manager.set('k', 'v')).toBe(true)
  await manager.close()
})

test('drain waits for explicit writes too', async () => {
  const backend = switchableBackend()
  const manager = await createCache({ backend }).init()
  const held = gate()
  backend.beforeSet = () => held.wait()
  void manager.set('k', 'v')
  await held.reached
  let drained = false
  const draining = manager.drain().then(() => (drained = true))
  await new Promise((resolve) => setImmediate(resolve))
  expect(drained).toBe(false)
  held.open()
  await draining
  expect(backend.texts.has('k')).toBe(true)
  await manager.close()
})

test('an asynchronous listener or logger that rejects harms nobody', async () => {
  const fails = async (): Promise<never> => {
    throw new Error('asynchronous')
  }
  const logger = { debug: fails, info: fails, warn: fails, error: fails }
  const manager = createCache({
    backend: switchableBackend(),
    logger,
    logLevel: 'debug',
    redactKey: () => fails as never,
  })
  const problems: unknown[] = []
  // oxlint-disable-next-line typescript/no-misused-promises -- what a listener must not be, but is
  manager.on('miss', fails)
  manager.on('problem', (event) => problems.push(event.during))
  const throwing = createCache({
    backend: switchableBackend(),
    logger,
    logLevel: 'debug',
    redactKey: () => {
      throw new Error('redactor')
    },
  })
  expect(await manager.getOrSet('k', () => 1)).toBe(1)
  expect(await throwing.getOrSet('k', () => 1)).toBe(1)
  expect(problems).toEqual(['listener'])
  await manager.close()
  await throwing.close()
})

test('calls that come while a backend opens wait together, once, and no longer than the budget', async () => {
  const runtime = manualRuntime()
  const held = gate()
  const backend = { ...asyncMapBackend(), connect: () => held.wait() }
  const manager = createCache({ backend, runtime, budget: '50ms', logLevel: 'silent' })
  let answered = 0
  const early = [manager.getOrSet('a', () => ++answered), manager.getOrSet('b', () => ++answered)]
  await held.reached
  expect(answered).toBe(0)
  runtime.advance(50)
  await Promise.all(early)
  // The clock stands still: whoever comes now does not wait again.
  expect(await manager.getOrSet('c', () => ++answered)).toBe(3)
  held.open()
  await manager.init()
  await manager.close()
  // Deadlines end with their turn.
  await new Promise((resolve) => setImmediate(resolve))
  expect(runtime.pending).toBe(0)
})
