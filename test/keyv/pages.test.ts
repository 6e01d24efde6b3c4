// The blocks of docs/backends/keyv.md and docs/from-cache-manager.md.
import type { CachedFunction, CacheManager } from '@speedrun/cache'
import { cacheManager, closeCache, initCache, MemoryBackend } from '@speedrun/cache'
import type { CompatibleCache } from '@speedrun/cache/keyv'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type Keyv from 'keyv'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { root } from '../../scripts/project.mjs'
import { testPages } from '../support/doc-blocks.ts'
import { sharedRedisUrl } from '../support/shared-redis.ts'

beforeEach(() => {
  vi.stubEnv('REDIS_URL', sharedRedisUrl())
  vi.stubEnv('CACHE_NAMESPACE', 'keyv-pages')
  vi.stubEnv('CACHE_LOG_LEVEL', 'silent')
})
afterEach(closeCache)

await testPages({
  'docs/backends/keyv.md': (page) => {
    page.module<{ start(store: Map<string, unknown>): Promise<CacheManager> }>(
      'backend',
      'a store, and a Keyv around one, are backends',
      async ({ start }) => {
        const store = new Map<string, unknown>()
        expect(await start(store)).toBe(cacheManager)
        expect(await cacheManager.healthReport()).toMatchObject({
          status: 'connected',
          backend: 'keyv',
          tags: 'process',
          l1: 'off',
        })
        await cacheManager.setValue('a', { at: new Date(0) }, '1m')
        expect(await cacheManager.getValue('a')).toEqual({ at: new Date(0) })
        expect([...store.keys()]).toEqual(['documents:keyv-pages:a'])
      },
    )

    page.module<{ sessions: Keyv<{ user: string }> }>('store', 'a Keyv on the cache', async ({ sessions }) => {
      await initCache(new MemoryBackend())
      await sessions.set('a', { user: 'u' })
      expect(await sessions.get('a')).toEqual({ user: 'u' })
      await cacheManager.clear()
      expect(await sessions.get('a')).toBeUndefined()
    })
  },

  'docs/from-cache-manager.md': (page) => {
    type User = { name: string }
    interface Start {
      manager: CacheManager
      cache: CompatibleCache
      readUser(id: string, load: (id: string) => Promise<User>): Promise<User>
    }

    page.module<Start>('start', 'one line is changed', async ({ manager, cache, readUser }) => {
      await manager.clear()
      let loads = 0
      const load = async (id: string) => ({ name: `${id} ${++loads}` })
      expect(await readUser('7', load)).toEqual({ name: '7 1' })
      expect(await readUser('7', load)).toEqual({ name: '7 1' })
      expect(await cache.get('user:7')).toEqual({ name: '7 1' })
      const left = ((await cache.ttl('user:7')) ?? 0) - Date.now()
      expect(left).toBeGreaterThan(0)
      expect(left).toBeLessThanOrEqual(60_000)
    })

    page.module<{ userOf: CachedFunction<(id: string) => Promise<User>> }>(
      'then',
      'a cached function beside it',
      async ({ userOf }) => {
        const { manager } = await page.load<Start>('start')
        await manager.clear()
        expect(await userOf('7')).toEqual({ name: 'user 7' })
        expect((await userOf.withStatus('7')).source).not.toBe('load')
        await manager.invalidateTags(['user:7'])
        expect((await userOf.withStatus('7')).source).toBe('load')
        await manager.clear()
        await manager.close()
      },
    )
  },
})

test.each(['docs/backends/keyv.md', 'docs/from-cache-manager.md'])('the links of %s lead to files', async (path) => {
  const page = join(root, path)
  const links = [...(await readFile(page, 'utf8')).matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link = '']) => link)
  expect(links.length).toBeGreaterThan(0)
  for (const link of links.filter((one) => !one.startsWith('https:'))) {
    expect((await readFile(join(page, '..', link), 'utf8')).length, link).toBeGreaterThan(0)
  }
})
