import type { TagPosition } from '../contracts/backend.ts'
import type { Entry, Marks } from '../contracts/entry.ts'
import type { Runtime } from '../contracts/runtime.ts'
import type { Inherited } from './inherited-tags.ts'
import type { Kept } from './isolation.ts'
import type { Policy } from './policy.ts'
import { checkTags, markTags } from './tags.ts'

/** What a load brought, and what was known when it began. */
export interface LoadedValue {
  readonly value: unknown
  readonly computeMs: number
  /** What the load cost, in the caller's unit. */
  readonly cost: number
  /** What had been seen of the tag clock when the loader started; never later. */
  readonly position: TagPosition | undefined
  readonly inherited: Inherited | undefined
}

/**
 * By what a loaded value is judged: its own tags with what was seen when its load began, and those it inherited with theirs.
 * @throws {TypeError} when the policy's callback gives bad tags
 */
export function marksOf(
  { value, position, inherited }: LoadedValue,
  policy: Pick<Policy, 'tags'>,
  args: readonly unknown[],
  impliedTags: readonly string[],
): Marks {
  const own =
    typeof policy.tags === 'function' ? checkTags(policy.tags(value, args), 'The result of tags') : policy.tags
  const tags = markTags([...impliedTags, ...own], position?.mark ?? 0)
  return { clockId: position?.id, tags: inherited?.joinedWith(tags) ?? tags }
}

/**
 * The entry of a loaded value. Its life is counted from now, what it had seen from when its load began.
 * @throws {TypeError | RangeError} when the policy's callback gives a bad ttl
 */
export function newEntry(
  kept: Kept,
  policy: Policy,
  args: readonly unknown[],
  loaded: LoadedValue,
  marks: Marks,
  runtime: Runtime,
): Entry {
  const { value, computeMs, cost, position, inherited } = loaded
  const ttlMs = typeof policy.ttlMs === 'number' ? policy.ttlMs : policy.ttlMs(value, args)
  const createdAt = runtime.now()
  const ends = createdAt + (policy.jitter === 0 ? ttlMs : ttlMs * (1 - policy.jitter * runtime.random()))
  const staleAt = inherited === undefined ? ends : Math.min(ends, inherited.latestStaleAt)
  return {
    value: kept.value,
    form: kept.form,
    immutable: kept.immutable,
    frozen: kept.frozen,
    plan: kept.plan,
    json: kept.json,
    codec: policy.codec,
    createdAt,
    staleAt,
    deleteAt: staleAt + Math.max(policy.swrMs, policy.staleIfErrorMs),
    computeMs,
    cost,
    deafForMs: policy.deafForMs,
    guardedBy: policy.schema,
    clockId: marks.clockId,
    t0: position?.mark ?? 0,
    tags: marks.tags,
  }
}
