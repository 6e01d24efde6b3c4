import type { Bytes } from './bytes.ts'
import { bytesKind, fromUint8Array, toUint8Array } from './bytes.ts'
import type { ClonePlan } from './clone-plan.ts'
import { copyDate, isExactlyDate } from './dates.ts'
import { isAbove, inheritsKeys, isExactly, maxDepth, oddityOf, setOwn } from './plain.ts'
import { PlanBuilder, primitivePlan, specialPlan, unplanned } from './plan-builder.ts'
import { siteOf } from './spread.ts'
import { explain } from './unstorable.ts'

// Which values can be cached, and how they are taken in. One walk serves the copy, the byte measure, the freeze and the plan for later
// copies, so that they can never disagree on what a value is.
//
// Kinds: primitives except symbols; plain objects (null prototypes too) and arrays, holes included; Date, Map, Set, URL; every
// typed array, Buffer, DataView and ArrayBuffer. Anything else (functions, class instances, cycles, symbol keys) is
// refused by path: what cannot survive the way to text and back must not live in memory either, or a hit would depend on where
// it came from. Not looked for are properties put on byte containers: finding them would cost a walk over every byte.

export interface Copied {
  readonly value: unknown
  /** An estimate of the memory the copy holds. */
  readonly bytes: number
  /** Nothing in it can be changed: all readers may share it. */
  readonly immutable: boolean
  /** `JSON.parse(JSON.stringify(value))` equals the value. */
  readonly json: boolean
  /** For `cloneWith`. */
  readonly plan: ClonePlan
}

/**
 * A copy that shares nothing with `value`.
 *
 * @param freeze freeze the copy deeply; what cannot be frozen (Map, Set, Date, bytes) is left as it is
 * @throws {TypeError} `CACHE_UNSTORABLE_VALUE`, naming the path of what cannot be copied
 */
export function copyValue(value: unknown, freeze: boolean): Copied {
  return take(value, freeze, true)
}

/**
 * The same for a value that nobody else can reach, straight from a decoder: it is kept itself, and frozen itself. What only a
 * program can make (symbol keys, arrays with named properties, cycles, getters) is not looked for.
 */
export function adopt(value: unknown, freeze: boolean): Copied {
  return take(value, freeze, false)
}

function take(value: unknown, freeze: boolean, copies: boolean): Copied {
  const walk = new Walk(freeze, copies)
  try {
    const plan = walk.item(value, 0)
    const { bytes, json, loose } = walk
    const immutable = plan === primitivePlan || (freeze && !loose)
    return { value: plan === primitivePlan ? value : walk.taken, bytes, immutable, json, plan }
  } catch (error) {
    throw explain(value, error)
  }
}

/** What the walk throws where a value cannot be kept; why and where is then searched for. */
const unfit = Symbol('unfit')

class Walk {
  bytes = 0
  json = true
  /** A part was met that can be changed even when all is frozen. */
  loose = false
  /** The copy of what `inside` visited last. */
  taken: unknown
  readonly #freeze: boolean
  readonly #copies: boolean
  readonly #inherits: boolean = inheritsKeys()
  readonly #above: object[] = []
  readonly #builder: PlanBuilder = new PlanBuilder()
  // A stack of the keys that need work, and of their plans, of the objects the walk is in.
  readonly #keys: string[] = []
  readonly #plans: ClonePlan[] = []
  #top = 0

  constructor(freeze: boolean, copies: boolean) {
    this.#freeze = freeze
    this.#copies = copies
  }

  /** Measures anything; an object is copied to `taken`. */
  item(value: unknown, depth: number): ClonePlan {
    if (typeof value === 'object' && value !== null) return this.#inside(value, depth)
    this.#primitive(value)
    return primitivePlan
  }

  #primitive(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.bytes += 16 + value.length * 2
        return
      case 'number':
        this.bytes += 8
        // Not finite, or -0.
        if (value - value !== 0 || (value === 0 && 1 / value < 0)) this.json = false
        return
      case 'bigint':
        this.bytes += 32
        this.json = false
        return
      case 'undefined':
        this.bytes += 8
        this.json = false
        return
      case 'function':
      case 'symbol':
        throw unfit
      default:
        this.bytes += 8
    }
  }

  #inside(value: object, depth: number): ClonePlan {
    if (depth >= maxDepth) throw unfit
    if (this.#copies) {
      if (isAbove(this.#above, depth, value)) throw unfit
      this.#above[depth] = value
    }
    if (Array.isArray(value)) return this.#array(value, depth)
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Object.prototype || prototype === null)
      return this.#object(value as Record<string, unknown>, prototype === null, depth)
    this.json = false
    this.loose = true
    this.taken = this.#special(value, depth)
    return specialPlan
  }

  #array(array: unknown[], depth: number): ClonePlan {
    if (this.#copies && oddityOf(array) !== undefined) throw unfit
    const copied = this.#copies ? array.slice() : array
    const { length } = copied
    let bytes = 16 + length * 8
    let inner = primitivePlan
    for (let index = 0; index < length; index++) {
      // `at`, not an index: where arrays of numbers and of objects meet, optimised code would turn the numbers into objects.
      const item = copied.at(index)
      if (typeof item === 'string') bytes += 16 + item.length * 2
      else if (typeof item === 'object' && item !== null) {
        const plan = this.#inside(item, depth + 1)
        if (this.#copies) copied[index] = this.taken
        if (plan !== inner) inner = this.#builder.merge(inner, plan)
      } else if (item !== undefined || index in copied) this.#primitive(item)
      else this.json = false
    }
    this.bytes += bytes
    if (this.#freeze) Object.freeze(copied)
    this.taken = copied
    return this.#builder.list(inner)
  }

  #object(object: Record<string, unknown>, isNull: boolean, depth: number): ClonePlan {
    const copies = this.#copies
    if (copies && Object.getOwnPropertySymbols(object).length > 0) throw unfit
    const copied: Record<string, unknown> = copies ? (isNull ? (Object.create(null) as typeof object) : {}) : object
    let bytes = 24
    let count = 0
    let first = ''
    let last = ''
    const from = this.#top
    let isOdd = false
    // `for in` is much faster than a list of the keys, and adds only what is inherited.
    for (const key in object) {
      if (this.#inherits && !Object.hasOwn(object, key)) continue
      if (count++ === 0) first = key
      last = key
      let item = object[key]
      if (typeof item === 'string') bytes += 16 + item.length * 2
      else if (typeof item === 'object' && item !== null) {
        const plan = this.#inside(item, depth + 1)
        item = this.taken
        if (key === '__proto__') isOdd = true
        this.#keys[this.#top] = key
        this.#plans[this.#top++] = plan
      } else this.#primitive(item)
      if (copies) {
        if (key === '__proto__') setOwn(copied, key, item)
        else copied[key] = item
      }
    }
    this.bytes += bytes + count * 16
    if (this.#freeze) Object.freeze(copied)
    this.taken = copied
    const to = this.#top
    this.#top = from
    if (isOdd) return unplanned(this.#plans.slice(from, to).some((plan) => plan.loose))
    return this.#builder.object(siteOf(count, first, last), this.#keys, this.#plans, from, to)
  }

  /** A copy; or in place the value itself, what is in a Map or Set frozen. */
  #special(value: object, depth: number): object {
    if (isExactlyDate(value)) {
      this.bytes += 32
      return this.#copies ? copyDate(value) : value
    }
    if (isExactly(value, Map)) {
      this.bytes += 64
      const copied = new Map<unknown, unknown>()
      for (const [key, item] of value as Map<unknown, unknown>) {
        const copiedKey = this.#copy(key, depth)
        copied.set(copiedKey, this.#copy(item, depth))
      }
      return this.#copies ? copied : value
    }
    if (isExactly(value, Set)) {
      this.bytes += 64
      const copied = new Set<unknown>()
      for (const item of value as Set<unknown>) copied.add(this.#copy(item, depth))
      return this.#copies ? copied : value
    }
    if (isExactly(value, URL)) {
      const { href } = value as URL
      this.bytes += 64 + href.length
      return this.#copies ? new URL(href) : value
    }
    const kind = bytesKind(value)
    if (kind === undefined) throw unfit
    const bytes = toUint8Array(value as Bytes)
    this.bytes += 64 + bytes.byteLength
    return this.#copies ? fromUint8Array(kind, bytes) : value
  }

  #copy(item: unknown, depth: number): unknown {
    return this.item(item, depth + 1) === primitivePlan ? item : this.taken
  }
}
