import type { Entry } from '../contracts/entry.ts'
import type { Emitter } from './emit.ts'
import { messageOf } from './emit.ts'
import type { Kept } from './isolation.ts'
import { keep } from './isolation.ts'
import type { LoadedValue } from './new-entry.ts'
import { newEntry } from './new-entry.ts'
import type { Policy } from './policy.ts'

// What may become an entry. The policy's callbacks, guard and codec are the caller's code: whatever they throw is reported, and the
// value is returned and not stored. Nothing here can fail a call.

interface Asked {
  readonly key: string
  readonly policy: Policy
  readonly args: readonly unknown[]
}

export interface Admitted {
  readonly entry: Entry
  readonly bytes: number
}

export class Admission {
  readonly #emitter: Emitter
  readonly #reported: WeakSet<Policy> = new WeakSet()

  constructor(emitter: Emitter) {
    this.#emitter = emitter
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

  /** The entry of a value that may be stored; `undefined` when it must not be: by `shouldCache`, its guard, a bad ttl or bad tags. */
  async admit(call: Asked, kept: Kept, loaded: LoadedValue): Promise<Admitted | undefined> {
    const { policy, args, key } = call
    if (!(await this.passesGuard(call, loaded.value))) return undefined
    try {
      if (policy.shouldCache !== undefined && !policy.shouldCache(loaded.value, args)) return undefined
      return { entry: newEntry(kept, policy, args, loaded), bytes: kept.bytes }
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
