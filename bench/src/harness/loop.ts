// The measuring loops, and nothing else. This module is imported under a different address for the floor and for the subject
// (`loop.js?floor`, `loop.js?subject`), so each has functions of its own: what the compiler learned about one call site never
// changes how the other is compiled.

/** @returns the last answer, so that no call can be optimised away */
export async function awaited(call: (input: never) => unknown, inputs: readonly unknown[], count: number) {
  let last: unknown
  for (let index = 0; index < count; index++) last = await call(inputs[index] as never)
  return last
}

/** @returns the last answer, so that no call can be optimised away */
export function plain(call: (input: never) => unknown, inputs: readonly unknown[], count: number): unknown {
  let last: unknown
  for (let index = 0; index < count; index++) last = call(inputs[index] as never)
  return last
}

/** `lanes` callers, each with one call after the other. @returns the last answer of one of them */
export async function concurrent(
  call: (input: never) => unknown,
  inputs: readonly unknown[],
  count: number,
  lanes: number,
) {
  let next = 0
  const lane = async (): Promise<unknown> => {
    let last: unknown
    while (next < count) last = await call(inputs[next++] as never)
    return last
  }
  const all = await Promise.all(Array.from({ length: lanes }, lane))
  return all[0]
}
