// Peers that hand out the stored object itself: whoever changes a result changes everybody's. Each is set up as its own
// documentation does it, with its memory store and a TTL, and is called through what it offers for wrapping a function.
import { maxItems, type Peer, ttlMs } from './peer.ts'

export const sharingPeers: readonly Peer[] = [
  {
    name: 'lru-cache',
    shapes: ['cached'],
    copies: false,
    open: async () => {
      const { LRUCache } = await import('lru-cache')
      return {
        wrap: (load) => {
          const fetchMethod = async (id: string): Promise<object> => (await load(id)) as object
          const cache = new LRUCache<string, object>({ max: maxItems, ttl: ttlMs, fetchMethod })
          return (id) => cache.fetch(id)
        },
      }
    },
  },
  {
    name: 'layered-loader',
    shapes: ['cached'],
    copies: false,
    open: async () => {
      const { Loader } = await import('layered-loader')
      return {
        wrap: (load) => {
          const inMemoryCache = { ttlInMsecs: ttlMs, maxItems }
          const loader = new Loader<unknown>({ inMemoryCache, dataSourceGetOneFn: load })
          return (id) => loader.get(id)
        },
      }
    },
  },
  {
    name: 'async-cache-dedupe',
    shapes: ['cached'],
    copies: false,
    open: async () => {
      const { createCache } = await import('async-cache-dedupe')
      const cache = createCache({ ttl: ttlMs / 1000, storage: { type: 'memory', options: { size: maxItems } } })
      return {
        wrap: (load, name) => {
          const defined = cache.define(name, load) as unknown as Readonly<Record<string, typeof load>>
          return (id) => defined[name]?.(id)
        },
      }
    },
  },
  {
    name: 'p-memoize',
    shapes: ['cached'],
    copies: false,
    open: async () => {
      const { default: pMemoize } = await import('p-memoize')
      // Its default Map never expires.
      const { default: ExpiryMap } = await import('expiry-map')
      return { wrap: (load) => pMemoize(load, { cache: new ExpiryMap<string, unknown>(ttlMs) }) }
    },
  },
  {
    name: 'cache-manager',
    shapes: ['cached', 'getOrSet'],
    copies: false,
    open: async (shape) => {
      const { createCache } = await import('cache-manager')
      const cache = createCache({ ttl: ttlMs })
      return {
        wrap: (load, name) => {
          if (shape === 'getOrSet') return (id) => cache.wrap(id, () => load(id), ttlMs)
          return (id) => cache.wrap(`${name}:${id}`, () => load(id), ttlMs)
        },
      }
    },
  },
  {
    name: '@epic-web/cachified',
    shapes: ['cached', 'getOrSet'],
    copies: false,
    open: async (shape) => {
      const { cachified, totalTtl } = await import('@epic-web/cachified')
      const { LRUCache } = await import('lru-cache')
      type Entry = Parameters<Parameters<typeof cachified>[0]['cache']['set']>[1]
      const lru = new LRUCache<string, Entry>({ max: maxItems })
      const cache = {
        set: (key: string, value: Entry) =>
          lru.set(key, value, { ttl: totalTtl(value.metadata), start: value.metadata.createdTime }),
        get: (key: string) => lru.get(key),
        delete: (key: string) => lru.delete(key),
      }
      return {
        wrap: (load, name) => {
          if (shape === 'getOrSet') {
            return (id) => cachified({ key: id, cache, ttl: ttlMs, getFreshValue: () => load(id) })
          }
          return (id) => cachified({ key: `${name}:${id}`, cache, ttl: ttlMs, getFreshValue: () => load(id) })
        },
      }
    },
  },
]
