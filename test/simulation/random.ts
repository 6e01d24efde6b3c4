// Randomness that is looked up, not drawn: what happens at a turn depends on the seed and on that turn alone. So an action that is taken out of
// a schedule leaves the others as they were, which is what makes schedules shrink.

/** Uniform in [0, 1), the same for the same numbers. */
export function at(seed: number, what: number, index: number): number {
  let mixed = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(what + 0x165667b1, 0xc2b2ae35)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) ^ Math.imul(index + 0x27d4eb2f, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 4294967296
}

/** A stream of its own. */
export function streamOf(seed: number, what: number): () => number {
  let index = 0
  return () => at(seed, what, index++)
}

/** What is looked up by turn, so that no two questions share an answer. */
export const questions = {
  schedule: 1,
  isTime: 2,
  carries: 3,
  wire: 4,
  amount: 5,
  little: 6,
  jumps: 7,
  tidies: 8,
  server: 9,
  /** One stream for each life of a process, and one for each key's loads. */
  lives: 1000,
  loads: 100_000,
} as const
