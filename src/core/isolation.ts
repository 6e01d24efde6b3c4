import type { Entry } from '../contracts/entry.ts'
import type { ClonePlan } from '../support/clone-plan.ts'
import { cloneFrozenWith, cloneWith } from '../support/clone-plan.ts'
import { deepFreeze } from '../support/deep-freeze.ts'
import { describe, misuse } from '../support/errors.ts'
import { adopt, copyValue } from '../support/values.ts'
import type { Policy } from './policy.ts'

// What goes into the cache is reachable by nobody else, and what comes out is the reader's own: a caller that changes a result changes
// nobody else's, and the loader's object is never kept.

export type Kept = Pick<Entry, 'value' | 'form' | 'immutable' | 'frozen' | 'plan' | 'json'> & { readonly bytes: number }

type Keeping = Pick<Policy, 'codec' | 'customCodec' | 'isolation'>

/**
 * What can be kept of a value.
 * @param own the value is reachable by nobody else: it may be kept itself
 * @throws {TypeError} `CACHE_UNSTORABLE_VALUE`, or what the caller's codec throws
 */
export function keep(value: unknown, policy: Keeping, own = false): Kept {
  if (!policy.customCodec) {
    const frozen = policy.isolation === 'frozen'
    const kept = own ? adopt(value, frozen) : copyValue(value, frozen)
    const { immutable, plan, json, bytes } = kept
    return { value: kept.value, form: 'live', immutable, frozen, plan, json, bytes }
  }
  const text: unknown = policy.codec.encode(value)
  if (typeof text !== 'string') {
    throw misuse(
      'CACHE_UNSTORABLE_VALUE',
      `The codec '${policy.codec.name}' must encode to a string, got ${describe(text)}`,
    )
  }
  return {
    value: text,
    form: 'text',
    immutable: true,
    frozen: false,
    plan: undefined,
    json: false,
    bytes: textBytes(text),
  }
}

/** A value of the reader's own, or the one that all may share. @throws what the codec throws on a text it did not write */
export function give(entry: Pick<Entry, 'value' | 'form' | 'immutable' | 'frozen' | 'plan'>, policy: Keeping): unknown {
  if (entry.form === 'live') {
    return isShared(entry, policy) ? entry.value : copyOf(entry, policy)
  }
  const decoded = policy.codec.decode(entry.value as string)
  return policy.isolation === 'frozen' && !policy.customCodec ? deepFreeze(decoded) : decoded
}

/** A reader's own copy of a live value; frozen, where frozen is asked for: all but what cannot be frozen, and the way to it, is shared. */
export function copyOf(entry: Pick<Entry, 'value' | 'frozen' | 'plan'>, policy: Pick<Policy, 'isolation'>): unknown {
  const plan = entry.plan as ClonePlan
  // What somebody stored unfrozen is copied whole: nothing of it may be shared.
  const shares = policy.isolation === 'frozen' && entry.frozen
  return shares ? cloneFrozenWith(plan, entry.value) : cloneWith(plan, entry.value)
}

/** The reader's own value, or nothing where the codec cannot read the text. */
export function readable(
  entry: Parameters<typeof give>[0],
  policy: Keeping,
  unreadable?: (error: unknown) => void,
): { readonly value: unknown } | undefined {
  try {
    return { value: give(entry, policy) }
  } catch (error) {
    unreadable?.(error)
    return undefined
  }
}

/** Whether all readers of that policy are given the live value itself. */
export function isShared(entry: Pick<Entry, 'value' | 'immutable'>, policy: Pick<Policy, 'isolation'>): boolean {
  const { value } = entry
  return typeof value !== 'object' || value === null || (policy.isolation === 'frozen' && entry.immutable)
}

/** An estimate of what a text holds in memory. */
export function textBytes(text: string): number {
  return 16 + 2 * text.length
}
