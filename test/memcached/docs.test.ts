// The blocks of docs/backends/memcached.md, compiled from the page, on a real server.
import type { CacheManager } from '@speedrun/cache'
import { closeCache } from '@speedrun/cache'
import { afterAll, afterEach, beforeEach, expect, vi } from 'vitest'
import { testPage } from '../support/doc-blocks.ts'
import { startMemcached } from '../support/memcached-server.ts'

const servers = await Promise.all([startMemcached(), startMemcached()])
const addresses = servers.map(({ address }) => address)
afterAll(async () => {
  for (const server of servers) await server.stop()
})
beforeEach(() => void vi.stubEnv('CACHE_LOG_LEVEL', 'silent'))
afterEach(closeCache)

await testPage('docs/backends/memcached.md', (page) => {
  type Open = { start(servers: readonly string[]): Promise<CacheManager> }
  page.module<Open>('memcached-open', 'the cache is on these servers', async ({ start }) => {
    const manager = await start(addresses)
    expect(await manager.healthReport()).toMatchObject({ status: 'connected', backend: 'memcached', tags: 'shared' })
    expect(await manager.getOrSet('a', () => 'loaded')).toBe('loaded')
    expect(await manager.getOrSet('a', () => 'again')).toBe('loaded')
    const found = await Promise.all(servers.map((server) => server.ask('mg documents:a s')))
    expect(found.filter((answer) => answer.startsWith('HD'))).toHaveLength(1)
  })

  type Fast = { createFastCache(servers: readonly string[]): CacheManager }
  page.module<Fast>('memcached-memory', 'hits come from memory', async ({ createFastCache }) => {
    await using manager = await createFastCache(addresses).init()
    await manager.getOrSet('b', () => 'loaded')
    await manager.getOrSet('b', () => 'again')
    expect(manager.stats().total.hits.l1).toBe(1)
    expect(await manager.healthReport()).toMatchObject({ l1: 'bounded', stalenessBoundMs: 5000 })
  })
})
