import type { MemoryTier } from '../contracts/memory-tier.ts'
import { marksPerSlot, stampMark } from '../support/slot-marks.ts'
import type { TagTable } from './tags.ts'

// Live entries with the tag clock they are judged by. What was judged once needs no judging before there is news of the clock: that is what
// the generation counts.

/** The largest number that a mark holds. */
const longestStamp = 2 ** 31 - 1

/** Memory whose entries may be served without asking anybody. */
export class HotTier {
  readonly tier: MemoryTier
  readonly table: TagTable
  /** Changes whenever an entry in the tier may have become void without being dropped. */
  generation = 0
  /** By `Runtime.turn`: from then on nothing in it may be served before it is set anew. `Infinity`: it always may. */
  readableUntil: number = Infinity
  #lastStamp = 0

  constructor(tier: MemoryTier, table: TagTable) {
    this.tier = tier
    this.table = table
    table.onNews(() => void this.generation++)
  }

  /** Whether the entry of a slot is not invalidated. What was judged in this generation is not judged again. */
  isCurrent(slot: number, impliedTags: readonly string[] | undefined): boolean {
    const { tier, generation, table } = this
    if (tier.generations[slot] === generation) return true
    const entry = tier.entryAt(slot)
    // Raw strings written by the backend's own `set` know no clock.
    if (entry.clockId === undefined) return table.acceptsForeign(impliedTags)
    if (!table.isValid(entry)) return false
    tier.generations[slot] = generation
    return true
  }

  /** A number that no slot carries as its stamp. Call it again when the generation has changed. */
  takeStamp(): number {
    if (this.#lastStamp === longestStamp) {
      // Numbers begin anew: nobody may carry one, and whoever holds one must take another.
      for (let at = stampMark; at < this.tier.marks.length; at += marksPerSlot) this.tier.marks[at] = 0
      this.generation++
      this.#lastStamp = 0
    }
    return ++this.#lastStamp
  }
}
