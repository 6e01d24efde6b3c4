import type { AnyOptions } from './cached-options.ts'
import type { Duration } from './contracts/duration.ts'
import type { Engine } from './core/engine.ts'
import type { Policy } from './core/policy.ts'
import { resolvePolicy } from './load-policy.ts'

/** The policy of one cached function, resolved once per engine and settings; a function has one engine nearly always. */
export function createCallPolicies(options: AnyOptions, label: string): (engine: Engine) => Policy {
  const { ttl, tags, shouldCache, cost } = options
  let resolved: { readonly engine: Engine; readonly version: number; readonly policy: Policy } | undefined
  return (engine) => {
    if (resolved?.engine === engine && resolved.version === engine.version) return resolved.policy
    const policy = resolvePolicy(
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
        cost: typeof cost === 'function' ? (result, args) => cost(result, ...args) : (cost ?? 0),
      },
      engine,
    )
    resolved = { engine, version: engine.version, policy }
    return policy
  }
}
