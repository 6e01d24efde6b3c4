import type { CacheNamespace } from './contracts/cache-manager.ts'
import type { Engine } from './core/engine.ts'
import { namespaceTag } from './core/tags.ts'
import { describe, misuse } from './support/errors.ts'

// What a manager or a namespace is to the functions that use it: an engine, a prefix before every key, and the tags that `clear` of a
// namespace stamps.

export interface View {
  readonly engine: Engine
  /** Empty for the manager itself. */
  readonly prefix: string
  readonly impliedTags: readonly string[]
}

/** Where a manager keeps its view. A symbol of the registry: another copy of the package finds it too. */
export const viewSymbol: unique symbol = Symbol.for('@speedrun/cache/view') as never

/** The view behind a manager or namespace. @throws {TypeError} `CACHE_MISUSE` for anything else */
export function viewOf(cache: CacheNamespace): View {
  const view = (cache as { readonly [viewSymbol]?: View } | undefined)?.[viewSymbol]
  if (view === undefined) throw misuse('CACHE_MISUSE', `Expected a CacheManager, got ${describe(cache)}`)
  return view
}

/** The part of a view under a name of its own. What the whole is cleared of, its parts are. */
export function narrowed({ engine, prefix, impliedTags }: View, name: string): View {
  const inner = `${prefix}${name}:`
  return { engine, prefix: inner, impliedTags: [...impliedTags, namespaceTag(inner)] }
}

/** The key as the store has it. */
export function fullKey({ engine, prefix }: View, key: string): string {
  return engine.fullKey(prefix === '' ? key : prefix + key)
}
