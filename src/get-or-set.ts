import type { AmbientCall } from './ambient-call.ts'
import { currentAmbient, runAmbient } from './ambient-call.ts'
import type { View } from './cache-view.ts'
import { fullKey } from './cache-view.ts'
import type { LoadContext } from './contracts/cache-manager.ts'
import type { Call } from './core/call.ts'
import type { HotPath } from './core/hot-path.ts'
import { checkKey } from './core/key-encoding.ts'
import type { Loader } from './core/run-loader.ts'
import type { GivenOptions, OptionPolicies } from './option-policies.ts'
import { ambience } from './support/ambient.ts'
import { describe, misuse } from './support/errors.ts'

// `getOrSet`: the manual twin of a cached function. The caller names the key, and brings a loader that is told of its run.

export type Loading = (load: LoadContext) => unknown

export class GetOrSet {
  readonly #view: View
  readonly #policies: OptionPolicies

  constructor(view: View, policies: OptionPolicies) {
    this.#view = view
    this.#policies = policies
  }

  /** @throws {TypeError} `CACHE_BAD_KEY`, `CACHE_MISUSE`, and what options are refused with */
  read(key: string, loader: Loading, options: GivenOptions): Promise<unknown> {
    const around = ambience.inUse ? currentAmbient() : undefined
    if (typeof loader !== 'function')
      throw misuse('CACHE_MISUSE', `getOrSet() needs a loader function, got ${describe(loader)}`)
    const hotPath = around === undefined ? this.#policies.hotPathOf(options) : undefined
    // A key that is found was checked when it was stored.
    const answer = hotPath === undefined || typeof key !== 'string' ? undefined : hotPath.hit(fullKey(this.#view, key))
    return answer ?? this.#miss(key, loader, options, around, hotPath)
  }

  /** Apart from `read`, whose variables would otherwise be allocated for the closures here, on each hit. */
  #miss(
    key: string,
    loader: Loading,
    options: GivenOptions,
    around: AmbientCall | undefined,
    hotPath: HotPath | undefined,
  ): Promise<unknown> {
    checkKey(key)
    const again = (): Promise<unknown> => this.#load(key, loader, options, undefined, undefined)
    const joined = hotPath?.join(fullKey(this.#view, key), again)
    if (joined !== undefined) return joined
    const wait = this.#view.engine.ready()
    if (wait !== undefined) return wait.then(() => this.#load(key, loader, options, around, hotPath))
    return this.#load(key, loader, options, around, hotPath)
  }

  async #load(
    key: string,
    loader: Loading,
    options: GivenOptions,
    around: AmbientCall | undefined,
    hotPath: HotPath | undefined,
  ): Promise<unknown> {
    const { engine, impliedTags } = this.#view
    const { policy, signal, mode } = this.#policies.of(options)
    const full = fullKey(this.#view, key)
    const signals = [...(around?.signals ?? []), ...(signal === undefined ? [] : [signal])]
    const call: Call = {
      key: full,
      policy,
      loader: loaderOf(key, loader, around),
      args: [],
      mode: engine.state === 'disabled' ? 'bypass' : (mode ?? around?.mode ?? 'normal'),
      signals: signals.length === 0 ? undefined : signals,
      impliedTags,
    }
    const landing = engine.reads.land(call)
    hotPath?.tookLongWay(full, full)
    const landed = landing instanceof Promise ? await landing : landing
    around?.collector?.add(landed.provenance)
    return landed.take()
  }
}

/** The caller's loader, told what it may want to know; the signal and the stale value are made when it asks for them. */
function loaderOf(key: string, loader: Loading, around: AmbientCall | undefined): Loader {
  return (load) => {
    const context: LoadContext = {
      key,
      reason: load.reason,
      get signal() {
        return load.signal()
      },
      get stale() {
        return load.stale()
      },
    }
    if (around === undefined) return loader(context)
    // What is called within works for all who wait for this load: the signals of the one who began it must not end it.
    const signals = around.signals.length === 0 ? [] : [load.signal()]
    return runAmbient({ signals }, () => loader(context))
  }
}
