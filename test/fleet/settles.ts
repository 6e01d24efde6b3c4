// A limit for what comes to an end of itself: only what hangs takes as long.
import { setTimeout as sleep } from 'node:timers/promises'

export class HangsError extends Error {}

/** What `work` settles to. @throws {HangsError} when it does not within the limit */
export async function settles<T>(what: string, work: Promise<T>, limitMs = 60_000): Promise<T> {
  const limit = new AbortController()
  const late = sleep(limitMs, undefined, { signal: limit.signal }).then(() => {
    throw new HangsError(`hangs: ${what}`)
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    limit.abort()
  }
}
