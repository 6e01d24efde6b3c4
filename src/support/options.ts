import { describe, misuse } from './errors.ts'

// In JavaScript a misspelt option is silently no option at all. Here it is an error.

/** @throws {TypeError} `CACHE_BAD_OPTION` for a name that is no option, with the nearest one that is */
export function checkOptionNames(options: object, known: ReadonlySet<string>, whose: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw misuse('CACHE_BAD_OPTION', `${whose} options must be an object, got ${describe(options)}`)
  }
  for (const name of Object.keys(options)) {
    if (known.has(name)) continue
    const near = [...known].find((option) => distance(option.toLowerCase(), name.toLowerCase()) <= 2)
    throw misuse(
      'CACHE_BAD_OPTION',
      `${whose} has no option '${name.slice(0, 60)}'${near === undefined ? '' : `: did you mean '${near}'?`}`,
    )
  }
}

/** Levenshtein's edit distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next[j] = Math.min(substituted, (row[j] as number) + 1, (next[j - 1] as number) + 1)
    }
    row = next
  }
  return row[b.length] as number
}
