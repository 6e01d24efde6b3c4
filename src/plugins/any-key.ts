import { describe, misuse } from '../support/errors.ts'

// Caches that others made take any text as a key; ours takes what can stand in a log line and in a store. So what cannot is written as
// `%` and its code, as in a URL: no two keys are ever one. And each begins with a character that no part of a cached function's key can have:
// whoever chooses a key here cannot reach an entry of a function, not even where its `keyPrefix` is the name of this part of the cache.

const mark = '|'
/** What `#l` and `#t` end is the cache's own. */
const ownEnding = /#([lt])$/
const special = /[%\p{Cc}\p{Surrogate}]/gu

/** @throws {TypeError} `CACHE_BAD_KEY` for anything but a text */
export function fromAnyKey(key: unknown): string {
  if (typeof key !== 'string') throw misuse('CACHE_BAD_KEY', `A key must be a string, got ${describe(key)}`)
  return beginningOf(key).replace(ownEnding, '%23$1')
}

export function toAnyKey(key: string): string {
  return key
    .slice(mark.length)
    .replace(/%(?:u([0-9A-F]{4})|([0-9A-F]{2}))/g, (_, long?: string, short?: string) =>
      String.fromCharCode(parseInt(long ?? short ?? '', 16)),
    )
}

/** How all keys begin that begin with `text`. */
export function beginningOf(text: string): string {
  const escaped = text.replace(special, (character) => {
    const code = character.charCodeAt(0).toString(16).toUpperCase()
    return code.length > 2 ? `%u${code.padStart(4, '0')}` : `%${code.padStart(2, '0')}`
  })
  return mark + escaped
}
