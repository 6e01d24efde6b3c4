// What the model found of values that two readers share (C4), each as the shortest script that shows it. See found.test.ts.
import { expect, test } from 'vitest'
import { cached, createCache, MemoryBackend } from '../../src/index.ts'
import { asyncMapBackend } from '../support/map-backend.ts'

const quiet = { logLevel: 'silent', env: {} } as const

let serial = 0
const named = (): string => `found-values-${++serial}`

test('frozen: of a value that cannot be frozen each caller of one load gets a copy', async () => {
  const manager = createCache({ backend: new MemoryBackend(), ...quiet })
  const fn = cached(async (_id: string) => ({ at: new Date(5) }), { name: named(), manager, isolation: 'frozen' })
  const [, second, third] = await Promise.all([fn('a'), fn('a'), fn('a')])
  second?.at.setTime(0)
  expect(third).toEqual({ at: new Date(5) })
})

test('frozen: of a value that cannot be frozen each caller of one read gets a copy', async () => {
  const manager = createCache({ backend: asyncMapBackend(), ...quiet })
  const fn = cached(async (_id: string) => ({ at: new Date(5) }), { name: named(), manager, isolation: 'frozen' })
  await fn('a')
  const [first, second] = await Promise.all([fn('a'), fn('a')])
  first?.at.setTime(0)
  expect(second).toEqual({ at: new Date(5) })
})

test('frozen: what setValue stored is frozen or copied for each caller of one read', async () => {
  const manager = createCache({ backend: new MemoryBackend(), ...quiet })
  const schema = {
    '~standard': { version: 1, vendor: 'test', validate: async (value: unknown) => ({ value }) },
  } as const
  const fn = cached(async (_id: string) => ({ list: [0] }), { name: named(), manager, isolation: 'frozen', schema })
  await manager.setValue(fn.keyFor('a'), { list: [1] })
  const [first, second] = await Promise.all([fn('a'), fn('a')])
  try {
    first?.list.push(2)
  } catch {
    // Frozen: that will do as well.
  }
  expect(second).toEqual({ list: [1] })
})

test('who is not gone when the answer is there takes nothing from the others by leaving in that moment', async () => {
  const manager = createCache({ backend: new MemoryBackend(), ...quiet })
  const schema = { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } } as const
  for (let ticks = 0; ticks < 20; ticks++) {
    const options = { name: named(), manager, schema }
    const fn = cached(async (_id: string, _signal?: AbortSignal) => ({ list: [0] }), options)
    await manager.setValue(fn.keyFor('a'), { list: [1] })
    const leaving = new AbortController()
    const first = fn('a', leaving.signal).then(
      (value) => value.list.push(2),
      () => {},
    )
    const second = fn('a', new AbortController().signal)
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
    leaving.abort()
    await first
    expect(await second).toEqual({ list: [1] })
  }
})

test('frozen: what setValue stored cannot be changed through what a reader is given', async () => {
  const manager = createCache({ backend: new MemoryBackend(), ...quiet })
  const fn = cached(async (_id: string) => ({ list: [0] }), { name: named(), manager, isolation: 'frozen' })
  await manager.setValue(fn.keyFor('a'), { list: [1] })
  try {
    const { list } = await fn('a')
    list.push(2)
  } catch {
    // Frozen: that will do as well.
  }
  expect(await fn('a')).toEqual({ list: [1] })
})
