import type { Marks, TagMark } from '../contracts/entry.ts'

// Tags that flow up: what an outer cached function made its result from, so that invalidating a part drops the whole.
//
// Each inherited tag keeps the t0 of the inner entry: the inner value may be older than the outer load, and only an invalidation after
// the *inner* t0 was seen by it. A part that cannot be judged (a value without our header, one of another clock) makes the
// whole unstorable. What was made from something stale does not live longer than that.

/** What is known of a value that a cached call returned. */
export interface Provenance extends Marks {
  readonly stale: boolean
  readonly deleteAt: number
}

export class Inherited {
  readonly #marks: Map<string, number> = new Map()
  #clockId: string | undefined
  #mixed = false
  #latestStaleAt = Infinity

  add({ clockId, tags, stale, deleteAt }: Provenance): void {
    if (clockId === undefined || (this.#clockId !== undefined && clockId !== this.#clockId)) this.#mixed = true
    this.#clockId ??= clockId
    for (const { tag, t0 } of tags) this.#marks.set(tag, Math.min(t0, this.#marks.get(tag) ?? Infinity))
    if (stale) this.#latestStaleAt = Math.min(this.#latestStaleAt, deleteAt)
  }

  /** Whether an entry under that clock can be judged by what was inherited. */
  fits(clockId: string | undefined): boolean {
    return !this.#mixed && (this.#clockId === undefined || this.#clockId === clockId)
  }

  /** The entry's own marks with those inherited; of a tag in both, the smaller t0. */
  joinedWith(own: readonly TagMark[]): readonly TagMark[] {
    if (this.#marks.size === 0) return own
    const joined = new Map(this.#marks)
    for (const { tag, t0 } of own) joined.set(tag, Math.min(t0, joined.get(tag) ?? Infinity))
    return [...joined].map(([tag, t0]) => ({ tag, t0 }))
  }

  /** The entry may not be fresh for longer, wall-clock milliseconds. */
  get latestStaleAt(): number {
    return this.#latestStaleAt
  }
}
