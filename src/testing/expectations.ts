// What the contract suite says when a backend is wrong: what was expected, and what came. The values are the suite's own, so they may be shown.

/** A backend that does not do what the contract says. */
export class ContractViolation extends Error {
  override readonly name: string = 'ContractViolation'
}

/** Why an outcome was not checked. */
export class SkipSignal extends Error {
  override readonly name: string = 'SkipSignal'
}

export function violated(what: string, expected: string, came: string): never {
  throw new ContractViolation(`${what}: expected ${expected}, came ${came}`)
}

/** Equal as `Object.is` has it, or arrays and plain objects of such. */
export function expectSame(what: string, came: unknown, expected: unknown): void {
  if (isSame(came, expected)) return
  if (typeof came === 'string' && typeof expected === 'string' && (came.length > 60 || expected.length > 60)) {
    let at = 0
    while (came[at] === expected[at]) at++
    violated(
      what,
      `a text of ${expected.length} characters`,
      `one of ${came.length}; from character ${at} on ${show(expected.slice(at, at + 20))} became ${show(came.slice(at, at + 20))}`,
    )
  }
  violated(what, show(expected), show(came))
}

/** `null` or `undefined`, and nothing else. */
export function expectMiss(what: string, came: unknown): void {
  if (came !== null && came !== undefined) violated(what, 'a miss: null or undefined', show(came))
}

export function expectTrue(what: string, holds: boolean, expected: string, came: unknown): void {
  if (!holds) violated(what, expected, show(came))
}

/** `set` may answer anything but `false`. */
export function expectStored(what: string, answer: unknown): void {
  if (answer === false) violated(what, 'that the value is stored', 'false: the store refused it')
}

/** @returns what was thrown */
export async function expectThrows(what: string, work: () => unknown): Promise<unknown> {
  let answer
  try {
    answer = await work()
  } catch (error) {
    return error
  }
  violated(what, 'an error', show(answer))
}

/** How a value is shown in a message. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > 80
      ? `${JSON.stringify(value.slice(0, 80))}... (${value.length} characters)`
      : JSON.stringify(value)
  }
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value)
  const text = JSON.stringify(value, (_, part: unknown) => (part === undefined ? 'undefined' : part))
  return text.length > 200 ? `${text.slice(0, 200)}...` : text
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every(
      (name) => name in b && isSame((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]),
    )
  )
}
