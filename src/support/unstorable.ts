import { bytesKind } from './bytes.ts'
import { isExactlyDate } from './dates.ts'
import { describe, isCacheError, misuse } from './errors.ts'
import { isExactly, isPlain, maxDepth, oddityOf } from './plain.ts'

// The errors for values that cannot be cached, and the search for what is wrong with one. The fast walks over values only notice
// that something is wrong; where, is found by this second walk, so that no path is kept for the many values that are fine.

/** The error for a value that cannot be cached. */
export function unstorable(
  path: readonly PropertyKey[],
  reason: string,
  options?: { readonly cause?: unknown },
): TypeError {
  const at = path.length === 0 ? 'The value' : `The value at ${formatPath(path)}`
  return misuse('CACHE_UNSTORABLE_VALUE', `${at} cannot be cached: ${reason}`, options)
}

/** `error` itself when it is ours, else (a getter or a proxy threw) the error for a value that cannot be read. */
function unreadable(path: readonly PropertyKey[], error: unknown): Error {
  return isCacheError(error) ? error : unstorable(path, 'reading it failed', { cause: error })
}

/** The error for a value that a walk could not take, naming the path; `error` is what the walk threw. */
export function explain(value: unknown, error: unknown): Error {
  const path: PropertyKey[] = []
  try {
    search(value, path, new Set())
  } catch (found) {
    return unreadable(path, found)
  }
  // It was wrong once and is right now (a getter), or what failed is not the value.
  return unreadable([], error)
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
}

function search(value: unknown, path: PropertyKey[], above: Set<object>): void {
  if (typeof value === 'function' || typeof value === 'symbol') throw unstorable(path, `it is ${describe(value)}`)
  if (typeof value !== 'object' || value === null) return
  if (above.has(value)) throw unstorable(path, 'it contains itself')
  if (above.size >= maxDepth) throw unstorable([], `it is nested deeper than ${maxDepth} levels`)
  above.add(value)
  const inside = (item: unknown, at: PropertyKey): void => {
    path.push(at)
    search(item, path, above)
    path.pop()
  }
  if (Array.isArray(value)) searchArray(value, path, inside)
  else if (isPlain(value)) searchObject(value, path, inside)
  else searchSpecial(value, path, inside)
  above.delete(value)
}

type Inside = (item: unknown, at: PropertyKey) => void

function searchArray(array: readonly unknown[], path: PropertyKey[], inside: Inside): void {
  const oddity = oddityOf(array)
  if (oddity !== undefined) throw unstorable(path, `it is ${oddity}`)
  for (let index = 0; index < array.length; index++) {
    // The path leads to the element also when reading it fails.
    path.push(index)
    const item = array[index]
    path.pop()
    inside(item, index)
  }
}

function searchObject(object: object, path: PropertyKey[], inside: Inside): void {
  if (Object.getOwnPropertySymbols(object).length > 0) throw unstorable(path, 'it has a symbol as a key')
  for (const key of Object.keys(object)) {
    path.push(key)
    const item = (object as Record<string, unknown>)[key]
    path.pop()
    inside(item, key)
  }
}

function searchSpecial(value: object, path: readonly PropertyKey[], inside: Inside): void {
  if (isExactlyDate(value)) return void value.getTime()
  if (isExactly(value, URL)) return void (value as URL).href
  if (isExactly(value, Map)) {
    for (const [key, item] of value as Map<unknown, unknown>) {
      inside(key, '<key>')
      inside(item, '<value>')
    }
    return
  }
  if (isExactly(value, Set)) {
    for (const item of value as Set<unknown>) inside(item, '<item>')
    return
  }
  if (bytesKind(value) === undefined) throw unstorable(path, `it is ${describe(value)}`)
}
