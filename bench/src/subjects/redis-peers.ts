// Peers on Redis, each through the client its documentation uses, without a memory in front: what is measured is the way of a
// cold key to the store.
import type { Redis } from 'ioredis'
import { type Peer, ttlMs } from './peer.ts'

/** @param url of the server */
export function redisPeers(url: string): readonly Peer[] {
  const connect = async (): Promise<Redis> => {
    const redis = new (await import('ioredis')).Redis(url)
    // As in an application; without a listener the client prints each attempt to connect.
    return redis.on('error', () => undefined)
  }
  return [
    {
      name: 'layered-loader',
      shapes: ['cached'],
      copies: false,
      open: async () => {
        const { Loader, RedisCache } = await import('layered-loader')
        const redis = await connect()
        return {
          wrap: (load, name) => {
            const asyncCache = new RedisCache<unknown>(redis, { json: true, ttlInMsecs: ttlMs, prefix: name })
            const loader = new Loader<unknown>({ asyncCache, dataSourceGetOneFn: load })
            return (id) => loader.get(id)
          },
          close: () => redis.quit(),
        }
      },
    },
    {
      name: 'async-cache-dedupe',
      shapes: ['cached'],
      copies: false,
      open: async () => {
        const { createCache } = await import('async-cache-dedupe')
        const client = await connect()
        const cache = createCache({ ttl: ttlMs / 1000, storage: { type: 'redis', options: { client } } })
        return {
          wrap: (load, name) => {
            const defined = cache.define(name, load) as unknown as Readonly<Record<string, typeof load>>
            return (id) => defined[name]?.(id)
          },
          close: () => client.quit(),
        }
      },
    },
    {
      name: 'cache-manager',
      shapes: ['cached'],
      copies: false,
      open: async () => {
        const { createCache } = await import('cache-manager')
        const { createKeyv } = await import('@keyv/redis')
        const cache = createCache({ ttl: ttlMs, stores: [createKeyv(url)] })
        return {
          wrap: (load, name) => (id) => cache.wrap(`${name}:${id}`, () => load(id), ttlMs),
          close: () => cache.disconnect(),
        }
      },
    },
    {
      name: 'bentocache',
      shapes: ['cached'],
      copies: false,
      open: async () => {
        const { BentoCache, bentostore } = await import('bentocache')
        const { redisDriver } = await import('bentocache/drivers/redis')
        const redis = bentostore().useL2Layer(redisDriver({ connection: await connect() }))
        const cache = new BentoCache({ default: 'redis', stores: { redis } })
        return {
          wrap: (load, name) => (id) => cache.getOrSet({ key: `${name}:${id}`, factory: () => load(id), ttl: '1h' }),
          close: () => cache.disconnectAll(),
        }
      },
    },
    {
      name: 'cacheable',
      shapes: ['cached'],
      copies: false,
      open: async () => {
        const { Cacheable } = await import('cacheable')
        const { createKeyv } = await import('@keyv/redis')
        const cache = new Cacheable({ ttl: '1h', secondary: createKeyv(url) })
        return {
          wrap: (load, name) => cache.wrap(load, { ttl: '1h', keyPrefix: name }),
          close: () => cache.disconnect(),
        }
      },
    },
  ]
}
