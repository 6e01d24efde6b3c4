import { inheritsKeys } from './plain.ts'

/**
 * Freezes a value that a decoder made, in place: plain objects and arrays, and what a Map or Set holds. Map, Set, Date, URL and bytes
 * themselves cannot be frozen. Far cheaper than the walk that also measures and plans: for a value that is given away and not kept.
 *
 * @returns the same value
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) freeze(value, inheritsKeys())
  return value
}

function freeze(value: object, inherits: boolean): void {
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const item: unknown = value.at(index)
      if (typeof item === 'object' && item !== null) freeze(item, inherits)
    }
    Object.freeze(value)
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) {
    // What is inherited belongs to others.
    for (const key in value) {
      if (inherits && !Object.hasOwn(value, key)) continue
      const item = (value as Record<string, unknown>)[key]
      if (typeof item === 'object' && item !== null) freeze(item, inherits)
    }
    Object.freeze(value)
  } else if (value instanceof Map) {
    for (const [key, item] of value as Map<unknown, unknown>) {
      if (typeof key === 'object' && key !== null) freeze(key, inherits)
      if (typeof item === 'object' && item !== null) freeze(item, inherits)
    }
  } else if (value instanceof Set) {
    for (const item of value as Set<unknown>) if (typeof item === 'object' && item !== null) freeze(item, inherits)
  }
}
