/** What is closed at the end, latest first. Node.js 20 has no `AsyncDisposableStack`. */
export class Opened implements AsyncDisposable {
  readonly #all: AsyncDisposable[] = []

  add<T extends AsyncDisposable>(one: T): T {
    this.#all.push(one)
    return one
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#all.toReversed()) await one[Symbol.asyncDispose]()
  }
}
