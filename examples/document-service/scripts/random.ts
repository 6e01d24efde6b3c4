/**
 * Seeded random numbers (mulberry32), so that the samples come out the same each time they are made.
 */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Roughly normal with a standard deviation of one: the sum of six uniforms, scaled. */
  normal(): number
}

export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const normal = (): number => (next() + next() + next() + next() + next() + next() - 3) * Math.SQRT2
  return { next, normal }
}
