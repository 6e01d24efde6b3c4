// Caches that keep values in the memory of this process and are told when another process invalidates them, each set up as its own
// documentation does it. node-redis' client-side cache is no cache of a loader, but the same means of being told without anything around it.
import type { Redis } from 'ioredis'
import { openManager, patient } from './ours.ts'
import { type Call, type Load, maxItems, ttlMs } from './peer.ts'

export interface CoherentPeer {
  readonly name: string
  readonly open: (load: Load) => Promise<CoherentWay>
}

export interface CoherentWay {
  readonly read: Call
  /** By key, for all processes. */
  readonly invalidate: (id: string) => Promise<unknown>
}

export function coherentPeers(url: string): readonly CoherentPeer[] {
  const connect = async (): Promise<Redis> => new (await import('ioredis')).Redis(url).on('error', () => undefined)
  return [
    {
      name: 'speedrun',
      open: async (load) => {
        const { cached } = await import('@speedrun/cache')
        const manager = await openManager(url, patient)
        const read = cached(load, { manager, keyPrefix: 'document', name: 'parse', ttl: '1h' })
        return { read, invalidate: (id) => manager.delete(read.keyFor(id)) }
      },
    },
    {
      name: 'bentocache',
      open: async (load) => {
        const { BentoCache, bentostore } = await import('bentocache')
        const { memoryDriver } = await import('bentocache/drivers/memory')
        const { redisBusDriver, redisDriver } = await import('bentocache/drivers/redis')
        const tiers = bentostore()
          .useL1Layer(memoryDriver({ maxItems }))
          .useL2Layer(redisDriver({ connection: await connect() }))
          .useBus(redisBusDriver({ connection: await connect() }))
        const cache = new BentoCache({ default: 'tiers', stores: { tiers } })
        return {
          read: (id) => cache.getOrSet({ key: id, factory: () => load(id), ttl: '1h' }),
          invalidate: (id) => cache.delete({ key: id }),
        }
      },
    },
    {
      name: 'layered-loader',
      open: async (load) => {
        const { createNotificationPair, Loader, RedisCache } = await import('layered-loader')
        const { publisher: notificationPublisher, consumer: notificationConsumer } = createNotificationPair<unknown>({
          channel: 'invalidations',
          publisherRedis: await connect(),
          consumerRedis: await connect(),
        })
        const loader = new Loader<unknown>({
          inMemoryCache: { ttlInMsecs: ttlMs, maxItems },
          asyncCache: new RedisCache<unknown>(await connect(), { json: true, ttlInMsecs: ttlMs }),
          dataSourceGetOneFn: load,
          notificationPublisher,
          notificationConsumer,
        })
        await loader.init()
        return { read: (id) => loader.get(id), invalidate: (id) => loader.invalidateCacheFor(id) }
      },
    },
    {
      name: 'clientSideCache',
      open: async (load) => {
        const { BasicClientSideCache, createClient } = await import('@redis/client')
        const clientSideCache = new BasicClientSideCache({ ttl: ttlMs, maxEntries: maxItems })
        const commandOptions = { timeout: undefined as never }
        const client = createClient({ url, RESP: 3, clientSideCache, commandOptions })
        client.on('error', () => undefined)
        await client.connect()
        const read = async (id: string): Promise<unknown> => {
          const text = await client.get(id)
          if (text !== null) return JSON.parse(text)
          const value = await load(id)
          await client.set(id, JSON.stringify(value))
          return value
        }
        return { read, invalidate: (id) => client.del(id) }
      },
    },
  ]
}
