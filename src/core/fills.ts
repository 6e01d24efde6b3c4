import type { Awaitable } from '../contracts/backend.ts'
import type { EntryWriter } from './entry-writer.ts'
import type { Fence, FenceToken } from './fence.ts'
import type { Journal } from './journal.ts'
import type { Item } from './found.ts'
import type { FillOutcome } from './store.ts'
import type { TagTable } from './tags.ts'
import type { Turns } from './turns.ts'

// What a loader brought, on its way into the primary and from there into memory. Three may say no: the fence, which knows what this process
// has invalidated since; the tag table, which knows what any process has as far as it was told; and the store, which compares the lease, which
// any process' invalidation has ended.

export interface FillsOptions {
  readonly fence: Fence
  readonly table: TagTable
  readonly journal: Journal
  readonly writer: EntryWriter
  /** `undefined`: nobody else loads, as far as can be known. */
  readonly turns: Turns | undefined
  readonly isUp: () => boolean
  /** Whether the store tells of changes; if not, what is kept is bounded by its age. */
  readonly isTold: () => boolean
  /** See `Store.keep`. */
  readonly keep: (key: string, item: Item, token: FenceToken) => void
}

export class Fills {
  readonly #options: FillsOptions

  constructor(options: FillsOptions) {
    this.#options = options
  }

  fill(key: string, item: Item, token: FenceToken): Awaitable<FillOutcome> {
    if (!this.#mayFill(key, item, token)) return 'fenced'
    // Loaded out of turn: nobody could tell whether it is older than an invalidation.
    const { turns } = this.#options
    if (turns?.isOn === true && token.lease === undefined) return Promise.resolve('refused')
    return this.#fill(key, item, token)
  }

  #mayFill(key: string, { entry }: Item, token: FenceToken): boolean {
    const { isUp, table, journal } = this.#options
    // The store compares what is there with what was: of something that came and is gone again it knows nothing.
    const cameAndWent = token.foundNothing && token.overwritten
    return token.live && isUp() && table.isValid(entry) && !journal.covers(key) && !cameAndWent
  }

  async #fill(key: string, item: Item, token: FenceToken): Promise<FillOutcome> {
    const { fence, writer, turns, isTold, keep } = this.#options
    // What is told of the key from the moment the value leaves counts, nothing before.
    const sent = fence.take(key)
    sent.lease = token.lease
    const outcome = await writer.write(key, item, () => this.#mayFill(key, item, token), token.lease)
    turns?.ended(token)
    if (outcome === 'followed' || (outcome === 'stored' && !isTold())) keep(key, item, sent)
    fence.release(sent)
    return outcomes[outcome]
  }
}

const outcomes = {
  followed: 'stored',
  stored: 'stored',
  refused: 'refused',
  failed: 'refused',
  fenced: 'fenced',
  withheld: 'fenced',
} as const
