// Every table that is bounded says so when it is full: once, and not for each that finds it full.
import { expect, test } from 'vitest'
import { Journal } from '../../src/core/journal.ts'
import { Waiters } from '../../src/core/waiters.ts'
import type { LimitEvent } from '../../src/index.ts'
import { cached, createCache, MemoryBackend } from '../../src/index.ts'
import { manualRuntime } from '../support/manual-runtime.ts'

test('waiters are told of when they are as many as may wait, and again when half of them had gone meanwhile', async () => {
  const told: number[] = []
  const waiters = new Waiters(manualRuntime(), (limit) => told.push(limit))
  const crowd: Array<Promise<void>> = []
  const fill = (from: number): void => {
    for (let index = from; !waiters.isFull; index++) crowd.push(waiters.wait(`k${index % 20}`, 1000))
  }
  fill(0)
  expect(told).toStrictEqual([waiters.size])
  waiters.wake('k0')
  fill(0)
  expect(told).toHaveLength(1)
  for (let key = 0; key < 11; key++) waiters.wake(`k${key}`)
  fill(0)
  expect(told).toHaveLength(2)
  waiters.wakeAll()
  await Promise.all(crowd)
  expect(waiters.size).toBe(0)
})

test('the journal says when what waits has become everything', () => {
  const told: number[] = []
  const journal = new Journal(3, (limit) => told.push(limit))
  for (const name of ['a', 'b', 'a']) journal.addKey(name)
  journal.addTag('t')
  expect([told, journal.size]).toStrictEqual([[], 3])
  journal.addTag('u')
  expect([told, journal.size]).toStrictEqual([[3], 1])
  journal.addEverything()
  expect(told).toHaveLength(1)
})

test('an application hears of both through `limit`: the journal of a store that is away, and names beyond what is counted', async () => {
  const events: LimitEvent[] = []
  await using away = createCache({ url: 'redis://127.0.0.1:1', journalLimit: 2, logLevel: 'silent', env: {} })
  away.on('limit', (event) => events.push(event))
  await away.init()
  for (const key of ['a', 'b', 'c']) expect(await away.delete(key)).toBe('journaled')
  expect(events).toStrictEqual([{ table: 'journal', limit: 2 }])

  events.length = 0
  await using many = createCache({ backend: new MemoryBackend(), logLevel: 'silent', env: {} })
  many.on('limit', (event) => events.push(event))
  for (let index = 0; index < 1003; index++) {
    const operation = `operation${index}`
    await cached(async (id: string) => id, { keyPrefix: operation, name: 'f', operation, manager: many })('a')
  }
  expect(events).toStrictEqual([{ table: 'operations', limit: 1000 }])
  expect(many.stats().operations['(other)']?.loads).toBe(3)
})
