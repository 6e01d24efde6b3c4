import type { JournalLine, JournalLog } from '../contracts/journal-log.ts'
import type { Invalidated } from './recent-invalidations.ts'

// Invalidations the store has not confirmed yet. Until it has, this process treats what they cover as absent (the filter), and before
// it trusts the store again it repeats them (the replay). Deletes and stamps only, never values: a value written during an outage could
// overwrite what another process wrote since. Bounded: beyond the limit it remembers "everything" instead.
//
// With a log it outlives the process: what is added is in the log before the call that added it resolves. The log may hold more than the
// journal, never less; what is done to it is done one after the other, so that nobody takes as saved what a rewrite under way will save.

interface Item {
  readonly name: string
}

export interface JournalBatch extends Invalidated {
  /**
   * Call when the store has confirmed the batch: forgets exactly these items, not what was added meanwhile.
   * @param refused the names that it has not
   */
  confirm(refused?: ReadonlySet<string>): void
}

const nothing: ReadonlySet<string> = new Set()
/** How many lines too many a log may have. */
const mostExcess = 1000

export class Journal {
  #limit: number
  // By identity: an item added again while its older self is being replayed is another item.
  #keys: Map<string, Item> = new Map()
  #tags: Map<string, Item> = new Map()
  #everything: object | undefined
  #log: JournalLog | undefined
  /** What of the journal the log does not hold yet, or may not: never more than the journal, however long it cannot be written. */
  #unsaved: Map<string, JournalLine> = new Map()
  #writing: Promise<unknown> = Promise.resolve()
  /** How many lines the log holds, at most. */
  #lines = 0

  readonly #whenFull: (limit: number) => void

  /**
   * @param limit how many names it holds before they become "everything"
   * @param whenFull told when they do
   */
  constructor(limit: number = Infinity, whenFull: (limit: number) => void = () => {}) {
    this.#limit = limit
    this.#whenFull = whenFull
  }

  addKey(name: string): void {
    if (!this.#keys.has(name)) this.#save(['key', name])
    this.#keys.set(name, { name })
    this.#keepBound()
  }

  addTag(name: string): void {
    if (!this.#tags.has(name)) this.#save(['tag', name])
    this.#tags.set(name, { name })
    this.#keepBound()
  }

  addEverything(): void {
    if (this.#everything === undefined) this.#save(['everything'])
    this.#keys = new Map()
    this.#tags = new Map()
    this.#everything = {}
    this.#unsaved = new Map([...this.#unsaved].filter(([, line]) => this.#holds(line)))
  }

  add({ keys, tags, everything }: Invalidated): void {
    if (everything) this.addEverything()
    for (const key of keys) this.addKey(key)
    for (const tag of tags) this.addTag(tag)
  }

  /** The store has taken a newer value of the key: there is nothing old left to delete. */
  forgetKey(name: string): void {
    if (!this.#keys.delete(name)) return
    this.#unsaved.delete(idOf(['key', name]))
    this.#shortenLog()
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
    const forget = (from: Map<string, Item>, kind: 'key' | 'tag', item: Item): void => {
      if (from.get(item.name) !== item) return
      from.delete(item.name)
      this.#unsaved.delete(idOf([kind, item.name]))
    }
    return {
      keys: keys.map((item) => item.name),
      tags: tags.map((item) => item.name),
      everything: everything !== undefined,
      confirm: (refused = nothing) => {
        for (const item of keys) if (!refused.has(item.name)) forget(this.#keys, 'key', item)
        for (const item of tags) if (!refused.has(item.name)) forget(this.#tags, 'tag', item)
        if (this.#everything === everything) {
          this.#everything = undefined
          this.#unsaved.delete(idOf(['everything']))
        }
        this.#shortenLog()
      },
    }
  }

  /**
   * From now on the journal outlives the process in `log`, and with it what earlier processes left there. Rejects when the log cannot be
   * read or written.
   */
  async keepIn(log: JournalLog): Promise<void> {
    const before = await this.#inTurn(async () => {
      const inherited = await log.takeOver()
      // From here to the next `await` nothing can be added that neither log hears of.
      const former = this.#log
      this.#log = log
      this.#lines = inherited.length
      this.#unsaved = new Map(this.#all().map((line) => [idOf(line), line]))
      for (const line of inherited) {
        this.#addLine(line)
        // The log holds it. What it may have become beyond the limit, the log does not.
        this.#unsaved.delete(idOf(line))
      }
      await this.#write()
      return former
    })
    try {
      await before?.replace([])
    } catch {
      // Harmless, as every log that holds too much.
    }
  }

  /** Resolves when all that was added would outlive the process, at once without a log. Rejects when the log cannot be written. */
  async saved(): Promise<void> {
    if (this.#log !== undefined) await this.#inTurn(() => this.#write())
  }

  async #write(): Promise<void> {
    const log = this.#log
    if (log === undefined) return
    if (this.#isLogTooLong()) await this.#rewrite(log)
    const lines = [...this.#unsaved.values()]
    if (lines.length === 0) return
    this.#unsaved = new Map()
    // Also when it fails: some of them may be there.
    this.#lines += lines.length
    try {
      await log.append(lines)
    } catch (error) {
      this.#saveAgain(lines)
      throw error
    }
  }

  /** Never rejects: a log that is longer than it need be is harmless, what it holds is repeated once more. */
  async #rewrite(log: JournalLog): Promise<void> {
    const unsaved = [...this.#unsaved.values()]
    const lines = this.#all()
    this.#unsaved = new Map()
    try {
      await log.replace(lines)
      this.#lines = lines.length
    } catch {
      this.#saveAgain(unsaved)
    }
  }

  #save(line: JournalLine): void {
    if (this.#log !== undefined) this.#unsaved.set(idOf(line), line)
  }

  /** What has been confirmed meanwhile is not saved any more. */
  #saveAgain(lines: readonly JournalLine[]): void {
    for (const line of lines) if (this.#holds(line)) this.#save(line)
  }

  #addLine([kind, name]: JournalLine): void {
    if (kind === 'everything') this.addEverything()
    else if (kind === 'key') this.addKey(name)
    else this.addTag(name)
  }

  #holds([kind, name]: JournalLine): boolean {
    if (kind === 'everything') return this.#everything !== undefined
    return kind === 'key' ? this.#keys.has(name) : this.#tags.has(name)
  }

  #all(): JournalLine[] {
    const lines: JournalLine[] = []
    if (this.#everything !== undefined) lines.push(['everything'])
    for (const name of this.#keys.keys()) lines.push(['key', name])
    for (const name of this.#tags.keys()) lines.push(['tag', name])
    return lines
  }

  #isLogTooLong(): boolean {
    const { size } = this
    return this.#lines > 0 && (size === 0 || this.#lines >= 2 * size + mostExcess)
  }

  #shortenLog(): void {
    // Nobody waits for it; what fails is tried again by whoever saves next.
    if (this.#log !== undefined && this.#isLogTooLong()) this.saved().catch(() => {})
  }

  #keepBound(): void {
    if (this.#keys.size + this.#tags.size <= this.#limit) return
    this.addEverything()
    this.#whenFull(this.#limit)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#writing.then(work)
    this.#writing = mine.catch(() => {})
    return mine
  }
}

/** Kinds begin with different letters, so no name can make two lines look the same. */
function idOf(line: JournalLine): string {
  return line.join(' ')
}
