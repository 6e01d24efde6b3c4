// Milliseconds on a clock that all processes of a machine share and that never steps. `performance.now()` counts from another moment in
// each process.
export function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** How late timers are in this process: nobody can be asked to act on what he was not given the time to hear. */
export class LoopLag {
  readonly #samples: Array<{ readonly at: number; readonly lag: number }> = []
  #worst = 0
  #due = sharedNow() + everyMs

  constructor() {
    const look = (): void => {
      const at = sharedNow()
      this.#samples.push({ at, lag: at - this.#due })
      while ((this.#samples[0]?.at ?? at) < at - 10_000) this.#samples.shift()
      this.#worst = this.#samples.reduce((worst, { lag }) => Math.max(worst, lag), 0)
      this.#due = at + everyMs
    }
    setInterval(look, everyMs).unref()
  }

  /** The greatest of the last ten seconds, that of this very moment too. */
  get worst(): number {
    return Math.max(this.#worst, sharedNow() - this.#due)
  }
}

const everyMs = 20
