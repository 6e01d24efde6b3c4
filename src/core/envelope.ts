import type { Codec } from '../contracts/codec.ts'
import type { Entry, TagMark } from '../contracts/entry.ts'
import { CacheError } from '../support/errors.ts'

// An entry as text: one header line, a newline, the payload.
//
//   #sc1 json 1732400000000 3600000 3600000 152 0-x7Fq 17 document%3A1=17
//        codec createdAt staleIn deleteIn computeMs clockId t0 tags
//
// The header alone decides whether the payload is worth reading. Times are milliseconds, spans count from `createdAt`, `-` is never or
// none. Plain JSON stays readable after the first line. A text without the header was written by another program: it is plain JSON or
// a raw string. Raw strings written by us carry the header too, so whatever they contain, exactly one header is taken off.

const magic = '#sc1 '
/** Any version of the format, this one and those to come. */
const anyMagic = /^#sc\d+ /
export const rawCodecName = 'raw'
/** The lossless codec, which writes plain JSON for what JSON keeps as it is. */
const jsonCodecName = 'json'

/** What a stored text turns out to be before its payload is looked at. */
export type Parsed =
  | { readonly kind: 'ours'; readonly header: Header; readonly payload: string }
  | { readonly kind: 'foreign'; readonly payload: string }
  | { readonly kind: 'unreadable'; readonly reason: 'version' | 'corrupt' }

export type Header = Omit<
  Entry,
  'value' | 'form' | 'immutable' | 'frozen' | 'plan' | 'json' | 'codec' | 'cost' | 'deafForMs' | 'guardedBy'
> & {
  readonly codecName: string
}

/** @throws {CacheError} `CACHE_UNSTORABLE_VALUE` for a payload of more than `maxLength` characters */
export function encodeEnvelope(entry: Entry, payload: string, maxLength: number = Infinity): string {
  checkLength(payload, maxLength)
  const { codec, createdAt, staleAt, deleteAt, computeMs, clockId, t0, tags } = entry
  const marks = tags.length === 0 ? '-' : tags.map((mark) => `${encodeURIComponent(mark.tag)}=${mark.t0}`).join(',')
  return `${magic}${codec === undefined ? rawCodecName : codec.name} ${createdAt} ${span(createdAt, staleAt)} ${span(createdAt, deleteAt)} ${Math.round(computeMs * 1000) / 1000} ${clockId ?? '-'} ${t0} ${marks}\n${payload}`
}

/** @throws {CacheError} `CACHE_UNSTORABLE_VALUE` for a payload of more than `maxLength` characters */
export function checkLength(payload: string, maxLength: number): string {
  if (payload.length > maxLength) {
    const text = `The value has ${payload.length} characters as text, more than maxValueBytes (${maxLength})`
    throw new CacheError('CACHE_UNSTORABLE_VALUE', text)
  }
  return payload
}

/** Whether a text begins as ours do. */
export function hasHeader(text: string): boolean {
  return anyMagic.test(text)
}

/**
 * What is written without a header must be what JSON has; the lossless form of a value that JSON would change begins with `!`.
 * @throws {CacheError} `CACHE_UNSTORABLE_VALUE` for such a value
 */
export function checkPlain({ codec }: Pick<Entry, 'codec'>, payload: string): string {
  if (codec?.name === jsonCodecName && payload.startsWith('!')) {
    const text =
      "The value holds what JSON has no place for (a date, a bigint, undefined, ...): wire: 'plain' cannot keep it"
    throw new CacheError('CACHE_UNSTORABLE_VALUE', text)
  }
  return payload
}

export function parseEnvelope(text: string): Parsed {
  if (!text.startsWith(magic)) {
    return anyMagic.test(text) ? { kind: 'unreadable', reason: 'version' } : { kind: 'foreign', payload: text }
  }
  const end = text.indexOf('\n')
  const header = end === -1 ? undefined : parseHeader(text.slice(magic.length, end))
  if (header === undefined) return { kind: 'unreadable', reason: 'corrupt' }
  return { kind: 'ours', header, payload: text.slice(end + 1) }
}

function parseHeader(line: string): Header | undefined {
  const fields = line.split(' ')
  if (fields.length !== 8) return undefined
  const [codecName, created, staleIn, deleteIn, compute, clock, seen, marks] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  const createdAt = Number(created)
  const staleAt = createdAt + spanOf(staleIn)
  const deleteAt = createdAt + spanOf(deleteIn)
  const computeMs = Number(compute)
  const t0 = Number(seen)
  const tags = parseMarks(marks)
  if (codecName === '' || tags === undefined || Number.isNaN(staleAt + deleteAt + computeMs + t0)) return undefined
  return { codecName, createdAt, staleAt, deleteAt, computeMs, clockId: clock === '-' ? undefined : clock, t0, tags }
}

function parseMarks(text: string): readonly TagMark[] | undefined {
  if (text === '-') return []
  const marks: TagMark[] = []
  for (const pair of text.split(',')) {
    const cut = pair.lastIndexOf('=')
    const t0 = Number(pair.slice(cut + 1))
    const tag = cut < 1 ? undefined : decode(pair.slice(0, cut))
    if (tag === undefined || Number.isNaN(t0)) return undefined
    marks.push({ tag, t0 })
  }
  return marks
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function span(from: number, to: number): string {
  return to === Infinity ? '-' : String(Math.round(to - from))
}

function spanOf(text: string): number {
  return text === '-' ? Infinity : text === '' ? Number.NaN : Number(text)
}

/** The text of a raw string or the JSON text of a typed value: what `get` answers. */
export function payloadOf(entry: Entry): string {
  if (entry.form === 'text') return entry.value as string
  const codec = entry.codec as Codec
  // What the codec would find out by a walk of its own is known already.
  return entry.json && codec.name === jsonCodecName ? JSON.stringify(entry.value) : codec.encode(entry.value)
}
