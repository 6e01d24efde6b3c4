import type { CacheErrorCode } from '../contracts/cache-error-code.ts'

// Every error this package makes carries a stable `code` and a brand. The brand, not `instanceof`, recognises it: a process may
// hold two copies of the package. Messages say what was expected and what came, and never contain a value or a secret.

const brand: unique symbol = Symbol.for('@speedrun/cache/error') as never

/** An operational error: part of running a cache. Misuse throws `TypeError` or `RangeError` with the same kind of `code`. */
export class CacheError extends Error {
  readonly code: CacheErrorCode
  override readonly name: string = 'CacheError'

  constructor(code: CacheErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
    Object.defineProperty(this, brand, { value: true })
  }
}

/** An error made by this package, operational or misuse. */
export type AnyCacheError = Error & { readonly code: CacheErrorCode }

/**
 * Whether `error` was made by this package (by any copy of it), and has `code` if one is given.
 *
 * @example
 * if (isCacheError(error, 'CACHE_UNAVAILABLE')) retryLater()
 */
export function isCacheError(error: unknown, code?: CacheErrorCode): error is AnyCacheError {
  return (
    error instanceof Error &&
    (error as { [brand]?: boolean })[brand] === true &&
    (code === undefined || (error as AnyCacheError).code === code)
  )
}

/** Misuse by kind or shape. */
export function misuse(code: CacheErrorCode, message: string, options?: { readonly cause?: unknown }): TypeError {
  return branded(new TypeError(message, options), code)
}

/** Misuse by a number or time out of range. */
export function outOfRange(code: CacheErrorCode, message: string): RangeError {
  return branded(new RangeError(message), code)
}

function branded<E extends Error>(error: E, code: CacheErrorCode): E {
  Object.defineProperty(error, brand, { value: true })
  Object.defineProperty(error, 'code', { value: code, enumerable: true })
  return error
}

/**
 * How a wrong value is named in a message: by its kind. Texts show their length only, they may be personal data; use `quote`
 * for texts that are part of the program.
 */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (value === '') return 'an empty string'
  if (typeof value === 'string') return `a string of ${value.length} characters`
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value === 'function') return value.name === '' ? 'an anonymous function' : `the function ${value.name}`
  if (typeof value === 'object') return describeObject(value)
  return Object.is(value, -0) ? '-0' : String(value)
}

/**
 * `describe`, but a short text is shown: for option names and option values, which stand in the source code. Not one with an `@`: a url that
 * came into the wrong option or variable has its password before it.
 */
export function quote(value: unknown): string {
  const isShown = typeof value === 'string' && value !== '' && value.length <= 60 && !value.includes('@')
  return isShown ? `'${value}'` : describe(value)
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return 'an array'
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return 'an object'
  const name = (value.constructor as { name?: unknown } | undefined)?.name
  return typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an object'
}
