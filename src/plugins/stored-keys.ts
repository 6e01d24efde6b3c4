import type { CacheNamespace } from '../contracts/cache-manager.ts'
import { fullKey, viewOf } from '../cache-view.ts'
import { misuse } from '../support/errors.ts'

// Which keys a part of a cache has. The store is asked: the cache itself keeps no list.

/**
 * Pages of the keys of `part` that begin with `beginning`, each key once. Keys whose time is over, or that were invalidated, may be among
 * them.
 * @throws {TypeError} `CACHE_MISUSE` where the backend cannot tell its keys
 */
export async function* storedKeys(part: CacheNamespace, beginning: string): AsyncGenerator<readonly string[]> {
  const view = viewOf(part)
  await view.engine.ready()
  if (view.engine.store === undefined) return
  const backend = view.engine.settings?.backend
  const prefix = fullKey(view, '')
  // A store may tell a key twice while it grows.
  const told = new Set<string>()
  for await (const page of pagesOf(backend, prefix + beginning)) {
    const fresh = page.filter((key) => !told.has(key) && !isOwn(key))
    fresh.forEach((key) => told.add(key))
    yield fresh.map((key) => key.slice(prefix.length))
  }
}

type Backend = NonNullable<ReturnType<typeof viewOf>['engine']['settings']>['backend']

function pagesOf(backend: Backend | undefined, prefix: string): AsyncIterable<readonly string[]> {
  if (backend?.embedded !== undefined) return onePage([...backend.embedded.tier.slots.keys()].map(String), prefix)
  if (backend?.scan !== undefined) return backend.scan.keys(prefix)
  throw misuse(
    'CACHE_MISUSE',
    'Only a backend with the capability scan can be iterated: it alone knows which keys there are',
  )
}

async function* onePage(keys: readonly string[], prefix: string): AsyncGenerator<readonly string[]> {
  yield await Promise.resolve(keys.filter((key) => key.startsWith(prefix)))
}

/** Leases and the tag clock. */
function isOwn(key: string): boolean {
  return /#[lt]$/.test(key)
}
