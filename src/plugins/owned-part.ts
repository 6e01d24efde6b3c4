import type { CacheManager, CacheNamespace } from '../contracts/cache-manager.ts'
import { viewOf } from '../cache-view.ts'
import { describe, misuse, quote } from '../support/errors.ts'

// What the shapes of other packages stand on: a part of a cache under a name of its own, so that no key of theirs, whoever chose it, can be
// the key of a cached function.

export interface OwnedPart {
  readonly part: CacheNamespace
  /** Closes the cache, where that was asked for. */
  readonly closeCache: () => Promise<void>
}

/** @throws {TypeError} `CACHE_MISUSE` for what is no cache of ours, `CACHE_BAD_OPTION` */
export function ownedPart(cache: CacheNamespace | CacheManager, name: string, closes: boolean | undefined): OwnedPart {
  viewOf(cache)
  if (closes !== undefined && typeof closes !== 'boolean') {
    throw misuse('CACHE_BAD_OPTION', `closeCache must be true or false, got ${quote(closes)}`)
  }
  const part = cache.namespace(name)
  if (closes !== true) return { part, closeCache: async () => {} }
  if (!('close' in cache)) {
    throw misuse('CACHE_BAD_OPTION', `closeCache needs the whole cache, got ${describe(cache)}, a part of one`)
  }
  return { part, closeCache: async () => await cache.close() }
}

/**
 * A life of `ms` as the cache takes it. Other packages give milliseconds, where none and 0 mean: for ever.
 * @returns `undefined` for a life that is over already
 * @throws {TypeError} `CACHE_BAD_DURATION`
 */
export function lifeOf(ms: unknown, what: string): 'forever' | `${number}ms` | undefined {
  if (ms === undefined || ms === null || ms === 0 || ms === Infinity) return 'forever'
  if (typeof ms !== 'number' || Number.isNaN(ms)) {
    throw misuse('CACHE_BAD_DURATION', `${what} must be a number of milliseconds, got ${quote(ms)}`)
  }
  return ms < 0 ? undefined : `${Math.ceil(ms)}ms`
}
