import type { Awaitable, CacheBackend } from '../contracts/backend.ts'

type Call = (method: string, work: () => Awaitable<unknown>) => Promise<unknown>

/**
 * A backend whose every question goes through `call`, those of its capabilities too. What is no question (who is told, whether something is on) passes as it is;
 * `embedded` does not: it would be a way around.
 */
export function mapMethods(inner: CacheBackend, call: Call): CacheBackend {
  const { batch, tags, scan, leases, push, link } = inner
  const ask = <T>(method: string, work: () => Awaitable<T>): Promise<T> => call(method, work) as Promise<T>
  const made = inner.constructor as { readonly name?: string } | undefined
  return {
    name: inner.name ?? (made?.name === 'Object' ? 'custom' : (made?.name ?? 'custom')),
    ...(inner.connect !== undefined && { connect: (): Awaitable<void> => inner.connect?.() }),
    get: (key) => ask('get', () => inner.get(key)),
    set: (key, value, ttl) => ask('set', () => inner.set(key, value, ttl)),
    delete: (key) => ask('delete', () => inner.delete(key)),
    exists: (key) => ask('exists', () => inner.exists(key)),
    ping: () => ask('ping', () => inner.ping()),
    close: (owing) => ask('close', () => inner.close(owing)),
    ...(inner.ordered !== undefined && { ordered: inner.ordered }),
    ...(batch !== undefined && {
      batch: {
        get: (keys: readonly string[]) => ask('batch.get', () => batch.get(keys)),
        delete: (keys: readonly string[]) => ask('batch.delete', () => batch.delete(keys)),
      },
    }),
    ...(tags !== undefined && {
      tags: {
        read: (since) => ask('tags.read', () => tags.read(since)),
        stamp: (names, since) => ask('tags.stamp', () => tags.stamp(names, since)),
        renew: (emptied) => ask('tags.renew', () => tags.renew(emptied)),
        ...(tags.enter !== undefined && {
          enter: (since) => ask('tags.enter', () => tags.enter?.(since) ?? tags.read(since)),
        }),
      } satisfies CacheBackend['tags'],
    }),
    ...(scan !== undefined && {
      scan: {
        async *keys(prefix: string) {
          const pages = scan.keys(prefix)[Symbol.asyncIterator]()
          for (;;) {
            const page = await ask('scan.keys', () => pages.next())
            if (page.done === true) return
            yield page.value
          }
        },
      },
    }),
    ...(leases !== undefined && {
      leases: {
        get isOn() {
          return leases.isOn
        },
        acquire: (key, request) => ask('leases.acquire', () => leases.acquire(key, request)),
        renew: (key, token, leaseMs) => ask('leases.renew', () => leases.renew(key, token, leaseMs)),
        fill: (key, value, ttl, token) => ask('leases.fill', () => leases.fill(key, value, ttl, token)),
        release: (key, token, pauseMs) => ask('leases.release', () => leases.release(key, token, pauseMs)),
      } satisfies CacheBackend['leases'],
    }),
    ...(push !== undefined && { push }),
    ...(link !== undefined && { link }),
  }
}
