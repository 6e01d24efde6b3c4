// `journalFile`: what a process invalidated in an outage is void for the next one too, though the first is gone without a word.
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CacheManager, CacheOptions, ProblemEvent } from '../../src/index.ts'
import { cacheManager, closeCache, createCache, initCache } from '../../src/index.ts'
import { until } from '../support/gate.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import type { Step } from './crash-client.ts'
import { type CrashClient, compileCrashClient } from './crash-processes.ts'

let client: CrashClient
let folder = ''
let journalFile = ''
const managers: CacheManager[] = []
beforeAll(async () => {
  client = await compileCrashClient()
})
afterAll(() => client[Symbol.dispose]())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'test-journal-file-'))
  journalFile = join(folder, 'data', 'journal')
})
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close()
  await closeCache()
  await rm(folder, { recursive: true, force: true })
})

async function open(redis: RedisServer, options: CacheOptions = {}): Promise<CacheManager> {
  const manager = createCache({ url: redis.url, journalFile, logLevel: 'silent', budget: '200ms', ...options })
  managers.push(manager)
  return await manager.init()
}

const files = async (): Promise<string[]> =>
  existsSync(join(folder, 'data')) ? await readdir(join(folder, 'data')) : []
const lines = async (): Promise<string> =>
  (await Promise.all((await files()).map((file) => readFile(join(folder, 'data', file), 'utf8')))).join('')

/** Connected, with nothing that waits and no file that says so. */
async function settled(manager: CacheManager): Promise<void> {
  await until('the primary is used', async () => (await manager.healthReport()).status === 'connected')
  await until('nothing waits', async () => manager.stats().journal === 0 && (await files()).length === 0)
}

/** A process that stores version 1 of each key, does the steps while Redis is frozen, and is killed when all are answered. */
async function killedAfter(redis: RedisServer, steps: readonly Step[]): Promise<void> {
  const keys = {
    deleted: [],
    overwritten: [],
    'overwritten, deleted': [],
    tagged: ['t'],
    kept: [],
    'kept, tagged': ['u'],
  }
  // The first command of an outage is on its way when it is noticed, and may happen: it is none of those that matter.
  const groups = [[{ do: 'delete', key: 'noticed' } as const], ...steps.map((step) => [step])]
  const writer = client.start({ role: 'writer', url: redis.url, journalFile, keys: { ...keys, noticed: [] }, groups })
  try {
    await writer.said('stored')
    expect(await files()).toEqual([])
    redis.pause()
    writer.go()
    await writer.said('done')
  } finally {
    await writer.kill()
  }
  const outcomes = writer.lines.flatMap(({ acknowledged }) =>
    acknowledged === undefined ? [] : [acknowledged.outcome],
  )
  expect(outcomes).toHaveLength(groups.length)
  expect(outcomes.every((outcome) => outcome === 'journaled' || outcome === true)).toBe(true)
  expect((await files()).length).toBeGreaterThan(0)
}

const each: readonly Step[] = [
  { do: 'delete', key: 'deleted' },
  { do: 'set', key: 'overwritten', version: 2 },
  { do: 'set', key: 'overwritten, deleted', version: 2 },
  { do: 'delete', key: 'overwritten, deleted' },
  { do: 'tag', tag: 't' },
]
const voidKeys = ['deleted', 'overwritten', 'overwritten, deleted', 'tagged']

describe('a process that was killed in an outage', () => {
  test('has deleted, overwritten and tagged away for the next one, which starts after the return', async () => {
    await using redis = await startRedis()
    await killedAfter(redis, each)
    redis.resume()
    const next = await open(redis, { budget: '20s' })
    for (const key of voidKeys) expect([key, await next.getValue(key)]).toEqual([key, undefined])
    await settled(next)
    for (const key of voidKeys) expect([key, await next.getValue(key)]).toEqual([key, undefined])
    for (const key of ['kept', 'kept, tagged']) expect([key, await next.getValue(key)]).toEqual([key, 1])
  })

  test('has done so for one that starts while Redis is still away, and works and invalidates meanwhile', async () => {
    await using redis = await startRedis()
    await killedAfter(redis, each)
    const next = await open(redis)
    for (const key of voidKeys) expect([key, await next.getValue(key)]).toEqual([key, undefined])
    await next.setValue('kept', 2)
    expect(await next.getOrSet('made in between', () => 1)).toBe(1)
    redis.resume()
    const seen = new Set<unknown>()
    await until('the primary is used', async () => {
      for (const key of voidKeys) seen.add(await next.getValue(key))
      return (await next.healthReport()).status === 'connected'
    })
    await settled(next)
    for (const key of voidKeys) seen.add(await next.getValue(key))
    expect([...seen]).toEqual([undefined])
    // What it wrote itself in the outage is dropped, as ever.
    expect(await redis.cli('EXISTS', 'kept', 'made in between')).toBe('0')
  })

  test('has cleared everything for the next one', async () => {
    await using redis = await startRedis()
    await killedAfter(redis, [{ do: 'clear' }])
    redis.resume()
    const next = await open(redis, { budget: '20s' })
    for (const key of [...voidKeys, 'kept', 'kept, tagged']) expect(await next.getValue(key)).toBeUndefined()
    await settled(next)
    await next.setValue('kept', 3)
    const later = await open(redis, { budget: '20s' })
    // Once.
    expect([await later.getValue('deleted'), await later.getValue('kept')]).toEqual([undefined, 3])
  })

  test('has done so also for the one after the next, which was killed before it could apply anything', async () => {
    await using redis = await startRedis()
    await killedAfter(redis, each)
    const heir = client.start({ role: 'reader', url: redis.url, journalFile, keys: {} })
    await heir.said('started')
    await heir.kill()
    redis.resume()
    const next = await open(redis, { budget: '20s' })
    await settled(next)
    for (const key of voidKeys) expect([key, await next.getValue(key)]).toEqual([key, undefined])
    expect(await next.getValue('kept')).toBe(1)
  })

  test('has done so for several that start at once', async () => {
    await using redis = await startRedis()
    await killedAfter(redis, each)
    redis.resume()
    const all = await Promise.all(Array.from({ length: 4 }, () => open(redis, { budget: '20s' })))
    for (const next of all)
      for (const key of voidKeys) expect([key, await next.getValue(key)]).toEqual([key, undefined])
    for (const next of all) await settled(next)
  })

  test('has done so for the default cache', async () => {
    await using redis = await startRedis()
    await killedAfter(redis, each)
    redis.resume()
    await initCache({ url: redis.url, journalFile, logLevel: 'silent', budget: '20s' })
    await settled(cacheManager)
    for (const key of voidKeys) expect([key, await cacheManager.getValue(key)]).toEqual([key, undefined])
    expect(await cacheManager.getValue('kept')).toBe(1)
  })

  test('has done nothing for one without the file', async () => {
    await using redis = await startRedis()
    await killedAfter(redis, each)
    redis.resume()
    const next = await open(redis, { journalFile: undefined, budget: '20s' })
    await until('the primary is used', async () => (await next.healthReport()).status === 'connected')
    expect([await next.getValue('deleted'), await next.getValue('tagged')]).toEqual([1, 1])
  })
})

test('no file is there in good times, whatever is invalidated', async () => {
  await using redis = await startRedis()
  const manager = await open(redis, { budget: '20s' })
  for (let index = 0; index < 20; index++) {
    await manager.setValue(`k${index}`, index, { tags: ['t'] })
    await manager.delete(`k${index}`)
    await manager.invalidateTags(['t'])
    await manager.clear()
    expect(await files()).toEqual([])
  }
})

test('an outage that ends in the life of the process leaves no file', async () => {
  await using redis = await startRedis()
  const manager = await open(redis)
  redis.pause()
  for (let index = 0; index < 20; index++) expect(await manager.delete(`k${index}`)).toBe('journaled')
  expect((await lines()).split('\n')).toHaveLength(21)
  redis.resume()
  await settled(manager)
})

test('what a cache that was closed in an outage had invalidated is void for the next one of the same process', async () => {
  await using redis = await startRedis()
  const first = await open(redis)
  for (const key of ['first', 'k', 'kept']) await first.setValue(key, 1)
  redis.pause()
  await first.delete('first')
  await first.delete('k')
  await first.close()
  redis.resume()
  const second = await open(redis, { budget: '20s' })
  await until('the primary is used', async () => (await second.healthReport()).status === 'connected')
  expect([await second.getValue('k'), await second.getValue('kept')]).toEqual([undefined, 1])
})

test('initCache again with the same file: what waits stays in it, and is applied by the new one', async () => {
  await using redis = await startRedis()
  const options = { url: redis.url, journalFile, logLevel: 'silent', budget: '200ms' } as const
  await initCache(options)
  for (const key of ['first', 'k', 'kept']) await cacheManager.setValue(key, 1)
  redis.pause()
  for (const key of ['first', 'k']) expect(await cacheManager.delete(key)).toBe('journaled')
  await initCache({ ...options, defaultTtl: '1h' })
  expect(await lines()).toContain('["key","k"]\n')
  expect(await files()).toHaveLength(1)
  expect(await cacheManager.delete('another')).toBe('journaled')
  expect(await lines()).toContain('["key","another"]\n')
  redis.resume()
  await settled(cacheManager)
  expect([await cacheManager.getValue('k'), await cacheManager.getValue('kept')]).toEqual([undefined, 1])
})

test('a folder that cannot be written to any more: the call is answered, and a problem says so until it can', async () => {
  await using redis = await startRedis()
  const problems: ProblemEvent[] = []
  const manager = await open(redis)
  manager.on('problem', (problem) => problems.push(problem))
  const ofJournal = (): readonly ProblemEvent[] => problems.filter(({ during }) => during === 'journal')
  for (const key of ['first', 'k']) await manager.setValue(key, 1)
  redis.pause()
  expect(await manager.delete('first')).toBe('journaled')
  expect(ofJournal()).toEqual([])

  await rm(join(folder, 'data'), { recursive: true })
  await writeFile(join(folder, 'data'), 'no folder any more')
  expect(await manager.delete('k')).toBe('journaled')
  expect(ofJournal()).toHaveLength(1)
  expect(ofJournal()[0]?.error).toMatchObject({ code: 'ENOTDIR' })
  expect(await manager.setValue('overwritten', 2)).toBe(true)
  expect(await manager.invalidateTags(['t'])).toBe('journaled')
  expect(ofJournal()).toHaveLength(3)
  expect(await manager.getValue('k')).toBeUndefined()

  await rm(join(folder, 'data'))
  await mkdir(join(folder, 'data'))
  expect(await manager.delete('another')).toBe('journaled')
  expect(ofJournal()).toHaveLength(3)
  for (const name of ['k', 'overwritten', 'another']) expect(await lines()).toContain(`["key","${name}"]\n`)
  redis.resume()
  await settled(manager)
  expect(await manager.getValue('k')).toBeUndefined()
})

test('a folder that cannot be written to from the start is refused by name, and works after it was mended', async () => {
  await using redis = await startRedis()
  await writeFile(join(folder, 'data'), 'no folder')
  const refused = { code: 'CACHE_BAD_OPTION', message: expect.stringContaining('journalFile') as string }
  await expect(initCache({ url: redis.url, journalFile })).rejects.toMatchObject(refused)
  const manager = createCache({ url: redis.url, journalFile, logLevel: 'silent' })
  managers.push(manager)
  await expect(manager.init()).rejects.toMatchObject(refused)
  expect(await manager.getOrSet('k', () => 1)).toBe(1)
  await rm(join(folder, 'data'))
  await manager.init()
  await until('the primary is used', async () => (await manager.healthReport()).status === 'connected')
})

test.each([[''], [17], [null], [{}]])('a path that is none is refused at once: %j', (path) => {
  expect(() => createCache({ journalFile: path as string })).toThrow(/journalFile must be a path/)
})
