import type { PushEvents } from '../../contracts/backend.ts'

// What this process changes is told here when it begins and before it is answered. What the database tells of it comes in between, or later.
// In between it is told here too: a read on another connection may bring the new value before the write is answered. Later it is no news,
// unless the answer never came: then the change may have happened after its caller was told that nobody knows.

type Events = Pick<PushEvents, 'writing' | 'written'>

export interface Announced<T> {
  readonly keys: readonly string[]
  /** The lease token that it is done with. */
  readonly by?: string | undefined
  /** @param origin what the database tells it with */
  readonly send: (origin: string) => Promise<T>
}

/** Beyond it what is told of this process counts as somebody else's: it costs reads. */
const mostDoubtful = 10_000

export class OwnChanges {
  readonly #node: string
  readonly #events: Events
  readonly #doubtful: Set<number> = new Set()
  readonly #pending: Map<number, Pick<Announced<unknown>, 'keys' | 'by'>> = new Map()
  #count = 0
  #isLost = false

  constructor(node: string, events: Events) {
    this.#node = node
    this.#events = events
  }

  async announce<T>({ keys, by, send }: Announced<T>): Promise<T> {
    this.#events.writing(keys, by)
    try {
      return await this.tell(send, { keys, by })
    } finally {
      this.#events.written(keys, by)
    }
  }

  /** For what is not announced. */
  async tell<T>(send: (origin: string) => Promise<T>, announced?: Pick<Announced<T>, 'keys' | 'by'>): Promise<T> {
    const count = ++this.#count
    if (announced !== undefined) this.#pending.set(count, announced)
    try {
      return await send(`${this.#node}.${count}`)
    } catch (error) {
      // Also of one that was answered with an error: it will not be told, and is forgotten with the others.
      if (this.#doubtful.size < mostDoubtful) this.#doubtful.add(count)
      else this.#isLost = true
      throw error
    } finally {
      this.#pending.delete(count)
    }
  }

  /**
   * The database tells of a change.
   * @returns whether that is no news
   */
  isKnown(origin: string): boolean {
    const [node, text] = origin.split('.')
    const count = Number(text)
    if (node !== this.#node || this.#isLost || this.#doubtful.delete(count)) return false
    const pending = this.#pending.get(count)
    if (pending !== undefined) this.#events.written(pending.keys, pending.by)
    return true
  }

  /** Nothing that was told before is kept. */
  forget(): void {
    this.#isLost = false
  }
}
