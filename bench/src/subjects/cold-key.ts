// Keys that nobody has asked for.

let keys = 0

/** Never made before, by no process of this run; all of one process have the same length, so none is the beginning of another. */
export function coldKey(): string {
  keys += 1
  return `cold-${process.pid}-${String(keys).padStart(6, '0')}`
}
