import type { Entry } from '../contracts/entry.ts'

// What an entry is good for at a moment: the one rule, pure. Nothing here knows of invalidation: an entry that was invalidated does not
// get this far.
//
//   createdAt          staleAt          + swr          + staleIfError      deleteAt
//      |--- fresh --------|----- stale ----|--- if-error ----|--- expired ------
//                 ^ ahead: still fresh, and this reader begins the next load

/**
 * `fresh` serve it · `ahead` serve it and load behind it · `stale` serve it and load behind it · `if-error` load; serve it should the
 * load fail, or take longer than the soft timeout · `expired` it is not there
 */
export type Freshness = 'fresh' | 'ahead' | 'stale' | 'if-error' | 'expired'

/** How long after its end an entry is still good for something, milliseconds, both counted from `staleAt`. */
export interface Windows {
  readonly swrMs: number
  readonly staleIfErrorMs: number
  readonly refreshAhead: boolean
}

/** Beyond this many load times before the end a draw succeeds once in 10^9 reads: not worth drawing. */
export const furthestAhead = 20

/**
 * @param now wall-clock milliseconds
 * @param random uniform in [0, 1); drawn only where the outcome depends on it
 */
export function freshnessOf(
  entry: Pick<Entry, 'staleAt' | 'deleteAt' | 'computeMs'>,
  windows: Windows,
  now: number,
  random: () => number,
): Freshness {
  const { staleAt, deleteAt, computeMs } = entry
  if (now >= deleteAt) return 'expired'
  if (now < staleAt) return windows.refreshAhead && isAhead(staleAt - now, computeMs, random) ? 'ahead' : 'fresh'
  if (now < staleAt + windows.swrMs) return 'stale'
  return now < staleAt + windows.staleIfErrorMs ? 'if-error' : 'expired'
}

/**
 * XFetch with beta 1: the time of a load, times -ln of a uniform number, reaches the end of the entry's life. Each reader draws for
 * itself; the longer a load takes and the more readers there are, the earlier the first of them begins.
 * https://cseweb.ucsd.edu/~avattani/papers/cache_stampede.pdf
 */
function isAhead(leftMs: number, computeMs: number, random: () => number): boolean {
  if (!(computeMs > 0) || leftMs > computeMs * furthestAhead) return false
  // 1 - random() is never 0.
  return computeMs * -Math.log(1 - random()) >= leftMs
}
