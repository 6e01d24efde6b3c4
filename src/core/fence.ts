// A load takes a token before any I/O. An invalidation of its key makes the token dead, and a dead token stores nothing: that is how an
// invalidation wins against every load in flight, however late it ends. All tokens of a key are killed, those of flights that
// nobody can join any more too.

export interface FenceToken {
  readonly key: string
  live: boolean
  /** What was read under it may still be served: no invalidation was called, or answered, since. */
  readLive: boolean
  /**
   * The key was not changed by anybody, as far as this process is told, since what was asked for it last was sent: who comes now may join,
   * and what comes back may be kept here.
   */
  followed: boolean
  /** The right to load, as the store knows it. */
  lease: string | undefined
  /** There was nothing under the key when that was given. */
  foundNothing: boolean
  /** Since then somebody did something to the key: if there is nothing again, what came between may have been newer. */
  overwritten: boolean
  /** The loader has started: what it brings is newer than any invalidation before. */
  loading: boolean
  /** A write outlives the flight: whoever set this releases the token when the write has settled. */
  held: boolean
}

export class Fence {
  readonly #tokens: Map<string, Set<FenceToken>> = new Map()

  take(key: string): FenceToken {
    const token: FenceToken = {
      key,
      live: true,
      readLive: true,
      followed: true,
      lease: undefined,
      foundNothing: false,
      overwritten: false,
      loading: false,
      held: false,
    }
    const tokens = this.#tokens.get(key)
    if (tokens === undefined) this.#tokens.set(key, new Set([token]))
    else tokens.add(token)
    return token
  }

  /** Forgets a token whose load has settled. */
  release(token: FenceToken): void {
    const tokens = this.#tokens.get(token.key)
    if (tokens === undefined || !tokens.delete(token)) return
    if (tokens.size === 0) this.#tokens.delete(token.key)
  }

  /** Makes one load void that nobody waits for any more: what it reads or brings is of no use, since nothing is told of it from here on. */
  abandon(token: FenceToken): void {
    kill(token)
    this.release(token)
  }

  /** Makes every load of `key` void. */
  void(key: string): void {
    const tokens = this.#tokens.get(key)
    if (tokens === undefined) return
    for (const token of tokens) kill(token)
    this.#tokens.delete(key)
  }

  /**
   * Makes what is being read, or was read, for `key` void. Called when the store has confirmed an invalidation: a read sent before it
   * may have brought the old value, a load begun after the invalidation cannot.
   */
  voidReads(key: string): void {
    for (const token of this.#tokens.get(key) ?? []) {
      token.readLive = false
      if (token.loading) continue
      token.live = false
      token.followed = false
    }
  }

  /**
   * Somebody changed the key, or is about to. Whether a load of it is void the store decides, by the lease; here nobody joins it any more.
   * @param by the lease token it is done with, if it is done in this process
   */
  changed(key: string, by?: string): void {
    for (const token of this.#tokens.get(key) ?? []) {
      if (by !== undefined && token.lease === by) continue
      token.followed = false
      token.overwritten = true
    }
  }

  /** What this process does to the key has been done: what is read was perhaps read before, a load that has begun since is newer. */
  written(key: string, by?: string): void {
    for (const token of this.#tokens.get(key) ?? []) {
      if (!token.loading && (by === undefined || token.lease !== by)) token.followed = false
    }
  }

  /** Any key may have been changed. */
  changedAll(): void {
    for (const tokens of this.#tokens.values()) for (const token of tokens) token.followed = false
  }

  /** Makes every load void. */
  voidAll(): void {
    for (const tokens of this.#tokens.values()) for (const token of tokens) kill(token)
    this.#tokens.clear()
  }

  get size(): number {
    return this.#tokens.size
  }
}

function kill(token: FenceToken): void {
  token.live = false
  token.readLive = false
  token.followed = false
}
