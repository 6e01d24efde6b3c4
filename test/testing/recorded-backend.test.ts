// A file of what a run with the paid source has stored, and every later run without it.
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CacheManager } from '../../src/index.ts'
import { createCache, MemoryBackend } from '../../src/index.ts'
import type { FakeClock, RecordedBackend } from '../../src/testing.ts'
import { countedLoader, fakeClock, recordedBackend } from '../../src/testing.ts'

let folder = ''
const file = (): string => join(folder, 'calls.jsonl')
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'test-recorded-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function recording(clock: FakeClock = fakeClock()): Promise<RecordedBackend> {
  const backend = recordedBackend(file(), new MemoryBackend({ runtime: clock }), { runtime: clock })
  await backend.connect?.()
  return backend
}

async function replaying(unknown?: 'error' | 'miss', clock: FakeClock = fakeClock()): Promise<RecordedBackend> {
  const backend = recordedBackend(file(), undefined, { unknown, runtime: clock })
  await backend.connect?.()
  return backend
}

const managerOn = async (backend: RecordedBackend, runtime: FakeClock): Promise<CacheManager> =>
  await createCache({ backend, runtime, env: {}, logLevel: 'silent' }).init()

describe('with a cache on it', () => {
  test('a run records, and a year later another one has the results for nothing, as fresh as they were', async () => {
    const clock = fakeClock()
    const backend = recordedBackend(file(), new MemoryBackend({ runtime: clock }), { runtime: clock })
    const cache = await managerOn(backend, clock)
    const paid = countedLoader(async (id: string) => ({ id, at: new Date(0), pages: [1n] }))
    const read = (manager: CacheManager, loader: typeof paid, id: string): Promise<unknown> =>
      manager.getOrSet(`ocr:${id}`, () => loader(id), { ttl: '1h', tags: [`document:${id}`] })
    const values = [await read(cache, backend.paid(paid), 'a'), await read(cache, backend.paid(paid), 'b')]
    await cache.close()
    expect(paid.count).toBe(2)

    const later = fakeClock({ startsAt: clock.now() + 365 * 86_400_000 })
    const replay = recordedBackend(file(), undefined, { runtime: later })
    const again = await managerOn(replay, later)
    expect([await read(again, replay.paid(paid), 'a'), await read(again, replay.paid(paid), 'b')]).toEqual(values)
    await later.advance(86_400_000)
    expect(await read(again, replay.paid(paid), 'a')).toEqual(values[0])
    expect(paid.count).toBe(2)
    await again.close()
  })

  test('what was not recorded is an error that says what to do, and money is not spent', async () => {
    await (await recording()).close()
    const clock = fakeClock()
    const replay = recordedBackend(file(), undefined, { unknown: 'miss', runtime: clock })
    const cache = await managerOn(replay, clock)
    const paid = countedLoader(async function readScan() {
      return 'text'
    })
    const loader = replay.paid(paid)
    await expect(cache.getOrSet('ocr:new', loader)).rejects.toThrow(
      'readScan was called in replay: calls.jsonl has no result for these arguments',
    )
    expect(paid.count).toBe(0)
    expect(replay.unknownKeys).toEqual(['ocr:new'])
    await cache.close()
  })
})

describe('alone', () => {
  const texts = { plain: 'text', empty: '', odd: 'é漢👍\u0000\r\n\u2028"\\', half: 'a\uD83D', __proto__key: 'x' }

  test('gives back every text, and what was overwritten or deleted is gone', async () => {
    const backend = await recording()
    for (const [key, text] of Object.entries(texts)) await backend.set(key, text, 60)
    await backend.set('plain', 'newer', 60)
    await backend.set('gone', 'x', 60)
    expect(await backend.delete('gone')).toBe(true)
    expect(await backend.get('plain')).toBe('newer')
    await backend.close()
    const replay = await replaying('miss')
    expect(await replay.get('plain')).toBe('newer')
    for (const [key, text] of Object.entries(texts).slice(1)) expect(await replay.get(key)).toBe(text)
    expect([await replay.get('gone'), await replay.exists('gone'), await replay.exists('odd')]).toEqual([
      null,
      false,
      true,
    ])
    // Compacted: a head, and one line for each.
    expect((await readFile(file(), 'utf8')).trimEnd().split('\n')).toHaveLength(1 + Object.keys(texts).length)
    expect(await readdir(folder)).toEqual(['calls.jsonl'])
  })

  test('is an error for a key that is not there, or a miss, as one says', async () => {
    await (await recording()).close()
    const strict = await replaying()
    const unknown = async (): Promise<unknown> => await strict.get('no such')
    await expect(unknown()).rejects.toMatchObject({
      code: 'CACHE_MISUSE',
      refusal: true,
      message: "calls.jsonl has no recording of the key 'no such': record it, or say unknown: 'miss'",
    })
    expect(await (await replaying('miss')).get('no such')).toBeNull()
  })

  test('writes nothing to the file in replay', async () => {
    const backend = await recording()
    await backend.set('k', 'x', 60)
    await backend.close()
    const before = await readFile(file(), 'utf8')
    const replay = await replaying()
    await replay.set('new', 'y', 60)
    await replay.delete('k')
    expect(await replay.get('new')).toBe('y')
    await replay.close()
    expect(await readFile(file(), 'utf8')).toBe(before)
  })

  test('has each write in the file before it is answered, and reads what a killed process has left', async () => {
    const backend = await recording()
    await Promise.all(Array.from({ length: 20 }, (_, index) => backend.set(`k${index}`, `text ${index}`, 60)))
    // Not closed: killed in the middle of a line.
    const whole = await readFile(file(), 'utf8')
    await appendFile(file(), '{"key":"torn","ttl":60,"at":1,"val')
    const replay = await replaying('miss')
    for (let index = 0; index < 20; index++) expect(await replay.get(`k${index}`)).toBe(`text ${index}`)
    expect(await replay.get('torn')).toBeNull()
    // Whoever goes on recording does not write behind half a line.
    const next = await recording()
    expect(await readFile(file(), 'utf8')).toBe(whole)
    await next.set('more', 'x', 60)
    expect(await (await replaying()).get('more')).toBe('x')
    expect((await stat(file())).mode & 0o077).toBe(0)
  })

  test.each([
    ['something else', 'hello\n', 'calls.jsonl is no recording'],
    ['a line that is no JSON', `${head()}\n{"key":"k"\n{}\n`, 'calls.jsonl, line 2: not a recorded write'],
    [
      'a line without a key',
      `${head()}\n{"value":"secret","at":1,"ttl":1}\n`,
      'calls.jsonl, line 2: not a recorded write',
    ],
    ['a value that is no text', `${head()}\n{"key":"k","value":7,"at":1,"ttl":1}\n`, 'line 2: not a recorded write'],
  ])('refuses %s, and shows nothing of it', async (_, text, message) => {
    await writeFile(file(), text)
    await expect(replaying()).rejects.toThrow(message)
    await expect(replaying()).rejects.not.toThrow('secret')
    await expect(recording()).rejects.toThrow(message)
    expect(await readFile(file(), 'utf8')).toBe(text)
  })

  test('refuses to replay what is not there, and options that are none', async () => {
    await expect(replaying()).rejects.toThrow('There is no recording calls.jsonl')
    expect(() => recordedBackend('')).toThrow('file must be a path')
    expect(() => recordedBackend('x', undefined, { unknown: 'never' as never })).toThrow("got 'never'")
    const early = recordedBackend(file())
    expect(() => early.get('k')).toThrow('is not connected')
  })
})

function head(): string {
  return '{"speedrun-cache":"recording","version":1}'
}
