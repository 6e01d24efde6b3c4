import type { Codec } from '../contracts/codec.ts'
import { describe, misuse } from '../support/errors.ts'
import {
  bytesKind,
  checkElements,
  fromUint8Array,
  isBytesKind,
  isPlain,
  setOwn,
  toUint8Array,
  unreadable,
  unstorable,
} from '../support/values.ts'
import type { Bytes } from '../support/values.ts'

// Lossless JSON. A value that JSON keeps as it is becomes plain JSON, readable by any language and in `redis-cli GET`. Only a
// value that JSON would change is written in the tagged form: `!`, which no JSON text begins with, and then JSON in
// which everything special is an array `["$kind", ...]`. An ordinary array that begins with a text starting with `$` gets `"$"`
// put before it, so that no data can pass for a tag.

const tagged = '!'
const maxDepth = 500

export const jsonCodec: Codec = {
  name: 'json',
  encode(value) {
    const path: PropertyKey[] = []
    try {
      return survivesJson(value, 0) ? JSON.stringify(value) : tagged + JSON.stringify(toTagged(value, path, new Set()))
    } catch (error) {
      throw unreadable(path, error)
    }
  },
  decode(text) {
    try {
      return text.startsWith(tagged) ? fromTagged(JSON.parse(text.slice(1))) : (JSON.parse(text) as unknown)
    } catch {
      // Without the cause: what `JSON.parse` throws quotes the text, and that is a value.
      throw corrupt()
    }
  },
}

/** Whether `JSON.parse(JSON.stringify(value))` equals `value`. Cheaper than writing and comparing. */
function survivesJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      // Finite and not -0.
      return value - value === 0 && (value !== 0 || 1 / value > 0)
    case 'object':
      break
    default:
      return false
  }
  if (value === null) return true
  if (depth >= maxDepth) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (typeof (value as { readonly toJSON?: unknown }).toJSON === 'function') return false
  // By what it is and not only by its prototype, as `JSON.stringify` does.
  if (Array.isArray(value)) {
    if (prototype !== Array.prototype) return false
    const array = value as readonly unknown[]
    for (let index = 0; index < array.length; index++) {
      if (!survivesJson(array[index], depth + 1)) return false
    }
    return Object.keys(array).length === array.length && Object.getOwnPropertySymbols(array).length === 0
  }
  if (prototype !== Object.prototype && prototype !== null) return false
  const object = value as Record<string, unknown>
  for (const key of Object.keys(object)) {
    if (!survivesJson(object[key], depth + 1)) return false
  }
  return Object.getOwnPropertySymbols(object).length === 0
}

function toTagged(value: unknown, path: PropertyKey[], above: Set<object>): unknown {
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
      return value === null ? null : objectToTagged(value, path, above)
    default:
      throw unstorable(path, `it is ${describe(value)}`)
  }
}

function objectToTagged(value: object, path: PropertyKey[], above: Set<object>): unknown {
  if (above.has(value)) throw unstorable(path, 'it contains itself')
  if (above.size >= maxDepth) throw unstorable([], `it is nested deeper than ${maxDepth} levels`)
  above.add(value)
  const inside = (item: unknown, at: PropertyKey): unknown => {
    path.push(at)
    const written = toTagged(item, path, above)
    path.pop()
    return written
  }
  const written = writeObject(value, path, inside)
  above.delete(value)
  return written
}

function writeObject(
  value: object,
  path: readonly PropertyKey[],
  inside: (item: unknown, at: PropertyKey) => unknown,
): unknown {
  if (Array.isArray(value)) {
    checkElements(value, path)
    const items = Array.from({ length: value.length }, (_, index) =>
      index in value ? inside(value[index], index) : ['$h'],
    )
    return typeof value[0] === 'string' && value[0].startsWith('$') ? ['$', ...items] : items
  }
  if (isPlain(value)) {
    if (Object.getOwnPropertySymbols(value).length > 0) throw unstorable(path, 'it has a symbol as a key')
    const written: object = Object.create(null) as object
    for (const [key, item] of Object.entries(value)) setOwn(written, key, inside(item, key))
    return 'toJSON' in written ? ['$o', ...Object.entries(written).flat()] : written
  }
  // Only exact classes: one that extends Date would come back as a Date.
  const prototype: unknown = Object.getPrototypeOf(value)
  if (Reflect.ownKeys(value).length === 0) {
    if (prototype === Date.prototype)
      return ['$d', Number.isNaN((value as Date).getTime()) ? null : (value as Date).getTime()]
    if (prototype === URL.prototype) return ['$url', (value as URL).href]
    if (prototype === Map.prototype)
      return [
        '$m',
        ...[...(value as Map<unknown, unknown>)].flatMap(([key, item]) => [
          inside(key, '<key>'),
          inside(item, '<value>'),
        ]),
      ]
    if (prototype === Set.prototype)
      return ['$s', ...[...(value as Set<unknown>)].map((item) => inside(item, '<item>'))]
  }
  const kind = bytesKind(value)
  if (kind !== undefined) {
    const bytes = toUint8Array(value as Bytes)
    return ['$b', kind, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')]
  }
  throw unstorable(path, `it is ${describe(value)}`)
}

function fromTagged(written: unknown): unknown {
  if (typeof written !== 'object' || written === null) return written
  if (!Array.isArray(written)) {
    for (const key of Object.keys(written)) setOwn(written, key, fromTagged((written as Record<string, unknown>)[key]))
    return written
  }
  const [tag, ...rest] = written as unknown[]
  if (typeof tag !== 'string' || !tag.startsWith('$')) return readArray(written)
  switch (tag) {
    case '$':
      return readArray(rest)
    case '$u':
      return undefined
    case '$n':
      return BigInt(text(rest[0]))
    case '$f':
      return Number(text(rest[0]))
    case '$d':
      if (rest[0] !== null && typeof rest[0] !== 'number') throw corrupt()
      return new Date(rest[0] ?? Number.NaN)
    case '$url':
      return new URL(text(rest[0]))
    case '$m':
      return new Map(pairs(rest).map(([key, item]) => [fromTagged(key), fromTagged(item)]))
    case '$s':
      return new Set(rest.map(fromTagged))
    case '$o': {
      const object = {}
      for (const [key, item] of pairs(rest)) setOwn(object, text(key), fromTagged(item))
      return object
    }
    case '$b': {
      const kind = text(rest[0])
      if (!isBytesKind(kind)) throw corrupt()
      return fromUint8Array(kind, Buffer.from(text(rest[1]), 'base64'))
    }
    default:
      throw corrupt()
  }
}

function readArray(written: readonly unknown[]): unknown[] {
  const array = new Array<unknown>(written.length)
  written.forEach((item, index) => {
    const isHole = Array.isArray(item) && item.length === 1 && item[0] === '$h'
    if (!isHole) array[index] = fromTagged(item)
  })
  return array
}

function pairs(flat: readonly unknown[]): Array<[unknown, unknown]> {
  if (flat.length % 2 !== 0) throw corrupt()
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index], flat[2 * index + 1]])
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw corrupt()
  return value
}

function corrupt(): TypeError {
  return misuse('CACHE_CORRUPT_ENTRY', 'The stored text is not what the JSON codec writes')
}
