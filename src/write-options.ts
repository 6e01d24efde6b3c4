import type { WriteOptions } from './contracts/cache-manager.ts'
import type { Duration } from './contracts/duration.ts'
import { checkTags } from './core/tags.ts'
import { toMs } from './support/duration.ts'
import { describe, misuse } from './support/errors.ts'
import { checkOptionNames } from './support/options.ts'

// The arguments that manual operations share: several keys, and what `set`, `setValue`, `setMany` take last (a ttl, or an object with one).

const writeOptionNames: ReadonlySet<string> = new Set<keyof WriteOptions>(['ttl', 'tags'])

export function checkedWriteOptions(options: Duration | WriteOptions | undefined): {
  readonly ttl: Duration | undefined
  readonly tags: readonly string[]
} {
  const given: WriteOptions = typeof options === 'object' ? options : { ttl: options }
  checkOptionNames(given, writeOptionNames, 'set')
  if (given.ttl !== undefined) toMs(given.ttl, 'ttl')
  return { ttl: given.ttl, tags: checkTags(given.tags ?? [], 'tags') }
}

/** A string is iterable too, and its characters are not the keys that were meant. */
export function severalOf<T>(items: Iterable<T>, method: string): Iterable<T> {
  if (typeof items !== 'object' || items === null || !(Symbol.iterator in items)) {
    throw misuse(
      'CACHE_MISUSE',
      `${method}() takes several keys as an array or another iterable, got ${describe(items)}`,
    )
  }
  return items
}
