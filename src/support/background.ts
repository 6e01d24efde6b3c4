// Promises nobody waits for. Each is held here, so that `drain()` can wait for it and its rejection is never unhandled.

export class Background {
  readonly #running: Set<Promise<unknown>> = new Set()

  /** Lets `work` go on; `onError` hears its failure. */
  run(work: Promise<unknown>, onError: (error: unknown) => void): void {
    const held: Promise<void> = work
      .then(
        () => {},
        (error: unknown) => onError(error),
      )
      .finally(() => {
        this.#running.delete(held)
      })
    this.#running.add(held)
  }

  /** Resolves when nothing runs any more, including what was started meanwhile. */
  async drain(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  get size(): number {
    return this.#running.size
  }
}
