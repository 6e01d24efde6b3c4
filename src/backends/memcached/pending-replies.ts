import { CacheError } from '../../support/errors.ts'
import type { Command } from './meta-commands.ts'
import type { Reply } from './replies.ts'
import { flagOf } from './replies.ts'

// Who waits for which answer. The server answers in the order of the commands; each carries a number that comes back with its answer, which
// proves that none was skipped or taken for another's.

interface Asked {
  readonly opaque: string
  readonly command: Command
  readonly sentAt: number
  readonly answer: (reply: Reply) => void
  readonly fail: (error: Error) => void
}

/** The queue is an array with a moving front: `shift` would move all that wait. */
const mostAnswered = 1024
/** A server has about two hundred. */
const mostStats = 2000

export class PendingReplies {
  #asked: Asked[] = []
  #front = 0
  #count = 0
  readonly #stats: Map<string, string> = new Map()

  get size(): number {
    return this.#asked.length - this.#front
  }

  /** When the command was sent whose answer is next. */
  get oldest(): number | undefined {
    return this.#asked[this.#front]?.sentAt
  }

  /** @returns the line to send */
  add(command: Command, sentAt: number, answer: (reply: Reply) => void, fail: (error: Error) => void): string {
    const opaque = (++this.#count).toString(36)
    this.#asked.push({ opaque, command, sentAt, answer, fail })
    return command.codes[0] === 'MN' || command.codes[0] === 'END'
      ? `${command.line}\r\n`
      : `${command.line} O${opaque}\r\n`
  }

  /** What the lines of `stats` said so far. */
  get stats(): ReadonlyMap<string, string> {
    return this.#stats
  }

  /** @throws {CacheError} `CACHE_UNAVAILABLE` for an answer that does not belong to the next command */
  take(reply: Reply): void {
    const asked = this.#asked[this.#front]
    if (asked === undefined) throw mismatched('an answer that nobody asked for')
    const { command, opaque } = asked
    if (reply.code === 'STAT' && command.codes[0] === 'END') {
      if (this.#stats.size >= mostStats) throw mismatched('statistics without an end')
      this.#stats.set(reply.words[0] ?? '', reply.words.slice(1).join(' '))
      return
    }
    const isError = reply.code === 'SERVER_ERROR' || (reply.code === 'ERROR' && command.codes.includes('ERROR'))
    if (!isError) {
      // The server did not understand what was sent, or understood another thing.
      if (!command.codes.includes(reply.code)) throw mismatched('an answer to another question')
      const came = flagOf(reply, 'O')
      // Early releases of 1.6 send none with a miss.
      const mayLack = reply.code === 'EN' || reply.code === 'MN' || reply.code === 'END'
      if (came !== opaque && !(came === undefined && mayLack)) throw mismatched('an answer out of order')
    }
    this.#asked[this.#front++] = undefined as never
    if (this.#front >= mostAnswered && this.#front * 2 > this.#asked.length) {
      this.#asked = this.#asked.slice(this.#front)
      this.#front = 0
    }
    asked.answer(reply)
  }

  /** Nobody will be answered any more. */
  fail(error: Error): void {
    for (const asked of this.#asked.slice(this.#front)) asked.fail(error)
    this.#asked = []
    this.#front = 0
  }
}

function mismatched(what: string): CacheError {
  return new CacheError('CACHE_UNAVAILABLE', `The Memcached server cannot be understood: it sent ${what}`)
}
