// What the model found where two managers share one memory: what one invalidates, the other has loads and reads of in the air. See
// found.test.ts.
import { expect, test } from 'vitest'
import type { CacheManager, CacheOptions } from '../../src/index.ts'
import { cached, createCache, MemoryBackend } from '../../src/index.ts'
import { gate } from '../support/gate.ts'
import { manualRuntime } from '../support/manual-runtime.ts'
import { settled } from './runtime.ts'

let serial = 0
const named = (): string => `found-managers-${++serial}`

function two(runtime?: CacheOptions['runtime']): readonly [CacheManager, CacheManager] {
  const backend = new MemoryBackend({ runtime })
  const open = (): CacheManager => createCache({ backend, runtime, logLevel: 'silent', env: {} })
  return [open(), open()]
}

test('who joined a load that another manager’s tag overtook gets a new one, also when its key is deleted after that', async () => {
  const [manager, other] = two()
  const held = gate()
  let run = 0
  const fn = cached(
    async (_id: string) => {
      const mine = ++run
      if (mine === 1) await held.wait()
      return mine
    },
    { name: named(), manager, tags: ['tag'] },
  )
  const early = fn('a')
  await other.invalidateTags(['tag'])
  const late = fn('a')
  await manager.delete(fn.keyFor('a'))
  held.open()
  expect(await early).toBe(1)
  expect(await late).toBe(2)
})

test('a stale value that a soft timeout answered with is not what those get who come after its tag was invalidated elsewhere', async () => {
  const runtime = manualRuntime()
  const [manager, other] = two(runtime)
  const held = gate()
  let run = 0
  const fn = cached(
    async (_id: string) => {
      const mine = ++run
      if (mine === 2) await held.wait()
      return mine
    },
    { name: named(), manager, ttl: 10, staleIfError: 60, softTimeout: '500ms', tags: ['tag'] },
  )
  await fn('a')
  runtime.advance(10_000)
  const early = fn('a')
  await held.reached
  runtime.advance(500)
  expect(await early).toBe(1)
  await other.invalidateTags(['tag'])
  const late = fn('a')
  await settled()
  held.open()
  expect(await late).not.toBe(1)
})

test('who comes after another manager invalidated a tag does not join a read whose guard is asked', async () => {
  const [manager, other] = two()
  const held = gate()
  const validate = async (value: unknown) => {
    await held.wait()
    return { value }
  }
  const schema = { '~standard': { version: 1, vendor: 'test', validate } } as const
  const fn = cached(async (_id: string) => 'loaded', { name: named(), manager, schema })
  await manager.setValue(fn.keyFor('a'), 'set', { tags: ['tag'] })
  const early = fn('a')
  await held.reached
  await other.invalidateTags(['tag'])
  const late = fn('a')
  held.open()
  await early
  expect(await late).toBe('loaded')
})

test('who comes between the end of a load and its answer does not get what a tag overtook in that moment', async () => {
  const [manager, other] = two()
  for (let ticks = 0; ticks < 20; ticks++) {
    const held = gate()
    let run = 0
    const fn = cached(
      async (_id: string) => {
        const mine = ++run
        if (mine === 1) await held.wait()
        return mine
      },
      { name: named(), manager, tags: ['tag'] },
    )
    const early = fn('a')
    await held.reached
    held.open()
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
    await other.invalidateTags(['tag'])
    expect(await fn('a')).toBe(2)
    await early
  }
})

test('who comes between the end of a read and its answer does not get what a tag overtook in that moment', async () => {
  const [manager, other] = two()
  const validate = (value: unknown) => ({ value })
  const schema = { '~standard': { version: 1, vendor: 'test', validate } } as const
  for (let ticks = 0; ticks < 20; ticks++) {
    const fn = cached(async (_id: string) => 'loaded', { name: named(), manager, schema })
    await manager.setValue(fn.keyFor('a'), 'set', { tags: ['tag'] })
    const early = fn('a')
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
    await other.invalidateTags(['tag'])
    expect(await fn('a')).toBe('loaded')
    await early
  }
})
