// The blocks of docs/concepts, on a cache in memory and a clock that the tests move. What the engines behind the cached functions do is
// said here: test/docs/given/engines.ts.
import type {
  CachedFunction,
  CacheHandle,
  CacheManager,
  EntryInfo,
  Invalidation,
  LoadEvent,
  LoadReason,
} from '@speedrun/cache'
import { cacheManager, closeCache, initCache, isCacheError, MemoryBackend, withCache } from '@speedrun/cache'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { root } from '../../scripts/project.mjs'
import type { DocPage } from '../support/doc-blocks.ts'
import { testPages } from '../support/doc-blocks.ts'
import { gate } from '../support/gate.ts'
import { away, switchableBackend } from '../support/slow-backend.ts'
import type * as given from './given/engines.ts'
import type { Extract, Pdf, Risk, Scan } from './given/engines.ts'
import { consistency, fleet } from './redis-pages.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

beforeEach(async () => {
  vi.stubEnv('CACHE_LOG_LEVEL', 'silent')
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
  await initCache(new MemoryBackend())
})
afterEach(async () => {
  vi.useRealTimers()
  await closeCache()
})

const later = (ms: number): unknown => vi.advanceTimersByTime(ms)
/** The other promises of this turn have their say. */
const turn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve))

const inspected = async (key: string): Promise<EntryInfo> => {
  const info = await cacheManager.inspect(key)
  if (info === null) throw new Error(`No entry: ${key}`)
  return info
}
const lifeOf = ({ createdAt, staleAt }: EntryInfo): number => (staleAt?.getTime() ?? Infinity) - createdAt.getTime()
const reasonOf = async (call: Promise<unknown>): Promise<unknown> => {
  try {
    return { resolved: await call }
  } catch (error) {
    return error
  }
}

type Engines = typeof given
type Read = CachedFunction<(scanHash: string, signal?: AbortSignal) => Promise<Scan>>
type Parse = CachedFunction<(fileHash: string, options?: { pages?: number; signal?: AbortSignal }) => Promise<Pdf>>
type Score = CachedFunction<(documentId: string) => Promise<Risk>>

/** What a page's engines have run since the last question, and what they do next. */
const enginesOf = ({ load }: DocPage) => ({
  async ran(): Promise<string[]> {
    return (await load<Engines>('engines')).ran.splice(0)
  },
  async behave(as: Partial<Engines['engines']>): Promise<void> {
    Object.assign((await load<Engines>('engines')).engines, as)
  },
})
const well = { legible: true, score: 0.2, etag: 'v1', before: async (): Promise<void> => {} }
const failing = (error: unknown) => ({ before: () => Promise.reject(error as Error) })

function prepared(page: DocPage): ReturnType<typeof enginesOf> {
  const engines = enginesOf(page)
  beforeEach(async () => {
    await engines.behave(well)
    await engines.ran()
  })
  return engines
}

function freshness(page: DocPage): void {
  const { ran, behave } = prepared(page)

  page.module<{ readScan: Read }>(
    'lives',
    'the result decides on its life, jitter shortens it by a tenth at most',
    async ({ readScan }) => {
      for (let scan = 0; scan < 20; scan++) {
        await behave({ legible: scan % 2 === 0 })
        await readScan(`scan-${scan}`)
        const life = lifeOf(await inspected(readScan.keyFor(`scan-${scan}`)))
        const ttl = scan % 2 === 0 ? 30 * day : 10 * minute
        expect(life).toBeLessThanOrEqual(ttl)
        expect(life).toBeGreaterThanOrEqual(0.9 * ttl - 1)
      }
      expect(await ran()).toHaveLength(20)
    },
  )

  page.module<{ parse: Parse }>('by-operation', 'the life of the operation, else the default', async ({ parse }) => {
    await parse('a')
    expect(lifeOf(await inspected(parse.keyFor('a')))).toBe(hour)
    vi.stubEnv('CACHE_TTL_DOCUMENT_PARSING', '172800 # two days')
    await initCache(new MemoryBackend())
    await parse('a')
    expect(lifeOf(await inspected(parse.keyFor('a')))).toBe(2 * day)
    await initCache({ backend: new MemoryBackend(), ttls: { document_parsing: '90s' } })
    await parse('a')
    expect(lifeOf(await inspected(parse.keyFor('a')))).toBe(90_000)
  })

  page.module<{ scoreDocument: Score }>(
    'ahead',
    'one load behind the fresh value, sooner the longer a load takes',
    async ({ scoreDocument }) => {
      await behave({ before: async () => void later(20_000) })
      await scoreDocument('7')
      await ran()
      // A draw below 5 %: three load times reach the end.
      vi.spyOn(Math, 'random').mockReturnValue(1 - Math.exp(-3))
      later(10 * minute - 60_001)
      expect(await scoreDocument('7')).toEqual({ documentId: '7', score: 0.2 })
      await cacheManager.drain()
      expect(await ran()).toEqual([])
      later(1)
      await behave({ score: 0.9 })
      const seen = await Promise.all([scoreDocument.withStatus('7'), scoreDocument.withStatus('7')])
      expect(seen.map(({ value, stale }) => [value.score, stale])).toEqual([
        [0.2, false],
        [0.2, false],
      ])
      await cacheManager.drain()
      expect(await ran()).toEqual(['score 7'])
      expect(await scoreDocument('7')).toEqual({ documentId: '7', score: 0.9 })
    },
  )
}

function stale(page: DocPage): void {
  const { ran, behave } = prepared(page)
  type Windows = { rateDocument: Score }

  page.module<Windows>('windows', 'each part of the picture', async ({ rateDocument }) => {
    await rateDocument('7')
    later(10 * minute - 1)
    expect(await rateDocument.withStatus('7')).toMatchObject({ stale: false, source: 'l1' })
    later(1)
    await behave(failing(new Error('engine away')))
    expect(await rateDocument.withStatus('7')).toMatchObject({ stale: true, value: { score: 0.2 } })
    await cacheManager.drain()
    // For errors only.
    later(hour)
    expect(await rateDocument.withStatus('7')).toMatchObject({ stale: true, value: { score: 0.2 } })
    await behave({ ...well, score: 0.9 })
    later(minute)
    expect(await rateDocument.withStatus('7')).toMatchObject({ stale: false, source: 'load', value: { score: 0.9 } })
    // Gone.
    await behave(failing(new Error('engine away')))
    later(10 * minute + day)
    await expect(rateDocument('7')).rejects.toThrow('engine away')
  })

  page.module<Windows>('windows', 'many callers, one load behind them', async ({ rateDocument }) => {
    await rateDocument('7')
    later(10 * minute)
    await ran()
    await Promise.all(Array.from({ length: 100 }, () => rateDocument('7')))
    await cacheManager.drain()
    expect(await ran()).toEqual(['score 7'])
  })

  page.module<Windows>('windows', 'nothing older than an invalidation is served', async ({ rateDocument }) => {
    await rateDocument('7')
    later(10 * minute)
    await cacheManager.invalidateTags(['document:7'])
    await behave(failing(new Error('engine away')))
    await expect(rateDocument('7')).rejects.toThrow('engine away')
  })

  page.module<{ shownRating(documentId: string): Promise<string> }>(
    'told',
    'the age is there for who wants to show it',
    async ({ shownRating }) => {
      expect(await shownRating('8')).toBe('0.2')
      later(12 * minute)
      expect(await shownRating('8')).toBe('0.2, 12 minutes old')
    },
  )

  page.module<{ registryExtract(companyId: string): Promise<Extract> }>(
    'conditional',
    'the loader knows what there was, and asks for changes only',
    async ({ registryExtract }) => {
      expect(await registryExtract('c1')).toEqual({ companyId: 'c1', etag: 'v1' })
      later(10 * minute)
      expect(await registryExtract('c1')).toEqual({ companyId: 'c1', etag: 'v1' })
      await behave({ etag: 'v2' })
      expect(await registryExtract('c1')).toEqual({ companyId: 'c1', etag: 'v1' })
      later(10 * minute)
      expect(await registryExtract('c1')).toEqual({ companyId: 'c1', etag: 'v2' })
      expect(await ran()).toEqual(['ask c1', 'ask c1 since v1', 'ask c1 since v1'])
    },
  )
}

function timeouts(page: DocPage): void {
  const { ran, behave } = prepared(page)

  page.module<{ scoreInTime: Score }>(
    'bounded',
    'the old value after 2 s, an error after 30 s where there is none',
    async ({ scoreInTime }) => {
      await scoreInTime('7')
      later(10 * minute)
      const held = gate()
      await behave({ before: () => held.wait(), score: 0.9 })
      const waiting = scoreInTime.withStatus('7')
      await held.reached
      later(1999)
      let answered = false
      void waiting.then(() => (answered = true))
      await turn()
      expect(answered).toBe(false)
      later(1)
      expect(await waiting).toMatchObject({ stale: true, value: { score: 0.2 } })
      held.open()
      await cacheManager.drain()
      expect(await scoreInTime.withStatus('7')).toMatchObject({ stale: false, value: { score: 0.9 } })

      const never = gate()
      await behave({ before: () => never.wait() })
      const first = reasonOf(scoreInTime('8'))
      await never.reached
      later(30_000)
      expect(isCacheError(await first, 'CACHE_LOAD_TIMEOUT')).toBe(true)
    },
  )

  type Leaving = {
    readScan: Read
    parse: Parse
    whileConnected(scanHash: string, request: { signal: AbortSignal }): Promise<Scan>
  }
  page.module<Leaving>(
    'leaving',
    'a caller leaves, the load goes on; the last one out ends it',
    async ({ readScan, whileConnected }) => {
      const held = gate()
      let inside: AbortSignal | undefined
      await behave({ before: (_what, signal) => ((inside = signal), held.wait()) })
      const [one, two] = [new AbortController(), new AbortController()]
      const calls = [whileConnected('a', one), whileConnected('a', two)].map(reasonOf)
      await held.reached
      one.abort(new Error('page closed'))
      expect(await calls[0]).toMatchObject({ message: 'page closed' })
      expect(inside?.aborted).toBe(false)
      two.abort(new Error('page closed too'))
      expect(await calls[1]).toMatchObject({ message: 'page closed too' })
      expect(inside?.aborted).toBe(true)
      held.open()
      await turn()
      expect(readScan.peek('a')).toBeUndefined()
      expect(await ran()).toEqual(['read a'])
      expect(cacheManager.stats().operations['ocr']?.loadErrors).toBe(0)
    },
  )

  page.module<Leaving>('leaving', 'signals are no part of the key', ({ readScan, parse }) => {
    const { signal } = new AbortController()
    expect(readScan.keyFor('a', signal)).toBe(readScan.keyFor('a'))
    expect(parse.keyFor('a', { pages: 2, signal })).toBe(parse.keyFor('a', { pages: 2 }))
  })

  page.module<{ report(documentId: string, signal: AbortSignal): Promise<string> }>(
    'around',
    'one signal for all calls within',
    async ({ report }) => {
      const controller = new AbortController()
      expect(await report('b', controller.signal)).toBe('text of b: 0.2')
      controller.abort(new Error('gone'))
      // For hits too.
      await expect(report('b', controller.signal)).rejects.toThrow('gone')
      expect(await ran()).toEqual(['read b', 'score b'])
    },
  )
}

function failures(page: DocPage): void {
  const { ran, behave } = prepared(page)

  page.module<{ failures(scanHash: string, callers: number): Promise<unknown[]> }>(
    'shared',
    'one run, one error object, and the next caller tries again',
    async (module) => {
      const error = new Error('no more credits')
      await behave(failing(error))
      const all = await module.failures('a', 50)
      expect(all).toHaveLength(50)
      expect(new Set(all)).toEqual(new Set([error]))
      expect(await ran()).toEqual(['read a'])
      await behave(well)
      expect(await module.failures('a', 1)).toEqual([])
    },
  )

  page.module<{ lastKnownRisk: Score }>(
    'stands-in',
    'pauses of 1, 2, 4, 8, 16 and then 30 seconds',
    async ({ lastKnownRisk }) => {
      await lastKnownRisk('7')
      later(10 * minute)
      await ran()
      await behave(failing(new Error('engine away')))
      await lastKnownRisk('7')
      for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
        await ran()
        later(seconds * 1000 - 1)
        await lastKnownRisk('7')
        expect(await ran()).toEqual([])
        later(1)
        expect(await lastKnownRisk('7')).toEqual({ documentId: '7', score: 0.2 })
        expect(await ran()).toEqual(['score 7'])
      }
    },
  )

  type Remembered = { parseUpload: Parse; NotAPdf: new (message: string) => Error }
  page.module<Remembered>(
    'remembered',
    'only what `when` names, until its time is over or the key is invalidated',
    async ({ parseUpload, NotAPdf }) => {
      await behave(failing(new NotAPdf('a picture')))
      await expect(parseUpload('a')).rejects.toThrow('a picture')
      await expect(parseUpload('a')).rejects.toThrow('a picture')
      expect(await ran()).toEqual(['parse a'])
      later(10 * minute)
      await expect(parseUpload('a')).rejects.toThrow('a picture')
      await parseUpload.invalidate('a')
      await expect(parseUpload('a')).rejects.toThrow('a picture')
      expect(await ran()).toEqual(['parse a', 'parse a'])
      await behave(failing(new Error('out of memory')))
      await expect(parseUpload('b')).rejects.toThrow('out of memory')
      await expect(parseUpload('b')).rejects.toThrow('out of memory')
      expect(await ran()).toEqual(['parse b', 'parse b'])
    },
  )

  type Watch = { watchSources(report: (error: unknown, key: string | undefined) => void): () => void }
  page.module<Watch>('heard', 'a failure behind a value that was served', async ({ watchSources }) => {
    const { lastKnownRisk } = await page.load<{ lastKnownRisk: Score }>('stands-in')
    const heard: unknown[] = []
    const end = watchSources((error, key) => heard.push([error, key]))
    await lastKnownRisk('doc-9')
    later(10 * minute)
    const error = new Error('engine away')
    await behave(failing(error))
    await lastKnownRisk('doc-9')
    expect(heard).toEqual([[error, 'risk:last-known:doc-9']])
    end()
    later(minute)
    await lastKnownRisk('doc-9')
    expect(heard).toHaveLength(1)
  })
}

function keys(page: DocPage): void {
  const { ran } = prepared(page)

  page.module<{ keys(): string[] }>('derived', 'equal arguments, equal keys', ({ keys: made }) => {
    const [plain, trailing, , , options, signal] = made()
    expect(trailing).toBe(plain)
    expect(signal).toBe(options)
  })
  page.text('printed', 'what the block above it gives', async (shown) => {
    const { keys: made } = await page.load<{ keys(): string[] }>('derived')
    expect(`${made().join('\n')}\n`).toBe(shown)
  })

  interface Upload {
    readonly hash: string
    readonly receivedAt: Date
  }
  type Own = { parseShared: Parse; parseUpload: CachedFunction<(upload: Upload) => Promise<Pdf>> }
  page.module<Own>('own', 'a text is the whole key, an array is hashed', async ({ parseShared, parseUpload }) => {
    expect(parseShared.keyFor('abc123')).toBe('document:parse:abc123')
    const [one, two] = [1, 2].map((time) => ({ hash: 'a', receivedAt: new Date(time) })) as [Upload, Upload]
    expect(parseUpload.keyFor(one)).toMatch(/^document:upload:~[\w-]{43}$/)
    await parseUpload(one)
    await parseUpload(two)
    expect(await ran()).toEqual(['parse a'])
  })

  type Scoped = {
    score: CacheHandle<[string], Risk>
    byTenant(tenant: string, documentId: string): Promise<Risk>
  }
  page.module<Scoped>('scoped', 'the version and both scopes are in the key', async ({ byTenant }) => {
    const seen: string[] = []
    const end = cacheManager.on('miss', ({ key }) => seen.push(key))
    await byTenant('acme', 'doc-7')
    await byTenant('acme', 'doc-7')
    await byTenant('other corp', 'doc-7')
    end()
    expect(seen).toEqual(['risk:model@2:(acme):(gbm-7):doc-7', 'risk:model@2:(other%20corp):(gbm-7):doc-7'])
  })

  page.module<{ parseAt(path: string): Promise<Pdf> }>(
    'files',
    'the same content is the same entry, wherever it is',
    async ({ parseAt }) => {
      const folder = await mkdtemp(join(tmpdir(), 'test-concepts-'))
      try {
        const paths = ['a', 'b', 'c'].map((name) => join(folder, name))
        for (const [index, path] of paths.entries()) await writeFile(path, index < 2 ? 'same' : 'other')
        for (const path of paths) await parseAt(path)
        expect(await ran()).toHaveLength(2)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  )
}

function values(page: DocPage): void {
  const { ran, behave } = prepared(page)

  page.module<{ inspectScan(hash: string): Promise<object> }>(
    'lossless',
    'a hit equals the run, in memory and as text',
    async ({ inspectScan }) => {
      // Dates made by the tests' clock are of another class.
      vi.useRealTimers()
      const texts = new Map<string, string>()
      const asText = {
        get: (key: string) => texts.get(key),
        set: (key: string, value: string) => texts.set(key, value).has(key),
        delete: (key: string) => texts.delete(key),
        exists: (key: string) => texts.has(key),
        ping: () => true,
        close: () => {},
      }
      for (const backend of [new MemoryBackend(), asText]) {
        await initCache(backend)
        const first = await inspectScan('abc')
        const second = await inspectScan('abc')
        expect(second).toStrictEqual(first)
        expect(second).not.toBe(first)
      }
      expect([...texts.values()][0]?.split('\n')[1]).toMatch(/^!\{"hash":"abc","takenAt":\["\$d",/)
    },
  )

  type Written = { texts: Map<string, string>; parse: Parse; parsePlain: Parse }
  page.module<Written>(
    'written',
    'bare JSON without a header where it was asked for',
    async ({ texts, parsePlain }) => {
      await parsePlain('abc')
      expect(texts.get('document:plain:abc')).toBe('{"hash":"abc","pages":12}')
      await parsePlain('abc')
      expect(await ran()).toEqual(['parse abc'])
    },
  )
  page.text('line', 'is what the block below it writes', async (shown) => {
    const { texts, parse } = await page.load<Written>('written')
    vi.setSystemTime(1767225600000)
    await behave({ before: async () => void later(152) })
    await parse('abc')
    // The load took a while of that clock, and the real one gives no round numbers.
    const masked = (text: string | undefined): string | undefined =>
      text?.replace(/^(#sc1 json) \d+ (\d+ \d+) [\d.]+ (\S+) \d+ (.*)=\d+,(.*)=\d+$/m, '$1 $2 $3 $4 $5')
    expect(masked(texts.get('document:written:abc'))).toBe(masked(shown.trim()))
    expect(masked(shown.trim())).toMatch(/^#sc1 json 3600000 3600000 process %00everything document%3Aabc\n/)
  })

  type Pattern = { amountPattern: CachedFunction<(issuer: string) => Promise<RegExp>> }
  page.module<Pattern>('codec', 'an instance comes back as one', async ({ amountPattern }) => {
    const first = await amountPattern('acme')
    const { value, source } = await amountPattern.withStatus('acme')
    expect(value).toBeInstanceOf(RegExp)
    expect(value).toStrictEqual(first)
    expect(value).not.toBe(first)
    expect(source).toBe('l1')
  })

  page.module<{ guardedRisk: Score }>(
    'guard',
    'what is refused is a miss, and is not stored',
    async ({ guardedRisk }) => {
      const reasons: string[] = []
      const ends = [
        cacheManager.on('miss', ({ reason }) => reasons.push(reason)),
        cacheManager.on('load', ({ outcome }) => reasons.push(outcome)),
      ]
      await cacheManager.setValue(guardedRisk.keyFor('7'), { documentId: '7', score: 17 })
      expect(await guardedRisk('7')).toEqual({ documentId: '7', score: 0.2 })
      await behave({ score: 42 })
      expect(await guardedRisk('8')).toEqual({ documentId: '8', score: 42 })
      ends.forEach((end) => end())
      expect(reasons).toEqual(['schema', 'stored', 'absent', 'refused'])
      expect(guardedRisk.peek('8')).toBeUndefined()
    },
  )
}

function tags(page: DocPage): void {
  const { ran, behave } = prepared(page)
  type Tagged = { parse: Parse; score: Score; documentChanged(id: string): Promise<Invalidation> }
  type Derived = { report: CachedFunction<(id: string) => Promise<string>> }

  page.module<Tagged>(
    'tagged',
    'one step for all that carries the tag, and for nothing else',
    async ({ parse, score, documentChanged }) => {
      await Promise.all([parse('1'), score('1'), parse('2')])
      expect((await inspected(score.keyFor('1'))).tags).toEqual(['document:1', 'risk:low'])
      await ran()
      expect(await documentChanged('1')).toBe('applied')
      await Promise.all([parse('1'), score('1'), parse('2')])
      expect((await ran()).toSorted()).toEqual(['parse 1', 'score 1'])
      await cacheManager.invalidateTags(['risk:low'])
      await Promise.all([parse('1'), score('1'), parse('2')])
      expect(await ran()).toEqual(['score 1'])
    },
  )

  page.module<Derived>('derived', 'what was made from it goes too; delete is exact', async ({ report }) => {
    const { parse, documentChanged } = await page.load<Tagged>('tagged')
    await parse('3')
    expect(await report('3')).toBe('12 pages, risk 0.2')
    expect((await inspected(report.keyFor('3'))).tags.toSorted()).toEqual(['document:3', 'risk:low'])
    await behave({ score: 0.9 })
    await parse.invalidate('3')
    expect(await report('3')).toBe('12 pages, risk 0.2')
    await documentChanged('3')
    expect(await report('3')).toBe('12 pages, risk 0.9')
  })

  page.module<Derived>('derived', 'a part invalidated meanwhile makes the whole void', async ({ report }) => {
    const { parse, documentChanged } = await page.load<Tagged>('tagged')
    await parse('4')
    const held = gate()
    await behave({ before: () => held.wait() })
    const first = report('4')
    await held.reached
    await documentChanged('4')
    held.open()
    expect(await first).toBe('12 pages, risk 0.2')
    expect(report.peek('4')).toBeUndefined()
  })

  page.module<{ readForAcme: Read; acmeLeft(): Promise<Invalidation> }>(
    'part',
    'a namespace is cleared, the rest stays',
    async ({ readForAcme, acmeLeft }) => {
      await readForAcme('a')
      await cacheManager.set('kept', 'kept')
      expect(await cacheManager.exists('acme:ocr:acme:a')).toBe(true)
      expect(await acmeLeft()).toBe('applied')
      expect(readForAcme.peek('a')).toBeUndefined()
      expect(await cacheManager.get('kept')).toBe('kept')
    },
  )
}

function isolation(page: DocPage): void {
  prepared(page)
  type Both = { parse: Parse; readScan: CachedFunction<(hash: string) => Promise<Readonly<Scan>>> }

  page.module<Both>('both', 'a copy for each, or one frozen value for all', async ({ parse, readScan }) => {
    const [first, second] = [await parse('a'), await parse('a')]
    Object.assign(first, { pages: 99 })
    Object.assign(second, { pages: 77 })
    expect((await parse('a')).pages).toBe(12)

    const [one, two] = [await readScan('a'), await readScan('a')]
    expect(two).toBe(one)
    expect(Object.isFrozen(two)).toBe(true)
    expect(() => Object.assign(two, { text: 'changed' })).toThrow(TypeError)
    // One promise for all hits: nothing is made but that.
    expect(readScan('a')).toBe(readScan('a'))
    expect(parse('a')).not.toBe(parse('a'))
  })
}

function control(page: DocPage): void {
  const { ran, behave } = prepared(page)
  type Modes = { readScan: Read; score: Score; report(documentId: string, cacheControl?: string): Promise<string> }

  page.module<Modes>('modes', 'the table, row by row', async ({ report }) => {
    expect(await report('a', 'only-if-cached')).toBe('text of a: 0.2')
    expect(await report('a', 'no-store')).toBe('text of a: 0.2')
    expect(await ran()).toEqual(['read a', 'score a', 'read a', 'score a'])
    await report('a')
    await report('a')
    await report('a', 'only-if-cached')
    expect(await ran()).toEqual(['read a', 'score a'])
    await behave({ score: 0.9 })
    expect(await report('a', 'no-store')).toBe('text of a: 0.9')
    expect(await report('a')).toBe('text of a: 0.2')
    expect(await report('a', 'no-cache')).toBe('text of a: 0.9')
    expect(await report('a')).toBe('text of a: 0.9')
  })

  page.module<{ maintain(id: string): Promise<unknown> }>(
    'members',
    'each does what its name says',
    async ({ maintain }) => {
      expect(await maintain('b')).toEqual({
        seen: 'known already',
        source: 'l1',
        stale: false,
        ageMs: 0,
        anew: 0.2,
        gone: 'applied',
      })
      expect(await ran()).toEqual(['score b'])
      const { readScan } = await page.load<Modes>('modes')
      expect(readScan.peek('b')).toBeUndefined()
      // Within other modes too; `withStatus` is a call like any other.
      const within = await withCache({ mode: 'bypass' }, () => maintain('b'))
      expect(within).toMatchObject({ seen: 'known already', source: 'load', gone: 'applied' })
      expect(await ran()).toEqual(['read b', 'score b'])
    },
  )

  type ByHand = {
    reasons: LoadReason[]
    customerRisk(customerId: string, signal?: AbortSignal): Promise<Risk>
    facts(customerId: string): Promise<EntryInfo | null>
  }
  page.module<ByHand>('by-hand', 'the loader is told why it runs', async ({ reasons, customerRisk, facts }) => {
    await customerRisk('c')
    later(10 * minute)
    await customerRisk('c')
    const info = await facts('c')
    expect(info).toMatchObject({ tier: 'l1', bytes: 30, tags: [] })
    await withCache({ mode: 'refresh' }, () => customerRisk('c'))
    expect(reasons).toEqual(['miss', 'stale', 'refresh'])
    await expect(customerRisk('c', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
    expect(cacheManager.stats().operations['client_risk']).toMatchObject({ loads: 3, hits: { stale: 1 } })
  })

  type Apart = {
    isolated(documentId: string): Promise<string>
    reportFor(tenant: string, documentId: string): Promise<string>
  }
  page.module<Apart>('apart', 'another cache, other keys', async ({ isolated, reportFor }) => {
    for (const run of [
      () => isolated('d'),
      () => isolated('d'),
      () => reportFor('acme', 'd'),
      () => reportFor('other', 'd'),
    ]) {
      await run()
      expect(await ran()).toEqual(['read d', 'score d'])
    }
    await reportFor('acme', 'd')
    expect(await ran()).toEqual([])
  })
}

function observing(page: DocPage): void {
  prepared(page)
  const operation = (manager: CacheManager, name: string) => manager.stats().operations[name]

  page.module<{ explain(print: (line: string) => void): () => void }>(
    'events',
    'one line for each thing that happens',
    async ({ explain }) => {
      const { parse } = await page.load<{ parse: Parse }>('savings')
      const lines: string[] = []
      const end = explain((line) => lines.push(line))
      await parse('a')
      await parse('a')
      later(hour)
      await parse('a')
      await parse.invalidate('a')
      await cacheManager.clear()
      end()
      await parse('a')
      expect(lines).toEqual([
        'document:priced:a: miss, absent',
        'document:priced:a: stored',
        'document:priced:a: hit l1',
        'document:priced:a: miss, expired',
        'document:priced:a: stored',
        '{"keys":["document:priced:a"]}: applied',
        '"all": applied',
      ])
    },
  )

  type Savings = { readScan: Read; parse: Parse; savings(name: string): string }
  page.module<Savings>('savings', 'time and money, spent and saved', async ({ readScan, savings }) => {
    const { engines } = await page.load<Engines>('engines')
    engines.before = async () => void later(3000)
    expect(savings('invoice_ocr')).toBe('not used yet')
    await readScan('a')
    await Promise.all([readScan('a'), readScan('a')])
    expect(savings('invoice_ocr')).toBe('1 runs for €0.015; saved 6.0 s and €0.030')
    expect(operation(cacheManager, 'invoice_ocr')).toMatchObject({ misses: 1, loads: 1, hits: { l1: 2 } })
  })

  page.module<{ traceLoads(trace: (event: LoadEvent) => void): () => void }>(
    'channels',
    'the loads of all caches of the process',
    async ({ traceLoads }) => {
      const { parse } = await page.load<Savings>('savings')
      const seen: string[] = []
      const end = traceLoads(({ key, outcome }) => seen.push(`${key} ${outcome}`))
      await parse('c')
      await cacheManager.getOrSet('by:hand', () => 1)
      end()
      await parse('d')
      expect(seen).toEqual(['document:priced:c stored', 'by:hand stored'])
    },
  )
}

function outage(page: DocPage): void {
  page.module<{ start(folder: string): Promise<CacheManager> }>(
    'opening',
    'memory stands in, and what is deleted outlives the process',
    async ({ start }) => {
      const folder = await mkdtemp(join(tmpdir(), 'outage-page-'))
      try {
        // Nobody listens there.
        vi.stubEnv('REDIS_URL', 'redis://127.0.0.1:1/0')
        await start(folder)
        expect(await cacheManager.set('document:parse:abc', 'parsed', 60)).toBe(true)
        later(31_000)
        expect(await cacheManager.get('document:parse:abc')).toBeNull()
        await cacheManager.delete('document:parse:xyz')
        const [file = ''] = await readdir(folder)
        expect(file).toMatch(/^invalidations\./)
        const lines = (await readFile(join(folder, file), 'utf8')).trim().split('\n')
        expect(lines).toEqual(['["key","document:parse:abc"]', '["key","document:parse:xyz"]'])
        await closeCache()
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  )

  type Told = {
    forget(key: string): Promise<Invalidation>
    forgetEverywhere(key: string): Promise<Invalidation>
    watchStore(tell: (line: string) => void): () => void
    outages(): number
  }
  page.module<Told>('told', 'what happened to a delete, and to the store', async (told) => {
    const store = switchableBackend()
    await initCache(store)
    const before = told.outages()
    const lines: string[] = []
    const end = told.watchStore((line) => lines.push(line))
    expect(await told.forget('k')).toBe('applied')
    store.fault = away()
    for (let call = 0; call < 5; call++) await cacheManager.get('k')
    expect(await told.forget('k')).toBe('journaled')
    expect(isCacheError(await reasonOf(told.forgetEverywhere('k')), 'CACHE_UNAVAILABLE')).toBe(true)
    expect(told.outages()).toBe(before + 1)
    store.fault = undefined
    expect(await cacheManager.healthCheck()).toBe(true)
    expect(await told.forgetEverywhere('k')).toBe('applied')
    end()
    expect(lines).toEqual(['connected -> degraded: ECONNRESET', 'degraded -> connected: it answers'])
  })
}

const pages = {
  freshness,
  stale,
  timeouts,
  failures,
  keys,
  values,
  tags,
  isolation,
  control,
  observing,
  fleet,
  consistency,
  outage,
}
/** Tables to look things up in are longer than what is read. */
const longest: Readonly<Record<string, number>> = { consistency: 190 }

await testPages(
  Object.fromEntries(Object.entries(pages).map(([name, register]) => [`docs/concepts/${name}.md`, register])),
)

test('every page of the folder is tested here, and the index has it', async () => {
  const folder = join(root, 'docs/concepts')
  const names = (await readdir(folder)).filter((name) => name !== 'README.md')
  expect(names.toSorted()).toEqual(
    Object.keys(pages)
      .map((name) => `${name}.md`)
      .toSorted(),
  )
  const index = await readFile(join(folder, 'README.md'), 'utf8')
  expect([...index.matchAll(/^- \[(\w+)\]\((\w+\.md)\)/gm)].map(([, , file]) => file)).toEqual(
    Object.keys(pages).map((name) => `${name}.md`),
  )
})

test.each(Object.keys(pages))('the page %s has its parts in order', async (name) => {
  const text = await readFile(join(root, `docs/concepts/${name}.md`), 'utf8')
  const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)
  expect(headings[0]).toBe('The problem')
  expect(headings.slice(-2)).toEqual(['What happens when', 'Proof and reasons'])
  expect(text).toMatch(/^```(?:ascii|mermaid)$/m)
  expect(text.split('\n').length).toBeLessThanOrEqual(longest[name] ?? 141)
})
