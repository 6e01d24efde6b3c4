import type { LoadOutcome, MissReason, Source } from '../contracts/events.ts'
import type { Runtime } from '../contracts/runtime.ts'
import type { Emitter } from './emit.ts'
import type { Policy } from './policy.ts'

// What is said of a call: counters, events, debug lines. Counting is an increment; the rest is built only for who listens.

interface Named {
  readonly key: string
  readonly policy: Pick<Policy, 'operation' | 'counters'>
}

/** What there is to say of a value that was served. */
export interface Served {
  readonly source: Source
  readonly stale: boolean
  readonly createdAt: number
  readonly computeMs: number
  readonly cost: number
}

export class Account {
  readonly #emitter: Emitter
  readonly #runtime: Runtime

  constructor(emitter: Emitter, runtime: Runtime) {
    this.#emitter = emitter
    this.#runtime = runtime
  }

  /** A value was served that this call did not load. */
  hit(call: Named, { source, stale, createdAt, computeMs, cost }: Served): void {
    if (source === 'load') return
    const { counters, operation } = call.policy
    if (stale) counters.hits.stale++
    else if (source === 'fallback') counters.fallbackHits++
    else counters.hits[source]++
    counters.savedMs += computeMs
    counters.savedCost += cost
    this.tellHit(call.key, operation, source, stale, createdAt)
  }

  /** The event and the line of a hit that is counted already. */
  tellHit(key: string, operation: string, source: Exclude<Source, 'load'>, stale: boolean, createdAt: number): void {
    if (!this.#emitter.hearsHits) return
    if (this.#emitter.log.debugs) this.#emitter.hitLine(key)
    if (!this.#emitter.hears('hit')) return
    const ageMs = Math.max(0, this.#runtime.now() - createdAt)
    this.#emitter.emit('hit', { key, operation, source, stale, ageMs })
  }

  miss(call: Named, reason: MissReason): undefined {
    const { counters, operation } = call.policy
    counters.misses++
    if (this.#emitter.log.debugs) this.#emitter.missLine(call.key)
    if (this.#emitter.hears('miss')) this.#emitter.emit('miss', { key: call.key, operation, reason })
  }

  /** A loader begins. */
  loading(call: Named): void {
    call.policy.counters.loads++
  }

  /** A loader came to its end, and this is what became of it. */
  loaded(call: Named, ms: number, outcome: LoadOutcome, cost = 0): void {
    const { counters, operation } = call.policy
    counters.loadMs += ms
    counters.cost += cost
    if (outcome === 'stored') counters.fills++
    else if (outcome === 'fenced') counters.fenced++
    else if (outcome === 'refused') counters.refused++
    else if (outcome === 'failed') counters.loadErrors++
    if (this.#emitter.hears('load')) this.#emitter.emit('load', { key: call.key, operation, ms, outcome })
  }
}
