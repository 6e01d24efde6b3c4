import { describe, outOfRange } from '../support/errors.ts'

/**
 * Numbers in [0, 1) that a seed determines: mulberry32, which is enough for tests and nothing else.
 * @throws {RangeError} `CACHE_BAD_OPTION` unless the seed is a whole number
 */
export function seededRandom(seed: number): () => number {
  if (!Number.isSafeInteger(seed))
    throw outOfRange('CACHE_BAD_OPTION', `seed must be a whole number, got ${describe(seed)}`)
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
