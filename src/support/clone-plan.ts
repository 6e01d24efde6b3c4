import { bytesKind, fromUint8Array, toUint8Array } from './bytes.ts'
import type { Bytes } from './bytes.ts'
import { copyDate } from './dates.ts'
import { spread } from './spread.ts'

// How to make a private copy of a kept value quickly. A kept value never changes and was checked when it was stored, so nothing is
// checked again: a shallow copy (`{ ...value }`, `slice()`), and only what the plan names is copied deeper. A plan says what MAY need
// work: a text where it expects an object stays as it is, a key it names may be missing. What it does not name never holds an
// object. So one plan serves all elements of an array, and plans grow with the variety of a document and not with its length.
//
// `cloneWith` may be given only the value the plan was built for, or one equal to it.

/** What `cloneWith` needs to know of a value. Built by `copyValue`; opaque. */
export class ClonePlan {
  readonly kind: Kind
  readonly site: number
  readonly keys: readonly string[]
  readonly plans: readonly ClonePlan[]
  /** Of all elements of an array, of all values of a dictionary. */
  readonly inner: ClonePlan | undefined
  /** Something in it can be changed even when it is frozen. */
  readonly loose: boolean

  constructor(
    kind: Kind,
    site = 0,
    keys: readonly string[] = none,
    plans: readonly ClonePlan[] = none,
    inner?: ClonePlan,
  ) {
    this.kind = kind
    this.site = site
    this.keys = keys
    this.plans = plans
    this.inner = inner
    this.loose = kind === kinds.special || inner?.loose === true || plans.some((plan) => plan.loose)
  }
}

/** Small integers: `cloneWith` branches on them for every object. */
export const kinds = {
  primitive: 0,
  flatObject: 1,
  flatArray: 2,
  object: 3,
  array: 4,
  dictionary: 5,
  /** Date, Map, Set, URL, bytes. */
  special: 6,
  /** Looked at anew in each copy: what has no plan, an own `__proto__` among it. */
  any: 7,
} as const
export type Kind = (typeof kinds)[keyof typeof kinds]

const none: readonly never[] = []

/**
 * A private, mutable copy of a value that `copyValue` or `adopt` returned together with the plan, frozen or not. Nothing in it is
 * reachable from the kept value. Null prototypes become plain ones; a part that stood in two places is copied twice.
 */
export function cloneWith(plan: ClonePlan, value: unknown): unknown {
  switch (plan.kind) {
    case kinds.primitive:
      return value
    case kinds.flatObject:
      return spread(plan.site, value as object)
    case kinds.flatArray:
      return (value as unknown[]).slice()
    case kinds.object: {
      const copied = spread(plan.site, value as object) as Record<string, unknown>
      const { keys, plans } = plan
      for (let index = 0; index < keys.length; index++) {
        const key = keys[index] as string
        const item = copied[key]
        if (typeof item !== 'object' || item === null) continue
        const inner = plans[index] as ClonePlan
        // The most frequent one without a call.
        copied[key] = inner.kind === kinds.flatArray ? (item as unknown[]).slice() : cloneWith(inner, item)
      }
      return copied
    }
    case kinds.array: {
      const copied = (value as unknown[]).slice()
      const inner = plan.inner as ClonePlan
      // `at`, not an index: where arrays of numbers and of objects meet, optimised code would turn the numbers into objects.
      for (let index = 0; index < copied.length; index++) {
        const item = copied.at(index)
        if (typeof item === 'object' && item !== null) copied[index] = cloneWith(inner, item)
      }
      return copied
    }
    case kinds.dictionary: {
      const copied = spread(0, value as object) as Record<string, unknown>
      const inner = plan.inner as ClonePlan
      for (const key of Object.keys(copied)) {
        const item = copied[key]
        if (typeof item === 'object' && item !== null) copied[key] = cloneWith(inner, item)
      }
      return copied
    }
    case kinds.special:
      return cloneSpecial(value as object, false)
    case kinds.any:
      return cloneAny(value, false)
  }
}

/**
 * What a reader of a frozen value gets: the kept value itself where nothing in it can change; else a frozen copy of the way to what
 * cannot be frozen (Date, Map, Set, URL, bytes), and a private copy of that.
 */
export function cloneFrozenWith(plan: ClonePlan, value: unknown): unknown {
  if (!plan.loose || typeof value !== 'object' || value === null) return value
  switch (plan.kind) {
    case kinds.special:
      return cloneSpecial(value, true)
    case kinds.object: {
      const copied = { ...value } as Record<string, unknown>
      plan.keys.forEach((key, index) => {
        if (Object.hasOwn(copied, key)) copied[key] = cloneFrozenWith(plan.plans[index] as ClonePlan, copied[key])
      })
      return Object.freeze(copied)
    }
    case kinds.array: {
      const copied = (value as unknown[]).slice()
      copied.forEach((item, index) => (copied[index] = cloneFrozenWith(plan.inner as ClonePlan, item)))
      return Object.freeze(copied)
    }
    case kinds.dictionary: {
      const copied = { ...value } as Record<string, unknown>
      for (const key of Object.keys(copied)) copied[key] = cloneFrozenWith(plan.inner as ClonePlan, copied[key])
      return Object.freeze(copied)
    }
    default:
      return cloneAny(value, true)
  }
}

/** The same without a plan. */
function cloneAny(value: unknown, freeze: boolean): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const copied = value.slice() as unknown[]
    for (let index = 0; index < copied.length; index++) {
      const item = copied.at(index)
      if (typeof item === 'object' && item !== null) copied[index] = cloneAny(item, freeze)
    }
    return freeze ? Object.freeze(copied) : copied
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return cloneSpecial(value, freeze)
  const copied = { ...value } as Record<string, unknown>
  for (const key of Object.keys(copied)) {
    const item = copied[key]
    // Also an own `__proto__`: it is there already, so this sets no prototype.
    if (typeof item === 'object' && item !== null) copied[key] = cloneAny(item, freeze)
  }
  return freeze ? Object.freeze(copied) : copied
}

function cloneSpecial(value: object, freeze: boolean): object {
  if (value instanceof Date) return copyDate(value)
  if (value instanceof Map) {
    const copied = new Map<unknown, unknown>()
    for (const [key, item] of value as Map<unknown, unknown>) copied.set(cloneAny(key, freeze), cloneAny(item, freeze))
    return copied
  }
  if (value instanceof Set) {
    const copied = new Set<unknown>()
    for (const item of value as Set<unknown>) copied.add(cloneAny(item, freeze))
    return copied
  }
  if (value instanceof URL) return new URL(value.href)
  return fromUint8Array(bytesKind(value) ?? 'Uint8Array', toUint8Array(value as Bytes))
}
