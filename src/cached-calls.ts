import type { CacheHandle } from './contracts/cached-function.ts'
import type { Duration } from './contracts/duration.ts'
import type { Engine } from './core/engine.ts'
import { checkKey, deriveKey, extendKey, identityOf } from './core/key-encoding.ts'
import type { Policy } from './core/policy.ts'
import type { Call } from './core/read-through.ts'
import type { AnyFunction, AnyOptions } from './cached-options.ts'
import { engineInvalidate } from './invalidate.ts'
import { registerIdentity } from './identities.ts'
import { resolvePolicy } from './load-policy.ts'
import { hashOf } from './support/argument-hash.ts'
import { describe, misuse } from './support/errors.ts'

// What a cached function does when it is called: name the entry, resolve the policy once per manager, hand over to the read path.

export interface CachedCalls {
  call(self: unknown, args: readonly unknown[]): Promise<unknown>
  handle(self: unknown): CacheHandle<readonly unknown[], unknown>
}

export function createCachedCalls(
  fn: AnyFunction,
  options: AnyOptions,
  ownName: string,
  engineFor: (self: unknown) => Engine,
): CachedCalls {
  const { key, scope, keyPrefix, version, enabled, tags, ttl, shouldCache } = options
  const name = options.name ?? ownName
  const label = keyPrefix ?? (name === '' ? 'cached' : name)
  // With `key`, an identity is needed only if it returns arguments instead of a whole key.
  let identity = key === undefined ? claimIdentity() : undefined

  function claimIdentity(): string {
    registerIdentity({ keyPrefix, name: options.name, ownName, version, source: Function.prototype.toString.call(fn) })
    // An anonymous function under a prefix has no second part.
    return name === '' && keyPrefix !== undefined
      ? identityOf(undefined, keyPrefix, version)
      : identityOf(keyPrefix, name, version)
  }

  function keyOf(self: unknown, args: readonly unknown[]): string {
    const within = scope?.(self, ...args)
    if (key === undefined) return deriveKey(identity as string, within, args)
    const given = key(...args)
    if (typeof given === 'string') {
      checkKey(given)
      return extendKey(given, version, within)
    }
    if (!Array.isArray(given))
      throw misuse('CACHE_BAD_KEY', `key must return a string or an array, got ${describe(given)}`)
    identity ??= claimIdentity()
    return `${deriveKey(identity, within, [])}:${hashOf(given as readonly unknown[])}`
  }

  let resolvedFor: Engine | undefined
  let resolvedVersion = 0
  let resolved: Policy | undefined
  function policyFor(engine: Engine): Policy {
    if (resolved !== undefined && resolvedFor === engine && resolvedVersion === engine.version) return resolved
    resolvedFor = engine
    resolvedVersion = engine.version
    resolved = resolvePolicy(
      {
        ...options,
        operation: options.operation,
        label,
        ttl:
          typeof ttl === 'function'
            ? (result, args) => ttl(result, ...args) as Duration
            : (ttl as Duration | undefined),
        tags: typeof tags === 'function' ? (result, args) => tags(result, ...args) : (tags ?? []),
        shouldCache: shouldCache === undefined ? undefined : (result, args) => shouldCache(result, ...args),
      },
      engine,
    )
    return resolved
  }

  const isEnabled = (engine: Engine): boolean => {
    if (engine.state === 'disabled') return false
    if (typeof enabled !== 'function') return enabled ?? true
    try {
      return enabled()
    } catch (error) {
      engine.emitter.problem({ error, during: 'policy' })
      return false
    }
  }

  const callFor = (engine: Engine, self: unknown, args: readonly unknown[]): Call => ({
    key: engine.fullKey(keyOf(self, args)),
    policy: policyFor(engine),
    loader: () => fn.apply(self, args as unknown[]),
    args,
  })

  /** The engine when its store may be used. */
  const readyEngine = async (self: unknown): Promise<Engine> => {
    const engine = engineFor(self)
    await engine.ready()
    return engine
  }

  return {
    call(self, args) {
      try {
        const engine = engineFor(self)
        if (!isEnabled(engine)) return Promise.resolve(fn.apply(self, args as unknown[]))
        const wait = engine.ready()
        if (wait === undefined) return engine.reads.read(callFor(engine, self, args))
        return wait.then(() => engine.reads.read(callFor(engine, self, args)))
      } catch (error) {
        // An async function rejects, it does not throw.
        return Promise.reject(error as Error)
      }
    },

    handle: (self) => ({
      keyFor: (...args) => keyOf(self, args),
      peek(...args) {
        const engine = engineFor(self)
        return isEnabled(engine)
          ? engine.reads.peek({ key: engine.fullKey(keyOf(self, args)), policy: policyFor(engine) })
          : undefined
      },
      async invalidate(...args) {
        return await engineInvalidate(await readyEngine(self), [keyOf(self, args)])
      },
      async refresh(...args) {
        const engine = await readyEngine(self)
        return isEnabled(engine)
          ? await engine.reads.refresh(callFor(engine, self, args))
          : await fn.apply(self, [...args])
      },
      async prime(value, ...args) {
        const engine = await readyEngine(self)
        return isEnabled(engine) && (await engine.reads.prime(callFor(engine, self, args), value))
      },
      async withStatus(...args) {
        const engine = await readyEngine(self)
        if (isEnabled(engine)) return await engine.reads.readWithStatus(callFor(engine, self, args))
        return { value: await fn.apply(self, [...args]), source: 'load', stale: false, ageMs: 0 }
      },
    }),
  }
}
