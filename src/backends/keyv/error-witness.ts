import type { Awaitable } from '../../contracts/backend.ts'
import { CacheError } from '../../support/errors.ts'
import type { Emitting } from './keyv-shapes.ts'

// Adapters of Keyv have a habit: a command that failed is told as an 'error' event, and the call answers as if nothing were there. Which
// call an event belongs to is not said. So whatever is told while a call is under way counts for that call, if its answer may be a lie: a read
// that found nothing, and any write. A read that found something did not fail.
//
// Being heard has a second use: an event named 'error' without a listener ends the process.

/** `what` is named in the error. */
export type Bound = <T>(work: Promise<T>, what: string) => Promise<T>

interface Heard {
  count: number
  last: unknown
}

/** One listener for each emitter, for as long as that lives: what it tells after the backend was closed must not end the process either. */
const heardFrom = new WeakMap<object, Heard>()

export class ErrorWitness {
  readonly #heard: readonly Heard[]
  readonly #bound: Bound

  /** @param bound rejects what takes too long: an adapter that has lost its server may wait for it for ever */
  constructor(emitters: readonly Emitting[], bound: Bound) {
    this.#bound = bound
    this.#heard = emitters.filter((emitter) => typeof emitter.on === 'function').map(listenTo)
  }

  /** @throws what was told meanwhile, where nothing was found */
  async read<T>(what: string, call: () => Awaitable<T>, foundAll: (answer: T) => boolean): Promise<T> {
    const before = this.#count()
    const answer = await this.#bound(
      Promise.resolve().then(() => call()),
      what,
    )
    if (this.#count() !== before && !foundAll(answer)) throw this.#last()
    return answer
  }

  /** @throws what was told meanwhile */
  async write<T>(what: string, call: () => Awaitable<T>): Promise<T> {
    return await this.read(what, call, () => false)
  }

  #count(): number {
    return this.#heard.reduce((sum, { count }) => sum + count, 0)
  }

  #last(): Error {
    const errors = this.#heard.map(({ last }) => last)
    const error = errors.find((one) => one instanceof Error)
    return error instanceof Error ? error : new CacheError('CACHE_UNAVAILABLE', 'The Keyv store told of an error')
  }
}

function listenTo(emitter: Emitting): Heard {
  const known = heardFrom.get(emitter)
  if (known !== undefined) return known
  const heard: Heard = { count: 0, last: undefined }
  heardFrom.set(emitter, heard)
  emitter.on?.('error', (error) => {
    heard.count++
    heard.last = error
  })
  return heard
}
