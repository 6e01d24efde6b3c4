import type { CacheState } from '../contracts/events.ts'
import type { Runtime } from '../contracts/runtime.ts'
import type { Emitter } from './emit.ts'

// The state of a cache, as operators see it. A change is said once: one log line, one event.

export class Life {
  readonly #emitter: Emitter
  readonly #runtime: Runtime
  #state: CacheState = 'idle'
  #since: number
  #outages = 0
  #warned = false

  constructor(emitter: Emitter, runtime: Runtime) {
    this.#emitter = emitter
    this.#runtime = runtime
    this.#since = runtime.now()
  }

  get state(): CacheState {
    return this.#state
  }

  /** When the present state began, wall-clock milliseconds. */
  get since(): number {
    return this.#since
  }

  /** How often the primary was found to be away. */
  get outages(): number {
    return this.#outages
  }

  enter(to: CacheState, reason: string, backendName: string | undefined): void {
    const from = this.#state
    if (from === to) return
    const isAway = to === 'degraded' || to === 'disconnected'
    const wasAway = from === 'degraded' || from === 'disconnected'
    if (isAway && !wasAway) this.#outages++
    this.#state = to
    this.#since = this.#runtime.now()
    this.#warned = false
    const { log } = this.#emitter
    const line = `Cache ${to}${backendName === undefined ? '' : ` (${backendName})`}: ${reason}`
    if (isAway || (to === 'connected' && wasAway)) log.warn('cache', line)
    else log.info('cache', line)
    this.#emitter.emit('state', { from, to, reason })
  }

  /** A cache that is not open is used: said once, not once per call. */
  warnUnopened(): void {
    if (this.#warned || this.#state === 'disabled') return
    this.#warned = true
    const when = this.#state === 'closed' ? 'after close' : 'before initCache()'
    this.#emitter.log.warn('cache', `The cache is used ${when}: functions run uncached`)
  }
}
