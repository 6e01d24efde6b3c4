import type { KeySegment } from '../contracts/load-policy.ts'
import { hashOf, hashOfCall } from '../support/argument-hash.ts'
import { describe, misuse, quote } from '../support/errors.ts'
import { argumentText, readsLikeAnotherKind } from '../support/key-argument.ts'

// How arguments become keys. Two calls share a key if and only if their arguments are equal (`util.isDeepStrictEqual`, trailing
// `undefined` dropped, key order of objects irrelevant).
//
//   prefix:name                 no arguments
//   prefix:name:abc             one short safe text or number, readable (and read back by `argumentOf`)
//   prefix:name:~<hash>         anything else: SHA-256 of a canonical, typed text
//
// A readable argument can never look like a hash (`~` is not safe) nor a text like a number (it is quoted), so no caller can choose
// an argument that hits another's entry.

const longestKey = 4096
const longestIdentityPart = 128
const loneSurrogate = /\p{Surrogate}/u

/** What tells one cached function from another in keys. */
export function identityOf(keyPrefix: string | undefined, name: string, version: string | number | undefined): string {
  const named = keyPrefix === undefined ? name : `${keyPrefix}:${name}`
  return version === undefined ? named : `${named}@${version}`
}

/** The key of a call, derived from its arguments: a list a call made, which holds elements only (a list of the user's goes to `hashOf`). */
export function deriveKey(identity: string, scope: KeySegment | undefined, args: readonly unknown[]): string {
  const base = scope === undefined ? identity : `${identity}:(${segmentText(scope)})`
  const length = lengthWithoutTrailingUndefined(args)
  if (length === 0) return base
  const only = length === 1 ? argumentText(args[0]) : undefined
  return `${base}:${only ?? hashOfCall(args)}`
}

/** A whole key with what the options add to it. */
export function extendKey(key: string, version: string | number | undefined, scope: KeySegment | undefined): string {
  const versioned = version === undefined ? key : `${key}@${version}`
  return scope === undefined ? versioned : `${versioned}|${segmentText(scope)}`
}

/**
 * A key given by the caller.
 * @throws {TypeError} `CACHE_BAD_KEY` unless it is a well-formed text of 1 to 4096 characters without control characters, not ending in `#l` or `#t`
 */
export function checkKey(key: unknown): asserts key is string {
  const wrong =
    typeof key !== 'string'
      ? `expected a string, got ${describe(key)}`
      : key === ''
        ? 'expected a non-empty string, got an empty string'
        : key.length > longestKey
          ? `expected at most ${longestKey} characters, got ${key.length}`
          : hasControlCharacter(key)
            ? 'expected no control characters'
            : loneSurrogate.test(key)
              ? 'expected a well-formed string: as UTF-8 all lone surrogates are one character'
              : /#[lt]$/.test(key)
                ? "expected no key ending in '#l' or '#t': those are the cache's own"
                : undefined
  if (wrong !== undefined) throw misuse('CACHE_BAD_KEY', `Bad cache key: ${wrong}`)
}

/**
 * One part of a key made by `CacheKeyGenerator` or `defineKeys`.
 *
 * @param last the last part may hold `:` and white space: nothing after it can be confused
 * @throws {TypeError} `CACHE_BAD_KEY` for an empty or `undefined` part: `document:parse:undefined` would be one key for all
 */
export function keySegment(value: unknown, what: string, last: boolean): string {
  if (
    typeof value !== 'string' &&
    typeof value !== 'number' &&
    typeof value !== 'bigint' &&
    typeof value !== 'boolean'
  ) {
    throw misuse('CACHE_BAD_KEY', `${what} must be a string, number, bigint or boolean, got ${describe(value)}`)
  }
  const text = String(value)
  if (text === '') throw misuse('CACHE_BAD_KEY', `${what} must not be empty`)
  if (text === 'NaN' && typeof value === 'number') throw misuse('CACHE_BAD_KEY', `${what} must not be NaN`)
  if (hasControlCharacter(text)) throw misuse('CACHE_BAD_KEY', `${what} must not contain control characters`)
  if (loneSurrogate.test(text)) throw misuse('CACHE_BAD_KEY', `${what} must be well-formed: it holds half a character`)
  if (!last && /[:\s]/.test(text)) {
    throw misuse('CACHE_BAD_KEY', `${what} must not contain ':' or white space, only the last part of a key may`)
  }
  return text
}

/** @throws {TypeError} `CACHE_BAD_OPTION` when `value` cannot be a `keyPrefix`, `name` or `version` in a derived key */
export function checkIdentityPart(
  value: string | number,
  what: string,
  code: 'CACHE_BAD_OPTION' | 'CACHE_BAD_CONFIG' = 'CACHE_BAD_OPTION',
): void {
  if (typeof value !== 'string' && !Number.isFinite(value)) {
    throw misuse(code, `${what} must be a string or a finite number, got ${describe(value)}`)
  }
  const text = String(value)
  if (
    text === '' ||
    text.length > longestIdentityPart ||
    /[:@{}()|\s\p{Surrogate}]/u.test(text) ||
    hasControlCharacter(text)
  ) {
    throw misuse(
      code,
      `${what} must be 1 to ${longestIdentityPart} characters without white space, control characters and : @ { } ( ) |, got ${quote(text)}`,
    )
  }
}

export function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 32 || code === 127) return true
  }
  return false
}

function lengthWithoutTrailingUndefined(args: readonly unknown[]): number {
  let length = args.length
  while (length > 0 && args[length - 1] === undefined) length--
  return length
}

/** Injective: `~` and `'` never come out of the encoding of a text, kinds are told apart as in `argumentText`. */
function segmentText(scope: KeySegment): string {
  if (typeof scope !== 'string') {
    if (typeof scope !== 'number' && typeof scope !== 'bigint' && typeof scope !== 'boolean') {
      throw misuse('CACHE_BAD_KEY', `scope must return a string, number, bigint or boolean, got ${describe(scope)}`)
    }
    if (Number.isNaN(scope)) throw misuse('CACHE_BAD_KEY', 'scope must not return NaN')
    return typeof scope === 'bigint' ? `${scope}n` : String(scope)
  }
  if (scope === '') throw misuse('CACHE_BAD_KEY', 'scope must not return an empty string')
  if (loneSurrogate.test(scope)) return hashOf([scope])
  const encoded = encodeURIComponent(scope).replace(
    /[!'()*~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return readsLikeAnotherKind(scope) ? `'${encoded}'` : encoded
}
