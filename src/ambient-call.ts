import type { CacheNamespace } from './contracts/cache-manager.ts'
import type { KeySegment, Mode } from './contracts/load-policy.ts'
import type { Inherited } from './core/inherited-tags.ts'
import { createAmbient } from './support/ambient.ts'

// What surrounds a cached call: what `withCache` says of it, and the outer cached function that collects its tags.

export interface AmbientCall {
  readonly manager: CacheNamespace | undefined
  readonly mode: Mode | undefined
  readonly signals: readonly AbortSignal[]
  readonly scope: KeySegment | undefined
  /** Of the outer call whose entry is derived from what is called within it. */
  readonly collector: Inherited | undefined
}

const outermost: AmbientCall = {
  manager: undefined,
  mode: undefined,
  signals: [],
  scope: undefined,
  collector: undefined,
}

const ambient = createAmbient<AmbientCall>()

export function currentAmbient(): AmbientCall | undefined {
  return ambient.current()
}

/** Runs `work` with some of what surrounds it changed. */
export function runAmbient<T>(change: Partial<AmbientCall>, work: () => T): T {
  return ambient.run({ ...(ambient.current() ?? outermost), ...change }, work)
}
