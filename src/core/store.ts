import type { Awaitable, TagPosition } from '../contracts/backend.ts'
import type { Entry } from '../contracts/entry.ts'
import type { Invalidation, MissReason } from '../contracts/events.ts'
import type { MemoryTier } from '../contracts/memory-tier.ts'
import type { Background } from '../support/background.ts'
import type { BreakerState } from './circuit-breaker.ts'
import type { FenceToken } from './fence.ts'
import type { CodecLookup } from './judge.ts'

// Where entries are kept, as the read path sees it. Two exist: `EmbeddedStore` (the backend lives in this process) and `RemoteStore` (it is
// behind a call, may be away, and has a memory that stands in).

export type Read =
  | { readonly entry: Entry; readonly source: 'l1' | 'l2' | 'fallback' }
  | { readonly entry: undefined; readonly reason: MissReason }

/** `uncached`: there is nothing to store it in now. */
export type FillOutcome = 'stored' | 'refused' | 'fenced' | 'uncached'

export const absent: Read = { entry: undefined, reason: 'absent' }

export interface Store {
  /** Work that nobody waits for; `close` does. */
  readonly background: Background
  /** The tier in this process that answers now, if one does. */
  readonly memory: MemoryTier | undefined
  /** Whether memory is the whole cache. */
  readonly isEmbedded: boolean
  readonly state: 'connected' | 'degraded' | 'disconnected'
  readonly breaker: BreakerState
  /** Invalidations the store has not confirmed. */
  readonly journalSize: number
  /** Whether an invalidated tag reaches every process. */
  readonly tagsAreShared: boolean
  /** What has been seen of the tag clock; taken before a loader starts. */
  readonly clockPosition: TagPosition | undefined
  /** The tags a new entry carries beyond its own. */
  readonly impliedTags: readonly string[]

  /** First contact. @returns whether the store can be used; when not, it is probed from now on. */
  connect(deadlineMs: number): Promise<boolean>
  /** The entry in this process' memory that may be served now. */
  peek(key: string): Entry | undefined
  /** Never rejects: a store that fails has nothing. */
  read(key: string, codecFor: CodecLookup): Promise<Read>
  /**
   * Stores what a loader brought, unless an invalidation made it void.
   * @returns at once from memory; a promise settles when the store has answered, which may be long after the caller went on, and never
   * rejects
   */
  fill(key: string, entry: Entry, bytes: number, token: FenceToken): Awaitable<FillOutcome>
  /** An explicit write: the last one wins. @returns whether it is stored; when not, nothing older is either. */
  write(key: string, entry: Entry, bytes: number): Promise<boolean>
  delete(keys: readonly string[]): Promise<Invalidation>
  invalidateTags(tags: readonly string[]): Promise<Invalidation>
  clear(): Promise<Invalidation>
  /** Whether the configured store answers now. */
  ping(): Promise<boolean>
  /** Waits for writes under way, at most `deadlineMs`, then ends all probing. The backend itself stays open. */
  close(deadlineMs: number): Promise<void>
}
