import { currentAmbient } from './ambient-call.ts'
import type { View } from './cache-view.ts'
import { viewOf } from './cache-view.ts'
import type {
  AsyncFunction,
  CachedDecorator,
  CachedFunction,
  CachedOptions,
  CacheHandle,
  Checked,
  LooseCachedOptions,
  NoUnknown,
  ResultOf,
} from './contracts/cached-function.ts'
import type { CachedCalls } from './cached-calls.ts'
import { createCachedCalls, isHandle } from './cached-calls.ts'
import type { AnyFunction, AnyOptions } from './cached-options.ts'
import type { Handle } from './core/hot-path.ts'
import { checkCachedOptions } from './cached-options.ts'
import { cacheManager } from './default-cache.ts'
import { ambience } from './support/ambient.ts'
import { describe, misuse } from './support/errors.ts'

/** Under which a wrapper keeps what `cacheOf` binds to an object. */
export const handleOf: unique symbol = Symbol.for('@speedrun/cache/handle') as never

/**
 * Makes an async function cached: equal arguments, one run, whoever asks meanwhile or afterwards.
 *
 * Works on functions and, given options only, as a standard (TC39) or legacy method decorator. The result has the signature, name and
 * own properties of the function, and the members of `CacheHandle`.
 *
 * @example
 * const parse = cached(parseDocument, { keyPrefix: 'document', ttl: '24h' })
 * class Documents { @cached({ keyPrefix: 'document', ttl: '24h' }) async parse(hash: string) { ... } }
 *
 * @throws {TypeError} at definition: `CACHE_NO_IDENTITY`, `CACHE_BAD_OPTION`, `CACHE_BAD_DURATION`, `CACHE_MISUSE`. A call rejects with
 * what the function throws, as the same object, or `CACHE_UNHASHABLE_ARGUMENT`; never for a fault of the cache.
 */
export function cached<F extends AsyncFunction>(
  fn: F & Checked<F>,
  options: CachedOptions<Parameters<F>, ResultOf<F>, ThisParameterType<F>>,
): CachedFunction<F>
export function cached<O extends LooseCachedOptions>(options: O & NoUnknown<O>): CachedDecorator<O>
export function cached(first: unknown, second?: unknown): unknown {
  if (typeof first === 'function') {
    if (second === undefined) {
      throw misuse(
        'CACHE_MISUSE',
        'cached(fn) needs options as its second argument; a decorator is @cached({ ... }), with options',
      )
    }
    return wrap(first as AnyFunction, checkCachedOptions(second), first.name)
  }
  const options = checkCachedOptions(first)
  return (target: unknown, contextOrKey?: unknown, descriptor?: PropertyDescriptor): unknown => {
    if (descriptor !== undefined || typeof contextOrKey === 'string' || typeof contextOrKey === 'symbol') {
      return decorateLegacy(contextOrKey as string | symbol, descriptor, options)
    }
    const context = contextOrKey as { readonly kind?: unknown; readonly name?: string | symbol } | undefined
    if (context?.kind !== undefined && context.kind !== 'method') {
      throw misuse('CACHE_MISUSE', `@cached decorates async methods, not a ${String(context.kind)}`)
    }
    const name = context === undefined ? (target as AnyFunction | undefined)?.name : context.name
    return wrap(target, options, typeof name === 'string' ? name : '')
  }
}

function decorateLegacy(key: string | symbol, descriptor: PropertyDescriptor | undefined, options: AnyOptions): void {
  if (typeof descriptor?.value !== 'function') {
    throw misuse('CACHE_MISUSE', `@cached decorates async methods; '${String(key)}' is none`)
  }
  descriptor.value = wrap(descriptor.value, options, typeof key === 'string' ? key : '')
}

function wrap(target: unknown, options: AnyOptions, name: string): unknown {
  const fn = checkFunction(target)
  const calls = createCachedCalls(fn, options, name, (self) => viewFor(options, self))
  const wrapper = wrapperOf(calls)
  carryOver(fn, wrapper)
  const bind = (self: unknown): CacheHandle<readonly unknown[], unknown> => calls.handle(self)
  Object.defineProperty(wrapper, handleOf, { value: bind })
  return Object.assign(wrapper, bind(undefined))
}

/** What callers call. A hit with one string or number as its argument ends here, without an array of arguments. */
function wrapperOf(calls: CachedCalls): AnyFunction {
  const { hotPath } = calls
  function longWay(this: unknown, ...args: unknown[]): Promise<unknown> {
    return calls.call(this, args)
  }
  if (hotPath === undefined) return longWay
  // For who joined a load that an invalidation overtook; `this` is not in the key, so any caller's will do.
  const again = (argument: Handle): Promise<unknown> => calls.call(undefined, [argument])
  return function cachedFunction(this: unknown, argument?: unknown): Promise<unknown> {
    if (arguments.length === 1 && isHandle(argument) && !(ambience.inUse && currentAmbient() !== undefined)) {
      const answer = hotPath.hit(argument) ?? hotPath.join(argument, again)
      if (answer !== undefined) return answer
    }
    // Passed on as they are: a rest parameter, or any other use of `arguments`, makes an object of them on every call.
    return longWay.apply(this, arguments as unknown as unknown[])
  }
}

function viewFor(options: AnyOptions, self: unknown): View {
  const { manager } = options
  return viewOf(manager === undefined ? cacheManager : typeof manager === 'function' ? manager(self) : manager)
}

function checkFunction(target: unknown): AnyFunction {
  if (typeof target !== 'function')
    throw misuse('CACHE_MISUSE', `cached() wraps async functions, got ${describe(target)}`)
  if (handleOf in target) throw misuse('CACHE_MISUSE', `${describe(target)} is cached already`)
  const kind = (target as { readonly constructor?: { readonly name?: string } }).constructor?.name ?? ''
  if (kind.endsWith('GeneratorFunction'))
    throw misuse('CACHE_MISUSE', 'A generator cannot be cached: collect what it yields first')
  if (/^class\b/.test(Function.prototype.toString.call(target)))
    throw misuse('CACHE_MISUSE', 'A class cannot be cached: decorate its methods')
  return target as AnyFunction
}

/** Name, length and own properties: whoever looks at the function finds what was there. */
function carryOver(from: AnyFunction, to: object): void {
  for (const key of Reflect.ownKeys(from)) {
    if (key === 'prototype' || key === 'arguments' || key === 'caller') continue
    const descriptor = Object.getOwnPropertyDescriptor(from, key)
    if (descriptor !== undefined) Object.defineProperty(to, key, { ...descriptor, configurable: true })
  }
}
