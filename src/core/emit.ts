import type { CacheEvents, LimitEvent, ProblemEvent } from '../contracts/events.ts'
import { channels } from '../support/channels.ts'
import { isCacheError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'

// Tells the world what happens, at no cost when nobody listens: an event object is built only for a listener, a log line only
// for its level. A listener that throws harms nobody.

const hitChannel = channels.hit

type Listener = (event: never) => unknown

export class Emitter {
  log: Log
  #redactKey: (key: string) => string = (key) => key
  readonly #listeners: Map<keyof CacheEvents, Set<Listener>> = new Map()
  /** Whether a listener or a debug line wants each hit. */
  wantsHits = false
  /** Called when that has changed. */
  whenWanted: () => void = () => {}

  constructor(log: Log) {
    this.log = log
  }

  /** Whether anything at all is to be done about a hit: all that a hit asks when nobody listens. */
  get hearsHits(): boolean {
    return this.wantsHits || hitChannel.hasSubscribers
  }

  /** Listeners stay; where lines go may change with every `initCache`. */
  logTo(log: Log, redactKey: (key: string) => string): void {
    this.log = log
    this.#redactKey = redactKey
    this.#listenToHits()
  }

  /** The exact line of the Python layer, which log filters were written for. */
  hitLine(key: string): void {
    this.log.debug('cache.decorator', `Cache hit: ${this.#shown(key)}`)
  }

  missLine(key: string): void {
    this.log.debug('cache.decorator', `Cache miss: ${this.#shown(key)}`)
  }

  #shown(key: string): string {
    try {
      return this.#redactKey(key)
    } catch {
      return '(redactKey failed)'
    }
  }

  on<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => void): () => void {
    // A wrapper of its own: the same function added twice is removed once per removal.
    const own: Listener = (payload) => listener(payload)
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners.add(own))
    this.#listenToHits()
    return () => {
      listeners.delete(own)
      if (listeners.size === 0 && this.#listeners.get(event) === listeners) this.#listeners.delete(event)
      this.#listenToHits()
    }
  }

  #listenToHits(): void {
    const wanted = this.log.debugs || this.#listeners.has('hit')
    if (wanted === this.wantsHits) return
    this.wantsHits = wanted
    this.whenWanted()
  }

  /** Whether building an event is worth it. */
  hears(event: keyof CacheEvents): boolean {
    return this.#listeners.has(event) || channels[event].hasSubscribers
  }

  emit<E extends keyof CacheEvents>(event: E, payload: CacheEvents[E]): void {
    // A subscriber that throws is reported by Node itself, after this.
    if (channels[event].hasSubscribers) channels[event].publish(payload)
    const listeners = this.#listeners.get(event)
    if (listeners === undefined) return
    for (const listener of [...listeners]) {
      const failed = (error: unknown): void => {
        if (event !== 'problem') this.problem({ error, during: 'listener' })
      }
      try {
        // `void` in its type does not keep a listener from being asynchronous.
        const answer: unknown = listener(payload as never)
        if (answer instanceof Promise) answer.catch(failed)
      } catch (error) {
        failed(error)
      }
    }
  }

  problem(problem: ProblemEvent): void {
    // The key goes to the event only: log lines show keys at debug.
    this.log.info('cache', `Cache ${problem.during} problem: ${messageOf(problem.error)}`)
    this.emit('problem', problem)
  }

  limit(limit: LimitEvent): void {
    this.log.warn('cache', `Cache limit: the table of ${limit.table} is full (${limit.limit})`)
    this.emit('limit', limit)
  }
}

/** Why something happened, for a person: our own messages say it without their code. */
export function reasonOf(error: unknown): string {
  return isCacheError(error) ? error.message : messageOf(error)
}

/** What may be printed of an error: its code or class, and our own messages, which hold no value and no secret. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'a thrown value that is no error'
  const code = (error as { readonly code?: unknown }).code
  if (typeof code === 'string' && code.startsWith('CACHE_')) return `${code} ${error.message}`
  return typeof code === 'string' ? code : error.name
}
