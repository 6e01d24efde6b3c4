import type { CacheNamespace } from './cache-manager.ts'
import type { StandardSchema } from './codec.ts'
import type { Duration } from './duration.ts'
import type { Invalidation } from './events.ts'
import type { Isolation, KeySegment, LoadPolicy, Operation, ReadStatus, WireFormat } from './load-policy.ts'

/**
 * Options of `cached`. Callbacks that run before the load take the arguments, those after it the result and then the
 * arguments; `self` always comes first.
 */
export interface CachedOptions<A extends readonly unknown[], R, This = unknown> extends LoadPolicy<R> {
  /** Default: `CACHE_TTL_<OPERATION>` of the operation, else the manager's default. */
  readonly ttl?: Duration | ((result: R, ...args: A) => Duration) | undefined
  readonly operation?: Operation | undefined
  /** First part of derived keys. Default: none. */
  readonly keyPrefix?: string | undefined
  /** Second part of derived keys. Default: the function's own name. */
  readonly name?: string | undefined
  /** Part of the key: raise it when the function's result changes its meaning. */
  readonly version?: string | number | undefined
  /** A string is the whole key; an array is hashed in place of the arguments. */
  readonly key?: ((...args: A) => string | readonly unknown[]) | undefined
  /** Puts something of `this` (a tenant, say) into the key. `this` is otherwise never part of it. */
  readonly scope?: ((self: This, ...args: A) => KeySegment) | undefined
  readonly tags?: readonly string[] | ((result: R, ...args: A) => readonly string[]) | undefined
  /** `false` keeps the result out of the cache. Default: everything is stored, `null` and `undefined` too. */
  readonly shouldCache?: ((result: R, ...args: A) => boolean) | undefined
  /** What one load costs, in a unit of your own (money, tokens): statistics sum up what was spent and what hits saved. Default: 0. */
  readonly cost?: number | ((result: R, ...args: A) => number) | undefined
  /**
   * The tags of the cached calls this function makes flow up to its entry, so that invalidating a document drops what was derived
   * from it. Switches AsyncLocalStorage on, for the whole process. Default: `false`.
   */
  readonly inheritTags?: boolean | undefined
  /** `false`: this function is not cached now. Default: `true`. */
  readonly enabled?: boolean | (() => boolean) | undefined
  /** Default: the `cacheManager` that `initCache` sets up. A namespace of a manager will do. */
  readonly manager?: CacheNamespace | ((self: This) => CacheNamespace) | undefined

  // A decorator's context has a `name` and so satisfies options that are all optional; this refuses a bare `@cached`.
  readonly kind?: never
}

/** The members of a cached function. */
export interface CacheHandle<A extends readonly unknown[], R> {
  /** The full key these arguments have. */
  keyFor(...args: A): string
  /** The value if this process holds it in memory now; never waits, never loads. */
  peek(...args: A): R | undefined
  /**
   * Deletes the entry, voids loads in flight. Does not reach entries derived from it: tags do.
   * @returns what is true of the shared store now.
   */
  invalidate(...args: A): Promise<Invalidation>
  /** Loads anew, whatever is stored, and stores the result. */
  refresh(...args: A): Promise<R>
  /**
   * Stores a value as if it had been loaded now. A delete of the key by another process that comes before the store has given the right to do so
   * may be overtaken; `refresh` is not.
   * @returns whether it was stored.
   */
  prime(value: R, ...args: A): Promise<boolean>
  /** The value and where it came from. */
  withStatus(...args: A): Promise<ReadStatus<R>>
}

/** Any async function; `never[]` stands for any parameter list without an `any`. */
export type AsyncFunction = (...args: never[]) => Promise<unknown>

export type ResultOf<F extends AsyncFunction> = Awaited<ReturnType<F>>

/** The function itself (generics, overloads and `this` survive) with the members of a cached one. */
export type CachedFunction<F extends AsyncFunction> = F & CacheHandle<Parameters<F>, ResultOf<F>>

/** `F`, or a sentence that the compiler prints as the reason why `F` cannot be cached. */
export type Checked<F extends AsyncFunction> = 0 extends 1 & ResultOf<F>
  ? F
  : [ResultOf<F>] extends [never]
    ? F
    : ResultOf<F> extends { readonly bodyUsed: boolean }
      ? 'A Response cannot be cached: return its parsed body'
      : ResultOf<F> extends AsyncIterable<unknown>
        ? 'A stream cannot be cached: collect it first'
        : ResultOf<F> extends (...args: never[]) => unknown
          ? 'A function cannot be cached'
          : F

type Misfit<O, Wanted> = {
  [K in keyof O & keyof Wanted]: O[K] extends Wanted[K] ? never : K & string
}[keyof O & keyof Wanted]

/** `Checked`, and every given option must fit the function's arguments and result. */
export type CheckedWith<F extends AsyncFunction, O> = [
  Misfit<O, CachedOptions<Parameters<F>, ResultOf<F>, never>>,
] extends [never]
  ? Checked<F>
  : `The option '${Misfit<O, CachedOptions<Parameters<F>, ResultOf<F>, never>>}' does not fit the arguments or the result of this function`

/** A method type is compared both ways, so that options given before the function may name its types later. */
type Loose<R> = { compare(...args: readonly unknown[]): R }['compare']

/** Options given before the function is known. Checked against it when it comes. */
export interface LooseCachedOptions {
  readonly ttl?: Duration | Loose<Duration> | undefined
  readonly operation?: Operation | undefined
  readonly keyPrefix?: string | undefined
  readonly name?: string | undefined
  readonly version?: string | number | undefined
  readonly key?: Loose<string | readonly unknown[]> | undefined
  readonly scope?: Loose<KeySegment> | undefined
  readonly tags?: readonly string[] | Loose<readonly string[]> | undefined
  readonly shouldCache?: Loose<boolean> | undefined
  readonly cost?: number | Loose<number> | undefined
  readonly expectMiss?: boolean | undefined
  readonly deafFor?: Duration | undefined
  readonly inheritTags?: boolean | undefined
  readonly enabled?: boolean | (() => boolean) | undefined
  readonly manager?: CacheNamespace | Loose<CacheNamespace> | undefined
  readonly swr?: Duration | undefined
  readonly staleIfError?: Duration | undefined
  readonly softTimeout?: Duration | undefined
  readonly hardTimeout?: Duration | undefined
  readonly refreshAhead?: boolean | undefined
  readonly jitter?: number | undefined
  readonly cacheErrors?: { readonly ttl: Duration; readonly when: (error: unknown) => boolean } | undefined
  readonly schema?: StandardSchema<never, unknown> | undefined
  readonly codec?: { readonly name: string; encode(value: never): string; decode(text: string): unknown } | undefined
  readonly isolation?: Isolation | undefined
  readonly wire?: WireFormat | undefined
  // A function has `name` and so satisfies options that are all optional; these two refuse it.
  readonly apply?: never
  readonly kind?: never
}

/** Every key of `O` must be an option. */
export type NoUnknown<O> = { readonly [K in Exclude<keyof O, keyof LooseCachedOptions>]: never }

/** The class whose instances `scope` and `manager` of the options expect as `self`. */
export type SelfOf<O> = O extends { readonly scope: (self: infer S, ...args: never[]) => unknown }
  ? S
  : O extends { readonly manager: (self: infer S) => unknown }
    ? S
    : unknown

export interface MethodContext<This> {
  readonly kind: 'method'
  readonly name: string | symbol
  readonly access: { has(object: This): boolean }
}

/** What `cached(options)` returns: wraps a function, decorates a method (standard and legacy decorators). */
export interface CachedDecorator<O> {
  <F extends AsyncFunction>(fn: F & CheckedWith<F, O>, context?: MethodContext<SelfOf<O>>): CachedFunction<F>
  <F extends AsyncFunction>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<F & CheckedWith<F, O>>,
  ): void
}

/** The names of the async methods of `T`. */
export type AsyncMethodName<T> = { [K in keyof T]: T[K] extends AsyncFunction ? K : never }[keyof T]
