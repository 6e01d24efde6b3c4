import type { GetOrSetOptions } from './contracts/cache-manager.ts'
import type { Duration } from './contracts/duration.ts'
import type { Mode } from './contracts/load-policy.ts'
import type { Engine } from './core/engine.ts'
import { HotPath } from './core/hot-path.ts'
import type { Policy } from './core/policy.ts'
import { checkTags } from './core/tags.ts'
import { checkCost, checkLoadPolicy, loadPolicyNames, resolvePolicy } from './load-policy.ts'
import { describe, misuse, quote } from './support/errors.ts'
import { checkOptionNames } from './support/options.ts'

// The policies of one manager's manual operations. Option objects are often constants: what was resolved for one is found again, until
// the settings change.

const manualLabel = 'manual'
const getOrSetLabel = 'getOrSet'
const modes: readonly Mode[] = ['normal', 'refresh', 'bypass', 'readonly']
const noOptions: GetOrSetOptions<unknown> = {}
/** Sets of options in use at one moment by one manager; a hit compares with the newest first. */
const mostHittable = 8

const getOrSetOptionNames: ReadonlySet<string> = new Set<keyof GetOrSetOptions<unknown>>([
  'ttl',
  'operation',
  'tags',
  'shouldCache',
  'cost',
  'signal',
  'mode',
  ...loadPolicyNames,
])

export type GivenOptions = Duration | GetOrSetOptions<unknown> | undefined

/** One set of options, ready to be used. */
interface ResolvedOptions {
  readonly policy: Policy
  readonly signal: AbortSignal | undefined
  readonly mode: Mode | undefined
}

/** Options as a hit sees them (all others concern a load, or a value that is stale), and the way of a hit with them. */
interface Hittable extends Pick<
  GetOrSetOptions<unknown>,
  'operation' | 'isolation' | 'codec' | 'schema' | 'refreshAhead'
> {
  readonly version: number
  readonly hotPath: HotPath
  /** Hits of options with a cost add up what they save. */
  readonly isFree: boolean
}

export class OptionPolicies {
  readonly #engine: Engine
  readonly #resolved: WeakMap<object, ResolvedOptions & { readonly version: number }> = new WeakMap()
  /** Newest first. Options are mostly literals, new objects on each call with the same few contents. */
  readonly #hittable: Hittable[] = []
  #manual: { readonly version: number; readonly policy: Policy } | undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** For `getOrSet`. @throws for options that are none */
  of(options: GivenOptions): ResolvedOptions {
    if (typeof options !== 'object') return this.#resolve({ ttl: options })
    const { version } = this.#engine
    const known = this.#resolved.get(options)
    if (known?.version === version) return known
    const resolved = { version, ...this.#resolve(options) }
    this.#resolved.set(options, resolved)
    return resolved
  }

  /**
   * The way of a hit with these options, without resolving them anew.
   * `undefined` for options that concern the one call only.
   * @throws for options that are none
   */
  hotPathOf(options: GivenOptions): HotPath | undefined {
    const { version } = this.#engine
    const [newest] = this.#hittable
    if (newest !== undefined && newest.version === version && isLike(options, newest)) return newest.hotPath
    for (let index = 1; index < this.#hittable.length; index++) {
      const one = this.#hittable[index] as Hittable
      if (one.version !== version || !isLike(options, one)) continue
      this.#hittable.splice(index, 1)
      this.#hittable.unshift(one)
      return one.hotPath
    }
    const { policy, signal, mode } = this.of(options)
    if (signal !== undefined || (mode !== undefined && mode !== 'normal')) return undefined
    const engine = this.#engine
    const hotPath = new HotPath({ engine, policy: () => policy, identity: undefined, keyOf: String })
    const { operation, isolation, codec, schema, refreshAhead, cost } =
      typeof options === 'object' ? options : noOptions
    const isFree = cost === undefined
    this.#hittable.unshift({ version, hotPath, isFree, operation, isolation, codec, schema, refreshAhead })
    if (this.#hittable.length > mostHittable) this.#hittable.pop()
    return hotPath
  }

  /** For reads that load nothing. */
  manual(): Policy {
    const { version } = this.#engine
    if (this.#manual?.version !== version) this.#manual = { version, policy: this.#policyOf({}, manualLabel) }
    return this.#manual.policy
  }

  /** For `set` and its like. */
  ofWrite(ttl: Duration | undefined, tags: readonly string[]): Policy {
    return this.#policyOf({ ttl, tags }, manualLabel)
  }

  #resolve(options: GetOrSetOptions<unknown>): ResolvedOptions {
    return { policy: this.#policyOf(options, getOrSetLabel), signal: options.signal, mode: options.mode }
  }

  #policyOf(options: GetOrSetOptions<unknown>, label: string): Policy {
    checkOptionNames(options, getOrSetOptionNames, label)
    checkLoadPolicy(options as never)
    const { ttl, operation, tags, shouldCache, cost, signal, mode } = options
    if (signal !== undefined) checkSignal(signal)
    if (mode !== undefined) checkMode(mode)
    if (cost !== undefined) checkCost(cost)
    return resolvePolicy(
      {
        ...(options as object),
        ttl,
        operation,
        label,
        tags: typeof tags === 'function' ? (result) => tags(result) : checkTags(tags ?? [], 'tags'),
        shouldCache: shouldCache === undefined ? undefined : (result) => shouldCache(result),
        cost: typeof cost === 'function' ? (result) => cost(result) : (cost ?? 0),
      },
      this.#engine,
    )
  }
}

/**
 * Whether a hit is the same with both. Asked on every hit of `getOrSet`, so it looks at nothing else: a name that is no option is refused
 * by the first call that finds nothing in memory.
 */
function isLike(options: GivenOptions, known: Hittable): boolean {
  const given = typeof options === 'object' && options !== null ? options : noOptions
  return (
    given.isolation === known.isolation &&
    given.operation === known.operation &&
    given.refreshAhead === known.refreshAhead &&
    given.codec === known.codec &&
    given.schema === known.schema &&
    (given.cost === undefined) === known.isFree &&
    given.signal === undefined &&
    (given.mode === undefined || given.mode === 'normal')
  )
}

export function checkMode(mode: unknown): void {
  if (!modes.includes(mode as Mode)) {
    throw misuse('CACHE_BAD_OPTION', `mode must be one of ${modes.join(', ')}, got ${quote(mode)}`)
  }
}

export function checkSignal(signal: unknown): void {
  if (!(signal instanceof AbortSignal)) {
    throw misuse('CACHE_BAD_OPTION', `signal must be an AbortSignal, got ${describe(signal)}`)
  }
}
