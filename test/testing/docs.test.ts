// The blocks of the pages about backends and tests. The backend of docs/backends/custom.md is proved as its reader would: by node:test, in a process of its own.
import type { CacheBackend, CacheManager } from '@speedrun/cache'
import { closeCache, createCache, isCacheError, MemoryBackend } from '@speedrun/cache'
import { Redis } from 'ioredis'
import { access, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { root } from '../../scripts/project.mjs'
import type { DocPage } from '../support/doc-blocks.ts'
import { testPages } from '../support/doc-blocks.ts'
import { until } from '../support/gate.ts'
import { sharedRedisUrl } from '../support/shared-redis.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'test-pages-'))
})
afterEach(async () => {
  await closeCache()
  await rm(folder, { recursive: true, force: true })
})

interface Folder {
  readonly FolderBackend: new (folder: string) => Required<Pick<CacheBackend, 'connect'>> & CacheBackend
}

function custom(page: DocPage): void {
  page.module<Folder>(
    'folder-backend',
    'keeps what it is given, also for the next process',
    async ({ FolderBackend }) => {
      const backend = new FolderBackend(folder)
      await backend.connect()
      await backend.set('../../k', 'text', 60)
      expect(await new FolderBackend(folder).get('../../k')).toBe('text')
    },
  )
  page.module<{ open(folder: string): Promise<CacheManager> }>('use', 'a cache lives on it', async ({ open }) => {
    const first = await open(folder)
    await first.setValue('k', new Date(0))
    await first.close()
    const second = await open(folder)
    expect(await second.getValue('k')).toEqual(new Date(0))
    await second.close()
  })
  page.program('prove', 'every rule holds, under node:test', async () => {
    const { code, stdout } = await page.run('prove', { flags: ['--test', '--test-reporter=tap'] })
    expect(stdout).toMatch(/^# fail 0$/m)
    expect(stdout).toMatch(/^# skipped 0$/m)
    const passed = Number(/^# pass (\d+)$/m.exec(stdout)?.[1])
    expect(stdout).toContain('FolderBackend: B-26 throws when the store fails')
    // Each rule about any backend, and B-02.
    expect(passed).toBeGreaterThanOrEqual(24)
    expect(code).toBe(0)
  })
  page.module<{ wrongs(open: () => Promise<CacheBackend>): Promise<string[]> }>(
    'check',
    'what is wrong comes back as text, and nothing of what is right',
    async ({ wrongs }) => {
      expect(await wrongs(async () => new MemoryBackend())).toEqual([])
    },
  )
  page.module<{ hasty: CacheBackend }>('wrong', 'is found wrong', async ({ hasty }) => {
    const { wrongs } = await page.load<{ wrongs(open: () => Promise<CacheBackend>): Promise<string[]> }>('check')
    const found = await wrongs(async () => hasty)
    expect(found.length).toBeGreaterThan(3)
  })
  page.text('said', 'is what the suite says of it', async (text) => {
    const { wrongs } = await page.load<{ wrongs(open: () => Promise<CacheBackend>): Promise<string[]> }>('check')
    const { hasty } = await page.load<{ hasty: CacheBackend }>('wrong')
    expect(await wrongs(async () => hasty)).toContain(text.trimEnd())
  })
}

function overview(page: DocPage): void {
  page.module<{ billing(url: string): CacheBackend }>('prefix', 'keys stand behind it', async ({ billing }) => {
    const cache = await createCache({ backend: billing(sharedRedisUrl()), env: {}, logLevel: 'silent' }).init()
    const raw = new Redis(sharedRedisUrl())
    // On a busy machine the store may have been taken for away: it is back in a moment.
    await until('the key stands behind the prefix', async () => {
      await cache.setValue('prefix-page', 1)
      return (await raw.exists('billing:prefix-page')) === 1
    })
    await cache.delete('prefix-page')
    await cache.close()
    raw.disconnect()
  })
  page.module<{ inFront(far: CacheBackend, failed: (error: unknown) => void): CacheBackend }>(
    'tiered',
    'copies are read near, deletes reach both',
    async ({ inFront }) => {
      const far = new MemoryBackend()
      const backend = inFront(far, () => {})
      await backend.set('k', 'text', 60)
      expect(far.get('k')).toBe('text')
      await backend.delete('k')
      expect([await backend.get('k'), far.get('k')]).toEqual([null, null])
    },
  )
}

function memory(page: DocPage): void {
  page.module<{ start(): Promise<CacheManager> }>('connect', 'is the whole cache', async ({ start }) => {
    const cache = await start()
    expect(await cache.healthReport()).toMatchObject({ status: 'connected', backend: 'memory', l1: 'embedded' })
  })
}

function redis(page: DocPage): void {
  page.module<{ start(url: string): Promise<CacheManager> }>(
    'connect',
    'memory in front is told of changes',
    async ({ start }) => {
      const cache = await start(sharedRedisUrl())
      expect(await cache.healthReport()).toMatchObject({
        status: 'connected',
        l1: 'coherent',
        stalenessBoundMs: 500,
        tags: 'shared',
      })
    },
  )
  page.module<{ onYours(client: Redis): Promise<CacheManager> }>(
    'own-client',
    'memory in front is bounded',
    async ({ onYours }) => {
      const client = new Redis(sharedRedisUrl())
      const cache = await onYours(client)
      expect(await cache.healthReport()).toMatchObject({ status: 'connected', l1: 'bounded', stalenessBoundMs: 2000 })
      await cache.close()
      expect(client.status).toBe('ready')
      client.disconnect()
    },
  )
}

function testing(page: DocPage): void {
  page.module<{ howOften(manager: CacheManager): Promise<unknown> }>(
    'counted',
    'two calls for three',
    async ({ howOften }) => {
      const manager = await createCache({ backend: new MemoryBackend(), env: {} }).init()
      expect(await howOften(manager)).toEqual({ count: 2, calls: [['a'], ['b']], mostAtOnce: 2 })
      await manager.close()
    },
  )
  page.module<{ anHourPasses(): Promise<number[]> }>('clock', 'an hour is an hour', async ({ anHourPasses }) => {
    expect(await anHourPasses()).toEqual([1, 1, 2])
  })
  page.module<{ whileItIsAway(): Promise<unknown> }>(
    'mock',
    'calls are counted, failures heard',
    async ({ whileItIsAway }) => {
      expect(await whileItIsAway()).toEqual({ sets: 1, outcome: 'journaled' })
    },
  )
  page.module<{ tenReplicas(): Promise<number> }>('fleet', 'one load in ten', async ({ tenReplicas }) => {
    expect(await tenReplicas()).toBe(1)
  })
  page.module<{ badWeather(seed: number): Promise<{ answers: string[]; faults: Record<string, number> }> }>(
    'flaky',
    'breaks no call',
    async ({ badWeather }) => {
      const { answers, faults } = await badWeather(7)
      expect(answers).toEqual(Array.from({ length: 50 }, () => 'value'))
      expect(faults['errors']).toBeGreaterThan(0)
    },
  )
  page.module<{ readScan(file: string, isRecording: boolean, ocr: () => Promise<string>): Promise<string> }>(
    'recorded',
    'costs once',
    async ({ readScan }) => {
      const file = join(folder, 'scans.jsonl')
      let paid = 0
      const ocr = async (): Promise<string> => `text ${++paid}`
      expect(await readScan(file, true, ocr)).toBe('text 1')
      expect(await readScan(file, false, ocr)).toBe('text 1')
      expect(paid).toBe(1)
      const empty = join(folder, 'empty.jsonl')
      const unread = readScan(empty, false, ocr)
      await expect(unread).rejects.toSatisfy((error: unknown) => isCacheError(error))
      expect(paid).toBe(1)
    },
  )
}

const pages = {
  'docs/testing.md': testing,
  'docs/backends/README.md': overview,
  'docs/backends/custom.md': custom,
  'docs/backends/memory.md': memory,
  'docs/backends/redis.md': redis,
}

await testPages(pages)

/** Pages of other backends, which come with them. */
const elsewhere = /^(?:backends\/)?(?:memcached|postgres|supabase|keyv)\.md$/

test.each(Object.keys(pages))('the links of %s lead somewhere', async (page) => {
  const text = (await readFile(join(root, page), 'utf8')).replace(/^```.*?^```/gms, '')
  const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target)
  expect(links.length).toBeGreaterThan(0)
  for (const link of links) {
    if (link.startsWith('https:') || elsewhere.test(link)) continue
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? join(root, page) : join(root, page, '..', file)
    await expect(access(target), link).resolves.toBeUndefined()
    if (anchor === undefined) continue
    const headings = [...(await readFile(target, 'utf8')).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    )
    expect(headings, link).toContain(anchor)
  }
})
