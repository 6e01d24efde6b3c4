import type { AmbientCall } from './ambient-call.ts'
import { currentAmbient, runAmbient } from './ambient-call.ts'
import type { View } from './cache-view.ts'
import { fullKey, viewOf } from './cache-view.ts'
import type { AnyFunction, AnyOptions } from './cached-options.ts'
import { createCallKeys } from './call-keys.ts'
import { createCallPolicies } from './call-policies.ts'
import type { CacheHandle } from './contracts/cached-function.ts'
import type { Mode } from './contracts/load-policy.ts'
import type { Engine } from './core/engine.ts'
import type { Handle } from './core/hot-path.ts'
import { HotPath } from './core/hot-path.ts'
import { Inherited } from './core/inherited-tags.ts'
import type { Landing } from './core/landing.ts'
import type { Call } from './core/call.ts'
import type { Loader } from './core/run-loader.ts'
import { deleteKeys } from './delete-keys.ts'
import { signalsIn, withSignal } from './support/argument-signals.ts'

// What a cached function does when it is called: name the entry, resolve the policy once per manager, hand over to the read path.

export interface CachedCalls {
  /** For functions whose calls need nothing but their one argument; `undefined`: all calls take `call`. */
  readonly hotPath: HotPath | undefined
  call(self: unknown, args: readonly unknown[]): Promise<unknown>
  handle(self: unknown): CacheHandle<readonly unknown[], unknown>
}

/** Where a call goes, and what surrounds it. */
interface Target {
  readonly view: View
  readonly around: AmbientCall | undefined
}

/** @param viewFor the cache of an object, by the options alone: `withCache` may say otherwise */
export function createCachedCalls(
  fn: AnyFunction,
  options: AnyOptions,
  ownName: string,
  viewFor: (self: unknown) => View,
): CachedCalls {
  const keys = createCallKeys(fn, options, ownName)
  const { enabled, inheritTags, keyPrefix } = options
  const policyOf = createCallPolicies(options, (keyPrefix ?? options.name ?? ownName) || 'cached')
  const run = (self: unknown, args: readonly unknown[]): unknown => fn.apply(self, args as unknown[])

  const isEnabled = (engine: Engine): boolean => {
    if (engine.state === 'disabled') return false
    if (typeof enabled !== 'function') return enabled ?? true
    try {
      return enabled()
    } catch (error) {
      engine.emitter.problem({ error, during: 'policy' })
      return false
    }
  }

  /** The function as a loader: with the flight's signal in place of its callers', and, if it inherits, collecting tags. */
  const loaderOf = (self: unknown, args: readonly unknown[], around: AmbientCall | undefined): Loader => {
    const hasSignals = signalsIn(args) !== undefined
    return (load) => {
      const own = hasSignals ? withSignal(args, load.signal()) : args
      if (inheritTags === true) load.inherited = new Inherited()
      else if (around === undefined) return run(self, own)
      // What is called within works for all who wait for this load: the signals of the one who began it must not end it.
      const signals = around === undefined || around.signals.length === 0 ? [] : [load.signal()]
      return runAmbient({ signals, collector: load.inherited ?? around?.collector }, () => run(self, own))
    }
  }

  const callOf = ({ view, around }: Target, self: unknown, args: readonly unknown[], mode?: Mode): Call => {
    const own = signalsIn(args)
    const outer = around?.signals ?? []
    return {
      key: fullKey(view, keys.of(self, args, around?.scope)),
      policy: policyOf(view.engine),
      loader: loaderOf(self, args, around),
      args,
      mode: mode ?? around?.mode ?? 'normal',
      signals: own === undefined && outer.length === 0 ? undefined : [...outer, ...(own ?? [])],
      impliedTags: view.impliedTags,
    }
  }

  const targetOf = (self: unknown): Target => {
    const around = currentAmbient()
    return { around, view: around?.manager === undefined ? viewFor(self) : viewOf(around.manager) }
  }

  /** The target when its store may be used. */
  const readyTarget = async (self: unknown): Promise<Target> => {
    const target = targetOf(self)
    await target.view.engine.ready()
    return target
  }

  const land = (target: Target, self: unknown, args: readonly unknown[]): Landing | Promise<Landing> => {
    const call = callOf(target, self, args)
    const landing = target.view.engine.reads.land(call)
    const [argument] = args
    if (hotPath !== undefined && args.length === 1 && isHandle(argument) && isUnchanged(target, call)) {
      hotPath.tookLongWay(argument, call.key)
    }
    return landing
  }

  /** Without cache. What is made from the result by a function that inherits tags cannot be followed, so it cannot be kept. */
  const uncached = (target: Target, self: unknown, args: readonly unknown[]): unknown => {
    target.around?.collector?.add({ clockId: undefined, tags: [], stale: false, deleteAt: Infinity })
    return run(self, args)
  }

  const hotPath = createHotPath()

  function createHotPath(): HotPath | undefined {
    const { identity } = keys
    if (identity === undefined || typeof options.manager === 'function' || enabled === false) return undefined
    if (typeof enabled === 'function') return undefined
    const view = viewFor(undefined)
    return new HotPath({
      engine: view.engine,
      policy: () => policyOf(view.engine),
      identity: () => fullKey(view, identity),
      keyOf: (argument) => fullKey(view, keys.of(undefined, [argument], undefined)),
    })
  }

  /** Whether a call is one that the hot path would have made: not changed by what surrounds it. */
  function isUnchanged({ around }: Target, { mode }: Call): boolean {
    return around?.manager === undefined && around?.scope === undefined && mode === 'normal'
  }

  return {
    hotPath,

    call(self, args) {
      try {
        const target = targetOf(self)
        const { engine } = target.view
        if (!isEnabled(engine)) return Promise.resolve(uncached(target, self, args))
        const wait = engine.ready()
        if (wait !== undefined)
          return wait.then(() => land(target, self, args)).then((landing) => taken(target, landing))
        const landing = land(target, self, args)
        return landing instanceof Promise
          ? landing.then((landed) => taken(target, landed))
          : Promise.resolve(taken(target, landing))
      } catch (error) {
        // An async function rejects, it does not throw.
        return Promise.reject(error as Error)
      }
    },

    handle: (self) => ({
      keyFor: (...args) => keys.of(self, args, currentAmbient()?.scope),
      peek(...args) {
        const target = targetOf(self)
        return isEnabled(target.view.engine)
          ? target.view.engine.reads.lookups.peek(callOf(target, self, args))
          : undefined
      },
      async invalidate(...args) {
        const { view, around } = await readyTarget(self)
        return await deleteKeys(view, [keys.of(self, args, around?.scope)])
      },
      async refresh(...args) {
        const target = await readyTarget(self)
        const { engine } = target.view
        if (!isEnabled(engine)) return await uncached(target, self, args)
        return taken(target, await engine.reads.land(callOf(target, self, args, 'refresh')))
      },
      async prime(value, ...args) {
        const target = targetOf(self)
        const { engine } = target.view
        // What is called after this must not come before it: nothing is awaited when there is nothing to wait for, and who came while the
        // cache was being opened has won.
        const { order } = engine.reads
        const wait = engine.ready()
        const turn = wait === undefined ? undefined : order.wait()
        if (wait !== undefined) await wait
        let call: Call | undefined
        let isNext = true
        try {
          call = callOf(target, self, args)
        } finally {
          if (turn !== undefined) isNext = order.isNext(call?.key ?? '', turn)
        }
        if (call === undefined || !isNext) return false
        order.changed(call.key, turn)
        return isEnabled(engine) && (await engine.reads.prime(call, value))
      },
      async withStatus(...args) {
        const target = await readyTarget(self)
        const { engine } = target.view
        if (!isEnabled(engine)) {
          return { value: await uncached(target, self, args), source: 'load', stale: false, ageMs: 0 }
        }
        const landing = await engine.reads.land(callOf(target, self, args))
        const { source, stale, createdAt } = landing
        const ageMs = source === 'load' ? 0 : Math.max(0, engine.runtime.now() - createdAt)
        return { value: taken(target, landing), source, stale, ageMs }
      },
    }),
  }
}

/** A single argument that needs no key text: a string, or a number that a `Map` tells from every other. */
export function isHandle(argument: unknown): argument is Handle {
  return typeof argument === 'string' || (typeof argument === 'number' && (argument !== 0 || 1 / argument > 0))
}

/** The caller's value. Where tags are inherited, the outer call learns what it was made under. */
function taken({ around }: Target, landing: Landing): unknown {
  around?.collector?.add(landing.provenance)
  return landing.take()
}
