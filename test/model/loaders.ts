// The loaders of a run: each call takes the next behaviour of its key, and tells the history when it begins and ends. Some take steps of
// the scheduler, some make their value from other cached keys, some fail, some never end until they are told to.
import type { AsyncLocalStorage } from 'node:async_hooks'
import type { Scheduler } from 'fast-check'
import type { History, Origin, Read } from './history.ts'
import { goneAt } from './life.ts'
import type { Oracle } from './oracle.ts'
import type { Behaviour, Door, Key, Mode } from './plan.ts'
import { calm } from './plan.ts'
import type { ModelRuntime } from './runtime.ts'
import { valueOf } from './values.ts'

/** What loaders see of the world. */
interface Surroundings {
  readonly history: History
  readonly oracle: Oracle
  readonly runtime: ModelRuntime
  /** The call whose flight a loader runs in. */
  readonly caller: AsyncLocalStorage<Read>
}

export interface ReadCall {
  readonly key: number
  readonly door: Door
  readonly mode: Mode
  readonly signal: AbortController | undefined
  /** The run of a loader that calls. */
  readonly within?: Origin | undefined
}

export interface Answer {
  readonly origin: Origin | undefined
  readonly startedAt: number
}

export class Loaders {
  /** From now on they bring their value at once. */
  areCalm = false
  /** How they read other keys. */
  read: (call: ReadCall) => Promise<Answer> = () => Promise.reject(new Error('Nobody can read yet'))
  readonly #world: Surroundings
  readonly #scheduler: Scheduler
  readonly #keys: readonly Key[]
  readonly #runs: number[]
  #release: () => void = () => {}
  readonly #released: Promise<void> = new Promise((resolve) => (this.#release = resolve))

  constructor(world: Surroundings, scheduler: Scheduler, keys: readonly Key[]) {
    this.#world = world
    this.#scheduler = scheduler
    this.#keys = keys
    this.#runs = keys.map(() => 0)
  }

  /** Lets those go on that wait for an abort. */
  release(): void {
    this.#release()
  }

  /** @param opener `undefined` for writes */
  origin(index: number, by: Origin['by'], behaviour: Behaviour, tags: readonly string[], ttl = 0): Origin {
    const { history, runtime, caller } = this.#world
    const origin: Origin = {
      id: history.origins.length,
      key: index,
      by,
      started: history.tick(),
      startedAt: runtime.now(),
      behaviour,
      tags,
      opener: by === 'load' ? caller.getStore() : undefined,
      parts: [],
      staleUntil: Infinity,
      ended: undefined,
      endedAt: undefined,
      error: undefined,
      object: undefined,
      ttl,
      stored: undefined,
      delivered: undefined,
    }
    history.origins.push(origin)
    return origin
  }

  tagsOf(index: number, { tags }: Behaviour): readonly string[] {
    const { policy } = this.#keys[index] as Key
    const all = ['shared', `tag ${index}`]
    return policy.tags === 'none' ? [] : policy.tags === 'fixed' ? all : all.filter((_, bit) => tags & (1 << bit))
  }

  load(index: number, signal: AbortSignal | undefined): unknown {
    const { behaviours } = this.#keys[index] as Key
    const turn = this.#runs[index] as number
    this.#runs[index] = turn + 1
    const behaviour = this.areCalm ? calm : (behaviours[turn % behaviours.length] as Behaviour)
    const origin = this.origin(index, 'load', behaviour, this.tagsOf(index, behaviour))
    const { history, oracle } = this.#world
    oracle.starts(origin)
    history.count('loaders run')
    if (behaviour.ends === 'sync value') return this.#value(origin)
    if (behaviour.ends === 'sync throws') throw this.#failure(origin)
    return this.#run(origin, signal)
  }

  async #run(origin: Origin, signal: AbortSignal | undefined): Promise<unknown> {
    const { behaviour } = origin
    const steps = async (count: number): Promise<void> => {
      for (let step = 0; step < count; step++) await this.#scheduler.schedule(Promise.resolve(), `load ${origin.id}`)
    }
    const before = behaviour.steps >> 1
    await steps(before)
    if (this.#keys[origin.key]?.inherits === true) await this.#takeParts(origin)
    await steps(behaviour.steps - before)
    if (behaviour.ends === 'aborted') await this.#untilAborted(origin, signal)
    if (behaviour.ends === 'value') return this.#value(origin)
    throw this.#failure(origin)
  }

  async #takeParts(outer: Origin): Promise<void> {
    const world = this.#world
    for (let part = 1; part <= outer.behaviour.parts && outer.key - part >= 0; part++) {
      const mode = outer.opener?.ambient ?? 'normal'
      const door = outer.id % 3 === 0 ? 'constant' : 'call'
      const call = { key: outer.key - part, door, mode, signal: undefined, within: outer } as const
      let inner: Answer
      try {
        inner = await this.read(call)
      } catch (error) {
        this.#end(outer, { thrown: error })
        throw error
      }
      const { origin, startedAt } = inner
      if (origin === undefined) continue
      outer.parts.push(origin)
      const { policy } = this.#keys[origin.key] as Key
      const gone = goneAt(origin, policy, world.runtime.now())
      const fresh = origin.by === 'set' ? Infinity : (origin.endedAt ?? Infinity) + policy.ttl
      if (startedAt >= Math.min(fresh, origin.staleUntil)) outer.staleUntil = Math.min(outer.staleUntil, gone)
      world.history.count('parts of other values')
    }
  }

  async #untilAborted(origin: Origin, signal: AbortSignal | undefined): Promise<void> {
    const aborted = new Promise<never>((_, reject) => {
      if (signal?.aborted === true) reject(signal.reason as Error)
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    })
    try {
      await Promise.race([aborted, this.#released])
    } catch (error) {
      this.#end(origin, { thrown: error })
      throw error
    }
  }

  #value(origin: Origin): unknown {
    origin.object = valueOf(
      origin.id,
      origin.behaviour.kind,
      origin.parts.map(({ id }) => id),
    )
    this.#end(origin, undefined)
    return origin.object
  }

  #failure(origin: Origin): Error {
    const error = Object.assign(new Error(`load ${origin.id} failed`), { code: 'MODEL' })
    this.#end(origin, { thrown: error })
    return error
  }

  #end(origin: Origin, error: { readonly thrown: unknown } | undefined): void {
    const { history, oracle, runtime } = this.#world
    origin.ended = history.tick()
    origin.endedAt = runtime.now()
    origin.error = error
    oracle.running.delete(origin)
  }
}
