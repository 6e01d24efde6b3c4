/** What the cache is and does right now. Holds no key, no value and no secret. */
export interface HealthReport {
  readonly status: 'connected' | 'degraded' | 'disconnected' | 'disabled'
  /** The configured backend's name. */
  readonly backend: string
  /** Whether the configured primary answered within the budget. */
  readonly primary: boolean
  /** What stands in while the primary is away. */
  readonly fallback: 'memory' | 'none'
  readonly breaker: 'closed' | 'open' | 'half-open'
  /** When the present status began. */
  readonly since: Date
  /** The primary's answer time, or `null` without an answer. */
  readonly latencyMs: number | null
  /**
   * Memory in this process: `embedded` is the whole cache · `coherent` is told of every change of the primary · `bounded` by `l1.maxAge` ·
   * `off` none, or not now.
   */
  readonly l1: 'embedded' | 'coherent' | 'bounded' | 'off'
  /**
   * How old a value may be that another process invalidated, milliseconds, while the primary answers: `0` where each read asks it; where
   * it tells of changes, what a connection that died without a sign may hide.
   */
  readonly stalenessBoundMs: number
  /** Whether tags reach every process (`shared`) or this one only (`process`: the backend keeps no tag clock). */
  readonly tags: 'shared' | 'process'
  /** What the primary's permissions keep from being guaranteed, a sentence each. */
  readonly limits: readonly string[]
}
