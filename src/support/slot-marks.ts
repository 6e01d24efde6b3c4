// The four integers that a memory tier keeps for each slot, at `slot * marksPerSlot` and after. 16 bytes, so four slots share a line of the
// processor's cache; a number of milliseconds since 1970 would be an object of its own elsewhere in memory.

export const marksPerSlot = 4
/** Whose reader prepared the rest, and in which generation; 0: nobody. */
export const stampMark = 0
/** Until when the entry is fresh for that reader, in ticks of its clock. */
export const freshMark = 1
/** The epoch of the last use; the tier's own. */
export const epochMark = 2
/** What a hit saves, microseconds. */
export const savedMark = 3
