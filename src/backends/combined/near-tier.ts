import type { CacheBackend } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { withTimeLimit } from '../../support/deadline.ts'
import { toBackendSeconds } from '../../support/duration.ts'
import { CacheError } from '../../support/errors.ts'

// Copies in front of a store, of which none may outlive what it is a copy of. Four rules keep a deleted value from coming back:
//
//   a key that is being changed is not read here, from when the change is called until it and everything that was sent here for the key
//   have settled; so the order of the two deletes does not matter, nor whether this one ever answers
//   what was read from the store is kept only if no change of its key was called since before the store was asked
//   writes of one key are sent one after the other
//   a copy carries the name of this tier and its epoch, and is read under no other: when the near backend fails, or does not answer, nobody knows
//   what it holds or what will still arrive there, so the epoch goes on, and all of it is void, also for the next process

export interface NearTierOptions {
  readonly near: CacheBackend
  readonly runtime: Runtime
  /** How long a copy may be served, milliseconds. */
  readonly longestMs: number
  /** What the near backend has for each answer, milliseconds. */
  readonly budgetMs: number
  readonly failed: (error: unknown) => void
}

/** A key that something is going on with. */
interface KeyState {
  /** Changes that have been called and have not settled. */
  changing: number
  /** Counts the changes. */
  changes: number
  readonly readings: Set<Reading>
  /** The last write that was sent here. */
  writing: Promise<void> | undefined
}

/** One reading of the store. */
export interface Reading {
  readonly key: string
  isLive: boolean
}

/** One change of a key in the store. */
export interface Change {
  /** It has settled. @param copy what the store holds now, if that is known */
  done(copy?: { readonly text: string; readonly ttl: number }): void
}

/** After a failure nothing is asked for so long: a near backend that hangs costs one budget, not one per read. */
const restMs = 1000

export class NearTier {
  readonly #options: NearTierOptions
  readonly #states: Map<string, KeyState> = new Map()
  readonly #origin: string
  #epoch = 0
  #restsUntil = -Infinity

  constructor(options: NearTierOptions) {
    this.#options = options
    const part = (): string => Math.floor(options.runtime.random() * 2 ** 40).toString(36)
    this.#origin = part() + part()
  }

  /** The copy, if there is one that may be served. Never rejects. */
  async read(key: string): Promise<string | undefined> {
    if (this.#rests || !this.#isQuiet(key)) return undefined
    const answer = await this.#ask(() => this.#options.near.get(key))
    if (typeof answer !== 'string') return undefined
    const end = answer.indexOf('\n')
    const [stamp, endsAt] = answer.slice(0, Math.max(0, end)).split(' ')
    return stamp === this.#stamp && this.#options.runtime.now() < Number(endsAt) ? answer.slice(end + 1) : undefined
  }

  /** Called before the store is asked. */
  beginReading(key: string): Reading {
    const reading = { key, isLive: this.#isQuiet(key) }
    if (reading.isLive) this.#stateOf(key).readings.add(reading)
    return reading
  }

  /** Called with the store's answer; without one there is nothing to keep. */
  endReading(reading: Reading, text: string | undefined): void {
    const { key, isLive } = reading
    if (!isLive) return
    this.#stateOf(key).readings.delete(reading)
    if (text !== undefined) this.#keep(key, text, this.#options.longestMs)
    this.#forgetIfIdle(key)
  }

  /** Called before the store is told: from now on nobody reads the key here. */
  beginChange(key: string): Change {
    const { runtime, near } = this.#options
    const state = this.#stateOf(key)
    const calledAt = runtime.now()
    state.changing++
    const order = ++state.changes
    for (const reading of state.readings) reading.isLive = false
    state.readings.clear()
    this.#send(key, () => near.delete(key))
    return {
      done: (copy) => {
        state.changing--
        // Called before another that has settled already, it may have been done before or after it.
        if (copy !== undefined && order === state.changes && state.changing === 0) {
          this.#keep(key, copy.text, Math.min(this.#options.longestMs, copy.ttl * 1000 - (runtime.now() - calledAt)))
        }
        this.#forgetIfIdle(key)
      },
    }
  }

  /** There is something else in the store. */
  drop(key: string): void {
    this.beginChange(key).done()
  }

  /** Nobody knows what it holds. */
  fail(error: unknown): void {
    this.#epoch++
    this.#restsUntil = this.#options.runtime.monotonic() + restMs
    this.#options.failed(error)
  }

  get #rests(): boolean {
    return this.#options.runtime.monotonic() < this.#restsUntil
  }

  get #stamp(): string {
    return `${this.#origin}.${this.#epoch}`
  }

  #isQuiet(key: string): boolean {
    const state = this.#states.get(key)
    return state === undefined || (state.changing === 0 && state.writing === undefined)
  }

  #keep(key: string, text: string, ms: number): void {
    if (this.#rests || ms <= 0) return
    const { near, runtime } = this.#options
    const stored = `${this.#stamp} ${runtime.now() + ms}\n${text}`
    this.#send(key, () => near.set(key, stored, toBackendSeconds(ms)))
  }

  #send(key: string, write: () => unknown): void {
    if (this.#rests) return
    const state = this.#stateOf(key)
    const before = state.writing
    const writing: Promise<void> = (before ?? Promise.resolve())
      .then(() => this.#ask(write))
      .then(() => {
        if (state.writing === writing) state.writing = undefined
        this.#forgetIfIdle(key)
      })
    state.writing = writing
  }

  /** `undefined` when it fails or takes too long. */
  async #ask(method: () => unknown): Promise<unknown> {
    const { runtime, budgetMs } = this.#options
    // What waited for a write that failed is void already.
    if (this.#rests) return undefined
    try {
      const answer = method()
      // Memory answers at once: no timer for it.
      if (!isPromise(answer)) return answer
      const inTime = await withTimeLimit(
        answer.then((value) => ({ value })),
        budgetMs,
        runtime,
      )
      if (inTime === undefined)
        throw new CacheError('CACHE_TIMEOUT', `The near backend did not answer within ${budgetMs} ms`)
      return inTime.value
    } catch (error) {
      this.fail(error)
      return undefined
    }
  }

  #stateOf(key: string): KeyState {
    let state = this.#states.get(key)
    if (state === undefined) {
      state = { changing: 0, changes: 0, readings: new Set(), writing: undefined }
      this.#states.set(key, state)
    }
    return state
  }

  #forgetIfIdle(key: string): void {
    const state = this.#states.get(key)
    if (state !== undefined && state.changing === 0 && state.writing === undefined && state.readings.size === 0)
      this.#states.delete(key)
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function'
}
