/**
 * How much of a text was read: one minus the share of words that would have to be changed, added or taken away
 * (the word error rate). Order counts, letter case counts.
 */
export function wordAccuracy(read: string, truth: string): number {
  const got = wordsOf(read)
  const wanted = wordsOf(truth)
  let row = Array.from({ length: got.length + 1 }, (_, column) => column)
  for (const [index, word] of wanted.entries()) {
    const next = [index + 1]
    for (const [column, other] of got.entries()) {
      const replaced = (row[column] ?? 0) + (word === other ? 0 : 1)
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return Math.max(0, 1 - (row.at(-1) ?? 0) / Math.max(1, wanted.length))
}

export function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}
