import { ClonePlan, kinds } from './clone-plan.ts'
import type { Kind } from './clone-plan.ts'
import { sites } from './spread.ts'

// Makes the plans of one value, equal ones once. Plans that must serve two values are merged into one that does whatever either
// needs; where two have nothing in common (an object here, an array there) each copy looks anew.

/** An object with more keys that need work is a dictionary: its keys are data. */
const maxKeys = 16

export const primitivePlan: ClonePlan = new ClonePlan(kinds.primitive)
const flatArrayPlan: ClonePlan = new ClonePlan(kinds.flatArray)
export const specialPlan: ClonePlan = new ClonePlan(kinds.special)
/** Where nothing fits; of values in which nothing is loose, and of others. */
const anyFixedPlan = new ClonePlan(kinds.any)
const anyLoosePlan = new ClonePlan(kinds.any, 0, [], [specialPlan])
const flatObjectPlans = Array.from({ length: sites }, (_, site) => new ClonePlan(kinds.flatObject, site))

export class PlanBuilder {
  readonly #objects: ClonePlan[] = []
  #lists: Map<ClonePlan, ClonePlan> | undefined
  #dictionaries: Map<ClonePlan, ClonePlan> | undefined

  /** The plan of an object that has work at the `keys` from one position to another, none of them `__proto__`, by the `plans` there. */
  object(site: number, keys: readonly string[], plans: readonly ClonePlan[], from: number, to: number): ClonePlan {
    if (from === to) return flatObjectPlans[site] as ClonePlan
    if (to - from > maxKeys) return this.dictionary(this.#mergeAll(plans.slice(from, to)))
    for (const plan of this.#objects)
      if (plan.site === site && isPart(plan.keys, keys, from, to) && isPart(plan.plans, plans, from, to)) return plan
    const plan = new ClonePlan(kinds.object, site, keys.slice(from, to), plans.slice(from, to))
    // Bounded: in a document of a thousand shapes the comparing would cost more than it saves.
    if (this.#objects.length < 64) this.#objects.push(plan)
    return plan
  }

  /** The plan of an array whose elements have that one. */
  list(inner: ClonePlan): ClonePlan {
    return inner === primitivePlan ? flatArrayPlan : around((this.#lists ??= new Map()), kinds.array, inner)
  }

  /** The plan of an object whose values have that one, whatever its keys. */
  dictionary(inner: ClonePlan): ClonePlan {
    return around((this.#dictionaries ??= new Map()), kinds.dictionary, inner)
  }

  /** A plan that serves the values of both. */
  merge(one: ClonePlan, other: ClonePlan): ClonePlan {
    if (covers(one, other)) return one
    if (covers(other, one)) return other
    if (isArray(one) && isArray(other))
      return this.list(this.merge(one.inner ?? primitivePlan, other.inner ?? primitivePlan))
    if (!isObject(one) || !isObject(other)) return unplanned(one.loose || other.loose)
    if (one.kind === kinds.dictionary || other.kind === kinds.dictionary)
      return this.dictionary(this.merge(this.#ofValues(one), this.#ofValues(other)))
    const keys = [...one.keys]
    const plans = [...one.plans]
    other.keys.forEach((key, index) => {
      const plan = other.plans[index] as ClonePlan
      const at = keys.indexOf(key)
      if (at >= 0) plans[at] = this.merge(plans[at] as ClonePlan, plan)
      else plans[keys.push(key) - 1] = plan
    })
    return this.object(one.site, keys, plans, 0, keys.length)
  }

  #mergeAll(plans: readonly ClonePlan[]): ClonePlan {
    let merged = primitivePlan
    for (const plan of plans) merged = this.merge(merged, plan)
    return merged
  }

  #ofValues(plan: ClonePlan): ClonePlan {
    return plan.inner ?? this.#mergeAll(plan.plans)
  }
}

/** The plan that looks at each value anew. */
export function unplanned(isLoose: boolean): ClonePlan {
  return isLoose ? anyLoosePlan : anyFixedPlan
}

function around(known: Map<ClonePlan, ClonePlan>, kind: Kind, inner: ClonePlan): ClonePlan {
  let plan = known.get(inner)
  if (plan === undefined) known.set(inner, (plan = new ClonePlan(kind, 0, none, none, inner)))
  return plan
}
const none: readonly never[] = []

/** Whether `one` serves all values that `other` serves. */
function covers(one: ClonePlan, other: ClonePlan): boolean {
  if (one === other || other.kind === kinds.primitive) return true
  switch (one.kind) {
    case kinds.any:
      return one.loose || !other.loose
    case kinds.flatObject:
      return other.kind === kinds.flatObject
    case kinds.object:
      return other.kind === kinds.flatObject || (other.kind === kinds.object && coversKeys(one, other))
    case kinds.dictionary: {
      const inner = one.inner as ClonePlan
      if (other.kind === kinds.object) return other.plans.every((plan) => covers(inner, plan))
      return (
        other.kind === kinds.flatObject || (other.kind === kinds.dictionary && covers(inner, other.inner as ClonePlan))
      )
    }
    case kinds.array:
      return (
        other.kind === kinds.flatArray ||
        (other.kind === kinds.array && covers(one.inner as ClonePlan, other.inner as ClonePlan))
      )
    default:
      return false
  }
}

function coversKeys(one: ClonePlan, other: ClonePlan): boolean {
  return other.keys.every((key, index) => {
    const at = one.keys.indexOf(key)
    return at >= 0 && covers(one.plans[at] as ClonePlan, other.plans[index] as ClonePlan)
  })
}

function isArray(plan: ClonePlan): boolean {
  return plan.kind === kinds.flatArray || plan.kind === kinds.array
}

function isObject(plan: ClonePlan): boolean {
  return plan.kind === kinds.flatObject || plan.kind === kinds.object || plan.kind === kinds.dictionary
}

/** Whether `list` is what stands in `all` from one position to another. */
function isPart(list: readonly unknown[], all: readonly unknown[], from: number, to: number): boolean {
  if (list.length !== to - from) return false
  for (let index = from; index < to; index++) if (list[index - from] !== all[index]) return false
  return true
}
