import { inspect } from 'node:util'
import { describe } from './errors.ts'

// What counts as plain data, and the few traps of reading and writing it: an own `__proto__`, arrays of another class, arrays that
// are more than their elements, cycles.

/** A value nested deeper than this is refused: the walks over it call themselves. */
export const maxDepth = 500
/** A few forgotten elements are data; an array that is nearly all holes is a mistake that would be copied hole by hole. */
const maxHoles = 1_000_000
/** From this length on, asking `inspect` about names is cheaper than listing the keys. */
const longArray = 100

/** An object literal, `Object.create(null)`, or an array: what JSON has. */
export function isPlain(value: object): boolean {
  if (Array.isArray(value)) return Object.getPrototypeOf(value) === Array.prototype
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The class itself, not one that extends it: its copy would be of another class. */
export function isExactly(value: object, constructor: { readonly prototype: object }): boolean {
  return Object.getPrototypeOf(value) === constructor.prototype && Reflect.ownKeys(value).length === 0
}

/** Sets an own property whatever its name: `object.__proto__ = x` would change the prototype instead. */
export function setOwn(object: object, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  } else {
    ;(object as Record<string, unknown>)[key] = value
  }
}

/** Why an array cannot be taken element by element: what is more than its elements would be lost. */
export function oddityOf(array: readonly unknown[]): string | undefined {
  if (Object.getPrototypeOf(array) !== Array.prototype) return `${describe(array)} of another class`
  if (Object.getOwnPropertySymbols(array).length > 0) return 'an array with named properties'
  if (array.length > longArray && array.length <= maxHoles && isNameless(array)) return undefined
  const keys = Object.keys(array)
  const last = keys[keys.length - 1]
  const isNamed = last !== undefined && !(Number(last) < array.length)
  if (keys.length > array.length || isNamed) return 'an array with named properties'
  return array.length - keys.length > maxHoles ? `an array with more than ${maxHoles} holes` : undefined
}

/**
 * Whether a long array has no named properties, as far as `inspect` shows it. Nothing in the language tells this without making a
 * key of every index, which costs more than writing the array as JSON; `inspect` asks the engine for the names alone. Were its
 * text to change, the answer is no, and the keys are listed.
 */
function isNameless(array: readonly unknown[]): boolean {
  return inspect(array, nothingInside) === `[ ... ${array.length} more items ]`
}
const nothingInside = {
  showHidden: false,
  depth: 0,
  colors: false,
  customInspect: false,
  maxArrayLength: 0,
  maxStringLength: 0,
  breakLength: Infinity,
  compact: 3,
  sorted: false,
  getters: false,
  numericSeparator: false,
} as const

/**
 * Whether a value at a depth is one of those it stands in: a cycle. `above` holds them from the root on. The last 32 are compared, and
 * of those before only every 32nd: a longer cycle is found one round later, and deep values stay cheap.
 */
export function isAbove(above: readonly object[], depth: number, value: object): boolean {
  let at = depth - 1
  for (const near = depth > 32 ? depth - 32 : 0; at >= near; at--) if (above[at] === value) return true
  for (at -= at % 32; at >= 0; at -= 32) if (above[at] === value) return true
  return false
}

/** Whether code in this process put an enumerable property on `Object.prototype`: `for in` then finds keys that are not own. */
export function inheritsKeys(): boolean {
  for (const key in Object.prototype) return key !== undefined
  return false
}
