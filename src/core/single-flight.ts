import type { Entry } from '../contracts/entry.ts'
import type { Timer } from '../contracts/runtime.ts'
import type { FenceToken } from './fence.ts'
import { Fence } from './fence.ts'
import { LoadControl } from './run-loader.ts'
import type { Asking } from './turns.ts'

// One flight per key: whoever asks while it is in the air joins it. A flight is opened before any I/O, so ten thousand callers make one
// read and one load. A flight whose token died is never joined again: what it brings is older than the invalidation that
// killed it.
//
// A passenger may leave (its signal was aborted, or it was answered with a stale value); when the last has left, nobody wants the load
// any more and it is given up. A flight that is kept is wanted for its own sake: a load behind a value that was served.

export class Flight<T> {
  readonly name: string
  readonly token: FenceToken
  /** As of when it was opened: see `SingleFlight.detach` and `tagsInvalidated`. */
  readonly generation: number
  readonly tagGeneration: number
  /** The load has begun under tags that are all known: whether none of them was invalidated since. */
  isUntouched: (() => boolean) | undefined
  readonly control: LoadControl = new LoadControl()
  /** What those get who board now. It may come before the flight has ended: see `answerEarly`. */
  answer: Promise<T>
  /** What may be served instead of waiting, or should the load fail. Belongs to this flight: what invalidates the key ends both. */
  candidate: Entry | undefined
  /** Nobody is to wait for this load: the candidate is served at once. */
  candidateFirst = false
  kept = false
  passengers = 0
  /** How it asked for its turn to load. */
  readonly asking: Asking = { overtaken: 0, looks: 0, holder: undefined }
  /** Ends when nobody is to be answered early any more. */
  patience: Timer | undefined
  /** The last passenger left: the load was ended for want of anybody to load for. */
  abandoned = false
  /** Nobody can be on it any more. */
  ended = false
  /** What those do with the answer who joined while the load ran; one function for all of them. */
  whenLate: ((landing: T) => unknown) | undefined
  /** Settles when the load has ended and everything of it is undone; never rejects. */
  over: Promise<void> = Promise.resolve()
  #resolve: (value: T) => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(name: string, token: FenceToken, generation: number, tagGeneration: number) {
    this.name = name
    this.token = token
    this.generation = generation
    this.tagGeneration = tagGeneration
    this.answer = this.#promise()
  }

  /** Answers the passengers while the load goes on; who boards later waits for its end. */
  answerEarly(value: T): void {
    this.kept = true
    this.#resolve(value)
    this.answer = this.#promise()
  }

  land(value: T): void {
    this.#resolve(value)
  }

  fail(error: unknown): void {
    this.#reject(error)
  }

  #promise(): Promise<T> {
    const answer = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // A flight without passengers may fail unheard.
    answer.catch(() => {})
    return answer
  }
}

export class SingleFlight<T> {
  readonly fence: Fence = new Fence()
  readonly #flights: Map<string, Flight<T>> = new Map()
  /**
   * Never flies. With no flight alive, a full garbage collection also takes what the engine has compiled for flights, and the next crowd
   * of callers runs uncompiled: several times slower.
   */
  readonly template: Flight<T> = new Flight('', this.fence.take(''), -1, -1)
  #generation = 0
  #tagGeneration = 0

  /** The flight of that name that may be joined now. */
  joinable(name: string): Flight<T> | undefined {
    const flight = this.#flights.get(name)
    return flight !== undefined && this.isJoinable(flight) ? flight : undefined
  }

  /** Whether a flight that was joinable is so still. */
  isJoinable(flight: Flight<T>): boolean {
    if (!(flight.token.live && flight.token.followed) || flight.ended || flight.generation !== this.#generation) {
      return false
    }
    return flight.tagGeneration === this.#tagGeneration || flight.isUntouched?.() === true
  }

  /** Nobody joins what is in the air now; whether it is stored, others decide. */
  detach(): void {
    this.#generation++
  }

  /**
   * Nobody joins what is in the air now but loads of which it is known that they have none of the tags. Of the others that is known when they
   * have ended.
   */
  tagsInvalidated(): void {
    this.#tagGeneration++
  }

  /**
   * Opens a flight in place of any other of its name. `run` begins at once and owns the token until it settles.
   * @param name what it is joined by
   * @param key what it can be made void by
   */
  open(name: string, key: string, run: (flight: Flight<T>) => Promise<T>): Flight<T> {
    const flight = new Flight<T>(name, this.fence.take(key), this.#generation, this.#tagGeneration)
    this.#flights.set(name, flight)
    flight.over = this.#fly(flight, run)
    return flight
  }

  /** Opens a flight that nobody can join. */
  openAlone(key: string, run: (flight: Flight<T>) => Promise<T>): Flight<T> {
    const flight = new Flight<T>(key, this.fence.take(key), this.#generation, this.#tagGeneration)
    flight.over = this.#fly(flight, run)
    return flight
  }

  /** A passenger leaves. The last one out ends the load, for this reason. */
  leave(flight: Flight<T>, reason: unknown): void {
    // Who leaves when the answer is there has been counted among those who take it.
    if (flight.ended) return
    if (--flight.passengers === 0 && !flight.kept) this.#giveUp(flight, reason)
  }

  /** Ends the loads that nobody waits for: behind values that were served. */
  giveUpUnattended(reason: unknown): void {
    for (const flight of this.#flights.values())
      if (flight.passengers === 0 || flight.candidateFirst) this.#giveUp(flight, reason)
  }

  #giveUp(flight: Flight<T>, reason: unknown): void {
    flight.abandoned = true
    this.fence.abandon(flight.token)
    this.#remove(flight)
    flight.control.end(reason)
  }

  async #fly(flight: Flight<T>, run: (flight: Flight<T>) => Promise<T>): Promise<void> {
    try {
      const value = await run(flight)
      this.#remove(flight)
      flight.land(value)
    } catch (error) {
      this.#remove(flight)
      flight.fail(error)
    }
  }

  #remove(flight: Flight<T>): void {
    flight.ended = true
    if (!flight.token.held) this.fence.release(flight.token)
    if (this.#flights.get(flight.name) === flight) this.#flights.delete(flight.name)
  }

  get size(): number {
    return this.#flights.size
  }
}
