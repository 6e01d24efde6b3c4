// What happened in a run, in the order it happened: one counter ticks with each event, so that "before" is exact within a turn too.
// Nothing here judges; see oracle.ts.
import type { Behaviour, Door, Mode } from './plan.ts'

/** Where a value came from: a run of a loader, or a write. */
export interface Origin {
  readonly id: number
  /** The key's number. */
  readonly key: number
  readonly by: 'load' | 'prime' | 'set'
  readonly started: number
  readonly startedAt: number
  readonly behaviour: Behaviour
  /** Those its entry carries. */
  readonly tags: readonly string[]
  /** The call that set the loader off. */
  readonly opener: Read | undefined
  /** What it was made from, as far as invalidations reach up from there. */
  readonly parts: Origin[]
  /** A part was stale when it was read, and is gone at this time. */
  staleUntil: number
  /** Event and time at which the loader ended, or the write was answered. */
  ended: number | undefined
  endedAt: number | undefined
  /** What the loader threw. */
  error: { readonly thrown: unknown } | undefined
  /** The loader's own object. */
  object: unknown
  /** Of writes: life, and whether they are stored. */
  readonly ttl: number
  stored: boolean | undefined
  /** When the caller that began the load had it, or anybody its error: from then on nobody joins. */
  delivered: number | undefined
}

/** Something after which older values are gone: an invalidation, or a write. */
export interface Barrier {
  readonly what: string
  readonly started: number
  ended: number | undefined
  endedAt: number
  /** Keys by number, tags, keys inside the namespace, or everything. */
  readonly keys: readonly number[]
  readonly tags: readonly string[]
  readonly inside: boolean
  readonly everything: boolean
  /** Made by another manager on the same memory. */
  readonly byOther: boolean
  /** Its own value; a write that did not happen is no barrier. */
  readonly origin: Origin | undefined
  void: boolean
}

export interface Read {
  readonly key: number
  readonly door: Door
  readonly mode: Mode
  /** The mode of what it calls. */
  readonly ambient: Mode
  /** By a loader: its run. */
  readonly within: Origin | undefined
  readonly signal: AbortController | undefined
  readonly started: number
  readonly startedAt: number
  ended: number | undefined
}

/** A moment after which a load that runs may have another beside it. */
export interface Moment {
  readonly at: number
  readonly what: 'aborted' | 'timed out' | 'store changed'
}

export class History {
  readonly origins: Origin[] = []
  readonly barriers: Barrier[] = []
  readonly reads: Read[] = []
  readonly moments: Moment[] = []
  readonly violations: string[] = []
  readonly counts: Map<string, number> = new Map()
  #clock = 0

  tick(): number {
    return ++this.#clock
  }

  /** How often something was met: a run that meets nothing proves nothing. */
  count(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times)
  }

  violated(what: string): void {
    this.violations.push(what)
  }

  barrier(barrier: Partial<Barrier> & Pick<Barrier, 'what'>): Barrier {
    const full: Barrier = {
      started: this.tick(),
      ended: undefined,
      endedAt: Infinity,
      keys: [],
      tags: [],
      inside: false,
      everything: false,
      byOther: false,
      origin: undefined,
      void: false,
      ...barrier,
    }
    this.barriers.push(full)
    return full
  }
}
