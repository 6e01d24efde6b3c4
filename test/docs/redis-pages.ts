// The pages of docs/concepts that need a real Redis, several caches on it, and time that passes by itself.
import type { CachedFunction, CacheManager } from '@speedrun/cache'
import { cacheManager, createCache, initCache, RedisBackend } from '@speedrun/cache'
import { createClient } from '@redis/client'
import { afterAll, beforeEach, expect, vi } from 'vitest'
import type { DocPage } from '../support/doc-blocks.ts'
import { gate, until } from '../support/gate.ts'
import { asyncMapBackend } from '../support/map-backend.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startRedis } from '../support/redis-server.ts'
import type * as given from './given/engines.ts'
import type { Pdf, Scan } from './given/engines.ts'

type Engines = typeof given
type Parse = CachedFunction<(fileHash: string) => Promise<Pdf>>
interface Process {
  readonly cache: CacheManager
  read(scanHash: string): Promise<Scan>
}

/** A server for all tests of a page, engines that note what they run, and what was opened is closed. */
function prepared(page: DocPage) {
  let redis: RedisServer | undefined
  afterAll(() => redis?.stop())
  const behave = async (before: Engines['engines']['before']): Promise<void> => {
    Object.assign((await page.load<Engines>('engines')).engines, { before })
  }
  const ran = async (): Promise<string[]> => (await page.load<Engines>('engines')).ran.splice(0)
  beforeEach(async () => {
    vi.useRealTimers()
    // Nothing here is about a store that is slow, and a busy machine is.
    vi.stubEnv('CACHE_BUDGET', '10')
    redis ??= await startRedis()
    await redis.cli('FLUSHALL')
    await behave(async () => {})
    await ran()
  })
  const server = (): RedisServer => {
    if (redis === undefined) throw new Error('The server is started before each test')
    return redis
  }
  return { server, behave, ran }
}

const waiting = { timeout: 20_000, interval: 5 }

export function fleet(page: DocPage): void {
  const { server, behave, ran } = prepared(page)
  interface Processes {
    startProcess(url: string): Promise<Process>
  }
  /** `count` processes of the page. They are closed when `use` has ended. */
  const withProcesses = async (count: number, use: (all: readonly Process[]) => Promise<void>): Promise<void> => {
    const { startProcess } = await page.load<Processes>('processes')
    const all = await Promise.all(Array.from({ length: count }, () => startProcess(server().url)))
    try {
      await use(all)
    } finally {
      await Promise.all(all.map(({ cache }) => cache.close()))
    }
  }

  page.module('processes', 'one load, whoever asks', async () => {
    await withProcesses(3, async (all) => {
      const held = gate()
      await behave(() => held.wait())
      const answers = all.flatMap(({ read }) => [read('a'), read('a')])
      await held.reached
      held.open()
      expect(new Set((await Promise.all(answers)).map(({ text }) => text))).toEqual(new Set(['text of a']))
      expect(await ran()).toEqual(['read a'])
      expect(all.map(({ cache }) => cache.stats().total.loads).toSorted((a, b) => a - b)).toEqual([0, 0, 1])
    })
  })

  page.module('processes', 'a load that was invalidated elsewhere is stored nowhere', async () => {
    await withProcesses(2, async ([one, other]) => {
      const held = gate()
      await behave(() => held.wait())
      const early = one?.read('a')
      await held.reached
      expect(await other?.cache.delete('ocr:fleet:a')).toBe('applied')
      await behave(async () => {})
      await other?.read('a')
      held.open()
      expect(await early).toMatchObject({ text: 'text of a' })
      await one?.cache.drain()
      expect(one?.cache.stats().total).toMatchObject({ loads: 1, fills: 0, fenced: 1 })
      expect(await ran()).toEqual(['read a', 'read a'])
    })
  })

  page.module('processes', 'a failure: the others try, each once, and get an error of their own', async () => {
    await withProcesses(2, async (all) => {
      let count = 0
      await behave(() => Promise.reject(new Error(`away ${++count}`)))
      const ends = await Promise.allSettled(all.map(({ read }) => read('a')))
      const errors = ends.map((end) => (end.status === 'rejected' ? String(end.reason) : 'no error'))
      expect(errors.toSorted()).toEqual(['Error: away 1', 'Error: away 2'])
    })
  })

  page.module<{ parseUnseen: Parse }>(
    'first-sight',
    'one question on a miss, one more on a hit',
    async ({ parseUnseen }) => {
      await initCache({ url: server().url, l1: false })
      await parseUnseen('a')
      await server().cli('CONFIG', 'RESETSTAT')
      expect((await parseUnseen.withStatus('b')).source).toBe('load')
      expect(await server().cli('INFO', 'commandstats')).not.toMatch(/^cmdstat_mget:/m)
      expect((await parseUnseen.withStatus('b')).source).toBe('l2')
      expect(await server().cli('INFO', 'commandstats')).toMatch(/^cmdstat_mget:calls=1,/m)
    },
  )
}

export function consistency(page: DocPage): void {
  const { server, ran } = prepared(page)
  interface Opening {
    told(url: string): Promise<CacheManager>
    asking(url: string): Promise<CacheManager>
    bounded(backend: unknown): Promise<CacheManager>
    bound(cache: CacheManager): Promise<string>
  }
  const sourceOf = async (cache: CacheManager, key: string): Promise<string | undefined> => {
    let source: string | undefined
    const end = cache.on('hit', (hit) => (source = hit.source))
    await cache.getOrSet(key, () => 'loaded', '1h')
    end()
    return source
  }

  page.module<Opening>('opening', 'each row of the table', async ({ told, asking, bounded, bound }) => {
    const { url } = server()
    const client = createClient({ url })
    await client.connect()
    const injected = new RedisBackend({ client })
    const rows: Array<[string, CacheManager]> = [
      ['coherent, 500 ms', await told(url)],
      ['off, 0 ms', await asking(url)],
      ['off, 0 ms', await createCache({ backend: new RedisBackend({ client }) }).init()],
      ['bounded, 2000 ms', await bounded(injected)],
      ['off, 0 ms', await createCache({ backend: asyncMapBackend() }).init()],
      ['bounded, 2000 ms', await bounded(asyncMapBackend())],
    ]
    for (const [says, cache] of rows) expect(await bound(cache)).toBe(says)
    expect((await rows[4]?.[1].healthReport())?.tags).toBe('process')
    await Promise.all(rows.map(([, cache]) => cache.close()))
    await client.close()
  })

  page.module<Opening>('opening', 'what another process or program does is told', async ({ told }) => {
    const { url, cli } = server()
    await using one = await told(url)
    await using other = await told(url)
    const kept = async (key: string): Promise<void> => {
      await other.setValue(key, 'before')
      // What was told of the write may come with the first answer, which is not kept then.
      await expect.poll(() => sourceOf(one, key), waiting).toBe('l1')
    }
    await kept('k')
    await cli('SET', 'k', '"from elsewhere"')
    await expect.poll(() => one.getValue('k'), waiting).toBe('from elsewhere')
    // Without our header nobody knows how long it lives: Redis is asked each time.
    expect(await sourceOf(one, 'k')).toBe('l2')
    for (const change of [
      async () => await other.delete('k'),
      async () => await cli('DEL', 'k'),
      async () => await cli('FLUSHALL'),
      async () => await other.clear(),
    ]) {
      await kept('k')
      await change()
      await expect.poll(() => one.getValue('k'), waiting).toBeUndefined()
    }
    await one.getOrSet('tagged', () => 'before', { ttl: '1h', tags: ['t'] })
    await other.invalidateTags(['t'])
    await expect.poll(() => one.getValue('tagged'), waiting).toBeUndefined()
  })

  page.module<Opening>('opening', 'what becomes of a load that was running', async ({ told }) => {
    const { url, cli } = server()
    await using one = await told(url)
    await using other = await told(url)
    /** What is stored when the key held `before` and `during` happened in the course of the load. */
    const stored = async (before: string | undefined, during: () => Promise<unknown>): Promise<string | null> => {
      await other.delete('k')
      if (before !== undefined) await cli('SET', 'k', before)
      const held = gate()
      const load = one.getOrSet('k', () => held.wait().then(() => 'loaded'), { ttl: '1h', schema: notBefore })
      await held.reached
      await during()
      held.open()
      expect(await load).toBe('loaded')
      await one.drain()
      return await other.get('k')
    }
    const set = async (): Promise<unknown> => await cli('SET', 'k', 'theirs')
    const del = async (): Promise<unknown> => await cli('DEL', 'k')
    expect(await stored(undefined, async () => await other.delete('k'))).toBeNull()
    expect(await stored(undefined, async () => await other.set('k', 'set'))).toBe('set')
    expect(await stored(undefined, async () => await other.clear())).toBeNull()
    expect(await stored(undefined, async () => await cli('FLUSHALL'))).toBeNull()
    expect(await stored(undefined, set)).toBe('theirs')
    expect(await stored('before', set)).toBe('theirs')
    expect(await stored('before', del)).toBeNull()
    // The one thing that nobody can be told.
    expect(await stored(undefined, del)).toBe('"loaded"')
  })

  page.module<{ parse: Parse }>(
    'content',
    'served from memory for a while though nothing is heard',
    async ({ parse }) => {
      await using own = await startRedis()
      await initCache({ url: own.url })
      await parse('a')
      await cacheManager.getOrSet('k', () => 'v', '1h')
      expect(await sourceOf(cacheManager, 'k')).toBe('l1')
      own.pause()
      await until('the cache is deaf', async () => (await sourceOf(cacheManager, 'k')) !== 'l1')
      await ran()
      expect((await parse.withStatus('a')).source).toBe('l1')
      expect(await ran()).toEqual([])
      await parse.invalidate('a')
      expect((await parse.withStatus('a')).source).toBe('load')
      own.resume()
      // What is owed to one server is owed to the next: other tests would find it.
      await expect.poll(() => cacheManager.stats().journal, waiting).toBe(0)
    },
  )

  page.commands('tracking', 'how much is followed, and how much may be', server, async ({ run }) => {
    await using one = await createCache({ url: server().url }).init()
    await one.set('k', 'v')
    await one.get('k')
    expect(Number(/^tracking_total_keys:(\d+)/m.exec(await run('INFO stats'))?.[1])).toBeGreaterThan(0)
    expect(await run('INFO clients')).toMatch(/^tracking_clients:[1-9]/m)
    expect(await run('tracking-table-max-keys')).toBe('tracking-table-max-keys\n1000000')
  })

  page.commands('acl', 'the account has what it needs, and not one command more', server, async ({ run }) => {
    for (const ending of ["'~{app:*'", "'+client|tracking'", '+scan', '+pexpire', '+dbsize'] as const) {
      expect(await run(ending)).toBe('OK')
    }
    await server().cli('ACL', 'LOG', 'RESET')
    await server().cli('CONFIG', 'RESETSTAT')
    const url = server().url.replace('redis://', 'redis://cache:change-me@').replace(/\/0$/, '/1')
    await useEverything(url)
    expect(await server().cli('ACL', 'LOG')).toBe('')
    const used = [...(await server().cli('INFO', 'commandstats')).matchAll(/^cmdstat_([^:]+):/gm)].map(
      ([, name]) => name,
    )
    expect((await permitted(server())).filter((command) => !used.includes(command))).toEqual([])
  })

  /** Each thing that a cache does, as the account of the page. */
  async function useEverything(url: string): Promise<void> {
    const options = { url, namespace: 'app', logLevel: 'silent', onLostNode: 'bump' } as const
    await using cache = await createCache(options).init()
    await using other = await createCache(options).init()
    const problems: unknown[] = []
    cache.on('problem', ({ error, during }) => problems.push(during === 'load' ? [] : error))
    expect(await cache.healthReport()).toMatchObject({ status: 'connected', l1: 'coherent', limits: [] })
    const load = { ttl: '1h', tags: ['t'] } as const
    // A lease, renewed while the load runs; who waits for it is woken.
    const held = gate()
    const first = cache.getOrSet('k', () => held.wait().then(() => 'first'), load)
    await held.reached
    const second = other.getOrSet('k', () => 'second', load)
    await expect
      .poll(async () => /^cmdstat_pexpire:/m.test(await server().cli('INFO', 'commandstats')), waiting)
      .toBe(true)
    held.open()
    expect([await first, await second]).toEqual(['first', 'first'])
    expect(await sourceOf(cache, 'k')).toBe('l1')
    await cache.getOrSet('large', () => 'x'.repeat(200_000), load)
    expect(await sourceOf(cache, 'large')).toBe('l1')
    expect(await cache.set('raw', 'v')).toBe(true)
    expect(await cache.exists('absent')).toBe(false)
    expect(await cache.invalidateTags(['t'])).toBe('applied')
    expect(await cache.getValue('k')).toBeUndefined()
    expect(await cache.delete('raw')).toBe('applied')
    // More tags than the clock remembers.
    for (let from = 0; from < 55_000; from += 5000) {
      await cache.invalidateTags(Array.from({ length: 5000 }, (_, index) => `tag-${from + index}`))
    }
    // A failed load with something to stand in leaves its mark.
    const failing = { ttl: '1s', staleIfError: '1h' } as const
    await cache.getOrSet('fails', () => 'stale', failing)
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const failed = cache.getOrSet<string>('fails', () => Promise.reject(new Error('away')), failing)
    expect(await failed).toBe('stale')
    expect(await cache.clear()).toBe('applied')
    expect(problems.flat()).toEqual([])
    await using plain = await createCache({ ...options, wire: 'plain' }).init()
    await plain.set('bare', 'v')
    expect(await plain.clear()).toBe('applied')
    expect(await server().cli('-n', '1', 'EXISTS', 'app:bare')).toBe('0')
  }
}

/** An entry that begins with anything but what is loaded is not taken. */
const notBefore = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value: unknown) => (value === 'loaded' ? { value } : { issues: [{ message: 'before' }] }),
  },
} as const

/** As `INFO commandstats` names them. What every connection may do, and what depends on the server's version, is left out. */
async function permitted(server: RedisServer): Promise<string[]> {
  const rule = await server.cli('ACL', 'LIST')
  const commands = /user cache .*/.exec(rule)?.[0].match(/(?<=\+)[a-z|]+/g)
  if (!commands) throw new Error(`There is no such account: ${rule}`)
  return commands
}
