import { cached } from '../cached.ts'
import type { CacheNamespace } from '../contracts/cache-manager.ts'
import type { CachedFunction } from '../contracts/cached-function.ts'
import type { Duration } from '../contracts/duration.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { Background } from '../support/background.ts'
import { fromAnyKey } from './any-key.ts'
import type { CompatibleEvents, RawEntry } from './compatible-shape.ts'
import type { Listeners } from './listeners.ts'
import { lifeOf } from './owned-part.ts'

// `wrap`: a cached function whose key and life come with each call, and a load behind the caller when the end is near.

export interface Lives {
  readonly ttlOf: (value: unknown) => number | undefined
  readonly thresholdOf: (value: unknown) => number | undefined
}

type Load = (key: string, load: () => unknown, lives: Lives) => Promise<RawEntry<unknown>>

/** A value whose life is over before it begins is returned, and not kept. */
const isKept = ({ value, expires }: RawEntry<unknown>, now: number): boolean =>
  value !== undefined && (expires === undefined || expires > now)

export class Refreshing {
  readonly #load: CachedFunction<Load>
  readonly #runtime: Runtime
  readonly #listeners: Listeners<CompatibleEvents>
  readonly #running: Set<string> = new Set()
  readonly #background: Background = new Background()

  constructor(part: CacheNamespace, runtime: Runtime, listeners: Listeners<CompatibleEvents>) {
    this.#runtime = runtime
    this.#listeners = listeners
    const load: Load = async (_key, run, { ttlOf }) => {
      const value = await run()
      const ttl = ttlOf(value)
      return lifeOf(ttl, 'ttl') === 'forever' ? { value } : { value, expires: runtime.now() + (ttl as number) }
    }
    this.#load = cached(load, {
      key: (key) => fromAnyKey(key),
      operation: 'cache-manager',
      // Counted from now: the value was made before.
      ttl: ({ expires }): Duration => (expires === undefined ? 'forever' : `${Math.max(1, expires - runtime.now())}ms`),
      // As there: a load that gives undefined found nothing to keep.
      shouldCache: (entry) => isKept(entry, runtime.now()),
      manager: part,
    })
  }

  async read(key: string, load: () => unknown, lives: Lives): Promise<RawEntry<unknown>> {
    const run = noting(load)
    const entry = await this.#load(key, run.load, lives)
    if (run.hasRun) this.#tellSet(key, entry)
    const threshold = lives.thresholdOf(entry.value)
    if (entry.expires !== undefined && threshold !== undefined && entry.expires - this.#runtime.now() < threshold) {
      // What was loaded just now is as new as it gets.
      if (!run.hasRun) this.#refresh(key, load, lives, entry.value)
    }
    return entry
  }

  /** Resolves when no load goes on behind anybody. */
  async ended(): Promise<void> {
    await this.#background.drain()
  }

  /** One at a time for each key. */
  #refresh(key: string, load: () => unknown, lives: Lives, old: unknown): void {
    if (this.#running.has(key)) return
    this.#running.add(key)
    const refreshed = this.#load
      .refresh(key, load, lives)
      .then((entry) => {
        this.#tellSet(key, entry)
        this.#listeners.emit('refresh', { key, value: entry.value })
      })
      .finally(() => this.#running.delete(key))
    this.#background.run(refreshed, (error) => this.#listeners.emit('refresh', { key, value: old, error }))
  }
  #tellSet(key: string, entry: RawEntry<unknown>): void {
    if (isKept(entry, this.#runtime.now())) this.#listeners.emit('set', { key, value: entry.value })
  }
}

/** Knows whether it has been this call's load that ran, or that of another caller, or none. */
function noting(load: () => unknown): { readonly load: () => unknown; hasRun: boolean } {
  const run = {
    hasRun: false,
    load: () => {
      run.hasRun = true
      return load()
    },
  }
  return run
}
