import type { Entry } from '../contracts/entry.ts'
import { describe, misuse } from '../support/errors.ts'
import { copyValue } from '../support/values.ts'
import type { Policy } from './policy.ts'

// What goes into the cache is reachable by nobody else, and what comes out is the reader's own: a caller that changes a result changes
// nobody else's, and the loader's object is never kept.

export interface Kept {
  readonly value: unknown
  readonly form: 'live' | 'text'
  readonly immutable: boolean
  readonly bytes: number
}

/** @throws {TypeError} `CACHE_UNSTORABLE_VALUE`, or what the caller's codec throws */
export function keep(value: unknown, policy: Pick<Policy, 'codec' | 'customCodec' | 'isolation'>): Kept {
  if (!policy.customCodec) {
    const copied = copyValue(value, policy.isolation === 'frozen')
    return { value: copied.value, form: 'live', immutable: copied.immutable, bytes: copied.bytes }
  }
  const text: unknown = policy.codec.encode(value)
  if (typeof text !== 'string') {
    throw misuse(
      'CACHE_UNSTORABLE_VALUE',
      `The codec '${policy.codec.name}' must encode to a string, got ${describe(text)}`,
    )
  }
  return { value: text, form: 'text', immutable: true, bytes: 16 + 2 * text.length }
}

/** A value of the reader's own, or the one that all may share. @throws what the codec throws on a text it did not write */
export function give(
  entry: Pick<Entry, 'value' | 'form' | 'immutable'>,
  policy: Pick<Policy, 'codec' | 'customCodec' | 'isolation'>,
): unknown {
  const frozen = policy.isolation === 'frozen'
  if (entry.form === 'live') {
    if (typeof entry.value !== 'object' || entry.value === null || (frozen && entry.immutable)) return entry.value
    return copyValue(entry.value, frozen).value
  }
  const decoded = policy.codec.decode(entry.value as string)
  return frozen && !policy.customCodec ? copyValue(decoded, true).value : decoded
}
