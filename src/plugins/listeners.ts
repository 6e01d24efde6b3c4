import { misuse, quote, describe } from '../support/errors.ts'

// Who listens to what. A listener that throws must not make the call fail that it hears of.

export class Listeners<Events extends object> {
  readonly #listeners: Map<keyof Events, Array<(event: never) => void>>
  readonly #failed: (error: unknown) => void

  /** @param failed hears what listeners throw */
  constructor(names: ReadonlyArray<keyof Events>, failed: (error: unknown) => void) {
    this.#listeners = new Map(names.map((name) => [name, []]))
    this.#failed = failed
  }

  /** @throws {TypeError} `CACHE_BAD_OPTION` for another event, `CACHE_MISUSE` for what is no function */
  add<E extends keyof Events>(event: E, listener: (event: Events[E]) => void): void {
    if (typeof listener !== 'function')
      throw misuse('CACHE_MISUSE', `A listener must be a function, got ${describe(listener)}`)
    this.#of(event).push(listener)
  }

  /** One that was added twice leaves once. */
  remove<E extends keyof Events>(event: E, listener: (event: Events[E]) => void): void {
    const listeners = this.#of(event)
    const index = listeners.lastIndexOf(listener)
    if (index !== -1) listeners.splice(index, 1)
  }

  emit<E extends keyof Events>(event: E, what: Events[E]): void {
    for (const listener of [...this.#of(event)]) {
      try {
        const answer: unknown = (listener as (event: Events[E]) => unknown)(what)
        if (answer instanceof Promise) answer.catch(this.#failed)
      } catch (error) {
        this.#failed(error)
      }
    }
  }

  #of(event: keyof Events): Array<(event: never) => void> {
    const listeners = this.#listeners.get(event)
    if (listeners !== undefined) return listeners
    throw misuse('CACHE_BAD_OPTION', `Events are ${[...this.#listeners.keys()].join(', ')}; got ${quote(event)}`)
  }
}
