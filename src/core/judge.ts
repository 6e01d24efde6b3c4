import type { Codec } from '../contracts/codec.ts'
import type { Entry } from '../contracts/entry.ts'
import type { MissReason } from '../contracts/events.ts'
import type { Header } from './envelope.ts'
import { parseEnvelope, rawCodecName } from './envelope.ts'
import type { TagTable } from './tags.ts'

// Whether a stored text may be served, decided from its header alone: the payload is not touched before it is worth it.

export type Judged = { readonly entry: Entry } | { readonly entry: undefined; readonly reason: MissReason }

/** The codec of that name, as far as the reader knows it. */
export type CodecLookup = (name: string) => Codec | undefined

/**
 * @param askedUnder the id of the clock when the text was asked for: a text that says nothing of its clock may be older than another one, and
 * have been void under the one before
 * @param impliedTags see `TagTable.acceptsForeign`
 */
export function judgeText(
  text: string,
  now: number,
  table: TagTable,
  askedUnder: string | undefined,
  codecFor: CodecLookup,
  impliedTags: readonly string[] | undefined,
): Judged {
  const parsed = parseEnvelope(text)
  if (parsed.kind === 'unreadable') return miss(parsed.reason)
  if (parsed.kind === 'foreign') {
    const isAccepted = table.position?.id === askedUnder && table.acceptsForeign(impliedTags)
    return isAccepted ? { entry: foreignEntry(parsed.payload, now) } : miss('invalidated')
  }
  const { header, payload } = parsed
  if (header.deleteAt <= now) return miss('expired')
  if (!table.isValid(header)) return miss('invalidated')
  const isRaw = header.codecName === rawCodecName
  const codec = isRaw ? undefined : codecFor(header.codecName)
  return codec === undefined && !isRaw ? miss('version') : { entry: entryOf(payload, codec, header) }
}

/** Another program's value: nothing is known of it but its text, and the store expires it. */
function foreignEntry(payload: string, now: number): Entry {
  const known = {
    createdAt: now,
    staleAt: Infinity,
    deleteAt: Infinity,
    computeMs: 0,
    clockId: undefined,
    t0: 0,
    tags: [],
  }
  return entryOf(payload, undefined, known)
}

/** Written out, field by field: to spread one object into another takes longer than all the rest of reading an entry. */
function entryOf(payload: string, codec: Codec | undefined, known: Omit<Header, 'codecName'>): Entry {
  return {
    value: payload,
    form: 'text',
    immutable: true,
    frozen: false,
    plan: undefined,
    json: false,
    codec,
    createdAt: known.createdAt,
    staleAt: known.staleAt,
    deleteAt: known.deleteAt,
    computeMs: known.computeMs,
    cost: 0,
    deafForMs: 0,
    guardedBy: undefined,
    clockId: known.clockId,
    t0: known.t0,
    tags: known.tags,
  }
}

function miss(reason: MissReason): Judged {
  return { entry: undefined, reason }
}
