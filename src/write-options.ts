import type { WriteOptions } from './contracts/cache-manager.ts'
import type { Duration } from './contracts/duration.ts'
import { checkTags } from './core/tags.ts'
import { toMs } from './support/duration.ts'
import { checkOptionNames } from './support/options.ts'

// The last argument of `set`, `setValue`, `setMany`: a ttl, or an object with one.

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
