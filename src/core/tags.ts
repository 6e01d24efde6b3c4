import type { TagDelta, TagPosition } from '../contracts/backend.ts'
import type { Marks, TagMark } from '../contracts/entry.ts'
import { describe, misuse } from '../support/errors.ts'

// What this node knows of the tag clock, and the judgement of entries by it.
//
// The clock is `tag -> stamp` under a random id. An entry carries the id and, per tag, the highest stamp this node had seen when its
// loader started (t0). It is valid if and only if its id is the current one and no tag of it was stamped after its t0. So
// invalidating a tag is one write however many entries carry it, and a new id makes every entry void at once. Ids are compared by
// equality only; stamps only under one id.

/** How the id of a clock begins that replaced another after `clear()`, or after more invalidations were lost than anybody remembers. */
export const renewedIdPrefix = '1-'
/** How the id of a clock begins whose predecessor was lost or cannot be trusted; single keys were deleted all the same. */
export const restartedIdPrefix = '2-'

/** The tag that every entry of a namespace carries. */
export function namespaceTag(prefix: string): string {
  return `\u0000namespace ${prefix}`
}

/** A tag that every entry carries under a clock that cannot take a new id: `clear` stamps it instead. */
export const everything = '\u0000everything'

export class TagTable {
  #id: string | undefined
  #mark = 0
  #floor = 0
  #stamps: Map<string, number> = new Map()
  readonly #listeners: Array<() => void> = []

  /** How far the table goes; `undefined` before the first read: nothing can be judged or stored. */
  get position(): TagPosition | undefined {
    return this.#id === undefined ? undefined : { id: this.#id, mark: this.#mark }
  }

  /** Takes in what a clock answered. A stamp only grows under one id, so late and repeated answers do no harm. */
  apply(delta: TagDelta): void {
    let isNews = false
    if (delta.id !== this.#id) {
      isNews = true
      this.#id = delta.id
      this.#mark = 0
      this.#floor = 0
      this.#stamps = new Map()
    }
    if (delta.floor > this.#floor) {
      isNews = true
      this.#floor = delta.floor
      for (const [tag, stamp] of this.#stamps) {
        // That there was a clear is never forgotten: see `acceptsForeign`.
        if (stamp <= delta.floor && tag !== everything) this.#stamps.delete(tag)
      }
    }
    for (const [tag, stamp] of delta.stamps) {
      if (stamp <= (this.#stamps.get(tag) ?? (tag === everything ? 0 : this.#floor))) continue
      isNews = true
      this.#stamps.set(tag, stamp)
      if (stamp > this.#mark) this.#mark = stamp
    }
    if (this.#floor > this.#mark) this.#mark = this.#floor
    if (isNews) for (const listener of this.#listeners) listener()
  }

  /** @param listener called when entries may have become void */
  onNews(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /**
   * Whether values without our header may be read. They carry no id, so they count as older than any `clear`: readable only under a
   * clock that never saw one, and in a namespace that never did.
   *
   * @param impliedTags `undefined`: such values are the rule for the caller, have no tags, and are deleted by key when a namespace is
   * cleared. Then only a clock that replaced another for unknown deletes makes them void.
   */
  acceptsForeign(impliedTags: readonly string[] | undefined): boolean {
    if (this.#id === undefined || this.#id.startsWith(renewedIdPrefix) || this.#stamps.has(everything)) return false
    if (impliedTags === undefined) return true
    if (this.#id.startsWith(restartedIdPrefix)) return false
    // Below the floor it is not known any more which namespaces were cleared.
    return impliedTags.length === 0 || (this.#floor === 0 && !impliedTags.some((tag) => this.#stamps.has(tag)))
  }

  isValid({ clockId, tags }: Marks): boolean {
    if (this.#id === undefined || clockId !== this.#id) return false
    for (const mark of tags) {
      if (mark.t0 < this.#floor || (this.#stamps.get(mark.tag) ?? 0) > mark.t0) return false
    }
    return true
  }
}

/** @throws {TypeError} `CACHE_BAD_OPTION` unless all are non-empty texts of at most 512 characters */
export function checkTags(tags: unknown, what: string): readonly string[] {
  if (!Array.isArray(tags))
    throw misuse('CACHE_BAD_OPTION', `${what} must be an array of strings, got ${describe(tags)}`)
  for (const tag of tags as unknown[]) {
    if (typeof tag !== 'string' || tag === '' || tag.length > 512 || /\p{Surrogate}/u.test(tag)) {
      throw misuse(
        'CACHE_BAD_OPTION',
        `${what} must hold non-empty, well-formed strings of at most 512 characters, got ${describe(tag)}`,
      )
    }
  }
  return tags as readonly string[]
}

const untagged: readonly TagMark[] = []

/** Each tag once, with the t0 of the load. */
export function markTags(tags: readonly string[], t0: number): readonly TagMark[] {
  if (tags.length === 0) return untagged
  return [...new Set(tags)].map((tag) => ({ tag, t0 }))
}
