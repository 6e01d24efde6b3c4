import type { Mode } from '../contracts/load-policy.ts'
import type { Asked } from './admission.ts'
import type { Loader } from './run-loader.ts'

/** One call of a cached function or of `getOrSet`, as the read path sees it. */
export interface Call extends Asked {
  readonly loader: Loader
  readonly mode: Mode
  /** Those of this caller: when one of them aborts, the caller leaves. */
  readonly signals: readonly AbortSignal[] | undefined
}
