// Invalidations the store has not confirmed yet. Until it has, this process treats what they cover as absent (the filter), and before
// it trusts the store again it repeats them (the replay). Deletes and stamps only, never values: a value written during an outage could
// overwrite what another process wrote since. Bounded: beyond the limit it remembers "everything" instead.

interface Item {
  readonly kind: 'key' | 'tag'
  readonly name: string
}

export interface JournalBatch {
  readonly keys: readonly string[]
  readonly tags: readonly string[]
  readonly everything: boolean
  /**
   * Call when the store has confirmed the batch: forgets exactly these items, not what was added meanwhile.
   * @param refused the names that it has not
   */
  confirm(refused?: ReadonlySet<string>): void
}

const nothing: ReadonlySet<string> = new Set()

export class Journal {
  #limit: number
  // By identity: an item added again while its older self is being replayed is another item.
  #keys: Map<string, Item> = new Map()
  #tags: Map<string, Item> = new Map()
  #everything: object | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  addKey(name: string): void {
    this.#keys.set(name, { kind: 'key', name })
    this.#keepBound()
  }

  addTag(name: string): void {
    this.#tags.set(name, { kind: 'tag', name })
    this.#keepBound()
  }

  addEverything(): void {
    this.#keys = new Map()
    this.#tags = new Map()
    this.#everything = {}
  }

  /** The store has taken a newer value of the key: there is nothing old left to delete. */
  forgetKey(name: string): void {
    this.#keys.delete(name)
  }

  setLimit(limit: number): void {
    this.#limit = limit
    this.#keepBound()
  }

  /** Whether what the store holds under `key` must not be read: tags are not known before reading, so any stamp covers all. */
  covers(key: string): boolean {
    return this.#everything !== undefined || this.#tags.size > 0 || this.#keys.has(key)
  }

  get size(): number {
    return this.#keys.size + this.#tags.size + (this.#everything === undefined ? 0 : 1)
  }

  /** All that waits now; `undefined` when nothing does. */
  batch(): JournalBatch | undefined {
    if (this.size === 0) return undefined
    const keys = [...this.#keys.values()]
    const tags = [...this.#tags.values()]
    const everything = this.#everything
    return {
      keys: keys.map((item) => item.name),
      tags: tags.map((item) => item.name),
      everything: everything !== undefined,
      confirm: (refused = nothing) => {
        for (const item of keys)
          if (!refused.has(item.name) && this.#keys.get(item.name) === item) this.#keys.delete(item.name)
        for (const item of tags)
          if (!refused.has(item.name) && this.#tags.get(item.name) === item) this.#tags.delete(item.name)
        if (this.#everything === everything) this.#everything = undefined
      },
    }
  }

  #keepBound(): void {
    if (this.#keys.size + this.#tags.size > this.#limit) this.addEverything()
  }
}
