import type { Awaitable, CacheBackend, FillAnswer, LeaseAnswer, LeaseCapability } from '../contracts/backend.ts'
import type { LeaseRequest, TagCapability, TagDelta, TagPosition } from '../contracts/backend.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { Deadlines } from '../support/deadline.ts'
import { isCacheError } from '../support/errors.ts'
import type { TagNews } from './tag-news.ts'
import type { TagTable } from './tags.ts'
import { WriteOrder } from './write-order.ts'

// A backend behind a call, made bearable: every operation has a deadline, the reads of one turn travel together with one look at the tag
// clock, and writes of one key keep their order even on a backend that answers out of order. It reports each outcome and
// decides nothing: what to do about a failure is the store's business.

/** One megabyte per second: what a write may take beyond the budget. */
const slowestCharsPerMs = 1000

export interface RemoteTierOptions {
  readonly backend: CacheBackend
  readonly tags: TagCapability
  readonly table: TagTable
  readonly runtime: Runtime
  readonly budgetMs: number
  /** How long a write waits for an older one of its key that hangs. */
  readonly socketTimeoutMs: number
  /** One life of the store's being in use: what fails after it has ended says nothing about the next. */
  readonly epoch: () => number
  readonly succeeded: () => void
  readonly failed: (error: unknown, epoch: number) => void
  readonly landedLate: (keys: readonly string[]) => void
  /** See `TagNews`; `undefined` while the store does not tell of the clock: then it is read with every turn. */
  readonly tagNews: () => TagNews | undefined
}

interface Turn {
  readonly keys: string[]
  readonly texts: Array<Promise<string | undefined>>
  readonly answers: Promise<void>
}

export class RemoteTier {
  readonly #options: RemoteTierOptions
  readonly #deadlines: Deadlines
  readonly #order: WriteOrder
  #turn: Turn | undefined
  /** Counts what the clock was asked. */
  #asked = 0
  /** When the present id was asked for. */
  #idAsked = 0

  constructor(options: RemoteTierOptions) {
    this.#options = options
    this.#deadlines = new Deadlines(options.runtime)
    const { backend, runtime, socketTimeoutMs, landedLate } = options
    this.#order = new WriteOrder({ backend, runtime, giveUpMs: socketTimeoutMs, landedLate })
  }

  /** The text under `key`. When it resolves, the tag table is at least as new as the text. */
  read(key: string): Promise<string | undefined> {
    const turn = (this.#turn ??= this.#openTurn())
    const index = turn.keys.push(key) - 1
    return turn.answers.then(() => turn.texts[index])
  }

  /**
   * Bounded by the budget and what a text of this length needs; after that nobody knows whether it arrives.
   *
   * @param allowed asked at the last moment before the text leaves: a value that became void while it waited is not sent
   * @returns `'withheld'` when it was not allowed any more
   */
  write(key: string, text: string, ttl: number, allowed: () => boolean): Promise<'stored' | 'refused' | 'withheld'> {
    const { backend, budgetMs } = this.#options
    const send = async (): Promise<'stored' | 'refused' | 'withheld'> => {
      if (!allowed()) return 'withheld'
      return (await backend.set(key, text, ttl)) === false ? 'refused' : 'stored'
    }
    return this.#inOrder([key], send, budgetMs + text.length / slowestCharsPerMs, 'set')
  }

  /** Like `write`, for whoever holds the lease. */
  fill(
    key: string,
    text: string,
    ttl: number,
    allowed: () => boolean,
    lease: string,
  ): Promise<FillAnswer | 'withheld'> {
    const { budgetMs } = this.#options
    const send = async (): Promise<FillAnswer | 'withheld'> =>
      allowed() ? await this.#leases.fill(key, text, ttl, lease) : 'withheld'
    return this.#inOrder([key], send, budgetMs + text.length / slowestCharsPerMs, 'fill')
  }

  acquire(key: string, request: LeaseRequest): Promise<LeaseAnswer> {
    const asked = call(() => this.#leases.acquire(key, request))
    return this.#observed(asked, this.#options.budgetMs, 'the lease')
  }

  renewLease(key: string, lease: string, leaseMs: number): Promise<boolean> {
    const asked = call(() => this.#leases.renew(key, lease, leaseMs))
    return this.#observed(asked, this.#options.budgetMs, 'the lease')
  }

  release(key: string, lease: string, pauseMs: number | undefined): Promise<void> {
    const asked = call(() => this.#leases.release(key, lease, pauseMs))
    return this.#observed(asked, this.#options.budgetMs, 'the lease')
  }

  delete(keys: readonly string[]): Promise<void> {
    const { backend, budgetMs } = this.#options
    const send = async (): Promise<void> => {
      if (backend.batch !== undefined && keys.length > 1) await backend.batch.delete(keys)
      else await Promise.all(keys.map((key) => backend.delete(key)))
    }
    return this.#inOrder(keys, send, budgetMs, 'delete')
  }

  /** Stamps the tags; the answer brings the table up to date. */
  stamp(tags: readonly string[]): Promise<void> {
    return this.#askClock((clock, since) => clock.stamp(tags, since), 'invalidateTags')
  }

  /** Makes every entry void. @param emptied see `TagCapability.renew` */
  renew(emptied: boolean): Promise<void> {
    return this.#askClock((clock) => clock.renew(emptied), 'clear')
  }

  readTags(): Promise<void> {
    return this.#askClock((clock, since) => clock.read(since), 'the tag clock')
  }

  /** First thing on a new connection: see `TagCapability.enter`. */
  async enter(): Promise<void> {
    if (this.#options.tags.enter !== undefined) {
      await this.#askClock((clock, since) => clock.enter?.(since) ?? clock.read(since), 'the tag clock')
    }
  }

  async #askClock(
    ask: (clock: TagCapability, since: TagPosition | undefined) => Awaitable<TagDelta>,
    what: string,
  ): Promise<void> {
    const { table, tags, budgetMs } = this.#options
    const turn = ++this.#asked
    const answer = call(() => ask(tags, table.position))
    this.#takeIn(await this.#observed(answer, budgetMs, what), turn)
  }

  /**
   * Answers may be heard in another order than they were given, when some take more steps than others. Under one id that does no harm; but an
   * id that was asked for earlier than the present one is the one that was replaced by it, and with it everything would be valid again.
   */
  #takeIn(delta: TagDelta, asked: number): void {
    const { table } = this.#options
    if (delta.id !== table.position?.id) {
      if (asked < this.#idAsked) return
      this.#idAsked = asked
    }
    table.apply(delta)
  }

  /** Never rejects, reports nothing: asking is not using. */
  async ping(): Promise<boolean> {
    try {
      const { backend, budgetMs } = this.#options
      return (
        (await this.#deadlines.bound(
          call(() => backend.ping()),
          budgetMs,
          'ping',
        )) !== false
      )
    } catch {
      return false
    }
  }

  /** Called only where there are leases. */
  get #leases(): LeaseCapability {
    return this.#options.backend.leases as LeaseCapability
  }

  #openTurn(): Turn {
    const { runtime } = this.#options
    let open: (answers: Promise<void>) => void = () => {}
    const turn: Turn = { keys: [], texts: [], answers: new Promise((resolve) => (open = resolve)) }
    runtime.defer(() => {
      this.#turn = undefined
      open(this.#send(turn))
    })
    return turn
  }

  async #send(turn: Turn): Promise<void> {
    const { backend, tags, table, budgetMs, tagNews } = this.#options
    const { keys } = turn
    const asked: Promise<unknown>[] = []
    const { batch } = backend
    if (batch !== undefined) {
      const all = call(() => batch.get(keys))
      asked.push(all)
      keys.forEach((_, index) => turn.texts.push(all.then((texts) => texts[index] ?? undefined)))
    } else {
      for (const key of keys) {
        const one = call(() => backend.get(key)).then((text) => text ?? undefined)
        asked.push(one)
        turn.texts.push(one)
      }
    }
    // Each reader awaits its own text; one that failed alone fails alone.
    for (const text of turn.texts) text.catch(() => {})
    const news = tagNews()
    const clockAsked = ++this.#asked
    const clock =
      news === undefined
        ? call(() => tags.read(table.position)).then((delta) => this.#takeIn(delta, clockAsked))
        : // What was told of the clock before the last of these answers counts for all of them.
          Promise.allSettled(asked).then(() => news.taken())
    const epoch = this.#options.epoch()
    try {
      await this.#deadlines.bound(Promise.all([clock, Promise.allSettled(asked)]), budgetMs, 'get')
    } catch (error) {
      // Without the clock nothing that was read can be judged.
      this.#options.failed(error, epoch)
      throw error
    }
    try {
      await Promise.all(asked)
    } catch (error) {
      this.#options.failed(error, epoch)
      if (isStoreDown(error)) throw error
      return
    }
    this.#options.succeeded()
  }

  async #observed<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
    const epoch = this.#options.epoch()
    try {
      const value = await this.#deadlines.bound(work, ms, what)
      this.#options.succeeded()
      return value
    } catch (error) {
      if (!isRefusal(error)) this.#options.failed(error, epoch)
      throw error
    }
  }

  /**
   * Sends a write when the older writes of its keys have settled. Waiting for them is not the store's time: it ends in a timeout for the
   * caller, who must not take the outcome for granted, but says nothing about the store.
   */
  async #inOrder<T>(keys: readonly string[], send: () => Promise<T>, ms: number, what: string): Promise<T> {
    if (this.#options.backend.ordered === true) return await this.#observed(send(), ms, what)
    const before = this.#order.before(keys)
    if (before === undefined) {
      const sent = send()
      this.#order.hold(keys, sent)
      return await this.#observed(sent, ms, what)
    }
    let sending: Promise<T> | undefined
    const answered = before.then(() => {
      sending = send()
      return this.#observed(sending, ms, what)
    })
    // Later writes wait for this one itself, however long its caller does.
    this.#order.hold(
      keys,
      before.then(() => sending),
    )
    return await this.#deadlines.bound(answered, this.#options.budgetMs + ms, what)
  }
}

/** The store itself does not answer, as against: it answered that it will not do this. */
export function isStoreDown(error: unknown): boolean {
  return isCacheError(error, 'CACHE_TIMEOUT') || isCacheError(error, 'CACHE_UNAVAILABLE')
}

/** See `CacheBackend`. */
function isRefusal(error: unknown): boolean {
  return (error as { readonly refusal?: unknown } | undefined)?.refusal === true
}

/** A backend method may be synchronous, and may throw synchronously. */
async function call<T>(method: () => T | PromiseLike<T>): Promise<T> {
  return await method()
}
