import type { TagPosition } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import type { SqlCalls, SqlRow } from './sql-calls.ts'
import { sinceArguments } from './sql-tags.ts'
import { fromWire, storedKey } from './stored-text.ts'

// Reads of one turn are one statement, and the tag clock that is asked for in the same turn is part of it: both see one moment, so no value is
// judged by a clock older than itself, whichever connections carry them.

export interface SqlReadsOptions {
  readonly calls: SqlCalls
  readonly runtime: Runtime
  readonly budgetMs: number
  /** What came beside the values: throws when they are not of the present history. Resolves when they may be given out. */
  readonly seen: (row: SqlRow, sentAt: number) => Promise<void>
}

/** Keys in one statement: more would make everybody wait for its answer. */
const keysPerRead = 500

interface Turn {
  readonly keys: string[]
  readonly texts: Promise<ReadonlyArray<string | null>>
  readonly clock: Promise<string | null>
  since: TagPosition | undefined
  wantsClock: boolean
}

export class SqlReads {
  readonly #options: SqlReadsOptions
  readonly #underWay: Set<Promise<unknown>> = new Set()
  #turn: Turn | undefined

  constructor(options: SqlReadsOptions) {
    this.#options = options
  }

  async get(keys: readonly string[]): Promise<ReadonlyArray<string | null>> {
    if (keys.length === 0) return []
    const stored = keys.map((key) => storedKey(key).key)
    const turn = (this.#turn ??= this.#openTurn())
    const from = turn.keys.push(...stored) - keys.length
    return (await turn.texts).slice(from, from + keys.length)
  }

  /** @returns the clock as of the reads of this turn; `null` where there are none, once those before are answered, or there is no clock */
  async clock(since: TagPosition | undefined): Promise<string | null> {
    const turn = this.#turn
    if (turn === undefined) {
      await Promise.allSettled([...this.#underWay])
      return null
    }
    // Two that ask in one turn: what is newer than the older position is newer for both.
    if (!turn.wantsClock) turn.since = since
    else if (turn.since?.id !== since?.id || (since?.mark ?? 0) < (turn.since?.mark ?? 0)) turn.since = undefined
    turn.wantsClock = true
    return await turn.clock
  }

  #openTurn(): Turn {
    let open: (answer: Promise<Answer>) => void = () => {}
    const answer = new Promise<Answer>((resolve) => (open = resolve))
    const texts = answer.then((all) => all.texts)
    const clock = answer.then((all) => all.clock)
    // Awaited by those who asked for it only.
    texts.catch(() => {})
    clock.catch(() => {})
    const turn: Turn = { keys: [], texts, clock, since: undefined, wantsClock: false }
    this.#options.runtime.defer(() => {
      this.#turn = undefined
      const sent = this.#send(turn)
      this.#underWay.add(sent)
      const over = (): void => void this.#underWay.delete(sent)
      sent.then(over, over)
      open(sent)
    })
    return turn
  }

  async #send({ keys, since, wantsClock }: Turn): Promise<Answer> {
    const { calls, runtime, budgetMs, seen } = this.#options
    const texts: Array<string | null> = Array.from({ length: keys.length }, () => null)
    let clock: string | null = null
    for (let from = 0; from < keys.length; from += keysPerRead) {
      const isLast = from + keysPerRead >= keys.length
      const p_keys = keys.slice(from, from + keysPerRead)
      const args = { p_keys, p_clock: wantsClock && isLast, ...sinceArguments(since) }
      const sentAt = runtime.monotonic()
      const rows = await calls({ fn: 'get', args, ms: budgetMs })
      for (const row of rows) {
        const n = Number(row['n'])
        if (n > 0) texts[from + n - 1] = fromWire(String(row['body']))
        else {
          if (row['clock'] !== null && row['clock'] !== undefined) clock = String(row['clock'])
          await seen(row, sentAt)
        }
      }
    }
    return { texts, clock }
  }
}

interface Answer {
  readonly texts: ReadonlyArray<string | null>
  readonly clock: string | null
}
