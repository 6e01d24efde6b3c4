import type { BatchCapability, CacheBackend, ScanCapability } from '../../contracts/backend.ts'
import type { Duration } from '../../contracts/duration.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { Deadlines } from '../../support/deadline.ts'
import { toMs } from '../../support/duration.ts'
import { misuse, quote } from '../../support/errors.ts'
import { checkOptionNames } from '../../support/options.ts'
import { systemRuntime } from '../../support/runtime.ts'
import { ErrorWitness } from './error-witness.ts'
import { instanceAccess } from './instance-access.ts'
import type { KeyvInstance, KeyvStorage } from './keyv-shapes.ts'
import { checkStorage, isKeyv, stateOf } from './keyv-shapes.ts'
import type { Access, Found } from './storage-access.ts'
import { storageAccess } from './storage-access.ts'

// Any store that Keyv can use, as a backend.

export interface KeyvBackendOptions {
  /** Whether `close()` also disconnects the store, which is the application's. Default: `false`. */
  readonly disconnectOnClose?: boolean | undefined
  /**
   * Bounds each call, for adapters that wait for ever for a server that is gone. The cache itself waits for its `budget` and no longer.
   * Default: 5 s.
   */
  readonly timeout?: Duration | undefined
  /** The clock. For tests; a `Keyv` has its own, `Date`. */
  readonly runtime?: Runtime | undefined
}

const optionNames: ReadonlySet<string> = new Set<keyof KeyvBackendOptions>(['disconnectOnClose', 'timeout', 'runtime'])
const keysPerPage = 100

/**
 * A storage adapter of Keyv, a `Keyv`, or a `Map` as a backend: six methods; `batch` where the store has `getMany`, `scan` where it can
 * be iterated. Leases and tags are kept in each process, for a Keyv store has no place for them, and nobody is told of changes.
 *
 * Expiry is exact, whether or not the store knows any. A failure rejects, also where the store only tells of it by an 'error' event.
 *
 * @example
 * await initCache(keyvBackend(new KeyvSqlite('sqlite://cache.db')))
 *
 * @throws {TypeError | RangeError} `CACHE_BAD_OPTION`, `CACHE_BAD_DURATION`
 */
export function keyvBackend(storeOrKeyv: KeyvStorage | KeyvInstance, options: KeyvBackendOptions = {}): CacheBackend {
  checkStorage(storeOrKeyv)
  checkOptionNames(options, optionNames, 'keyvBackend()')
  const { disconnectOnClose = false, timeout = 5, runtime = systemRuntime } = options
  const timeoutMs = toMs(timeout, 'timeout')
  if (typeof disconnectOnClose !== 'boolean') {
    throw misuse('CACHE_BAD_OPTION', `disconnectOnClose must be true or false, got ${quote(disconnectOnClose)}`)
  }
  const isInstance = isKeyv(storeOrKeyv)
  const access = isInstance ? instanceAccess(storeOrKeyv) : storageAccess(storeOrKeyv)
  const deadlines = new Deadlines(runtime)
  const witness = new ErrorWitness(
    isInstance ? [storeOrKeyv, stateOf(storeOrKeyv).store] : [storeOrKeyv],
    async (work, what) => await deadlines.bound(work, timeoutMs, what),
  )

  const textOf = (found: Found | undefined): string | null =>
    found === undefined || (found.expires !== undefined && found.expires <= runtime.now()) ? null : found.text
  const get = async (key: string): Promise<string | null> =>
    textOf(await witness.read('get', () => access.get(key), isFound))
  const remove = async (key: string): Promise<boolean> =>
    (await witness.write('delete', () => access.delete(key))) !== false

  const batch = batchOf(access, witness, textOf, remove)
  const scan = scanOf(access, witness)
  return {
    name: 'keyv',
    get,
    async set(key, value, ttl) {
      const ttlMs = ttl * 1000
      const found = { text: value, expires: runtime.now() + ttlMs }
      return (await witness.write('set', () => access.set(key, found, ttlMs))) !== false
    },
    delete: remove,
    // A store that knows no expiry would say yes to what is over.
    exists: async (key) => (await get(key)) !== null,
    async ping() {
      await get('speedrun-cache:ping')
      return true
    },
    async close() {
      if (disconnectOnClose) await deadlines.bound(Promise.resolve(access.disconnect()), timeoutMs, 'disconnect')
    },
    ...(batch === undefined ? {} : { batch }),
    ...(scan === undefined ? {} : { scan }),
  }
}

function isFound(found: Found | undefined): boolean {
  return found !== undefined
}

function batchOf(
  { getMany, deleteMany, hasMany }: Access,
  witness: ErrorWitness,
  textOf: (found: Found | undefined) => string | null,
  remove: (key: string) => Promise<boolean>,
): BatchCapability | undefined {
  if (getMany === undefined) return undefined
  return {
    async get(keys) {
      const found = await witness.read(
        'getMany',
        () => getMany(keys),
        (answers) => answers.length === keys.length && answers.every(isFound),
      )
      // Too few answers are those of other keys, perhaps.
      if (found.length !== keys.length)
        throw new Error(`The Keyv store answered ${found.length} of ${keys.length} keys`)
      return found.map(textOf)
    },
    async delete(keys) {
      // `deleteMany` does not say how many there were.
      if (deleteMany === undefined || hasMany === undefined) {
        return (await Promise.all(keys.map(remove))).filter(Boolean).length
      }
      const existing = await witness.read(
        'hasMany',
        () => hasMany(keys),
        (answers) => answers.every(Boolean),
      )
      await witness.write('deleteMany', () => deleteMany(keys))
      return existing.filter(Boolean).length
    },
  }
}

/** Also keys whose time is over: whoever clears a store that knows no expiry wants to be rid of them. */
function scanOf({ keys }: Access, witness: ErrorWitness): ScanCapability | undefined {
  if (keys === undefined) return undefined
  return {
    async *keys(prefix) {
      const all = keys()[Symbol.asyncIterator]()
      let page: string[] = []
      let isAsked = false
      try {
        for (;;) {
          isAsked = true
          // An iteration that was cut short looks like one that is over.
          const next = await witness.read(
            'the iterator',
            () => all.next(),
            ({ done }) => done !== true,
          )
          isAsked = false
          if (next.done === true) break
          if (next.value.startsWith(prefix)) page.push(next.value)
          if (page.length < keysPerPage) continue
          yield page
          page = []
        }
      } finally {
        // Whoever stops in the middle ends the store's iteration too. One that does not answer would not answer this either.
        if (!isAsked) await all.return?.()
      }
      if (page.length > 0) yield page
    },
  }
}
