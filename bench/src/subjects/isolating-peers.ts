// Peers that store text or copies, so that each caller has an object of its own. Each is set up as its own documentation does
// it, with its default memory store and a TTL.
import { maxItems, type Peer, ttlMs } from './peer.ts'

export const isolatingPeers: readonly Peer[] = [
  {
    name: 'bentocache',
    shapes: ['cached', 'getOrSet'],
    copies: true,
    open: async (shape) => {
      const { BentoCache, bentostore } = await import('bentocache')
      const { memoryDriver } = await import('bentocache/drivers/memory')
      const memory = bentostore().useL1Layer(memoryDriver({ maxItems }))
      const cache = new BentoCache({ default: 'memory', stores: { memory } })
      return {
        wrap: (load, name) => {
          if (shape === 'getOrSet') return (id) => cache.getOrSet({ key: id, factory: () => load(id), ttl: '1h' })
          return (id) => cache.getOrSet({ key: `${name}:${id}`, factory: () => load(id), ttl: '1h' })
        },
      }
    },
  },
  {
    name: 'cacheable',
    shapes: ['cached', 'getOrSet'],
    copies: true,
    open: async (shape) => {
      const { Cacheable } = await import('cacheable')
      const cache = new Cacheable({ ttl: '1h' })
      return {
        wrap: (load, name) => {
          if (shape === 'getOrSet') return (id) => cache.getOrSet(id, () => load(id), { ttl: '1h' })
          return cache.wrap(load, { ttl: '1h', keyPrefix: name })
        },
      }
    },
  },
  {
    name: 'keyv',
    shapes: ['getOrSet'],
    copies: true,
    open: async () => {
      const { Keyv } = await import('keyv')
      const cache = new Keyv({ ttl: ttlMs })
      return {
        // It has no wrap: this is what its users write.
        wrap: (load) => async (id) => {
          const found: unknown = await cache.get(id)
          if (found !== undefined) return found
          const value = await load(id)
          await cache.set(id, value)
          return value
        },
      }
    },
  },
]
