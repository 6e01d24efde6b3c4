import type { Entry } from '../contracts/entry.ts'
import type { LoadOutcome, MissReason, Source } from '../contracts/events.ts'
import type { Runtime } from '../contracts/runtime.ts'
import type { Emitter } from './emit.ts'
import type { Policy } from './policy.ts'

// What is said of a call: counters, events, debug lines. Counting is an increment; the rest is built only for who listens.

interface Named {
  readonly key: string
  readonly policy: Policy
}

export class Account {
  readonly #emitter: Emitter
  readonly #runtime: Runtime

  constructor(emitter: Emitter, runtime: Runtime) {
    this.#emitter = emitter
    this.#runtime = runtime
  }

  hit(call: Named, source: Exclude<Source, 'load'>, entry: Pick<Entry, 'createdAt' | 'computeMs'>): void {
    const { counters, operation } = call.policy
    if (source === 'fallback') counters.fallbackHits++
    else counters.hits[source]++
    counters.savedMs += entry.computeMs
    if (this.#emitter.log.debugs) this.#emitter.hitLine(call.key)
    if (!this.#emitter.hears('hit')) return
    const ageMs = Math.max(0, this.#runtime.now() - entry.createdAt)
    this.#emitter.emit('hit', { key: call.key, operation, source, stale: false, ageMs })
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
  loaded(call: Named, ms: number, outcome: LoadOutcome): void {
    const { counters, operation } = call.policy
    counters.loadMs += ms
    if (outcome === 'stored') counters.fills++
    else if (outcome === 'fenced') counters.fenced++
    else if (outcome === 'refused') counters.refused++
    else if (outcome === 'failed') counters.loadErrors++
    if (this.#emitter.hears('load')) this.#emitter.emit('load', { key: call.key, operation, ms, outcome })
  }
}
