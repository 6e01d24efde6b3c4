// Caches that can invalidate what they have in Redis by a tag (a group, a reference), each set up as its own documentation does it.
import type { Redis } from 'ioredis'
import { openManager, patient } from './ours.ts'
import { maxItems, ttlMs } from './peer.ts'

export interface TagPeer {
  readonly name: string
  readonly open: () => Promise<TagWay>
}

export interface TagWay {
  readonly set: (id: string, value: unknown, tag: string) => Promise<unknown>
  readonly invalidate: (tag: string) => Promise<unknown>
  /** @returns `undefined` or `null`: there is none any more */
  readonly get: (id: string, tag: string) => Promise<unknown>
}

export function tagPeers(url: string): readonly TagPeer[] {
  const connect = async (): Promise<Redis> => new (await import('ioredis')).Redis(url).on('error', () => undefined)
  return [
    {
      name: 'speedrun',
      open: async () => {
        const manager = await openManager(url, patient)
        return {
          set: (id, value, tag) => manager.setValue(id, value, { ttl: '1h', tags: [tag] }),
          invalidate: (tag) => manager.invalidateTags([tag]),
          get: (id) => manager.getValue(id),
        }
      },
    },
    {
      name: 'bentocache',
      open: async () => {
        const { BentoCache, bentostore } = await import('bentocache')
        const { memoryDriver } = await import('bentocache/drivers/memory')
        const { redisDriver } = await import('bentocache/drivers/redis')
        const tiers = bentostore()
          .useL1Layer(memoryDriver({ maxItems }))
          .useL2Layer(redisDriver({ connection: await connect() }))
        const cache = new BentoCache({ default: 'tiers', stores: { tiers } })
        return {
          set: (key, value, tag) => cache.set({ key, value, ttl: '1h', tags: [tag] }),
          invalidate: (tag) => cache.deleteByTag({ tags: [tag] }),
          get: (key) => cache.get({ key }),
        }
      },
    },
    {
      name: 'cacheable',
      open: async () => {
        const { Cacheable } = await import('cacheable')
        const { createKeyv } = await import('@keyv/redis')
        const cache = new Cacheable({ ttl: '1h', secondary: createKeyv(url), tags: true })
        return {
          set: (id, value, tag) => cache.set(id, value, { ttl: '1h', tags: [tag] }),
          invalidate: (tag) => cache.tags.invalidateTag(tag),
          get: (id) => cache.get(id),
        }
      },
    },
    {
      name: 'layered-loader',
      open: async () => {
        const { ManualGroupCache, RedisGroupCache } = await import('layered-loader')
        const asyncCache = new RedisGroupCache<unknown>(await connect(), { json: true, ttlInMsecs: ttlMs })
        const cache = new ManualGroupCache<unknown>({ asyncCache })
        return {
          set: (id, value, group) => cache.set(id, value, group),
          invalidate: (group) => cache.invalidateCacheForGroup(group),
          get: (id, group) => cache.get(id, group),
        }
      },
    },
    {
      name: 'async-cache-dedupe',
      open: async () => {
        const { createCache } = await import('async-cache-dedupe')
        const client = await connect()
        const storage = { type: 'redis', options: { client, invalidation: { referencesTTL: ttlMs / 1000 } } } as const
        const cache = createCache({ ttl: ttlMs / 1000, storage })
        const stored = new Map<string, unknown>()
        const tags = new Map<string, string>()
        const defined = cache.define(
          'parse',
          { references: (id: string) => [tags.get(id) ?? ''] },
          async (id: string) => stored.get(id),
        )
        return {
          // It has no other way to store than to load.
          set: async (id, value, tag) => {
            stored.set(id, value)
            tags.set(id, tag)
            await defined.parse(id)
            stored.delete(id)
          },
          invalidate: (tag) => cache.invalidateAll(tag),
          get: (id) => defined.parse(id),
        }
      },
    },
  ]
}
