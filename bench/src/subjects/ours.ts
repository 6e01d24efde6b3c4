// This package as a subject, as a user sets it up: an own manager, TTL, statistics and single-flight on.
import type { CacheManager } from '@speedrun/cache'
import type { Peer } from './peer.ts'

export type Isolation = 'frozen' | 'copy'

/**
 * @param label `primitive` where the value is a string: then there is nothing to isolate
 * @param redisUrl the store; without it, the memory of the process
 */
export function ours(isolation: Isolation, label: string = isolation, redisUrl?: string): Peer {
  return {
    name: `speedrun ${label}`,
    shapes: ['cached', 'getOrSet'],
    copies: isolation === 'copy',
    open: async (shape) => {
      const { cached } = await import('@speedrun/cache')
      const manager = await openManager(redisUrl)
      return {
        wrap: (load, name) => {
          if (shape === 'getOrSet') return (id) => manager.getOrSet(id, () => load(id), { ttl: '1h', isolation })
          return cached(load, { manager, keyPrefix: 'document', name, ttl: '1h', isolation })
        },
        close: () => manager.close(),
      }
    },
  }
}

async function openManager(redisUrl: string | undefined): Promise<CacheManager> {
  const { createCache, MemoryBackend } = await import('@speedrun/cache')
  if (redisUrl !== undefined) return createCache({ url: redisUrl, env: {} }).init()
  return createCache({ backend: new MemoryBackend({ maxBytes: 1 << 30 }), env: {} })
}
