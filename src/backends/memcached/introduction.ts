import { CacheError } from '../../support/errors.ts'
import type { Reply } from './replies.ts'

// Who answers: what a new connection asks first, and what follows from it.

export interface Introduction {
  /** Another start of the server is another, empty store, and counts its CAS values anew. `undefined`: it does not say. */
  readonly history: string | undefined
  /** The server's clock, seconds. `undefined`: it does not say. */
  readonly time: number | undefined
  /** What the server takes, bytes. `undefined`: it does not say. */
  readonly maxItemBytes: number | undefined
}

/**
 * @param noOperation the answer to `mn`
 * @param stats the lines of `stats` and `stats settings`; proxies do not have all of them
 * @throws {CacheError} `CACHE_UNAVAILABLE` when the server cannot keep what a cache needs
 */
export function introduce(noOperation: Reply, stats: ReadonlyMap<string, string>): Introduction {
  if (noOperation.code !== 'MN') {
    throw new CacheError('CACHE_UNAVAILABLE', 'The server does not know the meta commands: Memcached 1.6 or later does')
  }
  if (stats.get('cas_enabled') === 'no') {
    throw new CacheError(
      'CACHE_UNAVAILABLE',
      'The Memcached server keeps no CAS values (its option -C): nothing would keep an old value from replacing a new one',
    )
  }
  const number = (name: string): number | undefined => {
    const text = stats.get(name)
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
  }
  const [pid, uptime, time] = [number('pid'), number('uptime'), number('time')]
  const isKnown = pid !== undefined && uptime !== undefined && time !== undefined
  return { history: isKnown ? `${time - uptime}.${pid}` : undefined, time, maxItemBytes: number('item_size_max') }
}
