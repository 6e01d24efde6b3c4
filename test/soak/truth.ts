// What may be served. The source of every value has a version, and every value carries the version it was loaded from.
// An invalidation that has resolved forbids, to every read that begins after it, the versions that were there before it
// was called.

export interface Versioned {
  readonly subject: string
  readonly version: number
}

/** The first of many are enough to see what is wrong. */
const mostShown = 20

export class Truth {
  readonly #versions: Map<string, number> = new Map()
  readonly #lowest: Map<string, number> = new Map()
  readonly #sourceOf: (subject: string) => string
  readonly violations: string[] = []
  violated = 0
  checked = 0

  /** @param sourceOf whose version the values of a subject carry, where it is not their own */
  constructor(sourceOf: (subject: string) => string) {
    this.#sourceOf = sourceOf
  }

  /** Of the source, now. */
  version(subject: string): number {
    return this.#versions.get(this.#sourceOf(subject)) ?? 1
  }

  /** The source has changed. @returns its new version */
  change(subject: string): number {
    const version = this.version(subject) + 1
    this.#versions.set(this.#sourceOf(subject), version)
    return version
  }

  async invalidate<T>(subjects: readonly string[], work: () => Promise<T>): Promise<T> {
    const versions = subjects.map((subject) => this.version(subject))
    const answer = await work()
    for (const [index, subject] of subjects.entries()) {
      this.#lowest.set(subject, Math.max(this.#lowest.get(subject) ?? 0, versions[index] ?? 0))
    }
    return answer
  }

  /** @param how named in a violation */
  async read(subject: string, how: string, work: () => Promise<Versioned | undefined>): Promise<void> {
    const lowest = this.#lowest.get(subject) ?? 0
    const began = Date.now()
    const value = await work()
    this.checked++
    if (value === undefined || (value.subject === subject && value.version >= lowest)) return
    this.violated++
    if (this.violations.length === mostShown) return
    const what = `${value.subject} version ${value.version}`
    this.violations.push(
      `${how} of ${subject} from version ${lowest} on: ${what}, ${Date.now() - began} ms after it began`,
    )
  }
}
