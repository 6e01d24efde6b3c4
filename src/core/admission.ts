import type { Entry, Marks } from '../contracts/entry.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { CacheError, misuse } from '../support/errors.ts'
import type { Emitter } from './emit.ts'
import { messageOf } from './emit.ts'
import type { Kept } from './isolation.ts'
import { keep } from './isolation.ts'
import type { LoadedValue } from './new-entry.ts'
import { marksOf, newEntry } from './new-entry.ts'
import type { Policy } from './policy.ts'

// What may become an entry. The policy's callbacks, guard and codec are the caller's code: whatever they throw is reported, and the
// value is returned and not stored. Nothing here can fail a call.

export interface Asked {
  readonly key: string
  readonly policy: Policy
  readonly args: readonly unknown[]
  /** The tags an entry of this caller carries beyond its own. */
  readonly impliedTags: readonly string[]
}

export interface Admitted {
  readonly entry: Entry
  readonly bytes: number
}

/** A value that can be judged by nothing: whatever is made from it cannot be kept either. */
const unknowable: Marks = { clockId: undefined, tags: [] }

export class Admission {
  readonly #emitter: Emitter
  readonly #runtime: Runtime
  readonly #reported: WeakSet<Policy> = new WeakSet()

  constructor(emitter: Emitter, runtime: Runtime) {
    this.#emitter = emitter
    this.#runtime = runtime
  }

  /** What can be kept of a value for others; `undefined` when it cannot be copied. */
  keepable(call: Asked, value: unknown): Kept | undefined {
    try {
      return keep(value, call.policy)
    } catch (error) {
      this.#reportOnce(call.policy, error, call.key)
      return undefined
    }
  }

  /** What a load of this value costs, in the caller's unit. */
  costOf({ policy, args, key }: Asked, value: unknown): number {
    try {
      const cost = typeof policy.cost === 'number' ? policy.cost : policy.cost(value, args)
      // A sum that became NaN once would stay so.
      return Number.isFinite(cost) ? cost : 0
    } catch (error) {
      this.#emitter.problem({ error, during: 'policy', key })
      return 0
    }
  }

  /** By what a loaded value is judged, stored or not. */
  marksOf(call: Asked, loaded: LoadedValue, impliedTags: readonly string[]): Marks {
    try {
      return marksOf(loaded, call.policy, call.args, [...impliedTags, ...call.impliedTags])
    } catch (error) {
      this.#emitter.problem({ error, during: 'policy', key: call.key })
      return unknowable
    }
  }

  /** The entry of a value that may be stored; `undefined` when it must not be: by `shouldCache`, its guard, a bad ttl or bad tags. */
  async admit(call: Asked, kept: Kept, loaded: LoadedValue, marks: Marks): Promise<Admitted | undefined> {
    const { policy, args, key } = call
    if (marks === unknowable) return undefined
    if (policy.schema !== undefined && !(await this.passesGuard(call, loaded.value))) {
      const error = new CacheError('CACHE_UNSTORABLE_VALUE', 'The schema refuses the loaded value')
      this.#emitter.problem({ error, during: 'policy', key })
      return undefined
    }
    try {
      if (policy.shouldCache !== undefined && !policy.shouldCache(loaded.value, args)) return undefined
      if (loaded.inherited?.fits(marks.clockId) === false) {
        throw misuse(
          'CACHE_UNSTORABLE_VALUE',
          'The value was made from cached values of another cache, or from values without tags that can be followed',
        )
      }
      return { entry: newEntry(kept, policy, args, loaded, marks, this.#runtime), bytes: kept.bytes }
    } catch (error) {
      this.#emitter.problem({ error, during: 'policy', key })
      return undefined
    }
  }

  async passesGuard(call: Pick<Asked, 'key' | 'policy'>, value: unknown): Promise<boolean> {
    const { schema } = call.policy
    if (schema === undefined) return true
    try {
      return (await schema['~standard'].validate(value)).issues === undefined
    } catch (error) {
      this.#emitter.problem({ error, during: 'policy', key: call.key })
      return false
    }
  }

  /** A function whose results cannot be cached says so once, not once per call. */
  #reportOnce(policy: Policy, error: unknown, key: string): void {
    this.#emitter.emit('problem', { error, during: 'encode', key })
    if (this.#reported.has(policy)) return
    this.#reported.add(policy)
    this.#emitter.log.warn('cache', `Results of '${policy.operation}' are not cached: ${messageOf(error)}`)
  }
}
