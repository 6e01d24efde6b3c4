import type { Codec } from '../contracts/codec.ts'
import { isExactlyDate } from '../support/dates.ts'
import { bytesKind, fromUint8Array, isBytesKind, toUint8Array } from '../support/bytes.ts'
import type { Bytes } from '../support/bytes.ts'
import { describe, misuse } from '../support/errors.ts'
import { inheritsKeys, isAbove, isExactly, isPlain, maxDepth, oddityOf, setOwn } from '../support/plain.ts'
import { explain, unstorable } from '../support/unstorable.ts'

// Lossless JSON. A value that JSON keeps as it is becomes plain JSON, readable by any language and in `redis-cli GET`. Only a
// value that JSON would change is written in the tagged form: `!`, which no JSON text begins with, and then JSON in
// which everything special is an array `["$kind", ...]`. An ordinary array that begins with a text starting with `$` gets `"$"`
// put before it, so that no data can pass for a tag.
//
// The text may come from anyone who can write to the store: decoding gives a value that `encode` could have written, or throws
// CACHE_CORRUPT_ENTRY; it never overflows the stack and never changes a prototype.

const tagged = '!'

export const jsonCodec: Codec = {
  name: 'json',
  encode(value) {
    try {
      return survivesJson(value) ? JSON.stringify(value) : tagged + JSON.stringify(toTagged(value, 0, []))
    } catch (error) {
      throw explain(value, error)
    }
  },
  decode(text) {
    try {
      if (text.startsWith(tagged)) return fromTagged(JSON.parse(text.slice(1)), 0)
      const value: unknown = JSON.parse(text)
      // Every level takes two characters.
      const isDeep =
        text.length > 2 * maxDepth && typeof value === 'object' && value !== null && isTooDeep(value, 0, inheritsKeys())
      if (!isDeep) return value
    } catch {
      // Without the cause: what `JSON.parse` throws quotes the text, and that is a value.
    }
    throw corrupt()
  },
}

/** Whether `JSON.parse(JSON.stringify(value))` equals `value`. Cheaper than writing and comparing. */
function survivesJson(value: unknown): boolean {
  return typeof value === 'object' && value !== null
    ? survivesInside(value, 0, [], inheritsKeys())
    : isJsonPrimitive(value)
}

function isJsonPrimitive(value: unknown): boolean {
  // A number: finite and not -0.
  if (typeof value === 'number') return value - value === 0 && (value !== 0 || 1 / value > 0)
  return typeof value === 'string' || typeof value === 'boolean' || value === null
}

function survivesInside(value: object, depth: number, above: object[], inherits: boolean): boolean {
  if (depth >= maxDepth || isAbove(above, depth, value)) return false
  above[depth] = value
  if (typeof (value as { readonly toJSON?: unknown }).toJSON === 'function') return false
  // By what it is and not only by its prototype, as `JSON.stringify` does.
  if (Array.isArray(value)) {
    const array = value as readonly unknown[]
    if (oddityOf(array) !== undefined) return false
    // `at`, not an index: where arrays of numbers and of objects meet, optimised code would turn the numbers into objects.
    // A hole is read as undefined.
    for (let index = 0; index < array.length; index++) {
      const item = array.at(index)
      if (typeof item === 'object' && item !== null) {
        if (!survivesInside(item, depth + 1, above, inherits)) return false
      } else if (!isJsonPrimitive(item)) return false
    }
    return true
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  if (Object.getOwnPropertySymbols(value).length > 0) return false
  for (const key in value) {
    if (inherits && !Object.hasOwn(value, key)) continue
    const item = (value as Record<string, unknown>)[key]
    if (typeof item === 'object' && item !== null) {
      if (!survivesInside(item, depth + 1, above, inherits)) return false
    } else if (!isJsonPrimitive(item)) return false
  }
  return true
}

/** Whether a value that `JSON.parse` made stays within the depth that can be cached: `JSON.parse` reads any. */
function isTooDeep(value: object, depth: number, inherits: boolean): boolean {
  if (depth >= maxDepth) return true
  if (Array.isArray(value)) {
    const array = value as readonly unknown[]
    for (let index = 0; index < array.length; index++) {
      const item = array.at(index)
      if (typeof item === 'object' && item !== null && isTooDeep(item, depth + 1, inherits)) return true
    }
    return false
  }
  for (const key in value) {
    if (inherits && !Object.hasOwn(value, key)) continue
    const item = (value as Record<string, unknown>)[key]
    if (typeof item === 'object' && item !== null && isTooDeep(item, depth + 1, inherits)) return true
  }
  return false
}

function toTagged(value: unknown, depth: number, above: object[]): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'undefined':
      return ['$u']
    case 'bigint':
      return ['$n', String(value)]
    case 'number':
      if (Object.is(value, -0)) return ['$f', '-0']
      return Number.isFinite(value) ? value : ['$f', String(value)]
    case 'object':
      break
    default:
      throw unstorable([], `it is ${describe(value)}`)
  }
  if (value === null) return null
  if (depth >= maxDepth || isAbove(above, depth, value)) throw unstorable([], 'it is nested too deep')
  above[depth] = value
  return writeObject(value, (item) => toTagged(item, depth + 1, above))
}

function writeObject(value: object, inside: (item: unknown) => unknown): unknown {
  if (Array.isArray(value)) {
    const oddity = oddityOf(value)
    if (oddity !== undefined) throw unstorable([], `it is ${oddity}`)
    const items = Array.from({ length: value.length }, (_, index) => (index in value ? inside(value[index]) : ['$h']))
    return typeof value[0] === 'string' && value[0].startsWith('$') ? ['$', ...items] : items
  }
  if (isPlain(value)) {
    if (Object.getOwnPropertySymbols(value).length > 0) throw unstorable([], 'it has a symbol as a key')
    const written: object = Object.create(null) as object
    for (const [key, item] of Object.entries(value)) setOwn(written, key, inside(item))
    return 'toJSON' in written ? ['$o', ...Object.entries(written).flat()] : written
  }
  // Only exact classes: one that extends Date would come back as a Date.
  if (isExactlyDate(value)) {
    const time = value.getTime()
    return ['$d', Number.isNaN(time) ? null : time]
  }
  if (isExactly(value, URL)) return ['$url', (value as URL).href]
  if (isExactly(value, Map)) return ['$m', ...[...(value as Map<unknown, unknown>)].flat().map(inside)]
  if (isExactly(value, Set)) return ['$s', ...[...(value as Set<unknown>)].map(inside)]
  const kind = bytesKind(value)
  if (kind === undefined) throw unstorable([], `it is ${describe(value)}`)
  const bytes = toUint8Array(value as Bytes)
  return ['$b', kind, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')]
}

function fromTagged(written: unknown, depth: number): unknown {
  if (typeof written !== 'object' || written === null) return written
  if (Array.isArray(written)) {
    const tag: unknown = written[0]
    if (typeof tag === 'string' && tag.startsWith('$')) return readTag(tag, written, depth)
    return readArray(written, 0, depth)
  }
  checkDepth(depth)
  const object = written as Record<string, unknown>
  for (const key of Object.keys(object)) {
    const item = object[key]
    // Also an own `__proto__`: it is there already, so this sets no prototype.
    if (typeof item === 'object' && item !== null) object[key] = fromTagged(item, depth + 1)
  }
  return object
}

function readTag(tag: string, written: readonly unknown[], depth: number): unknown {
  const first = written[1]
  switch (tag) {
    case '$u':
      checkLength(written, 1)
      return undefined
    case '$n':
      checkLength(written, 2)
      return readBigInt(first)
    case '$f':
      checkLength(written, 2)
      return readNumber(first)
  }
  checkDepth(depth)
  switch (tag) {
    case '$':
      return readArray(written, 1, depth)
    case '$d':
      checkLength(written, 2)
      return readDate(first)
    case '$url':
      checkLength(written, 2)
      return new URL(text(first))
    case '$b':
      checkLength(written, 3)
      return readBytes(text(first), text(written[2]))
    case '$s': {
      const set = new Set<unknown>()
      for (let index = 1; index < written.length; index++) set.add(fromTagged(written[index], depth + 1))
      return set
    }
    case '$m': {
      checkPairs(written)
      const map = new Map<unknown, unknown>()
      for (let index = 1; index < written.length; index += 2)
        map.set(fromTagged(written[index], depth + 1), fromTagged(written[index + 1], depth + 1))
      return map
    }
    case '$o': {
      checkPairs(written)
      const object = {}
      for (let index = 1; index < written.length; index += 2)
        setOwn(object, text(written[index]), fromTagged(written[index + 1], depth + 1))
      return object
    }
    default:
      throw corrupt()
  }
}

/** The elements from one on. */
function readArray(written: readonly unknown[], from: number, depth: number): unknown[] {
  checkDepth(depth)
  const array = new Array<unknown>(written.length - from)
  for (let index = from; index < written.length; index++) {
    const item = written[index]
    const isHole = Array.isArray(item) && item.length === 1 && item[0] === '$h'
    if (!isHole) array[index - from] = fromTagged(item, depth + 1)
  }
  return array
}

function readBigInt(digits: unknown): bigint {
  // Not all that `BigInt` takes, spaces and hexadecimal digits among it, is what it prints.
  if (!/^(?:0|-?[1-9]\d*)$/.test(text(digits))) throw corrupt()
  return BigInt(digits as string)
}

function readNumber(name: unknown): number {
  if (name !== '-0' && name !== 'NaN' && name !== 'Infinity' && name !== '-Infinity') throw corrupt()
  return Number(name)
}

function readDate(time: unknown): Date {
  const date = new Date(time === null ? Number.NaN : (time as number))
  if (time !== null && date.getTime() !== time) throw corrupt()
  return date
}

function readBytes(kind: string, base64: string): object {
  const bytes = Buffer.from(base64, 'base64')
  // What is no base64 is skipped in silence.
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0
  if (!isBytesKind(kind) || base64.length % 4 !== 0 || bytes.length !== (base64.length / 4) * 3 - padding)
    throw corrupt()
  return fromUint8Array(kind, bytes)
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw corrupt()
  return value
}

function checkLength(written: readonly unknown[], length: number): void {
  if (written.length !== length) throw corrupt()
}

function checkPairs(written: readonly unknown[]): void {
  if (written.length % 2 !== 1) throw corrupt()
}

function checkDepth(depth: number): void {
  if (depth >= maxDepth) throw corrupt()
}

function corrupt(): TypeError {
  return misuse('CACHE_CORRUPT_ENTRY', 'The stored text is not what the JSON codec writes')
}
