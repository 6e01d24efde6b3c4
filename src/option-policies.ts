import type { GetOrSetOptions } from './contracts/cache-manager.ts'
import type { Duration } from './contracts/duration.ts'
import type { Engine } from './core/engine.ts'
import type { Policy } from './core/policy.ts'
import { checkTags } from './core/tags.ts'
import { checkLoadPolicy, resolvePolicy } from './load-policy.ts'
import { checkOptionNames } from './support/options.ts'

// The policies of one manager's manual operations. Option objects are often constants: what was resolved for one is found again, until
// the settings change.

const manualLabel = 'manual'
const getOrSetLabel = 'getOrSet'

const getOrSetOptionNames: ReadonlySet<string> = new Set<keyof GetOrSetOptions<unknown>>([
  'ttl',
  'operation',
  'tags',
  'shouldCache',
  'hardTimeout',
  'jitter',
  'schema',
  'codec',
  'isolation',
])

interface Resolved {
  readonly version: number
  readonly policy: Policy
}

export class OptionPolicies {
  readonly #engine: Engine
  readonly #byOptions: WeakMap<object, Resolved> = new WeakMap()
  #manual: Resolved | undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** For `getOrSet`. @throws for options that are none */
  of(options: Duration | GetOrSetOptions<unknown> | undefined): Policy {
    if (typeof options !== 'object') return this.#resolve({ ttl: options }, getOrSetLabel)
    const known = this.#byOptions.get(options)
    if (known?.version === this.#engine.version) return known.policy
    const policy = this.#resolve(options, getOrSetLabel)
    this.#byOptions.set(options, { version: this.#engine.version, policy })
    return policy
  }

  /** For reads that load nothing. */
  manual(): Policy {
    const { version } = this.#engine
    if (this.#manual?.version !== version) this.#manual = { version, policy: this.#resolve({}, manualLabel) }
    return this.#manual.policy
  }

  /** For `set` and its like. */
  ofWrite(ttl: Duration | undefined, tags: readonly string[]): Policy {
    return this.#resolve({ ttl, tags }, manualLabel)
  }

  #resolve(options: GetOrSetOptions<unknown>, label: string): Policy {
    checkOptionNames(options, getOrSetOptionNames, label)
    checkLoadPolicy(options as never)
    const { ttl, operation, tags, shouldCache } = options
    return resolvePolicy(
      {
        ...(options as object),
        ttl,
        operation,
        label,
        tags: typeof tags === 'function' ? (result) => tags(result) : checkTags(tags ?? [], 'tags'),
        shouldCache: shouldCache === undefined ? undefined : (result) => shouldCache(result),
      },
      this.#engine,
    )
  }
}
