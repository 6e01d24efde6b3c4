import { currentAmbient, runAmbient } from './ambient-call.ts'
import { viewOf } from './cache-view.ts'
import type { CacheNamespace } from './contracts/cache-manager.ts'
import type { KeySegment, Mode } from './contracts/load-policy.ts'
import { checkMode, checkSignal } from './option-policies.ts'
import { deriveKey } from './core/key-encoding.ts'
import { describe, misuse } from './support/errors.ts'
import { checkOptionNames } from './support/options.ts'

/** What `withCache` changes for the cached calls made within it. What is left out stays as it is around it. */
export interface CacheScope {
  /** Used by cached functions in place of their own. */
  readonly manager?: CacheNamespace | undefined
  /** For cached functions and `getOrSet`. */
  readonly mode?: Mode | undefined
  /** Aborts the callers within, as a signal of their own would. */
  readonly signal?: AbortSignal | undefined
  /** Part of the key of cached functions (a tenant, say), before what their own `scope` says. */
  readonly scope?: KeySegment | undefined
}

const scopeNames: ReadonlySet<string> = new Set<keyof CacheScope>(['manager', 'mode', 'signal', 'scope'])

/**
 * The one control per call: what runs within, however deep and after however many `await`s, uses another manager, bypasses the cache,
 * loads anew, can be aborted, or keeps its entries apart. Nested scopes add up: the inner one's manager, mode and scope count, signals
 * of both do.
 *
 * Switches AsyncLocalStorage on, for the whole process, when it is first called; until then it costs nothing.
 *
 * @example
 * await withCache({ mode: 'refresh' }, () => report(documentId))
 * @returns what `run` returns
 * @throws {TypeError} `CACHE_BAD_OPTION`, `CACHE_MISUSE`, `CACHE_BAD_KEY` for a scope that is none
 */
export function withCache<T>(scope: CacheScope, run: () => T): T {
  checkOptionNames(scope, scopeNames, 'withCache')
  if (typeof run !== 'function') throw misuse('CACHE_MISUSE', `withCache() runs a function, got ${describe(run)}`)
  const { manager, mode, signal, scope: segment } = scope
  if (manager !== undefined) viewOf(manager)
  if (mode !== undefined) checkMode(mode)
  if (signal !== undefined) checkSignal(signal)
  // Throws for what cannot stand in a key.
  if (segment !== undefined) deriveKey('withCache', segment, [])
  const around = currentAmbient()
  return runAmbient(
    {
      manager: manager ?? around?.manager,
      mode: mode ?? around?.mode,
      signals: [...(around?.signals ?? []), ...(signal === undefined ? [] : [signal])],
      scope: segment ?? around?.scope,
    },
    run,
  )
}
