// A namespace: named, `hash` would be missed by a Node too old to have it before that Node could be told it is too old.
import * as crypto from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { describe, isCacheError, misuse } from './errors.ts'
import type { Bytes, BytesKind } from './bytes.ts'
import { bytesKind, toUint8Array } from './bytes.ts'
import { isExactlyDate } from './dates.ts'
import { isExactly, isPlain } from './plain.ts'

// Arguments as one canonical, typed text, and its hash: equal if and only if the arguments are equal (`util.isDeepStrictEqual`; null
// prototypes equal plain ones, an invalid date equals another, urls are their href, trailing `undefined` of the list is dropped).
//
// Every piece begins with a letter for its kind and says its length or ends with `;`, so no piece is the beginning of another: a list
// of them can be read in one way only. What has no text of its own (functions, symbols, class instances without `toCacheKey()`, symbol
// keys, cycles) is refused, never approximated: a collision is one caller reading another's result.
//
// It runs on each call with more than one plain argument. So no path is kept while it walks (an error collects it on its way up), and
// the text grows by `+`, which costs a third less than templates do.

const deepestArgument = 200
/** Hashing more would stop the process for seconds: such a function needs a `key` of its own. */
const mostValues = 5_000_000
/** A few forgotten elements are data; an array that is nearly all holes is a mistake. */
const mostHoles = 1_000_000
/** Up to here listing all keys of a typed array is cheaper than comparing its memory. */
const fewBytes = 32
/** Up to here inserting each key in its place is cheaper than `sort`. */
const fewKeys = 24

/** `~` and the SHA-256 of the canonical text of `args`, as base64url. */
export function hashOf(args: readonly unknown[]): string {
  try {
    return `~${digestOf(textOf(withoutTrailingUndefined(args), { values: 0 }, 0))}`
  } catch (error) {
    throw explained(error)
  }
}

/** `hashOf` for a list of arguments made by a call: it holds elements only, and looking for more would cost a third of the time. */
export function hashOfCall(args: readonly unknown[]): string {
  try {
    return `~${digestOf(elementsText(withoutTrailingUndefined(args), { values: 0 }, 0))}`
  } catch (error) {
    throw explained(error)
  }
}

/** The error for an argument that threw when it was read. */
export function unreadableArgument(index: number, error: unknown): Error {
  return explained(refusedAt(error, index))
}

/** The list itself when there is none, as nearly always. */
function withoutTrailingUndefined(args: readonly unknown[]): readonly unknown[] {
  let length = args.length
  while (length > 0 && args[length - 1] === undefined) length--
  return length === args.length ? args : args.slice(0, length)
}

/**
 * UTF-8 has one replacement for all lone surrogates, UTF-16 has not. The two never meet: a text begins with two letters or digits, and
 * UTF-16 has a zero between them.
 */
function digestOf(text: string): string {
  const { isWellFormed } = text as { readonly isWellFormed?: () => boolean }
  return isWellFormed?.call(text) === true
    ? crypto.hash('sha256', text, 'base64url')
    : crypto.createHash('sha256').update(text, 'utf16le').digest('base64url')
}

interface Walk {
  /** How many values were met. */
  values: number
}

function textOf(value: unknown, walk: Walk, depth: number): string {
  switch (typeof value) {
    case 'string':
      return 's' + value.length + ':' + value
    case 'number':
      return value === 0 && Object.is(value, -0) ? 'f-0;' : 'f' + value + ';'
    case 'bigint':
      return 'i' + value + ';'
    case 'boolean':
      return value ? 't;' : 'b;'
    case 'undefined':
      return 'u;'
    case 'object':
      return value === null ? 'n;' : objectText(value, walk, depth)
    default:
      throw new Refusal(describe(value))
  }
}

function objectText(value: object, walk: Walk, depth: number): string {
  if (depth > deepestArgument) {
    throw new Refusal(`nested deeper than ${deepestArgument} levels, or contains itself`, { ofWhole: true })
  }
  const plain = isPlain(value)
  if (plain && Array.isArray(value)) return arrayText(value, walk, depth)
  const own = (value as { readonly toCacheKey?: unknown }).toCacheKey
  if (typeof own === 'function') return ownText(value, own as () => unknown, walk, depth)
  if (plain) return plainText(value as Record<string, unknown>, walk, depth)
  // Only exact classes: one that extends Map, or a Map with properties, holds more than its entries.
  if (isExactlyDate(value)) return `d${value.getTime()};`
  if (value instanceof URL && isExactly(value, URL)) return `l${value.href.length}:${value.href}`
  if (value instanceof Map && isExactly(value, Map)) return mapText(value, walk, depth)
  if (value instanceof Set && isExactly(value, Set)) return setText(value, walk, depth)
  const kind = bytesKind(value)
  if (kind !== undefined) return bytesText(value as Bytes, kind)
  throw new Refusal(describe(value), { isFile: isFile(value) })
}

function arrayText(array: readonly unknown[], walk: Walk, depth: number): string {
  count(walk, array.length)
  const oddity = oddityOf(array)
  if (oddity !== undefined) throw new Refusal(oddity)
  return elementsText(array, walk, depth)
}

/** Why an array is more, or much less, than its elements. Named properties come after the elements, so the last key tells. */
function oddityOf(array: readonly unknown[]): string | undefined {
  const { length } = array
  const keys = Object.keys(array)
  const last = keys[keys.length - 1]
  const isElement = last === undefined || last === String(length - 1) || isIndexBelow(length, last)
  if (!isElement || Object.getOwnPropertySymbols(array).length > 0) return 'an array with named properties'
  return length - keys.length > mostHoles ? `an array with more than ${mostHoles} holes` : undefined
}

function isIndexBelow(length: number, key: string): boolean {
  const index = Number(key) >>> 0
  return index < length && key === String(index)
}

function elementsText(array: readonly unknown[], walk: Walk, depth: number): string {
  const { length } = array
  let text = 'a' + length + '['
  let index = 0
  try {
    for (; index < length; index++) {
      const item = array[index]
      text += item === undefined && !(index in array) ? 'h;' : textOf(item, walk, depth + 1)
    }
  } catch (error) {
    throw refusedAt(error, index)
  }
  return text + ']'
}

function plainText(object: Readonly<Record<string, unknown>>, walk: Walk, depth: number): string {
  if (Object.getOwnPropertySymbols(object).length > 0) throw new Refusal('an object with a symbol as a key')
  const keys = sorted(Object.keys(object))
  count(walk, keys.length)
  let text = 'o' + keys.length + '{'
  let key = ''
  try {
    for (key of keys) text += key.length + ':' + key + '=' + textOf(object[key], walk, depth + 1)
  } catch (error) {
    throw refusedAt(error, key)
  }
  return text + '}'
}

/** By code units, as `sort` does, which costs more than all else about a small object. */
function sorted(keys: string[]): string[] {
  if (keys.length > fewKeys) return keys.sort()
  for (let index = 1; index < keys.length; index++) {
    const key = keys[index] as string
    let at = index
    for (; at > 0 && (keys[at - 1] as string) > key; at--) keys[at] = keys[at - 1] as string
    keys[at] = key
  }
  return keys
}

function ownText(value: object, toCacheKey: () => unknown, walk: Walk, depth: number): string {
  try {
    return `k${textOf(toCacheKey.call(value), walk, depth + 1)}`
  } catch (error) {
    throw refusedAt(error, 'toCacheKey()')
  }
}

function mapText(map: ReadonlyMap<unknown, unknown>, walk: Walk, depth: number): string {
  count(walk, map.size)
  const entries: string[] = []
  let at = ''
  try {
    for (const [key, item] of map) {
      at = '<key>'
      const keyText = textOf(key, walk, depth + 1)
      at = '<value>'
      entries.push(`${keyText}=>${textOf(item, walk, depth + 1)}`)
    }
  } catch (error) {
    throw refusedAt(error, at)
  }
  return `m${entries.length}{${entries.sort().join('')}}`
}

function setText(set: ReadonlySet<unknown>, walk: Walk, depth: number): string {
  count(walk, set.size)
  const items: string[] = []
  try {
    for (const item of set) items.push(textOf(item, walk, depth + 1))
  } catch (error) {
    throw refusedAt(error, '<item>')
  }
  return `e${items.length}{${items.sort().join('')}}`
}

/** By content and class: a Buffer is not equal to a Uint8Array of the same bytes. */
function bytesText(bytes: Bytes, kind: BytesKind): string {
  if (hasNamedProperties(bytes)) throw new Refusal('bytes with named properties')
  const content = toUint8Array(bytes)
  // What only looks like an ArrayBuffer, a proxy of one among them, gives no bytes, and throws when asked for their number.
  return `y${kind}${bytes.byteLength}:${crypto.hash('sha256', content, 'base64url')};`
}

function hasNamedProperties(bytes: Bytes): boolean {
  if (!('subarray' in bytes)) return Reflect.ownKeys(bytes).length > 0
  const array = bytes as Uint8Array<ArrayBuffer>
  if (array.length <= fewBytes)
    return Object.keys(array).length > array.length || Object.getOwnPropertySymbols(array).length > 0
  // Listing the keys would make a text of each index. The memory compared here is the same memory.
  return !isDeepStrictEqual(array, array.subarray())
}

function count(walk: Walk, values: number): void {
  walk.values += values
  if (walk.values > mostValues) throw new Refusal(`larger than ${mostValues} values`, { ofWhole: true })
}

/** By tag: polyfills have classes of their own. */
function isFile(value: object): boolean {
  const tag = Object.prototype.toString.call(value)
  return tag === '[object Blob]' || tag === '[object File]'
}

interface Grounds {
  readonly cause?: unknown
  /** Nothing is wrong with the place where it was noticed. */
  readonly ofWhole?: boolean
  readonly isFile?: boolean
}

/** Why there is no text. Collects its place on the way up, the innermost part first. */
class Refusal extends Error {
  readonly path: PropertyKey[] = []
  readonly grounds: Grounds
  constructor(came: string, grounds: Grounds = {}) {
    super(came)
    this.grounds = grounds
  }
}

function refusedAt(error: unknown, part: PropertyKey): unknown {
  // A toCacheKey() may have met a misuse of its own.
  if (isCacheError(error)) return error
  // A getter, a proxy or a toCacheKey() threw.
  const refusal = error instanceof Refusal ? error : new Refusal('something that cannot be read', { cause: error })
  refusal.path.push(part)
  return refusal
}

function explained(error: unknown): Error {
  if (isCacheError(error)) return error
  const { path, message, grounds } =
    error instanceof Refusal ? error : new Refusal('something that cannot be read', { cause: error })
  const parts = path.toReversed()
  const where = (grounds.ofWhole === true ? parts.slice(0, 3) : parts)
    .map((part, depth) =>
      depth === 0 ? `argument ${Number(part) + 1}` : typeof part === 'number' ? `[${part}]` : `.${String(part)}`,
    )
    .join('')
  const advice =
    grounds.isFile === true
      ? ', whose content cannot be read at once. Pass the hash of the content as well, from `await CacheKeyGenerator.computeHashStream(file.stream())` or `computeHash(bytes)`, and give the function a `key` that takes only the hash'
      : '. Give the function a `key` that leaves it out, or the object a toCacheKey() method'
  return misuse(
    'CACHE_UNHASHABLE_ARGUMENT',
    `${where === '' ? 'An argument' : where} cannot be part of a cache key: it is ${message}${advice}`,
    'cause' in grounds ? { cause: grounds.cause } : undefined,
  )
}
