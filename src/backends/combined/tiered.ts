import type { BatchCapability, CacheBackend, LeaseCapability, TagCapability } from '../../contracts/backend.ts'
import type { Duration } from '../../contracts/duration.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { toMs } from '../../support/duration.ts'
import { describe, misuse, outOfRange } from '../../support/errors.ts'
import { checkOptionNames } from '../../support/options.ts'
import { systemRuntime } from '../../support/runtime.ts'
import { checkBackendShape, nameOf } from './backend-name.ts'
import { NearTier } from './near-tier.ts'

export interface TieredOptions {
  /**
   * How long a copy in the near backend is served: what another process changed in the far one may be read for so long, and what ended there by
   * itself. Default: 5 s.
   */
  readonly nearTtl?: Duration | undefined
  /** What the near backend has for an answer; then the far one is asked, and the near one for a second no more. Default: 50 ms. */
  readonly nearBudget?: Duration | undefined
  /** Told when the near backend fails: nobody else is, since the far one answers in its place. Default: nobody is. */
  readonly onNearError?: ((error: unknown) => void) | undefined
  /** Time, timers, randomness. For tests. */
  readonly runtime?: Runtime | undefined
}

/**
 * A near backend in front of a far one, for a far one that is slow and tells of no changes. The far one is the store: what it says counts, its tags,
 * leases and link are those of the whole. The near one holds copies, which only this very backend reads: give each process a near one of its own.
 *
 * What holds: a read that starts after a `set`, a `delete` or a fill through this backend was answered gives nothing older, whatever the near one does
 * meanwhile. What other processes change is seen within `nearTtl`; tags at once, where the far one has them. A near one that fails or hangs costs one
 * budget and is then left alone for a second, and whatever it held is void for good. In front of a backend that tells of changes (Redis at a `url`) the
 * manager's own memory is better: it is never stale for longer than the news take.
 *
 * @throws {TypeError | RangeError} `CACHE_BAD_OPTION`, `CACHE_BAD_DURATION`
 * @example
 * const backend = tiered(new MemoryBackend({ maxBytes: 64 * 1024 * 1024 }), postgres, { nearTtl: '2s' })
 */
export function tiered(near: CacheBackend, far: CacheBackend, options: TieredOptions = {}): CacheBackend {
  checkBackendShape(near, 'The near backend')
  checkBackendShape(far, 'The far backend')
  checkOptionNames(options, new Set(['nearTtl', 'nearBudget', 'onNearError', 'runtime']), 'tiered')
  const { nearTtl = 5, nearBudget = '50ms', onNearError = () => {}, runtime = systemRuntime } = options
  if (typeof onNearError !== 'function')
    throw misuse('CACHE_BAD_OPTION', `onNearError must be a function, got ${describe(onNearError)}`)
  // Nothing here tells what others change: without an end a copy would be wrong for good.
  if (nearTtl === 'forever') throw outOfRange('CACHE_BAD_DURATION', "nearTtl must have an end, got 'forever'")
  const copies = new NearTier({
    near,
    runtime,
    longestMs: toMs(nearTtl, 'nearTtl'),
    budgetMs: toMs(nearBudget, 'nearBudget'),
    failed: (error) => {
      try {
        onNearError(error)
      } catch {
        // Who listens must not break a read.
      }
    },
  })
  /** Reads that have not asked the far one yet, and may. */
  const looking = new Set<Promise<unknown>>()

  /** The far one is told in the turn of the call, so it keeps its order if it has any. */
  const changing = <T>(
    keys: readonly string[],
    tell: () => T | PromiseLike<T>,
    copyOf?: (answer: T) => { text: string; ttl: number } | undefined,
  ): Promise<T> => {
    const changes = [...new Set(keys)].map((key) => copies.beginChange(key))
    const end = async (): Promise<T> => {
      let copy
      try {
        const answer = await tell()
        copy = copyOf?.(answer)
        return answer
      } finally {
        for (const change of changes) change.done(copy)
      }
    }
    return end()
  }

  /** Resolves when all that are not found near have been asked for. */
  const lookUp = (
    keys: readonly string[],
    askFar: (missing: readonly string[]) => Promise<ReadonlyArray<string | null | undefined>>,
  ) => {
    const asked = Promise.all(keys.map((key) => copies.read(key))).then((found) => {
      const missing = keys.filter((_, index) => found[index] === undefined)
      const readings = missing.map((key) => copies.beginReading(key))
      // Wrapped: a promise inside a promise would be waited for.
      return { found, readings, answer: missing.length === 0 ? Promise.resolve([]) : askFar(missing) }
    })
    const gone = asked.then(
      () => void looking.delete(gone),
      () => void looking.delete(gone),
    )
    looking.add(gone)
    return asked
  }

  const readMany = async (
    keys: readonly string[],
    askFar: (missing: readonly string[]) => Promise<ReadonlyArray<string | null | undefined>>,
  ): Promise<ReadonlyArray<string | null>> => {
    const { found, readings, answer } = await lookUp(keys, askFar)
    let texts: ReadonlyArray<string | null | undefined> = []
    try {
      texts = await answer
    } finally {
      for (const [index, reading] of readings.entries()) copies.endReading(reading, texts[index] ?? undefined)
    }
    let next = 0
    return found.map((copy) => copy ?? texts[next++] ?? null)
  }

  const { batch, leases, tags, scan, link } = far
  return {
    name: `${nameOf(near)} in front of ${nameOf(far)}`,
    async connect() {
      try {
        await near.connect?.()
      } catch (error) {
        copies.fail(error)
      }
      await far.connect?.()
    },
    get: async (key) => (await readMany([key], async ([one]) => [await far.get(one as string)]))[0],
    set: (key, value, ttl) =>
      changing(
        [key],
        () => far.set(key, value, ttl),
        (answer) => (answer === false ? undefined : { text: value, ttl }),
      ),
    delete: (key) => changing([key], () => far.delete(key)),
    exists: (key) => far.exists(key),
    ping: () => far.ping(),
    async close(owing) {
      try {
        await near.close()
      } catch (error) {
        copies.fail(error)
      }
      await far.close(owing)
    },
    ...(far.ordered !== undefined && { ordered: far.ordered }),
    ...(batch !== undefined && {
      batch: {
        get: (keys) => readMany(keys, async (missing) => await batch.get(missing)),
        delete: (keys) => changing(keys, () => batch.delete(keys)),
      } satisfies BatchCapability,
    }),
    ...(leases !== undefined && { leases: leasesOf(leases, changing, (key) => copies.drop(key)) }),
    ...(tags !== undefined && { tags: tagsOf(tags, looking) }),
    ...(scan !== undefined && { scan }),
    ...(link !== undefined && { link }),
  }
}

type Changing = <T>(
  keys: readonly string[],
  tell: () => T | PromiseLike<T>,
  copyOf?: (answer: T) => { text: string; ttl: number } | undefined,
) => Promise<T>

function leasesOf(leases: LeaseCapability, changing: Changing, drop: (key: string) => void): LeaseCapability {
  return {
    get isOn() {
      return leases.isOn
    },
    async acquire(key, request) {
      const answer = await leases.acquire(key, request)
      // What was read and is now compared may have been a copy: the next read must not find it again.
      if (answer.kind === 'changed') drop(key)
      return answer
    },
    renew: (key, token, leaseMs) => leases.renew(key, token, leaseMs),
    async fill(key, value, ttl, token) {
      const answer = await changing(
        [key],
        () => leases.fill(key, value, ttl, token),
        (told) => (told === 'fenced' ? undefined : { text: value, ttl }),
      )
      // Changes of it are not told to who keeps it.
      return answer === 'followed' ? 'stored' : answer
    },
    release: (key, token, pauseMs) => leases.release(key, token, pauseMs),
  }
}

/** The clock must be read after every value that was asked for before: some of those are being looked for near. */
function tagsOf(tags: TagCapability, looking: ReadonlySet<Promise<unknown>>): TagCapability {
  return {
    async read(since) {
      if (looking.size > 0) await Promise.all(looking)
      return await tags.read(since)
    },
    stamp: (names, since) => tags.stamp(names, since),
    renew: (emptied) => tags.renew(emptied),
    ...(tags.enter !== undefined && {
      enter: (since): ReturnType<TagCapability['read']> => tags.enter?.(since) ?? tags.read(since),
    }),
  }
}
