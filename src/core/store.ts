import type { Awaitable, TagPosition } from '../contracts/backend.ts'
import type { Marks } from '../contracts/entry.ts'
import type { Invalidation } from '../contracts/events.ts'
import type { HealthReport } from '../contracts/health.ts'
import type { MemoryTier } from '../contracts/memory-tier.ts'
import type { Background } from '../support/background.ts'
import type { BreakerState } from './circuit-breaker.ts'
import type { FenceToken } from './fence.ts'
import type { Item, Read } from './found.ts'
import type { HotTier } from './hot-tier.ts'
import type { CodecLookup } from './judge.ts'
import type { Turns } from './turns.ts'

// Where entries are kept, as the read path sees it. Two exist: `EmbeddedStore` (the backend lives in this process) and `RemoteStore` (it is
// behind a call, may be away, and has a memory that stands in).

/** `uncached`: there is nothing to store it in now. */
export type FillOutcome = 'stored' | 'refused' | 'fenced' | 'uncached'

export interface Store {
  /** Work that nobody waits for; `close` does. */
  readonly background: Background
  /** The tier in this process that answers now, if one does. */
  readonly memory: MemoryTier | undefined
  /** The tier that hits may be served from without a call to this store; the same object for the store's life. */
  readonly hot: HotTier | undefined
  /** Whether memory is the whole cache. */
  readonly isEmbedded: boolean
  readonly state: 'connected' | 'degraded' | 'disconnected'
  readonly breaker: BreakerState
  /** Invalidations the store has not confirmed. */
  readonly journalSize: number
  /** Decides who loads, where others may load as well; `undefined`: nobody else does. */
  readonly turns: Turns | undefined
  /** See `HealthReport`. */
  readonly l1: HealthReport['l1']
  /** The store tells of what others invalidate, and for longer than its bound nothing was heard. */
  readonly isDeaf: boolean
  /** How old a value from memory may be that another process invalidated, milliseconds. */
  readonly stalenessBoundMs: number
  /** Whether an invalidated tag reaches every process. */
  readonly tagsAreShared: boolean
  /** What has been seen of the tag clock; taken before a loader starts. */
  readonly clockPosition: TagPosition | undefined
  /** The tags a new entry carries beyond its own. */
  readonly impliedTags: readonly string[]

  /** First contact. @returns whether the store can be used; when not, it is probed from now on. */
  connect(deadlineMs: number): Promise<boolean>
  /** The answer, where this process can give it without asking: from memory, or because the store is away. */
  readNow(key: string, codecFor: CodecLookup, impliedTags: readonly string[] | undefined): Read | undefined
  /**
   * Never rejects: a store that fails has nothing.
   * @param impliedTags what a value without our header counts as tagged with; `undefined`: such values are the rule for the caller
   */
  read(key: string, codecFor: CodecLookup, impliedTags: readonly string[] | undefined): Promise<Read>
  /** Whether what was read under the token may be kept in memory. */
  keeps(token: FenceToken): boolean
  /** Keeps in memory what was read under the token, if it may. */
  keep(key: string, item: Pick<Item, 'entry' | 'bytes'>, token: FenceToken): void
  /** Whether something written under these marks is not invalidated, as far as this process knows. */
  isValid(marks: Marks): boolean
  /**
   * Stores what a loader brought, unless an invalidation made it void.
   * @returns at once from memory; a promise settles when the store has answered, which may be long after the caller went on, and never
   * rejects
   */
  fill(key: string, item: Item, token: FenceToken): Awaitable<FillOutcome>
  /** An explicit write: the last one wins. @returns whether it is stored; when not, nothing older is either. */
  write(key: string, item: Item): Promise<boolean>
  delete(keys: readonly string[]): Promise<Invalidation>
  invalidateTags(tags: readonly string[]): Promise<Invalidation>
  clear(): Promise<Invalidation>
  /** Deletes by key what begins with `prefix`, for values that carry nothing to judge them by; stamps the tags, or renews the clock. */
  clearPrefix(prefix: string, tags: readonly string[]): Promise<Invalidation>
  /** Whether the configured store answers now. */
  ping(): Promise<boolean>
  /** Waits for writes under way, at most `deadlineMs`, then ends all probing. The backend itself stays open. */
  close(deadlineMs: number): Promise<void>
}
