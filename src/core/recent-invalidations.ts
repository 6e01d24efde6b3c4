import type { CacheBackend } from '../contracts/backend.ts'
import type { Runtime } from '../contracts/runtime.ts'

// What this process invalidated a moment ago and the store confirmed. A store that replicates may lose what it confirmed when another
// server takes over, and a deposed master goes on confirming until it notices; so whoever finds another server than before repeats these.
// Invalidations only, never values: a repeated one costs a load.
//
// Half a minute covers the replication lag and the time a deposed master may still confirm, where Redis runs with
// `min-replicas-to-write 1` and `min-replicas-max-lag 10` (https://redis.io/docs/latest/operate/oss_and_stack/management/replication/).

const rememberedMs = 30_000
const mostRemembered = 10_000

export interface Invalidated {
  readonly keys: readonly string[]
  readonly tags: readonly string[]
  /** All of it: a `clear`, or more than can be remembered. */
  readonly everything: boolean
}

export class RecentInvalidations {
  readonly #runtime: Pick<Runtime, 'monotonic'>
  // In the order of their times: whatever is invalidated again moves to the end.
  readonly #keys: Map<string, number> = new Map()
  readonly #tags: Map<string, number> = new Map()
  #everythingAt = -Infinity

  constructor(runtime: Pick<Runtime, 'monotonic'>) {
    this.#runtime = runtime
  }

  addKeys(keys: readonly string[]): void {
    this.#add(this.#keys, keys)
  }

  addTags(tags: readonly string[]): void {
    this.#add(this.#tags, tags)
  }

  addEverything(): void {
    this.#keys.clear()
    this.#tags.clear()
    this.#everythingAt = this.#runtime.monotonic()
  }

  all(): Invalidated {
    this.#forgetOld()
    const everything = this.#everythingAt > this.#runtime.monotonic() - rememberedMs
    return { keys: [...this.#keys.keys()], tags: [...this.#tags.keys()], everything }
  }

  #add(to: Map<string, number>, names: readonly string[]): void {
    const now = this.#runtime.monotonic()
    for (const name of names) {
      to.delete(name)
      to.set(name, now)
    }
    if (this.#keys.size + this.#tags.size <= mostRemembered) return
    this.#forgetOld()
    if (this.#keys.size + this.#tags.size > mostRemembered) this.addEverything()
  }

  #forgetOld(): void {
    const oldest = this.#runtime.monotonic() - rememberedMs
    for (const names of [this.#keys, this.#tags]) {
      for (const [name, at] of names) {
        if (at > oldest) break
        names.delete(name)
      }
    }
  }
}

const memories = new WeakMap<CacheBackend, RecentInvalidations>()

/** What a backend confirmed outlives the store that asked it: a store made anew for the same backend goes on with it. */
export function recentlyConfirmedBy(backend: CacheBackend, runtime: Pick<Runtime, 'monotonic'>): RecentInvalidations {
  const recent = memories.get(backend) ?? new RecentInvalidations(runtime)
  memories.set(backend, recent)
  return recent
}
