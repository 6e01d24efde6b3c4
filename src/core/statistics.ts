import type { OperationStats } from '../contracts/statistics.ts'

// Counters are plain numbers on one object per operation: counting a hit costs an increment, whoever listens or not.

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends number ? number : Mutable<T[K]> }

export interface OperationCounters extends Mutable<OperationStats> {
  /** What hits on the hot path saved, microseconds: a whole number, so that adding to it costs nothing. */
  hotSavedUs: number
}

/** The label under which operations beyond the limit are counted together. */
const overflowLabel = '(other)'

/** Counters by operation. Bounded: a label made from data must not grow without end. */
export class Statistics {
  readonly #byOperation: Map<string, OperationCounters> = new Map()
  readonly #limit: number
  readonly #whenFull: (limit: number) => void

  /** @param whenFull told when the first name is not given counters of its own */
  constructor(limit = 1000, whenFull: (limit: number) => void = () => {}) {
    this.#limit = limit
    this.#whenFull = whenFull
  }

  of(operation: string): OperationCounters {
    const known = this.#byOperation.get(operation)
    if (known !== undefined) return known
    if (this.#byOperation.size >= this.#limit && operation !== overflowLabel) {
      if (!this.#byOperation.has(overflowLabel)) this.#whenFull(this.#limit)
      return this.of(overflowLabel)
    }
    const counters = { ...zero(), hotSavedUs: 0 }
    this.#byOperation.set(operation, counters)
    return counters
  }

  snapshot(): { readonly operations: Record<string, OperationStats>; readonly total: OperationStats } {
    const operations: Record<string, OperationStats> = {}
    const total = zero()
    for (const [operation, counters] of this.#byOperation) {
      const { hotSavedUs, ...stats } = counters
      const snapshot = { ...stats, hits: { ...stats.hits }, savedMs: stats.savedMs + hotSavedUs / 1000 }
      operations[operation] = snapshot
      add(total, snapshot)
    }
    return { operations, total }
  }
}

function zero(): Mutable<OperationStats> {
  return {
    hits: { l1: 0, l2: 0, stale: 0 },
    misses: 0,
    loads: 0,
    loadErrors: 0,
    fills: 0,
    fenced: 0,
    refused: 0,
    fallbackHits: 0,
    loadMs: 0,
    savedMs: 0,
    cost: 0,
    savedCost: 0,
  }
}

function add(total: Mutable<OperationStats>, more: OperationStats): void {
  total.hits.l1 += more.hits.l1
  total.hits.l2 += more.hits.l2
  total.hits.stale += more.hits.stale
  total.misses += more.misses
  total.loads += more.loads
  total.loadErrors += more.loadErrors
  total.fills += more.fills
  total.fenced += more.fenced
  total.refused += more.refused
  total.fallbackHits += more.fallbackHits
  total.loadMs += more.loadMs
  total.savedMs += more.savedMs
  total.cost += more.cost
  total.savedCost += more.savedCost
}
