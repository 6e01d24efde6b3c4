import type { Awaitable, TagPosition } from '../contracts/backend.ts'
import type { Entry, Marks } from '../contracts/entry.ts'
import type { Invalidation, MissReason } from '../contracts/events.ts'
import type { MemoryTier } from '../contracts/memory-tier.ts'
import type { Background } from '../support/background.ts'
import type { BreakerState } from './circuit-breaker.ts'
import type { FenceToken } from './fence.ts'
import type { CodecLookup } from './judge.ts'

// Where entries are kept, as the read path sees it. Two exist: `EmbeddedStore` (the backend lives in this process) and `RemoteStore` (it is
// behind a call, may be away, and has a memory that stands in).

export type Read = Found | { readonly entry: undefined; readonly reason: MissReason }

export interface Found {
  readonly entry: Entry
  readonly source: 'l1' | 'l2' | 'fallback'
}

/** `uncached`: there is nothing to store it in now. */
export type FillOutcome = 'stored' | 'refused' | 'fenced' | 'uncached'

export const absent: Read = { entry: undefined, reason: 'absent' }

/** Memory whose entries may be served without asking anybody. */
export interface HotMemory {
  readonly tier: MemoryTier
  /** Changes whenever an entry in the tier may have become void without being dropped. */
  readonly generation: number
  /** Whether the entry of a slot is not invalidated. What was judged in this generation is not judged again. */
  isCurrent(slot: number, impliedTags: readonly string[] | undefined): boolean
  /** A number that no slot carries as its stamp. Call it again when the generation has changed. */
  takeStamp(): number
}

/** What an explicit write or a load hands to a store. */
export interface Item {
  readonly entry: Entry
  /** An estimate of what the entry's value holds in memory. */
  readonly bytes: number
  /** As bare JSON or a bare string, without our header. */
  readonly plain: boolean
}

export interface Store {
  /** Work that nobody waits for; `close` does. */
  readonly background: Background
  /** The tier in this process that answers now, if one does. */
  readonly memory: MemoryTier | undefined
  /** The tier that hits may be served from without a call to this store; the same object for the store's life. */
  readonly hot: HotMemory | undefined
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
  /** The answer, where this process can give it without asking: from memory, or because the store is away. */
  readNow(key: string, codecFor: CodecLookup, impliedTags: readonly string[] | undefined): Read | undefined
  /**
   * Never rejects: a store that fails has nothing.
   * @param impliedTags what a value without our header counts as tagged with; `undefined`: such values are the rule for the caller
   */
  read(key: string, codecFor: CodecLookup, impliedTags: readonly string[] | undefined): Promise<Read>
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
