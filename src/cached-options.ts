import type { CacheNamespace } from './contracts/cache-manager.ts'
import type { LooseCachedOptions } from './contracts/cached-function.ts'
import type { LoadPolicy } from './contracts/load-policy.ts'
import { checkIdentityPart } from './core/key-encoding.ts'
import { checkTags } from './core/tags.ts'
import { checkCost, checkLoadPolicy, loadPolicyNames } from './load-policy.ts'
import { toMs } from './support/duration.ts'
import { describe, misuse, quote } from './support/errors.ts'
import { checkOptionNames } from './support/options.ts'

export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown

/** The options of `cached` as the implementation sees them: any arguments, any result. */
export interface AnyOptions extends LoadPolicy<never> {
  readonly ttl?: number | string | ((result: unknown, ...args: readonly unknown[]) => number | string) | undefined
  readonly operation?: string | undefined
  readonly keyPrefix?: string | undefined
  readonly name?: string | undefined
  readonly version?: string | number | undefined
  readonly key?: ((...args: readonly unknown[]) => string | readonly unknown[]) | undefined
  readonly scope?: ((self: unknown, ...args: readonly unknown[]) => string | number | bigint | boolean) | undefined
  readonly tags?: readonly string[] | ((result: unknown, ...args: readonly unknown[]) => readonly string[]) | undefined
  readonly shouldCache?: ((result: unknown, ...args: readonly unknown[]) => boolean) | undefined
  readonly cost?: number | ((result: unknown, ...args: readonly unknown[]) => number) | undefined
  readonly inheritTags?: boolean | undefined
  readonly enabled?: boolean | (() => boolean) | undefined
  readonly manager?: CacheNamespace | ((self: unknown) => CacheNamespace) | undefined
}

const optionNames: ReadonlySet<string> = new Set<keyof LooseCachedOptions>([
  'ttl',
  'operation',
  'keyPrefix',
  'name',
  'version',
  'key',
  'scope',
  'tags',
  'shouldCache',
  'cost',
  'inheritTags',
  'enabled',
  'manager',
  ...loadPolicyNames,
])

/** Everything that can be wrong in the options, found at definition. */
export function checkCachedOptions(given: unknown): AnyOptions {
  checkOptionNames(given as object, optionNames, 'cached')
  const options = given as AnyOptions
  if (options.ttl !== undefined && typeof options.ttl !== 'function') toMs(options.ttl as number, 'ttl')
  for (const name of ['keyPrefix', 'name', 'operation'] as const) {
    const value = options[name]
    if (value === undefined) continue
    if (typeof value !== 'string') throw misuse('CACHE_BAD_OPTION', `${name} must be a string, got ${describe(value)}`)
    checkIdentityPart(value, name)
  }
  if (options.version !== undefined) checkIdentityPart(options.version, 'version')
  for (const name of ['key', 'scope', 'shouldCache'] as const) {
    const value = options[name]
    if (value !== undefined && typeof value !== 'function') {
      throw misuse('CACHE_BAD_OPTION', `${name} must be a function, got ${quote(value)}`)
    }
  }
  if (options.tags !== undefined && typeof options.tags !== 'function') checkTags(options.tags, 'tags')
  if (options.cost !== undefined) checkCost(options.cost)
  if (options.inheritTags !== undefined && typeof options.inheritTags !== 'boolean') {
    throw misuse('CACHE_BAD_OPTION', `inheritTags must be true or false, got ${quote(options.inheritTags)}`)
  }
  if (options.wire === 'plain' && (options.tags !== undefined || options.inheritTags === true)) {
    throw misuse('CACHE_BAD_OPTION', "wire: 'plain' keeps nothing but the ttl: tags cannot go with it")
  }
  if (options.enabled !== undefined && typeof options.enabled !== 'boolean' && typeof options.enabled !== 'function') {
    throw misuse('CACHE_BAD_OPTION', `enabled must be a boolean or a function, got ${quote(options.enabled)}`)
  }
  if (options.manager !== undefined && options.manager === null) {
    throw misuse('CACHE_BAD_OPTION', 'manager must be a CacheManager or a function that returns one, got null')
  }
  checkLoadPolicy(options)
  return options
}
