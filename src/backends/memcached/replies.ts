import { CacheError } from '../../support/errors.ts'

// What a server answers, read piece by piece. The bytes are foreign: a line has a limit, a length is a number below the largest item there
// can be, and whatever is none of the known answers ends the connection, since nobody knows then where the next one begins. What a server
// answered is never repeated in an error: it may hold a key or a value.

/** Codes of the meta commands, `ERROR` and its siblings, and the lines of `stats`: doc/protocol.txt. */
export type ReplyCode =
  'HD' | 'VA' | 'EN' | 'NF' | 'NS' | 'EX' | 'MN' | 'STAT' | 'END' | 'ERROR' | 'CLIENT_ERROR' | 'SERVER_ERROR'

export interface Reply {
  readonly code: ReplyCode
  /** What follows the code, and the length of a value. */
  readonly words: readonly string[]
  /** Of `VA`. */
  readonly value: Buffer | undefined
}

const codes: ReadonlySet<string> = new Set<ReplyCode>([
  'HD',
  'VA',
  'EN',
  'NF',
  'NS',
  'EX',
  'MN',
  'STAT',
  'END',
  'ERROR',
  'CLIENT_ERROR',
  'SERVER_ERROR',
])

/** Names and opaque tokens are short, and the longest line of `stats` has a few hundred. */
const longestLine = 2048
/** `-I` takes no more than a gigabyte. */
const largestValue = 2 ** 30
const newline = 10

export class ReplyReader {
  readonly #take: (reply: Reply) => void
  #line = ''
  #words: readonly string[] = []
  #parts: Buffer[] = []
  /** Bytes of a value, with its line end, that have not come yet. */
  #missing = 0

  constructor(take: (reply: Reply) => void) {
    this.#take = take
  }

  /** @throws {CacheError} `CACHE_UNAVAILABLE` for anything that is no answer; the rest of the stream is of no use then */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) at = this.#missing > 0 ? this.#data(chunk, at) : this.#text(chunk, at)
  }

  #text(chunk: Buffer, at: number): number {
    const found = chunk.indexOf(newline, at)
    const end = found < 0 ? chunk.length : found + 1
    if (this.#line.length + end - at > longestLine) throw unreadable('a line that does not end')
    this.#line += chunk.toString('latin1', at, end)
    if (found < 0) return end
    if (!this.#line.endsWith('\r\n')) throw unreadable('a line with another end')
    const [code = '', ...words] = this.#line.slice(0, -2).split(' ')
    this.#line = ''
    if (!codes.has(code)) throw unreadable('an unknown answer')
    if (code !== 'VA') this.#take({ code: code as ReplyCode, words, value: undefined })
    else {
      const [length = '', ...rest] = words
      if (!/^\d{1,10}$/.test(length) || Number(length) > largestValue) throw unreadable('a value of no known length')
      this.#words = rest
      this.#missing = Number(length) + 2
    }
    return end
  }

  #data(chunk: Buffer, at: number): number {
    const part = chunk.subarray(at, at + this.#missing)
    this.#parts.push(part)
    this.#missing -= part.length
    if (this.#missing === 0) {
      const [first = part, ...others] = this.#parts
      const all = others.length === 0 ? first : Buffer.concat(this.#parts)
      this.#parts = []
      if (all.toString('latin1', all.length - 2) !== '\r\n') throw unreadable('a value of another length')
      this.#take({ code: 'VA', words: this.#words, value: all.subarray(0, -2) })
    }
    return at + part.length
  }
}

/** The token of a flag that was asked for: `c17`. `''` for a flag without one. */
export function flagOf({ words }: Reply, flag: string): string | undefined {
  return words.find((word) => word.startsWith(flag))?.slice(1)
}

function unreadable(what: string): CacheError {
  return new CacheError('CACHE_UNAVAILABLE', `The Memcached server cannot be understood: it sent ${what}`)
}
