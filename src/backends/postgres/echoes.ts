// What a connection tells to itself, by number, and who waits for it.

export class Echoes {
  readonly #waiting: Map<string, () => void> = new Map()
  #count = 0

  /** @param tell has it told. Resolves when it has come, or none will any more. */
  async hear(tell: (name: string) => Promise<unknown>): Promise<void> {
    const name = String(++this.#count)
    const come = new Promise<void>((resolve) => this.#waiting.set(name, resolve))
    try {
      await tell(name)
      await come
    } finally {
      this.#waiting.delete(name)
    }
  }

  came(name: string): void {
    this.#waiting.get(name)?.()
  }

  /** None will come any more. */
  end(): void {
    for (const resolve of this.#waiting.values()) resolve()
  }
}
