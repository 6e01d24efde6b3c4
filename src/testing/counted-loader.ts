import { describe, misuse } from '../support/errors.ts'

/** A function that counts its calls. */
export interface CountedLoader<A extends readonly unknown[], R> {
  (...args: A): R
  /** How often it was called. */
  readonly count: number
  /** With what, oldest first. */
  readonly calls: ReadonlyArray<A>
  /** How many calls have not settled. */
  readonly running: number
  /** How many ran at the same time at most. */
  readonly mostAtOnce: number
  /** Begins anew. Calls that run are still counted as running. */
  reset(): void
}

/**
 * The same function, counting its calls: what a test of a cache is about. `this`, arguments, results and errors pass unchanged.
 *
 * @throws {TypeError} `CACHE_MISUSE` unless it is a function
 * @example
 * const parse = countedLoader(async (hash: string) => await parsePdf(hash))
 * const read = cached(parse, { keyPrefix: 'document', name: 'parse' })
 * await Promise.all([read('a'), read('a')])
 * assert.equal(parse.count, 1)
 */
export function countedLoader<A extends readonly unknown[], R>(loader: (...args: A) => R): CountedLoader<A, R> {
  if (typeof loader !== 'function')
    throw misuse('CACHE_MISUSE', `countedLoader takes a function, got ${describe(loader)}`)
  let calls: A[] = []
  let running = 0
  let mostAtOnce = 0
  const counted = function (this: unknown, ...args: A): R {
    calls.push(args)
    mostAtOnce = Math.max(mostAtOnce, ++running)
    const ended = (): void => void running--
    let result
    try {
      result = Reflect.apply(loader as (...given: readonly unknown[]) => R, this, args)
    } catch (error) {
      ended()
      throw error
    }
    const { then } = (result ?? {}) as { readonly then?: unknown }
    if (typeof then === 'function') (result as unknown as PromiseLike<unknown>).then(ended, ended)
    else ended()
    return result
  }
  // The cache names keys by the function where nothing else does.
  Object.defineProperty(counted, 'name', { value: loader.name, configurable: true })
  Object.defineProperty(counted, 'length', { value: loader.length, configurable: true })
  return Object.defineProperties(counted, {
    count: { get: () => calls.length },
    calls: { get: () => calls },
    running: { get: () => running },
    mostAtOnce: { get: () => mostAtOnce },
    reset: {
      value: () => {
        calls = []
        mostAtOnce = running
      },
    },
  }) as unknown as CountedLoader<A, R>
}
