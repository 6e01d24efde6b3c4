// Whether reads and writes of one key, which overlap in time, could have happened one after the other at one place: each within its span, and
// each read giving what was written last before it (Herlihy and Wing, "Linearizability", 1990; the search is Wing and Gong's, 1993, with
// states remembered as in Lowe, 2017). A cache may lose what it holds, so a read that finds nothing says nothing.

export interface Step {
  readonly kind: 'write' | 'read'
  /** What was written or read; 0: nothing. */
  readonly value: number
  readonly from: number
  /** `Infinity`: nobody was told that it happened, so it may have, at any time since, or never. */
  readonly to: number
}

export function isLinearizable(steps: readonly Step[]): boolean {
  const all = [...steps].sort((one, other) => one.from - other.from)
  const seen = new Set<string>()
  const isDone = all.map(() => false)

  function search(state: number): boolean {
    // Nobody can come after what has ended before it began.
    let earliestEnd = Infinity
    let left = false
    for (let index = 0; index < all.length; index++) {
      const { to } = all[index] as Step
      if (isDone[index] === true) continue
      if (to !== Infinity) left = true
      if (to < earliestEnd) earliestEnd = to
    }
    if (!left) return true
    const name = `${state} ${isDone.map(Number).join('')}`
    if (seen.has(name)) return false
    seen.add(name)
    for (let index = 0; index < all.length; index++) {
      const { kind, value, from } = all[index] as Step
      if (isDone[index] === true || from > earliestEnd) continue
      if (kind === 'read' && value !== state) continue
      isDone[index] = true
      if (search(kind === 'write' ? value : state)) return true
      isDone[index] = false
    }
    return false
  }

  return search(0)
}
