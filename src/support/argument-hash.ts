import { createHash } from 'node:crypto'
import { describe, isCacheError, misuse } from './errors.ts'
import { bytesKind, isExactly, isPlain, oddityOf, toUint8Array } from './values.ts'
import type { Bytes } from './values.ts'

// Arguments as one canonical, typed text, and its hash: equal if and only if the arguments are equal (`util.isDeepStrictEqual`).

const deepestArgument = 200
/** Hashing more would stop the process for seconds: such a function needs a `key` of its own. */
const mostValues = 5_000_000

/** `~` and the SHA-256 of the canonical text of `args`. UTF-16, since UTF-8 would make all lone surrogates one character. */
export function hashOf(args: readonly unknown[]): string {
  const walk: Walk = { path: [], values: 0 }
  try {
    return `~${createHash('sha256').update(canonical(args, walk), 'utf16le').digest('base64url')}`
  } catch (error) {
    // A getter, a proxy or a toCacheKey() threw.
    throw isCacheError(error) ? error : unhashable(walk.path, 'something that cannot be read', { cause: error })
  }
}

interface Walk {
  readonly path: PropertyKey[]
  values: number
}

/** A typed text: equal for equal values, different for different ones. Lengths before contents make moved separators harmless. */
function canonical(value: unknown, walk: Walk): string {
  switch (typeof value) {
    case 'string':
      return `s${value.length}:${value}`
    case 'number':
      return Object.is(value, -0) ? 'f-0;' : `f${value};`
    case 'bigint':
      return `i${value};`
    case 'boolean':
      return value ? 't;' : 'b;'
    case 'undefined':
      return 'u;'
    case 'object':
      return value === null ? 'n;' : canonicalObject(value, walk)
    default:
      throw unhashable(walk.path, describe(value))
  }
}

function canonicalObject(value: object, walk: Walk): string {
  const { path } = walk
  if (path.length > deepestArgument) {
    throw unhashable(path.slice(0, 3), `nested deeper than ${deepestArgument} levels, or contains itself`)
  }
  const count = (values: number): void => {
    walk.values += values
    if (walk.values > mostValues) throw unhashable(path.slice(0, 3), `larger than ${mostValues} values`)
  }
  const inside = (item: unknown, at: PropertyKey): string => {
    path.push(at)
    const text = canonical(item, walk)
    path.pop()
    return text
  }
  if (Array.isArray(value) && isPlain(value)) {
    count(value.length)
    const oddity = oddityOf(value)
    if (oddity !== undefined) throw unhashable(path, oddity)
    const items = Array.from({ length: value.length }, (_, index) =>
      index in value ? inside(value[index], index) : 'h;',
    )
    return `a${value.length}[${items.join('')}]`
  }
  const own = (value as { readonly toCacheKey?: unknown }).toCacheKey
  if (typeof own === 'function') return `k${inside((own as () => unknown).call(value), 'toCacheKey()')}`
  if (isPlain(value)) {
    if (Object.getOwnPropertySymbols(value).length > 0) throw unhashable(path, 'an object with a symbol as a key')
    const keys = Object.keys(value).sort()
    count(keys.length)
    return `o${keys.length}{${keys.map((key) => `${key.length}:${key}=${inside((value as Record<string, unknown>)[key], key)}`).join('')}}`
  }
  // Only exact classes: one that extends Map, or a Map with properties, holds more than its entries.
  if (value instanceof Date && isExactly(value, Date)) return `d${value.getTime()};`
  if (value instanceof URL && isExactly(value, URL)) return `l${value.href.length}:${value.href}`
  if (value instanceof Map && isExactly(value, Map)) {
    count(value.size)
    const entries = [...(value as Map<unknown, unknown>)].map(
      ([key, item]) => `${inside(key, '<key>')}=>${inside(item, '<value>')}`,
    )
    return `m${entries.length}{${entries.sort().join('')}}`
  }
  if (value instanceof Set && isExactly(value, Set)) {
    count(value.size)
    const items = [...(value as Set<unknown>)].map((item) => inside(item, '<item>'))
    return `e${items.length}{${items.sort().join('')}}`
  }
  const kind = bytesKind(value)
  if (kind !== undefined)
    return `y${kind}:${createHash('sha256')
      .update(toUint8Array(value as Bytes))
      .digest('hex')};`
  throw unhashable(path, describe(value))
}

function unhashable(path: readonly PropertyKey[], came: string, options?: { readonly cause?: unknown }): TypeError {
  const where = path
    .map((part, depth) =>
      depth === 0 ? `argument ${Number(part) + 1}` : typeof part === 'number' ? `[${part}]` : `.${String(part)}`,
    )
    .join('')
  return misuse(
    'CACHE_UNHASHABLE_ARGUMENT',
    `${where === '' ? 'An argument' : where} cannot be part of a cache key: it is ${came}. Give the function a \`key\` that leaves it out, or the object a toCacheKey() method`,
    options,
  )
}
