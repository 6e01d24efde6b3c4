import type { CacheBackend } from '../contracts/backend.ts'
import type { Invalidation } from '../contracts/events.ts'
import { CacheError, misuse } from '../support/errors.ts'
import type { Coherence } from './coherence.ts'
import type { Emitter } from './emit.ts'
import type { Fallback } from './fallback.ts'
import type { Journal } from './journal.ts'
import type { RecentInvalidations } from './recent-invalidations.ts'
import type { Recovery } from './recovery.ts'
import type { RemoteTier } from './remote-tier.ts'

// Invalidations of a primary behind a call. Each is applied to it, or goes into the journal and is applied before this process reads the
// primary again; in between the journal's filter makes it true here.

export interface RemoteInvalidationOptions {
  readonly backend: CacheBackend
  readonly emitter: Emitter
  readonly remote: RemoteTier
  readonly coherence: Pick<Coherence, 'writing' | 'written' | 'changedAll'>
  readonly journal: Journal
  readonly recent: RecentInvalidations
  readonly recovery: Recovery
  readonly fallback: Fallback | undefined
  readonly isUp: () => boolean
  /** `drain` and `close` wait for it. */
  readonly tracked: <T>(work: Promise<T>) => Promise<T>
  readonly detachFlights: () => void
}

export class RemoteInvalidation {
  readonly #options: RemoteInvalidationOptions

  constructor(options: RemoteInvalidationOptions) {
    this.#options = options
  }

  async delete(keys: readonly string[]): Promise<Invalidation> {
    const { remote, coherence, journal, recent, fallback } = this.#options
    coherence.writing(keys)
    return await this.#apply(
      async () => {
        await remote.delete(keys)
        recent.addKeys(keys)
        // Read before the store knew, and kept since.
        coherence.written(keys)
      },
      () => {
        for (const key of keys) {
          journal.addKey(key)
          fallback?.tier.delete(key)
        }
        coherence.written(keys)
      },
    )
  }

  async stamp(tags: readonly string[]): Promise<Invalidation> {
    const { remote, journal, recent } = this.#options
    return await this.#applyToMany(
      async () => {
        await remote.stamp(tags)
        recent.addTags(tags)
      },
      () => tags.forEach((tag) => journal.addTag(tag)),
    )
  }

  async renew(): Promise<Invalidation> {
    const { remote, journal, recent } = this.#options
    return await this.#applyToMany(
      async () => {
        await remote.renew(false)
        recent.addEverything()
      },
      () => journal.addEverything(),
    )
  }

  /**
   * Values without our header carry nothing to judge them by: they are deleted one by one. That cannot be done later for a time before,
   * so it is not journaled.
   *
   * @param tags stamped for the others; none: everything under the clock goes
   * @throws {TypeError} `CACHE_MISUSE` when the backend cannot list keys
   * @throws {CacheError} `CACHE_UNAVAILABLE` when it does not answer; some keys may be deleted by then
   */
  async deletePrefix(prefix: string, tags: readonly string[]): Promise<Invalidation> {
    const { backend, remote, coherence, isUp, tracked, detachFlights } = this.#options
    const { scan } = backend
    if (scan === undefined) {
      throw misuse(
        'CACHE_MISUSE',
        "clear() deletes values written with wire: 'plain' by key: the backend cannot list keys",
      )
    }
    const work = async (): Promise<void> => {
      for await (const keys of scan.keys(prefix)) if (keys.length > 0) await remote.delete(keys)
      await (tags.length > 0 ? remote.stamp(tags) : remote.renew(true))
      coherence.changedAll()
    }
    try {
      if (!isUp()) throw new CacheError('CACHE_UNAVAILABLE', 'The store does not answer')
      await tracked(work())
    } catch (error) {
      const text = 'The store does not answer: values written as plain JSON cannot be cleared now'
      throw new CacheError('CACHE_UNAVAILABLE', text, { cause: error })
    }
    detachFlights()
    return 'applied'
  }

  /** What the primary holds under the key is to be deleted before it is read again. */
  async remember(key: string): Promise<void> {
    this.#options.journal.addKey(key)
    await this.#saved()
  }

  /** The primary has taken a newer value of the key, which voids the older ones as a delete does. */
  replaced(key: string): void {
    const { journal, recent } = this.#options
    journal.forgetKey(key)
    recent.addKeys([key])
  }

  /** A write that nobody confirmed may arrive, or one that had been given up has: what it wrote is deleted. */
  repeat(keys: readonly string[]): void {
    const { coherence, journal, recovery, isUp } = this.#options
    for (const key of keys) journal.addKey(key)
    coherence.written(keys)
    void this.#saved()
    recovery.replaySoon(isUp)
  }

  async #applyToMany(apply: () => Promise<void>, journal: () => void): Promise<Invalidation> {
    const { backend, coherence, fallback, detachFlights } = this.#options
    if (backend.tags !== undefined) {
      return await this.#apply(apply, () => {
        journal()
        fallback?.tier.clear()
        coherence.changedAll()
        // Their tags are not known here: none of the loads under way may store anything.
        detachFlights()
      })
    }
    await apply()
    fallback?.tier.clear()
    return 'applied'
  }

  /** Never rejects: what cannot be saved is remembered here all the same. */
  async #saved(): Promise<void> {
    try {
      await this.#options.journal.saved()
    } catch (error) {
      this.#options.emitter.problem({ error, during: 'journal' })
    }
  }

  /** Applies an invalidation to the primary, or makes sure that it is before this process reads the primary again. */
  async #apply(apply: () => Promise<void>, journal: () => void): Promise<Invalidation> {
    const { emitter, recovery, isUp, tracked } = this.#options
    if (isUp()) {
      try {
        await tracked(apply())
        return 'applied'
      } catch (error) {
        emitter.problem({ error, during: 'invalidate' })
      }
    }
    journal()
    await this.#saved()
    // Came back while the invalidation was on its way into the journal: the return did not see it.
    if (isUp()) recovery.replaySoon(isUp)
    return 'journaled'
  }
}
