import type { PushEvents } from '../../contracts/backend.ts'
import { keyOfLease } from './lease-keys.ts'

// Turns what the server tells of keys, and what is done here, which it does not tell, into the events that a cache follows: in the turn in
// which it is met, since the answers that came with it are heard of right after. A change told twice costs a read; one not told is a
// wrong value for good.

export interface Announced<T> {
  readonly keys: readonly string[]
  /** The lease token that it is done with. */
  readonly by?: string | undefined
  /** Sends it. */
  readonly send: () => Promise<T>
  /** Gives the caller an answer in time. */
  readonly bound: (sent: Promise<T>) => Promise<T>
}

/** Ends what belongs to the cache and is no caller's: the tag clock, the nodes that live. */
const ownEnding = '#t'

export class Pushes {
  readonly #clockKey: string
  readonly #events: PushEvents
  /** Keys that are being filled beside the link, by token. */
  readonly #filling: Map<string, string> = new Map()

  constructor(clockKey: string, events: PushEvents) {
    this.#clockKey = clockKey
    this.#events = events
  }

  /** What the server tells; `null`: any key may have been changed. */
  invalidated(keys: readonly string[] | null): void {
    if (keys === null) {
      this.#events.changedAll()
      this.#events.tagsChanged()
      return
    }
    for (const told of keys) {
      if (told === this.#clockKey) this.#events.tagsChanged()
      if (told.endsWith(ownEnding)) continue
      const key = keyOfLease(told) ?? told
      const filledBy = this.#filling.get(key)
      if (filledBy === undefined) this.changed([key])
      else this.#events.written([key], filledBy)
    }
  }

  changed(keys: readonly string[]): void {
    this.#events.changed(keys)
  }

  /** The lease of somebody else has ended by this one. */
  taken(key: string, by: string): void {
    this.#events.writing([key], by)
  }

  /**
   * Tells of what is done here when it begins and before it is answered; and once more should it be done later than its caller is answered:
   * what was read meanwhile is older.
   */
  async announce<T>({ keys, by, send, bound }: Announced<T>): Promise<T> {
    let isOver = false
    this.#events.writing(keys, by)
    const sent = send().finally(() => {
      isOver = true
      this.#events.written(keys, by)
    })
    try {
      return await bound(sent)
    } catch (error) {
      if (!isOver) this.#events.written(keys, by)
      throw error
    }
  }

  /**
   * From now on a change of the key counts as done with the token: to the link, another connection of this process is somebody else. What others
   * do meanwhile cannot be told apart, so whoever calls this finds out at the end.
   * @returns the function that ends it
   */
  filling(key: string, token: string): () => void {
    this.#filling.set(key, token)
    return () => {
      if (this.#filling.get(key) === token) this.#filling.delete(key)
    }
  }
}
