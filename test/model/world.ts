// One run's cache: a manager on the plan's store, a cached function (or just a key) per key of the plan, and the loaders behind them. What
// is called goes through a door; what happens is written into the history and judged by the oracle.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Scheduler } from 'fast-check'
import type * as api from '../../src/index.ts'
import type { CachedOptions, CacheManager, CacheNamespace, GetOrSetOptions } from '../../src/index.ts'
import type { ModelBackend } from './backends.ts'
import { linkBackend, sixBackend } from './backends.ts'
import type { Origin, Read } from './history.ts'
import { History } from './history.ts'
import { Loaders } from './loaders.ts'
import { Oracle } from './oracle.ts'
import type { Key, Plan } from './plan.ts'
import type { ModelRuntime } from './runtime.ts'
import { modelRuntime, randomFrom } from './runtime.ts'
import { originOf } from './values.ts'

/** The library under test: the source, or a copy of it that somebody broke. */
export type Library = typeof api

type Argument = string | { readonly id: string; readonly signal?: AbortSignal | undefined }
type Fn = api.CachedFunction<(argument: Argument, signal?: AbortSignal) => Promise<unknown>>

export interface Target {
  readonly index: number
  readonly key: Key
  readonly view: CacheNamespace
  /** As the view has it. */
  readonly name: string
  readonly fn: Fn | undefined
  readonly argument: string
  readonly options: GetOrSetOptions<unknown>
}

/** The call whose flight a loader runs in. One for all runs: each costs every promise of the process something. */
const caller = new AsyncLocalStorage<Read>()
let serial = 0

export class World {
  readonly history: History = new History()
  readonly runtime: ModelRuntime
  readonly random: () => number
  readonly backend: ModelBackend | undefined
  readonly manager: CacheManager
  /** Another manager on the same memory. */
  readonly other: CacheManager | undefined
  readonly library: Library
  readonly oracle: Oracle
  readonly loaders: Loaders
  readonly targets: readonly Target[]
  readonly caller: AsyncLocalStorage<Read> = caller
  readonly outcomes: Map<string, number> = new Map()
  hits = 0
  state: string

  constructor(library: Library, plan: Plan, scheduler: Scheduler) {
    this.library = library
    const runtime = modelRuntime(plan.seed, plan.lag)
    this.runtime = runtime
    this.random = randomFrom(plan.seed + 7)
    const common = { runtime, logLevel: 'silent', env: {} } as const
    if (plan.store === 'memory') {
      const backend = new library.MemoryBackend({ runtime })
      this.manager = library.createCache({ backend, ...common })
      this.other = library.createCache({ backend, ...common })
    } else {
      const make = plan.store === 'six' ? sixBackend : linkBackend
      this.backend = make({ scheduler, runtime, seed: plan.seed })
      this.manager = library.createCache({ backend: this.backend, ...common })
    }
    this.state = plan.store === 'memory' ? 'connected' : 'idle'
    this.oracle = new Oracle(this.history, plan.keys, () => runtime.now())
    this.loaders = new Loaders(this, scheduler, plan.keys)
    const run = ++serial
    this.targets = plan.keys.map((key, index) => this.#targetOf(key, index, run))
    this.#listen()
  }

  #listen(): void {
    const { history, manager } = this
    manager.on('load', ({ outcome }) => {
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
      history.count(`load ${outcome}`)
    })
    manager.on('state', ({ to }) => {
      this.state = to
      history.count(`state ${to}`)
      history.moments.push({ at: history.tick(), what: 'store changed' })
    })
    if (this.random() < 0.5) return
    manager.on('hit', ({ source, stale }) => {
      this.hits++
      history.count(`hit ${source}${stale ? ', stale' : ''}`)
    })
  }

  #targetOf(key: Key, index: number, run: number): Target {
    const view = key.inside ? this.manager.namespace('inside') : this.manager
    const argument = key.shape === 'hashed' ? 'one argument, too odd to be read' : 'k'
    const options = this.#optionsOf(key, index)
    const rest = { index, key, view, argument, options: options.ofManual }
    if (key.shape === 'manual') return { ...rest, name: `manual-${run}:${index}`, fn: undefined }
    const loaders = this.loaders
    const load = (argument: Argument, signal?: AbortSignal): Promise<unknown> =>
      loaders.load(index, signal ?? (typeof argument === 'object' ? argument.signal : undefined)) as Promise<unknown>
    const fn: Fn = this.library.cached(load, { ...options.ofFunction, name: `model-${run}-${index}`, manager: view })
    return { ...rest, fn, name: fn.keyFor(this.argumentOf({ key, argument }, undefined)) }
  }

  argumentOf({ key, argument }: Pick<Target, 'key' | 'argument'>, signal: AbortSignal | undefined): Argument {
    return key.shape !== 'object' ? argument : signal === undefined ? { id: argument } : { id: argument, signal }
  }

  /** The one policy of a key, for all of its doors. */
  #optionsOf(
    { policy, inherits }: Key,
    index: number,
  ): { ofFunction: CachedOptions<[Argument, AbortSignal?], unknown>; ofManual: GetOrSetOptions<unknown> } {
    const ms = (value: number): `${number}ms` | undefined => (value === 0 ? undefined : `${value}ms`)
    const originOfValue = (value: unknown): Origin => this.history.origins[originOf(value) as number] as Origin
    const isValid = (value: unknown): boolean => originOfValue(value).behaviour.valid
    const verdict = (value: unknown) => (isValid(value) ? { value } : { issues: [{ message: 'not valid' }] })
    const { guard } = policy
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'model',
        validate: (value: unknown) => (guard === 'async' ? Promise.resolve(verdict(value)) : verdict(value)),
      },
    } as const
    const tags =
      policy.tags === 'none'
        ? undefined
        : policy.tags === 'fixed'
          ? ['shared', `tag ${index}`]
          : (value: unknown) => originOfValue(value).tags
    const ofManual: GetOrSetOptions<unknown> = {
      ttl: ms(policy.ttl),
      swr: ms(policy.swr),
      staleIfError: ms(policy.staleIfError),
      softTimeout: ms(policy.softTimeout),
      hardTimeout: ms(policy.hardTimeout),
      refreshAhead: policy.refreshAhead,
      jitter: policy.jitter,
      isolation: policy.isolation,
      cacheErrors:
        policy.cacheErrors === 0
          ? undefined
          : { ttl: `${policy.cacheErrors}ms`, when: (error) => (error as { code?: unknown }).code === 'MODEL' },
      schema: guard === 'none' ? undefined : schema,
      tags,
      shouldCache: (value) => originOfValue(value).behaviour.cacheable,
    }
    const ttl = policy.ttlFrom === 'option' ? ofManual.ttl : () => `${policy.ttl}ms` as const
    return { ofManual, ofFunction: { ...ofManual, ttl, inheritTags: inherits } }
  }
}
