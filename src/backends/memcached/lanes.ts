// What is done to one thing after the other, in the order of the calls.

export class Lanes {
  readonly #last: Map<string, Promise<unknown>> = new Map()

  /** What is under way; `undefined`: nothing. */
  before(name: string): Promise<unknown> | undefined {
    return this.#last.get(name)
  }

  async inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name)
    const mine = before === undefined ? work() : before.then(work, work)
    this.#last.set(name, mine)
    try {
      return await mine
    } finally {
      if (this.#last.get(name) === mine) this.#last.delete(name)
    }
  }
}
