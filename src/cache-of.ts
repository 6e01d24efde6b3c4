import { handleOf } from './cached.ts'
import type { AsyncFunction, AsyncMethodName, CacheHandle } from './contracts/cached-function.ts'
import { describe, misuse } from './support/errors.ts'

/**
 * The members of a decorated method, bound to the object it belongs to. A decorator cannot change a method's type, so this is how
 * `invalidate` and its like are reached.
 *
 * @example
 * await cacheOf(documents, 'parse').invalidate(hash)
 * @throws {TypeError} `CACHE_MISUSE` when the method is not cached
 */
export function cacheOf<T, K extends AsyncMethodName<T>>(
  self: T,
  method: K,
): CacheHandle<Parameters<Extract<T[K], AsyncFunction>>, Awaited<ReturnType<Extract<T[K], AsyncFunction>>>> {
  const bind = (
    self as Record<PropertyKey, { readonly [handleOf]?: (self: unknown) => unknown } | undefined> | undefined
  )?.[method]?.[handleOf]
  if (bind === undefined)
    throw misuse('CACHE_MISUSE', `'${String(method)}' of ${describe(self)} is not a cached method`)
  return bind(self) as CacheHandle<
    Parameters<Extract<T[K], AsyncFunction>>,
    Awaited<ReturnType<Extract<T[K], AsyncFunction>>>
  >
}
