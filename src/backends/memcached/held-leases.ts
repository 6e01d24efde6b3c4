import type { Runtime } from '../../contracts/runtime.ts'
import type { Place } from './items.ts'
import { Lanes } from './lanes.ts'

// The leases this process holds, and what it knows of each. They end by our own clock as the server would end them: nothing is stored after.

export interface Held {
  readonly place: Place
  /** Another start of the server counts CAS values anew: what this lease knows may mean another item there. */
  readonly history: string | undefined
  epoch: number
  /** There was no text when it was granted. */
  readonly isPlaceholder: boolean
  /** When the text ends, by the monotonic clock. */
  readonly textEndsAt: number
  /** When its item does: later, if that was prolonged. */
  itemEndsAt: number
  itemCas: string
  leaseCas: string
  /** By the monotonic clock. */
  endsAt: number
}

/** A process that forgets to end its leases does not fill the memory with them. */
const sweepEvery = 1000

export class HeldLeases {
  readonly #runtime: Runtime
  readonly #held: Map<string, Held> = new Map()
  /** What is done with a lease is done one after the other: each step knows the CAS values of the one before. */
  readonly #lanes: Lanes = new Lanes()
  #added = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  add(token: string, held: Held): void {
    if (++this.#added % sweepEvery === 0) {
      for (const [old, { endsAt }] of this.#held) if (endsAt <= this.#runtime.monotonic()) this.#held.delete(old)
    }
    this.#held.set(token, held)
  }

  /** It is held no more, whatever comes of what is done with it now. */
  take(token: string): void {
    this.#held.delete(token)
  }

  /** @param otherwise what comes when it is not held (any more) */
  async inTurn<T>(token: string, otherwise: T, work: (held: Held) => Promise<T>): Promise<T> {
    return await this.#lanes.inTurn(token, async () => {
      const held = this.#current(token)
      return held === undefined ? otherwise : await work(held)
    })
  }

  #current(token: string): Held | undefined {
    const held = this.#held.get(token)
    if (held === undefined) return undefined
    const { link } = held.place
    const isSame = held.epoch === link.epoch || (held.history !== undefined && held.history === link.history)
    if (!isSame || held.endsAt <= this.#runtime.monotonic()) {
      this.#held.delete(token)
      return undefined
    }
    held.epoch = link.epoch
    return held
  }
}
