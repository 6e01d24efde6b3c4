import type {
  Awaitable,
  CacheBackend,
  LeaseCapability,
  PushCapability,
  PushEvents,
  ScanCapability,
} from '../../contracts/backend.ts'
import { describe, misuse } from '../../support/errors.ts'
import { checkBackendShape, nameOf } from './backend-name.ts'

// One store for several applications: each has its keys behind a prefix of its own, and neither sees nor is told of another's. What counts of
// keys is translated on the way in and on the way back, in every capability. What is not about keys passes as it is: above all the tag clock,
// which is the store's, so that `clear()` of one application makes the entries of all void. That costs the others loads, and is never wrong.

const longestPrefix = 512

/**
 * The same backend, but that each key stands behind a prefix. It has every capability of the backend, except `embedded`: a manager keeps texts in
 * a `MemoryBackend` behind a prefix, as in any store.
 *
 * Choose prefixes none of which begins another, such as those that end with `:`. On a Redis Cluster a prefix in braces would put
 * all keys on one node. `close()` closes the backend itself.
 *
 * @param prefix 1 to 512 well-formed characters without control characters
 * @throws {TypeError} `CACHE_BAD_OPTION`
 * @example
 * const backend = withPrefix(new RedisBackend({ url }), 'billing:')
 */
export function withPrefix(backend: CacheBackend, prefix: string): CacheBackend {
  checkBackendShape(backend, 'The first argument of withPrefix')
  if (
    typeof prefix !== 'string' ||
    prefix === '' ||
    prefix.length > longestPrefix ||
    /[\p{Cc}\p{Surrogate}]/u.test(prefix)
  ) {
    throw misuse(
      'CACHE_BAD_OPTION',
      `prefix must be 1 to ${longestPrefix} well-formed characters without control characters, got ${describe(prefix)}`,
    )
  }
  const inside = (key: string): string => prefix + key
  const allInside = (keys: readonly string[]): readonly string[] => keys.map(inside)
  /** Keys of others are left out. */
  const outside = (keys: readonly string[]): readonly string[] =>
    keys.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))
  const { batch, scan, leases, push, tags, link } = backend
  return {
    name: nameOf(backend),
    ...(backend.connect !== undefined && { connect: (): Awaitable<void> => backend.connect?.() }),
    get: (key) => backend.get(inside(key)),
    set: (key, value, ttl) => backend.set(inside(key), value, ttl),
    delete: (key) => backend.delete(inside(key)),
    exists: (key) => backend.exists(inside(key)),
    ping: () => backend.ping(),
    close: (owing) => backend.close(owing),
    ...(backend.ordered !== undefined && { ordered: backend.ordered }),
    ...(batch !== undefined &&
      ({
        batch: { get: (keys) => batch.get(allInside(keys)), delete: (keys) => batch.delete(allInside(keys)) },
      } satisfies Pick<CacheBackend, 'batch'>)),
    ...(scan !== undefined && { scan: scanInside(scan, inside, outside) }),
    ...(leases !== undefined && { leases: leasesInside(leases, inside) }),
    ...(push !== undefined && { push: pushOutside(push, outside) }),
    ...(tags !== undefined && { tags }),
    ...(link !== undefined && { link }),
  }
}

function scanInside(
  scan: ScanCapability,
  inside: (key: string) => string,
  outside: (keys: readonly string[]) => readonly string[],
): ScanCapability {
  return {
    async *keys(prefix) {
      for await (const page of scan.keys(inside(prefix))) yield outside(page)
    },
  }
}

function leasesInside(leases: LeaseCapability, inside: (key: string) => string): LeaseCapability {
  return {
    get isOn() {
      return leases.isOn
    },
    acquire: (key, request) => leases.acquire(inside(key), request),
    renew: (key, token, leaseMs) => leases.renew(inside(key), token, leaseMs),
    fill: (key, value, ttl, token) => leases.fill(inside(key), value, ttl, token),
    release: (key, token, pauseMs) => leases.release(inside(key), token, pauseMs),
  }
}

function pushOutside(push: PushCapability, outside: (keys: readonly string[]) => readonly string[]): PushCapability {
  const ours = (keys: readonly string[], tell: (keys: readonly string[]) => void): void => {
    const known = outside(keys)
    if (known.length > 0) tell(known)
  }
  const translated = (events: PushEvents): PushEvents => ({
    changed: (keys) => ours(keys, (known) => events.changed(known)),
    writing: (keys, by) => ours(keys, (known) => events.writing(known, by)),
    written: (keys, by) => ours(keys, (known) => events.written(known, by)),
    changedAll: () => events.changedAll(),
    tagsChanged: () => events.tagsChanged(),
    heard: (sentAt) => events.heard(sentAt),
  })
  return {
    get isOn() {
      return push.isOn
    },
    get boundMs() {
      return push.boundMs
    },
    watch: (events) => push.watch(translated(events)),
  }
}
