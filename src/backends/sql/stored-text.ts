import { createHash } from 'node:crypto'
import { misuse } from '../../support/errors.ts'

// How texts travel to the database and back. It keeps values as bytes (UTF-8), since its own text cannot hold NUL; on the way they are text,
// since that is what both SQL and JSON over HTTP carry. Where a value cannot be text there, it travels as `~` and base64, and so does one
// that begins with `~`. The table holds the plain bytes either way: `<table>_bytes` and `<table>_text` are the other end.

const mark = '~'

export function toWire(value: string): string {
  if (!value.includes('\u0000') && !value.startsWith(mark)) return value
  return mark + Buffer.from(value, 'utf8').toString('base64')
}

export function fromWire(text: string): string {
  return text.startsWith(mark) ? Buffer.from(text.slice(mark.length), 'base64').toString('utf8') : text
}

/** What a text may hold in place of bytes that are no UTF-8, or cannot be sent as it is. */
const notAsStored = /\uFFFD|[\uD800-\uDFFF]/u

/** As much of what was read as is sure to be sent as it is stored. */
export function beginningToWire(seen: string): string {
  const end = seen.search(notAsStored)
  return toWire(end < 0 ? seen : seen.slice(0, end))
}

export interface StoredKey {
  /** What the row is found by. */
  readonly key: string
  /** The whole key where it is too long for an index. */
  readonly long: string | null
}

/** A row of a btree index holds at most 2,704 bytes (a third of a page); a key as long as this leaves room, and can be read. */
const longestKey = 1024
/** Of a key that is longer. */
const headChars = 300

/**
 * A longer key is found by how it begins and the hash of all of it. The ending is one that no caller's key has (see `checkKey`), so nobody can
 * choose a key that is found in another's place.
 *
 * @throws {TypeError} `CACHE_BAD_KEY` for NUL, which text in PostgreSQL cannot hold
 */
export function storedKey(key: string): StoredKey {
  if (key.includes('\u0000')) throw misuse('CACHE_BAD_KEY', 'Bad cache key: expected no NUL character')
  if (Buffer.byteLength(key) <= longestKey) return { key, long: null }
  const hash = createHash('sha256').update(key).digest('hex')
  const head = key.slice(0, headChars).replace(/[\uD800-\uDBFF]$/, '')
  return { key: `${head}~${hash}#l`, long: key }
}
