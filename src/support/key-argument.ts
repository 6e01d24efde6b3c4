// How a single argument reads in a key, and back. Two exact inverses: `argumentOf(argumentText(a))` is `a` for every argument that has a
// text, and `argumentText(argumentOf(t))` is `t` for every text that names an argument. They must never disagree: who holds a key
// finds by `argumentOf` the slot that was made by `argumentText`, and a text that named two arguments would be one caller's entry
// under another's key.
//
//   5        the number 5; a number is written as String() writes it
//   abc      the text abc
//   '5'      the text 5: what a number, boolean or bigint would be written as is quoted, and nothing else is
//   ~...     a hash, never an argument: `~` is not safe

const longestText = 128
const safeText = /^[A-Za-z0-9_.\-@=+/,]+$/
/** How a bigint reads in a scope. */
const bigintText = /^-?\d+n$/

/** The text of a single string or number argument in a key, `undefined` when it must be hashed. */
export function argumentText(arg: unknown): string | undefined {
  if (typeof arg === 'number') return Number.isFinite(arg) && !Object.is(arg, -0) ? String(arg) : undefined
  if (typeof arg !== 'string' || !isSafe(arg)) return undefined
  return readsLikeAnotherKind(arg) ? `'${arg}'` : arg
}

/** The one argument whose `argumentText` is exactly `text`, `undefined` when there is none. */
export function argumentOf(text: string): string | number | undefined {
  if (text.startsWith("'")) {
    const inner = text.slice(1, -1)
    return text.endsWith("'") && isSafe(inner) && readsLikeAnotherKind(inner) ? inner : undefined
  }
  if (!isSafe(text)) return undefined
  if (!readsLikeAnotherKind(text)) return text
  // The rest of the other kinds, `true`, `5n` and `NaN`, is no number that has a text.
  const number = Number(text)
  return Number.isFinite(number) ? number : undefined
}

/** Whether a number, boolean or bigint would be written as this very text. A hash that begins with a digit is none of them. */
export function readsLikeAnotherKind(text: string): boolean {
  return text === String(Number(text)) || text === 'true' || text === 'false' || bigintText.test(text)
}

function isSafe(text: string): boolean {
  return text.length <= longestText && safeText.test(text)
}
