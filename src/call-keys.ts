import type { AnyFunction, AnyOptions } from './cached-options.ts'
import type { KeySegment } from './contracts/load-policy.ts'
import { checkKey, deriveKey, extendKey, identityOf } from './core/key-encoding.ts'
import { registerIdentity } from './identities.ts'
import { hashOf } from './support/argument-hash.ts'
import { withoutSignals } from './support/argument-signals.ts'
import { describe, misuse } from './support/errors.ts'

// How the calls of one cached function are named: by its identity and arguments, or as its `key` says; with what `withCache` and `scope`
// put in between.

export interface CallKeys {
  /** @param around the scope that `withCache` gives */
  of(self: unknown, args: readonly unknown[], around: KeySegment | undefined): string
  /** What all keys begin with whose arguments may be looked up as they are; `undefined` when the options say otherwise. */
  readonly identity: string | undefined
}

export function createCallKeys(fn: AnyFunction, options: AnyOptions, ownName: string): CallKeys {
  const { key, scope, keyPrefix, version } = options
  const name = options.name ?? ownName
  // With `key`, an identity is needed only if it returns arguments instead of a whole key.
  let identity = key === undefined ? claimIdentity() : undefined

  function claimIdentity(): string {
    registerIdentity({ keyPrefix, name: options.name, ownName, version, source: Function.prototype.toString.call(fn) })
    // An anonymous function under a prefix has no second part.
    return name === '' && keyPrefix !== undefined
      ? identityOf(undefined, keyPrefix, version)
      : identityOf(keyPrefix, name, version)
  }

  function derive(around: KeySegment | undefined, within: KeySegment | undefined, args: readonly unknown[]): string {
    identity ??= claimIdentity()
    return deriveKey(around === undefined ? identity : deriveKey(identity, around, []), within, args)
  }

  return {
    identity: key === undefined && scope === undefined ? identity : undefined,
    of(self, args, around) {
      const within = scope?.(self, ...args)
      // Left out it would be the key of a call without a scope of its own, and a scope around it the same key as this one's.
      if (scope !== undefined && within === undefined) throw misuse('CACHE_BAD_KEY', 'scope must not return undefined')
      if (key === undefined) return derive(around, within, withoutSignals(args))
      const given = key(...args)
      if (typeof given === 'string') {
        checkKey(given)
        return extendKey(extendKey(given, version, around), undefined, within)
      }
      if (!Array.isArray(given))
        throw misuse('CACHE_BAD_KEY', `key must return a string or an array, got ${describe(given)}`)
      return `${derive(around, within, [])}:${hashOf(withoutSignals(given as readonly unknown[]))}`
    },
  }
}
