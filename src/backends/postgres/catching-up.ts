import type { Runtime, Timer } from '../../contracts/runtime.ts'

// Holds answers back until everything has been told that they could have seen. Answers and tellings come on different connections; each answer
// brings the number of the last change, and what is told has numbers too. A number whose transaction was rolled back is never told: so
// whoever has waited for a moment asks the listening connection to tell something to itself, which comes after all that could be seen before.

export interface CatchingUpOptions {
  readonly runtime: Runtime
  /** Resolves when what the connection was told by itself has come, and with it everything before; rejects when it is lost. */
  readonly echo: () => Promise<void>
}

/** A commit and its telling are not further apart than this, as a rule. */
const patienceMs = 20

interface Waiting {
  readonly changes: number
  readonly resolve: () => void
}

export class CatchingUp {
  readonly #options: CatchingUpOptions
  readonly #waiting: Set<Waiting> = new Set()
  #told = -1
  #timer: Timer | undefined

  constructor(options: CatchingUpOptions) {
    this.#options = options
  }

  /** Everything up to this number has been told. */
  told(changes: number): void {
    if (changes <= this.#told) return
    this.#told = changes
    for (const one of [...this.#waiting]) if (one.changes <= changes) this.#release(one)
    if (this.#waiting.size === 0) this.#disarm()
  }

  isTold(changes: number): boolean {
    return changes <= this.#told
  }

  async upTo(changes: number): Promise<void> {
    if (this.isTold(changes)) return
    await new Promise<void>((resolve) => {
      this.#waiting.add({ changes, resolve })
      this.#arm()
    })
  }

  /** Nothing is told any more; whoever waits is let go. The numbers of the next connection are its own. */
  stop(): void {
    this.#told = -1
    this.#disarm()
    for (const one of [...this.#waiting]) this.#release(one)
  }

  #release(one: Waiting): void {
    this.#waiting.delete(one)
    one.resolve()
  }

  #arm(): void {
    this.#timer ??= this.#options.runtime.setTimer(() => void this.#echo(), patienceMs, 'deadline')
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#options.runtime.clearTimer(this.#timer)
    this.#timer = undefined
  }

  async #echo(): Promise<void> {
    this.#timer = undefined
    const before = [...this.#waiting]
    try {
      await this.#options.echo()
    } catch {
      // The connection is lost, and with it what was kept.
    }
    for (const one of before) if (this.#waiting.has(one)) this.#release(one)
    if (this.#waiting.size > 0) this.#arm()
  }
}
