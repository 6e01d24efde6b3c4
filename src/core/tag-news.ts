// Keeps the tag table up to date where the store tells that the clock has changed: one reading at a time, and another should it change
// meanwhile. Whoever judges by the table what the store answered waits for it: the store told of the change before that answer.

export interface TagNewsOptions {
  /** Takes in what the clock holds beyond the table. */
  readonly read: () => Promise<void>
  /** The table could not be brought up to date: what is judged by it alone must not be served. */
  readonly failed: () => void
  /** It has been after all. */
  readonly recovered: () => void
  /** The table is as new as what was told. */
  readonly caughtUp: () => void
}

export class TagNews {
  readonly #options: TagNewsOptions
  #isOutdated = false
  #hasFailed = false
  #reading: Promise<void> | undefined

  constructor(options: TagNewsOptions) {
    this.#options = options
  }

  arrived(): void {
    this.#isOutdated = true
    // Who needs it waits for it; here nobody does.
    this.taken().catch(() => {})
  }

  /** Whether the table is as new as what was told. */
  get isTaken(): boolean {
    return !this.#isOutdated && this.#reading === undefined
  }

  /** The whole clock has been read anew. */
  forget(): void {
    this.#isOutdated = false
  }

  /** Resolves when the table is as new as what was told until now; rejects when it cannot be. */
  async taken(): Promise<void> {
    while (this.#isOutdated || this.#reading !== undefined) await (this.#reading ??= this.#read())
  }

  async #read(): Promise<void> {
    this.#isOutdated = false
    try {
      await this.#options.read()
      if (this.#hasFailed) this.#options.recovered()
      this.#hasFailed = false
    } catch (error) {
      this.#isOutdated = true
      this.#hasFailed = true
      this.#options.failed()
      throw error
    } finally {
      this.#reading = undefined
      if (this.isTaken) this.#options.caughtUp()
    }
  }
}
