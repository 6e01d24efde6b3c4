import type { CacheBackend } from '../contracts/backend.ts'
import type { Runtime, Timer } from '../contracts/runtime.ts'
import { CacheError } from '../support/errors.ts'
import type { Journal } from './journal.ts'
import type { RecentInvalidations } from './recent-invalidations.ts'
import type { RemoteTier } from './remote-tier.ts'
import { isStoreDown } from './remote-tier.ts'
import type { TagNews } from './tag-news.ts'

// The way back to a primary that was away, in one order: connected, answering, known for who it is, journal replayed, tag clock read, and
// all that again if the journal grew or the connection was lost meanwhile. Only then may what it holds be read. First contact is the
// same way with an empty journal.

const replayChunk = 1000
/** How soon an invalidation is repeated that a working store refused. */
const retryMs = 250

export interface RecoveryOptions {
  readonly backend: CacheBackend
  readonly remote: RemoteTier
  readonly journal: Journal
  readonly recent: RecentInvalidations
  readonly runtime: Runtime
  readonly tagNews: TagNews
}

export class Recovery {
  readonly #backend: CacheBackend
  readonly #remote: RemoteTier
  readonly #journal: Journal
  readonly #recent: RecentInvalidations
  readonly #runtime: Runtime
  readonly #tagNews: TagNews
  #retry: Timer | undefined
  #connected = false
  #refused = 0
  #stopped = false
  #connecting: Promise<void> | undefined
  #attempt: Promise<boolean> | undefined
  /** As of the last return. */
  #history: string | undefined
  #losses = 0

  constructor({ backend, remote, journal, recent, runtime, tagNews }: RecoveryOptions) {
    this.#backend = backend
    this.#remote = remote
    this.#journal = journal
    this.#recent = recent
    this.#runtime = runtime
    this.#tagNews = tagNews
  }

  /** The connection is gone: what was asked on it says nothing about the next one. */
  linkLost(): void {
    this.#losses++
  }

  /** Whether `connect` of the backend has ever succeeded. */
  get connected(): boolean {
    return this.#connected
  }

  /**
   * One attempt, however many ask at once.
   * @param returned called in the same turn in which the journal was seen to be empty: nothing can slip in between; told whether the
   * history of the data is known to be the same as at the last return
   * @returns false when the primary does not answer; rejects with what went wrong otherwise
   */
  attempt(returned: (isSame: boolean) => void): Promise<boolean> {
    this.#attempt ??= this.#return(returned).finally(() => {
      this.#attempt = undefined
    })
    return this.#attempt
  }

  /** Repeats what the journal holds. It forgets exactly what the store has confirmed. */
  async replay(): Promise<void> {
    const batch = this.#journal.batch()
    if (batch === undefined) return
    const refused = new Set<string>()
    if (batch.everything) await this.#remote.renew(false)
    for (let from = 0; from < batch.keys.length; from += replayChunk) {
      const chunk = batch.keys.slice(from, from + replayChunk)
      await unlessRefused(this.#remote.delete(chunk), async () => {
        // One that cannot be deleted must not keep the others from being: it stays in the journal, and so a miss here.
        for (const key of chunk) await unlessRefused(this.#remote.delete([key]), () => refused.add(key))
      })
    }
    if (batch.tags.length > 0) {
      await unlessRefused(this.#remote.stamp(batch.tags), () => batch.tags.forEach((tag) => refused.add(tag)))
    }
    batch.confirm(refused)
    this.#refused = refused.size
  }

  /** For a store that is left: what it confirms now nobody has to remember. Never rejects. */
  async replayOnce(): Promise<void> {
    try {
      if (this.#connected && (await this.#remote.ping())) await this.replay()
    } catch {
      // It stays in the journal.
    }
  }

  /** For an invalidation that a working store refused: repeats it until it is confirmed, as long as the store is in use. */
  replaySoon(inUse: () => boolean): void {
    if (this.#retry !== undefined || !inUse()) return
    const again = (): void => (this.#journal.size > 0 ? this.replaySoon(inUse) : undefined)
    this.#retry = this.#runtime.setTimer(
      () => {
        this.#retry = undefined
        if (inUse()) this.replay().then(again, again)
      },
      retryMs,
      'background',
    )
  }

  stop(): void {
    this.#stopped = true
    if (this.#retry !== undefined) this.#runtime.clearTimer(this.#retry)
    this.#retry = undefined
  }

  async #return(returned: (isSame: boolean) => void): Promise<boolean> {
    await this.#ensureConnected()
    if (!(await this.#remote.ping())) return false
    let losses: number
    let history: string | undefined
    let isSame: boolean
    do {
      losses = this.#losses
      history = this.#backend.link?.history
      // What was confirmed a moment ago may be lost, unless it is known that nothing came between.
      isSame = history !== undefined && history === this.#history
      if (!isSame) this.#journal.add(this.#recent.all())
      // From here on what is told of the clock comes after what is read of it.
      this.#tagNews.forget()
      await this.#remote.enter()
      await this.replay()
      await this.#remote.readTags()
    } while (this.#journal.size > this.#refused || losses !== this.#losses)
    this.#history = history
    returned(isSame)
    return true
  }

  async #ensureConnected(): Promise<void> {
    if (this.#connected) return
    this.#connecting ??= (async () => {
      await this.#backend.connect?.()
      if (this.#stopped) {
        // Nobody is left to use it, or to close it later.
        await this.#backend.close()
        throw new CacheError('CACHE_CLOSED', 'The cache was closed while its backend was being connected')
      }
      this.#connected = true
    })().finally(() => {
      this.#connecting = undefined
    })
    await this.#connecting
  }
}

/** An answered "no" is dealt with; a store that does not answer ends the attempt. */
async function unlessRefused(work: Promise<unknown>, refused: () => unknown): Promise<void> {
  try {
    await work
  } catch (error) {
    if (isStoreDown(error)) throw error
    await refused()
  }
}
