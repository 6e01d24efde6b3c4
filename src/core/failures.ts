import type { TagPosition } from '../contracts/backend.ts'
import type { Marks } from '../contracts/entry.ts'
import type { Fence, FenceToken } from './fence.ts'
import type { Store } from './store.ts'

// What is remembered of loads that failed, so that a failing source is not asked again by every caller: until when nobody asks it, and,
// where the policy caches errors, the error itself. A mark holds a fence token, so whatever invalidates the key ends it at once; an
// invalidated tag ends it by its marks. Bounded: beyond the limit the oldest is forgotten, which costs one more load.

/** After the first failure behind a stale value the next attempt comes after this; each further failure doubles it. */
const firstRetryMs = 1000
const longestRetryMs = 30_000
const mostMarks = 10_000

export interface Failure {
  readonly error: unknown
  /** Wall-clock milliseconds; until then nothing is loaded. */
  readonly until: number
  /** The policy remembers this error: callers without a stale value get it. Else it only delays the next attempt behind a stale value. */
  readonly cached: boolean
}

export interface FailedLoad {
  readonly key: string
  readonly error: unknown
  /** How long the policy caches this error, milliseconds; `undefined`: not at all. */
  readonly cachedMs: number | undefined
  /** Another process had it, and this is how long it leaves the source in peace, milliseconds. */
  readonly pauseMs?: number | undefined
  /** By what the failure is judged later; `undefined` when its tags are not known: then any news of the tag clock ends it. */
  readonly marks: Marks | undefined
  /** What was seen of the tag clock when the load began. */
  readonly position: TagPosition | undefined
}

interface Mark extends Failure, Pick<FailedLoad, 'marks' | 'position'> {
  readonly streak: number
  readonly token: FenceToken
}

export class Failures {
  readonly #fence: Fence
  readonly #marks: Map<string, Mark> = new Map()

  constructor(fence: Fence) {
    this.#fence = fence
  }

  /** What holds callers of `key` back at `now`. */
  find(key: string, now: number, store: Pick<Store, 'isValid' | 'clockPosition'>): Failure | undefined {
    if (this.#marks.size === 0) return undefined
    const mark = this.#marks.get(key)
    if (mark === undefined || mark.until <= now) return undefined
    if (isCurrent(mark, store)) return mark
    this.forget(key)
    return undefined
  }

  /** @returns for how long the source is left in peace, milliseconds */
  note({ key, error, cachedMs, pauseMs, marks, position }: FailedLoad, now: number): number {
    const before = this.#marks.get(key)
    const known = before?.token.live === true ? before.streak : -1
    const streak = pauseMs === undefined ? known + 1 : Math.max(0, known)
    this.forget(key)
    const waitMs = pauseMs ?? cachedMs ?? Math.min(longestRetryMs, firstRetryMs * 2 ** streak)
    const token = this.#fence.take(key)
    // To the fence it is a load in progress: what it knows is as new as the load that failed.
    token.loading = true
    this.#marks.set(key, { error, until: now + waitMs, cached: cachedMs !== undefined, marks, position, streak, token })
    if (this.#marks.size > mostMarks) {
      const oldest = this.#marks.keys().next()
      if (oldest.done !== true) this.forget(oldest.value)
    }
    return waitMs
  }

  forget(key: string): void {
    const mark = this.#marks.get(key)
    if (mark === undefined) return
    this.#fence.release(mark.token)
    this.#marks.delete(key)
  }

  get size(): number {
    return this.#marks.size
  }
}

function isCurrent(mark: Mark, store: Pick<Store, 'isValid' | 'clockPosition'>): boolean {
  if (!mark.token.live) return false
  if (mark.marks !== undefined) return store.isValid(mark.marks)
  const { position } = mark
  const current = store.clockPosition
  return position?.id === current?.id && position?.mark === current?.mark
}
