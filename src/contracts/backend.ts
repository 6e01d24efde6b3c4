import type { MemoryTier } from './memory-tier.ts'

/** Backend methods may be synchronous: an object literal around a `Map` needs no `async`. */
export type Awaitable<T> = T | Promise<T>

/**
 * Where entries are kept. Six methods make a backend; everything else is an optional capability.
 *
 * Rules every backend keeps: a miss is `null` or `undefined` and nothing else is; what `set` stored comes back
 * byte-exact; a failure **throws** (the manager fails open, a backend never swallows). An error with `refusal: true` says that the
 * store is well and will not do this one thing (it is full, say); any other counts against the store.
 */
export interface CacheBackend {
  /** The stored text, or `null` / `undefined` when there is none. `''` is a value. */
  get(key: string): Awaitable<string | null | undefined>
  /**
   * Stores `value` for `ttl` seconds: a whole number, at least 1; `'forever'` arrives as ten years.
   * @returns `false` when the store refused the value; anything else counts as stored.
   */
  set(key: string, value: string, ttl: number): Awaitable<boolean>
  /** @returns whether something was deleted. */
  delete(key: string): Awaitable<boolean>
  exists(key: string): Awaitable<boolean>
  /** @returns `false` when the store cannot serve now; may throw instead. */
  ping(): Awaitable<boolean>
  /**
   * Frees what the backend opened. Called once, by `close()` of its manager or by the next `initCache()`.
   * @param owing invalidations are left that the store has not confirmed
   */
  close(owing?: boolean): Awaitable<void>

  /** Opens the store. Called once before anything else, bounded by the manager. */
  connect?(): Awaitable<void>
  /** Shown in `healthReport()`. Default: the constructor's name, else `'custom'`. */
  readonly name?: string
  /**
   * Writes of a key take effect in the order of the calls, without waiting for each other's answers. Default: no, and the manager sends
   * one when the one before is answered.
   */
  readonly ordered?: boolean
  readonly batch?: BatchCapability
  readonly tags?: TagCapability
  readonly scan?: ScanCapability
  readonly link?: LinkCapability
  readonly push?: PushCapability
  readonly leases?: LeaseCapability
  readonly embedded?: EmbeddedCapability
}

/** Several keys in one round trip. */
export interface BatchCapability {
  /** One answer per key, in order; `null` for a miss. */
  get(keys: readonly string[]): Awaitable<ReadonlyArray<string | null | undefined>>
  /** @returns how many existed. */
  delete(keys: readonly string[]): Awaitable<number>
}

/**
 * The tag clock: `tag -> stamp` under a random id. Invalidating a tag raises its stamp above every stamp given before;
 * `renew` replaces the id and with it every entry ever written. Each answer carries what is newer than `since`.
 */
export interface TagCapability {
  /**
   * Must be ordered after every `get` this process sent before it: its answer is then at least as new as theirs.
   */
  read(since: TagPosition | undefined): Awaitable<TagDelta>
  /** Stamps the tags, all with one new highest stamp. */
  stamp(tags: readonly string[], since: TagPosition | undefined): Awaitable<TagDelta>
  /**
   * Called before anything is read on a new connection. A clock that comes from another history of the data set than the present one
   * (`LinkCapability.history`) gets a new id: nobody knows which invalidations were lost between the two. Answers like `read`.
   */
  enter?(since: TagPosition | undefined): Awaitable<TagDelta>
  /**
   * Gives the clock a new random id without stamps.
   * @param emptied nothing written before is left: values without our header need not count as older than this
   */
  renew(emptied?: boolean): Awaitable<TagDelta>
}

/** Which keys there are. */
export interface ScanCapability {
  /** Pages of keys that begin with `prefix`: each key that is there all the time at least once. */
  keys(prefix: string): AsyncIterable<readonly string[]>
}

/** The backend keeps a connection, notices when it is gone, and makes it anew by itself. */
export interface LinkCapability {
  /** Called before `connect`, by each cache that uses the backend. @returns the function that ends it. */
  watch(events: LinkEvents): () => void
  /** Names one history of the data set: under another name what was acknowledged may be lost. `undefined`: not known. */
  readonly history: string | undefined
  /** What the server's permissions keep from being guaranteed, a sentence each, for `healthReport()`. */
  readonly limits: readonly string[]
}

export interface LinkEvents {
  /** What was sent and not answered may have happened or not. Until `restored` nothing is sent. */
  lost(reason: string): void
  /** Commands are taken again. The server may be another one. */
  restored(): void
}

/**
 * The store tells of changes. What was read on the present connection may then be kept in this process' memory, since every later change of
 * it is told: by anybody, by expiry, by eviction. A key is followed from the moment it is read; telling of a change ends it.
 */
export interface PushCapability {
  /** Called before `connect`, by each cache that uses the backend. @returns the function that ends it. */
  watch(events: PushEvents): () => void
  /** Whether changes are told on the present connection. */
  readonly isOn: boolean
  /**
   * How long after a sign of life what is kept may be served, milliseconds. A connection that died without a sign hides changes for at
   * most that long.
   */
  readonly boundMs: number
}

/** Told in the order of the answers: a change before every answer that the store gave after it. */
export interface PushEvents {
  /** Somebody changed or ended these keys, or the leases of them. */
  changed(keys: readonly string[]): void
  /**
   * The same is called through this very backend: what was begun before is older.
   * @param by the lease token that it is done with, if any
   */
  writing(keys: readonly string[], by?: string): void
  /** It has been answered, whatever the answer, and whoever called is told next: what was read since it was called may be older. */
  written(keys: readonly string[], by?: string): void
  /** Any key may have been changed. */
  changedAll(): void
  /** The tag clock was changed by somebody else, or is gone. */
  tagsChanged(): void
  /** Everything that happened in the store before `sentAt` (`Runtime.monotonic`) has been told. */
  heard(sentAt: number): void
}

/**
 * The right to load a key, for one caller of all processes. It saves work; what makes late values void is that `fill` compares the token.
 * `set` and `delete` of the backend end the lease of their key, so a load that was begun before stores nothing.
 */
export interface LeaseCapability {
  /** Whether leases can be had on the present connection. If not, each process loads for itself, and the last write wins. */
  readonly isOn: boolean
  acquire(key: string, request: LeaseRequest): Awaitable<LeaseAnswer>
  /** Prolongs it to `leaseMs` from now. @returns `false` when it is not held any more */
  renew(key: string, token: string, leaseMs: number): Awaitable<boolean>
  /** Stores the value and ends the lease, if that is still held; in one step. */
  fill(key: string, value: string, ttl: number, token: string): Awaitable<FillAnswer>
  /**
   * Ends the lease, if it is still held.
   * @param pauseMs the load failed: for so long, others who have something to stand in need not try
   */
  release(key: string, token: string, pauseMs?: number): Awaitable<void>
}

export interface LeaseRequest {
  /** Unique: one that was used before is nobody's. */
  readonly token: string
  readonly leaseMs: number
  /** How the text under the key begins that was read and is of no use; `undefined`: there was none. Only whoever knows the present text may load. */
  readonly seen: string | undefined
  /** What it is granted in spite of: `'failure'` the pause after a failed load · `'anyone'` that, a holder, and any text. */
  readonly despite: 'nothing' | 'failure' | 'anyone'
}

/**
 * `granted` · `changed`: there is another text by now, read it · `held`: somebody loads, for `waitMs` at most unless prolonged · `paused`: a
 * load failed a moment ago, and is not to be tried again for `waitMs`.
 */
export type LeaseAnswer =
  | { readonly kind: 'granted' | 'changed' }
  /** `holder`: the token it is held with. */
  | { readonly kind: 'held'; readonly waitMs: number; readonly holder: string }
  | { readonly kind: 'paused'; readonly waitMs: number }

/** `fenced`: the lease was not held any more · `followed`: stored, and later changes of the key are told · `stored`: stored, no more. */
export type FillAnswer = 'fenced' | 'followed' | 'stored'

/** How much of a tag clock a node knows: everything up to `mark` under `id`. */
export interface TagPosition {
  readonly id: string
  readonly mark: number
}

/** What a tag clock holds beyond a position; a changed `id` means everything known before is void. */
export interface TagDelta {
  readonly id: string
  /** Stamps up to here may have been forgotten: a tagged entry with a lower t0 is void. */
  readonly floor: number
  readonly stamps: ReadonlyArray<readonly [tag: string, stamp: number]>
}

/** The backend lives in this process: the manager keeps live entries in its tier instead of texts behind a call. */
export interface EmbeddedCapability {
  readonly tier: MemoryTier
}
