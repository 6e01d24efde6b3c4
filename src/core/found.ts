import type { Entry } from '../contracts/entry.ts'
import type { MissReason } from '../contracts/events.ts'
import { encodeEnvelope } from './envelope.ts'

// What a store has under a key, and what is given to it to have.

export type Read = Found | NotFound

export interface NotFound {
  readonly entry: undefined
  readonly reason: MissReason
  /** How the text begins that is there and cannot be used. */
  readonly seen?: string | undefined
}

export interface Found {
  readonly entry: Entry
  readonly source: 'l1' | 'l2' | 'fallback'
  /** How the text begins that it was read from. */
  readonly seen?: string | undefined
}

export const absent: Read = { entry: undefined, reason: 'absent' }

/** What an explicit write or a load hands to a store. */
export interface Item {
  readonly entry: Entry
  /** An estimate of what the entry's value holds in memory. */
  readonly bytes: number
  /** As bare JSON or a bare string, without our header. */
  readonly plain: boolean
}

/** How the text begins that a read has brought. An entry's own header says what is in it. */
export function seenOf(read: Read): string | undefined {
  const { entry, seen } = read
  if (entry === undefined || seen !== undefined) return seen
  return entry.clockId === undefined ? undefined : beginningOf(encodeEnvelope(entry, ''))
}

/** Enough to tell a text from another: it holds when, and under which clock, it was made. */
export function beginningOf(text: string): string {
  return text.slice(0, 200)
}
