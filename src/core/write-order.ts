import type { CacheBackend } from '../contracts/backend.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { withTimeLimit } from '../support/deadline.ts'

// Writes of one key run one after the other. On a backend that answers out of order, a `set` under way must not land after the `delete`
// that follows it. The order belongs to the backend, not to the store: a store made anew for the same backend keeps it.

interface Order {
  readonly last: Map<string, Promise<void>>
}

const orders = new WeakMap<CacheBackend, Order>()

export interface WriteOrderOptions {
  readonly backend: CacheBackend
  readonly runtime: Runtime
  /** How long a write waits for an older one that hangs. */
  readonly giveUpMs: number
  /** A write that was given up has landed after all: what was done to its keys since is undone. */
  readonly landedLate: (keys: readonly string[]) => void
}

export class WriteOrder {
  readonly #options: WriteOrderOptions
  readonly #last: Map<string, Promise<void>>

  constructor(options: WriteOrderOptions) {
    this.#options = options
    const order = orders.get(options.backend) ?? { last: new Map() }
    orders.set(options.backend, order)
    this.#last = order.last
  }

  /** The older writes of these keys that have not settled; `undefined` when there are none. */
  before(keys: readonly string[]): Promise<unknown> | undefined {
    const older = keys.flatMap((key) => this.#last.get(key) ?? [])
    return older.length === 0 ? undefined : Promise.all(older)
  }

  /** Makes later writes of the keys wait for this one. */
  hold(keys: readonly string[], write: Promise<unknown>): void {
    const { runtime, giveUpMs, landedLate } = this.#options
    const settled = write.then(
      () => true,
      () => false,
    )
    const over: Promise<void> = withTimeLimit(settled, giveUpMs, runtime, 'background').then((inTime) => {
      for (const key of keys) if (this.#last.get(key) === over) this.#last.delete(key)
      if (inTime !== undefined) return
      void settled.then((landed) => {
        if (landed) landedLate(keys)
      })
    })
    for (const key of keys) this.#last.set(key, over)
  }
}
