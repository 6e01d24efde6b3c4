/** Does one after the other in each lane: enough under way at a time for filling a store to end, not so much that it is late. */
export async function inLanes<T>(items: Iterable<T>, step: (item: T) => unknown, lanes = 64): Promise<void> {
  const rest = items[Symbol.iterator]()
  const lane = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await step(next.value)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}
