import { CacheManager, unopened } from './cache-manager.ts'
import { viewOf } from './cache-view.ts'
import type { CacheBackend } from './contracts/backend.ts'
import type { CacheOptions } from './contracts/cache-options.ts'
import { loadConfig } from './config.ts'
import { asOptions, resolveSettings } from './settings.ts'
import { misuse } from './support/errors.ts'

/**
 * The default cache: one object for the life of the process, which `initCache` gives a backend and `closeCache` takes it from. Before
 * and after, functions run uncached (shared while they run), `get` gives `null`, `set` `false`.
 */
export const cacheManager: CacheManager = new CacheManager(unopened)

/** What the present backend was made from. */
let current: { readonly given: CacheBackend | CacheOptions | undefined; readonly environment: string } | undefined
let initialising: Promise<CacheManager> | undefined

/**
 * Gives the default cache its backend: the one passed, else Redis as options and environment say. Answers within two seconds whether or
 * not the backend does; without one, a memory stands in until it returns (`onUnavailable`).
 *
 * Calling it again with the same argument does nothing; with another, the new backend takes over while calls go on, and the old one is
 * closed. A backend passed here belongs to the cache, which closes it.
 *
 * @returns `cacheManager`
 * @throws {TypeError | RangeError} for bad options and bad environment variables, by name
 * @throws {CacheError} `CACHE_UNAVAILABLE` with `onUnavailable: 'throw'`
 */
export async function initCache(backendOrOptions?: CacheBackend | CacheOptions): Promise<CacheManager> {
  const options = asOptions(backendOrOptions)
  if (options.runtime !== undefined)
    throw misuse('CACHE_BAD_OPTION', 'runtime is an option of createCache: the default cache has its own')
  const environment = JSON.stringify(loadConfig(options.env))
  if (current !== undefined && current.given === backendOrOptions && current.environment === environment) {
    return (await initialising) ?? cacheManager
  }
  const settings = resolveSettings(options)
  const mine = { given: backendOrOptions, environment }
  current = mine
  const opening = viewOf(cacheManager)
    .engine.open(settings)
    .then(
      () => cacheManager,
      (error: unknown) => {
        // A failed init is forgotten: the next one tries again.
        if (current === mine) current = undefined
        throw error
      },
    )
    .finally(() => {
      if (initialising === opening) initialising = undefined
    })
  initialising = opening
  return await opening
}

/** Lets writes under way end, closes the backend, leaves no timer and no handle. Idempotent. */
export async function closeCache(): Promise<void> {
  current = undefined
  await cacheManager.close()
}

/**
 * A cache of its own, for dependency injection and tests. Opened by `init()` or by its first call.
 *
 * @throws {TypeError | RangeError} at once for bad options and bad environment variables, by name
 */
export function createCache(options: CacheOptions = {}): CacheManager {
  return new CacheManager(options)
}
