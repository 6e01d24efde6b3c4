/** Where a value came from. `fallback` is the memory that stands in while the primary is away. */
export type Source = 'load' | 'l1' | 'l2' | 'fallback'

export interface HitEvent {
  readonly key: string
  readonly operation: string
  readonly source: 'l1' | 'l2' | 'fallback'
  readonly stale: boolean
  readonly ageMs: number
}

/**
 * `absent` nothing there · `expired` its time was over · `invalidated` by a tag or `clear` · `version` written by another
 * format or codec · `corrupt` unreadable · `schema` refused by the guard.
 */
export type MissReason = 'absent' | 'expired' | 'invalidated' | 'version' | 'corrupt' | 'schema'

export interface MissEvent {
  readonly key: string
  readonly operation: string
  readonly reason: MissReason
}

/**
 * `stored` in the cache · `refused` by `shouldCache`, the size limit, the codec or the store · `fenced`: an invalidation
 * came while it ran · `failed`: the loader threw · `aborted`: the last caller was gone before it ended · `uncached`: there is no
 * cache to store it in now, or the mode says not to.
 */
export type LoadOutcome = 'stored' | 'refused' | 'fenced' | 'failed' | 'aborted' | 'uncached'

export interface LoadEvent {
  readonly key: string
  readonly operation: string
  readonly ms: number
  readonly outcome: LoadOutcome
}

/**
 * `applied`: gone from the shared store · `journaled`: gone here, and applied to the store before this process reads it
 * again · `disabled`: there is no cache.
 */
export type Invalidation = 'applied' | 'journaled' | 'disabled'

export interface InvalidateEvent {
  readonly target:
    { readonly keys: readonly string[] } | { readonly tags: readonly string[] } | { readonly namespace: string } | 'all'
  readonly origin: 'local'
  readonly outcome: Invalidation
}

/**
 * `idle` before `init` · `connected` the primary answers · `degraded` the memory fallback stands in ·
 * `disconnected` no store answers · `disabled` by configuration · `closed`.
 */
export type CacheState = 'idle' | 'connected' | 'degraded' | 'disconnected' | 'disabled' | 'closed'

export interface StateEvent {
  readonly from: CacheState
  readonly to: CacheState
  readonly reason: string
}

export interface ProblemEvent {
  readonly error: unknown
  /**
   * `load`: the loader failed behind a value that was served, so that no caller heard of it · `journal`: `journalFile` could not be
   * written, so what waits for the store would not outlive the process.
   */
  readonly during:
    | 'read'
    | 'write'
    | 'invalidate'
    | 'encode'
    | 'decode'
    | 'connect'
    | 'close'
    | 'listener'
    | 'policy'
    | 'load'
    | 'journal'
  readonly key?: string | undefined
}

/**
 * A table that is bounded is full, and what comes now is treated differently. Told when it fills, not for each that finds it so.
 *
 * `waiters` so many callers wait for other processes: the next ones load by themselves (told anew when half of them have gone) ·
 * `journal` more invalidations wait for the store than `journalLimit`: they have become "everything" · `operations`: whatever has
 * another name is counted as `(other)` from now on.
 */
export interface LimitEvent {
  readonly table: 'waiters' | 'journal' | 'operations'
  readonly limit: number
}

export interface CacheEvents {
  readonly hit: HitEvent
  readonly miss: MissEvent
  readonly load: LoadEvent
  readonly invalidate: InvalidateEvent
  readonly state: StateEvent
  readonly problem: ProblemEvent
  readonly limit: LimitEvent
}
