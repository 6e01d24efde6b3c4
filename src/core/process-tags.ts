import type { CacheBackend, TagCapability, TagDelta, TagPosition } from '../contracts/backend.ts'
import { everything } from './tags.ts'

// A tag clock in this process' memory, for backends that keep none. Exact within the process; `healthReport().tags` says `process`.
// Its id is the same in every process and every run: entries that another process left in a shared store can be read. What it cannot
// do, and says so, is tell other processes of an invalidation.

const processClockId = 'process'
const stampLimit = 50_000

/** A tag clock whose answers need no waiting. */
export interface ProcessTags extends TagCapability {
  read(since: TagPosition | undefined): TagDelta
  stamp(tags: readonly string[], since: TagPosition | undefined): TagDelta
  renew(emptied?: boolean): TagDelta
}

/** @param now milliseconds: stamps must be newer than those of an earlier life of the process, which entries still carry */
export function createProcessTags(now: () => number = () => 0): ProcessTags {
  const stamps = new Map<string, number>()
  let highest = 0
  let floor = 0

  const delta = (since: TagPosition | undefined): TagDelta => {
    if (since?.id === processClockId && since.mark >= highest) return { id: processClockId, floor, stamps: [] }
    const from = since?.id === processClockId ? since.mark : -1
    return { id: processClockId, floor, stamps: [...stamps].filter(([, stamp]) => stamp > from) }
  }
  const stamp = (tags: readonly string[]): void => {
    highest = Math.max(highest + 1, Math.floor(now() * 1000))
    for (const tag of tags) {
      // Deleted first, so that the map stays ordered by stamp and the oldest are at its front.
      stamps.delete(tag)
      stamps.set(tag, highest)
    }
    if (stamps.size > stampLimit) prune()
  }
  const prune = (): void => {
    // Forgetting a stamp is safe when no entry older than it counts as valid any more: that is the floor.
    for (const [tag, old] of stamps) {
      if (stamps.size <= stampLimit / 2) return
      // Values without our header have no stamp to compare with the floor: only this one tells that there was a clear.
      if (tag === everything) continue
      stamps.delete(tag)
      floor = old
    }
  }
  return {
    read: delta,
    stamp(tags, since) {
      const knewAll = since?.id === processClockId && since.mark === highest
      stamp(tags)
      // Who knew all before learns these alone: going through all stamps takes milliseconds when there are many.
      return knewAll ? { id: processClockId, floor, stamps: tags.map((tag) => [tag, highest]) } : delta(since)
    },
    renew(emptied) {
      if (emptied !== true) stamp([everything])
      return delta(undefined)
    },
  }
}

const clocks = new WeakMap<CacheBackend, ProcessTags>()

/** The clock of a backend without one; the same for every store of that backend. */
export function processTagsOf(backend: CacheBackend, now: () => number): ProcessTags {
  const clock = clocks.get(backend) ?? createProcessTags(now)
  clocks.set(backend, clock)
  return clock
}
