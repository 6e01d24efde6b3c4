import type { TagPosition } from '../contracts/backend.ts'
import type { Entry } from '../contracts/entry.ts'
import type { Runtime } from '../contracts/runtime.ts'
import type { Kept } from './isolation.ts'
import type { Policy } from './policy.ts'
import type { Store } from './store.ts'
import { checkTags, markTags } from './tags.ts'

export interface LoadedValue {
  readonly value: unknown
  readonly computeMs: number
  readonly store: Pick<Store, 'impliedTags'>
  /** What had been seen of the tag clock when the loader started; never later. */
  readonly position: TagPosition | undefined
  readonly runtime: Runtime
}

/**
 * The entry of a loaded value. Its life is counted from now, what it had seen from when its load began.
 * @throws {TypeError | RangeError} when the policy's callbacks give a bad ttl or bad tags
 */
export function newEntry(kept: Kept, policy: Policy, args: readonly unknown[], loaded: LoadedValue): Entry {
  const { value, computeMs, position, runtime, store } = loaded
  const ttlMs = typeof policy.ttlMs === 'number' ? policy.ttlMs : policy.ttlMs(value, args)
  const tags =
    typeof policy.tags === 'function' ? checkTags(policy.tags(value, args), 'The result of tags') : policy.tags
  const createdAt = runtime.now()
  const expiresAt = createdAt + ttlMs * (1 - policy.jitter * runtime.random())
  const t0 = position?.mark ?? 0
  return {
    value: kept.value,
    form: kept.form,
    immutable: kept.immutable,
    codec: policy.codec,
    createdAt,
    staleAt: expiresAt,
    deleteAt: expiresAt,
    computeMs,
    clockId: position?.id,
    t0,
    tags: markTags([...store.impliedTags, ...tags], t0),
  }
}
