// One store for several applications: neither reads, deletes, lists or is told of another's keys.
import { describe, expect, test } from 'vitest'
import { withPrefix } from '../../src/backends/combined/with-prefix.ts'
import type { CacheBackend } from '../../src/index.ts'
import { createCache, MemoryBackend } from '../../src/index.ts'
import { createMockBackend, createMockStore, fakeClock } from '../../src/testing.ts'
import { everyCapability } from './mock-fleet.ts'

function twoApplications(): {
  one: CacheBackend
  two: CacheBackend
  whole: CacheBackend
  clock: ReturnType<typeof fakeClock>
} {
  const clock = fakeClock()
  const store = createMockStore(clock)
  const open = (): CacheBackend => createMockBackend({ store, capabilities: everyCapability })
  return { one: withPrefix(open(), 'one:'), two: withPrefix(open(), 'two:'), whole: open(), clock }
}

async function scanned(backend: CacheBackend, prefix: string): Promise<string[]> {
  const found: string[] = []
  for await (const page of backend.scan?.keys(prefix) ?? []) found.push(...page)
  return found.toSorted()
}

test('two prefixes over one backend are told of no key of each other', async () => {
  const mock = createMockBackend({ capabilities: everyCapability })
  const told: unknown[] = []
  const note = (keys: readonly string[]): void => void told.push(keys)
  const nothing = (): void => {}
  const [one, two] = [withPrefix(mock, 'one:'), withPrefix(mock, 'two:')]
  two.push?.watch({
    changed: note,
    writing: note,
    written: note,
    changedAll: nothing,
    tagsChanged: nothing,
    heard: nothing,
  })
  await one.set('k', 'x', 60)
  expect(told).toEqual([])
  await mock.batch?.delete(['one:k', 'two:l', 'k'])
  expect(told).toEqual([['l'], ['l']])
})

describe('two applications on one store', () => {
  test('have each their own entries under the same keys', async () => {
    const { one, two, whole } = twoApplications()
    await one.set('k', 'of one', 60)
    await two.set('k', 'of two', 60)
    expect([await one.get('k'), await two.get('k'), await whole.get('k')]).toEqual(['of one', 'of two', null])
    expect(await whole.get('one:k')).toBe('of one')
    expect(await one.batch?.get(['k', 'other'])).toEqual(['of one', null])
    expect(await one.batch?.delete(['k', 'two:k'])).toBe(1)
    expect(await two.exists('k')).toBe(true)
    expect([await scanned(one, ''), await scanned(two, ''), await scanned(two, 'k')]).toEqual([[], ['k'], ['k']])
  })

  test('have each their own leases', async () => {
    const { one, two } = twoApplications()
    const request = { token: 't', leaseMs: 5000, seen: undefined, despite: 'nothing' } as const
    expect(await one.leases?.acquire('k', request)).toEqual({ kind: 'granted' })
    expect(await two.leases?.acquire('k', { ...request, token: 'u' })).toEqual({ kind: 'granted' })
    await two.delete('k')
    expect(await one.leases?.fill('k', 'x', 60, 't')).toBe('followed')
  })

  test('are told of their own keys, by the names they know', async () => {
    const { one, two, whole } = twoApplications()
    const told: unknown[] = []
    const listen = (name: string, { push }: CacheBackend): unknown =>
      push?.watch({
        changed: (keys) => told.push([name, 'changed', keys]),
        writing: (keys, by) => told.push([name, 'writing', keys, by]),
        written: (keys, by) => told.push([name, 'written', keys, by]),
        changedAll: () => told.push([name, 'all']),
        tagsChanged: () => told.push([name, 'tags']),
        heard: () => {},
      })
    listen('one', one)
    listen('two', two)
    await Promise.all([one.get('k'), two.get('k')])
    await whole.set('one:k', 'x', 60)
    expect(told.splice(0)).toEqual([['one', 'changed', ['k']]])
    await two.set('k', 'x', 60)
    expect(told.splice(0)).toEqual([
      ['two', 'writing', ['k'], undefined],
      ['two', 'written', ['k'], undefined],
    ])
    // The tag clock is the store's.
    await whole.tags?.stamp(['t'], undefined)
    expect(told.splice(0)).toEqual([
      ['one', 'tags'],
      ['two', 'tags'],
    ])
  })

  test('clear each their own namespace; a clear of one makes all void, which costs the other a load', async () => {
    const { one, two, clock } = twoApplications()
    const options = { runtime: clock, env: {}, logLevel: 'silent' } as const
    const [first, second] = [createCache({ backend: one, ...options }), createCache({ backend: two, ...options })]
    await Promise.all([first.init(), second.init()])
    await first.setValue('k', 1)
    await second.setValue('k', 2)
    expect([await first.getValue('k'), await second.getValue('k')]).toEqual([1, 2])
    await first.clear()
    await clock.settle()
    expect([await first.getValue('k'), await second.getValue('k')]).toEqual([undefined, undefined])
    await Promise.all([first.close(), second.close()])
  })
})

test('a MemoryBackend behind a prefix keeps texts, and a manager can live on it', async () => {
  const memory = new MemoryBackend()
  const cache = await createCache({ backend: withPrefix(memory, 'app:'), env: {}, logLevel: 'silent' }).init()
  await cache.setValue('k', { a: 1 })
  expect(await cache.getValue('k')).toEqual({ a: 1 })
  expect(memory.exists('app:k')).toBe(true)
  await cache.close()
})

test('what cannot be a prefix is refused at once', () => {
  const memory = new MemoryBackend()
  for (const prefix of ['', 'a\n', '\uD800', 'x'.repeat(513), undefined, 7]) {
    expect(() => withPrefix(memory, prefix as never), String(prefix)).toThrow('prefix must be 1 to 512')
  }
  expect(() => withPrefix(null as never, 'a:')).toThrow('must be a backend, got null')
})
