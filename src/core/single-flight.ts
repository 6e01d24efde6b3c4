import type { FenceToken } from './fence.ts'
import { Fence } from './fence.ts'

// One flight per key: whoever asks while it is in the air joins it. A flight is opened before any I/O, so ten thousand callers make one
// read and one load. A flight whose token died is never joined again: what it brings is older than the invalidation that
// killed it.

export interface Flight<T> {
  readonly name: string
  readonly token: FenceToken
  readonly generation: number
  readonly result: Promise<T>
}

export class SingleFlight<T> {
  readonly fence: Fence = new Fence()
  readonly #flights: Map<string, Flight<T>> = new Map()
  #generation = 0

  /** The flight of that name that may be joined now. */
  joinable(name: string): Flight<T> | undefined {
    const flight = this.#flights.get(name)
    return flight !== undefined && flight.token.live && flight.generation === this.#generation ? flight : undefined
  }

  /**
   * Nobody joins what is in the air now; whether it is stored, its tags decide. For invalidations of tags, which are not known before a
   * load has ended.
   */
  detach(): void {
    this.#generation++
  }

  /**
   * Opens a flight in place of any other of its name. `run` begins at once and owns the token until it settles.
   * @param name what it is joined by
   * @param key what it can be made void by
   */
  open(name: string, key: string, run: (token: FenceToken) => Promise<T>): Flight<T> {
    const token = this.fence.take(key)
    const flight: Flight<T> = { name, token, generation: this.#generation, result: this.#fly(name, token, run) }
    this.#flights.set(name, flight)
    return flight
  }

  async #fly(name: string, token: FenceToken, run: (token: FenceToken) => Promise<T>): Promise<T> {
    try {
      return await run(token)
    } finally {
      if (!token.held) this.fence.release(token)
      if (this.#flights.get(name)?.token === token) this.#flights.delete(name)
    }
  }

  get size(): number {
    return this.#flights.size
  }
}
