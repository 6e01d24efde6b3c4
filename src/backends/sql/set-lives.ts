import { isAnswered } from './sql-error.ts'

// A set that nobody has answered may still happen. Before this process writes anything else, the life that it was sent in is ended in the
// database: from then on it is refused, wherever it has been held up. See `entry-functions.ts`.

export class SetLives {
  readonly #end: (life: number) => Promise<unknown>
  #life = 1
  #isDoubtful = false
  #ending: Promise<void> | undefined

  /** @param end ends that life and those before it */
  constructor(end: (life: number) => Promise<unknown>) {
    this.#end = end
  }

  /** Resolves when no set of an earlier life can happen any more. @throws when that cannot be had now */
  async settled(): Promise<void> {
    while (this.#isDoubtful) await (this.#ending ??= this.#endLife())
  }

  async run<T>(set: (life: number) => Promise<T>): Promise<T> {
    await this.settled()
    try {
      return await set(this.#life)
    } catch (error) {
      if (!isAnswered(error)) this.#isDoubtful = true
      throw error
    }
  }

  async #endLife(): Promise<void> {
    const life = this.#life++
    this.#isDoubtful = false
    try {
      await this.#end(life)
    } catch (error) {
      this.#isDoubtful = true
      throw error
    } finally {
      this.#ending = undefined
    }
  }
}
