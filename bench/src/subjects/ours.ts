// This package as a subject, as a user sets it up: an own manager, TTL, statistics and single-flight on.
import { setTimeout as sleep } from 'node:timers/promises'
import type { CacheManager, CacheOptions } from '@speedrun/cache'
import type { Peer } from './peer.ts'

export type Isolation = 'frozen' | 'copy'

/** For suites in which many callers or processes share a processor or two: what is late there is not away. */
export const patient: CacheOptions = { budget: '10s' }

const connectMs = 10_000
const lookMs = 10

/**
 * @param label `primitive` where the value is a string: then there is nothing to isolate
 * @param redisUrl the store; without it, the memory of the process
 * @param options beyond the defaults
 */
export function ours(
  isolation: Isolation,
  label: string = isolation,
  redisUrl?: string,
  options: CacheOptions = {},
): Peer {
  return {
    name: `speedrun ${label}`,
    shapes: ['cached', 'getOrSet'],
    copies: isolation === 'copy',
    open: async (shape) => {
      const { cached } = await import('@speedrun/cache')
      const manager = await openManager(redisUrl, options)
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

/** @returns a manager that is connected, if there is something to connect to */
export async function openManager(redisUrl: string | undefined, options: CacheOptions = {}): Promise<CacheManager> {
  const { createCache, MemoryBackend } = await import('@speedrun/cache')
  if (redisUrl === undefined)
    return createCache({ backend: new MemoryBackend({ maxBytes: 1 << 30 }), env: {}, ...options })
  const manager = await createCache({ url: redisUrl, env: {}, ...options }).init()
  // It does not wait for a server that is slow to greet: what is stored until then is dropped, and measured would be something else.
  for (let look = 0; manager.stats().state !== 'connected'; look++) {
    if (look === connectMs / lookMs) throw new Error(`not connected within ${connectMs} ms`)
    await sleep(lookMs)
  }
  return manager
}
