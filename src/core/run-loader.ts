import type { LoadReason } from '../contracts/cache-manager.ts'
import type { Runtime, Timer } from '../contracts/runtime.ts'
import { CacheError } from '../support/errors.ts'
import type { Inherited } from './inherited-tags.ts'

// Runs a loader: bounds it, lets it be given up, and passes its own error on as the same object. A loader that is given up may go on
// running; nobody waits for it, and what it brings is stored nowhere.

/** What a loader is told of its run. */
export interface Load {
  readonly reason: LoadReason
  /** Made when it is first asked for. */
  signal(): AbortSignal
  /** The old value, where one may still be served; a copy. */
  stale(): unknown
  /** What the calls it makes hand up to its entry; set by a loader that collects it. */
  inherited: Inherited | undefined
}

export type Loader = (load: Load) => unknown

/** Ends a load for those who wait for it, and tells the loader. The `AbortController` behind it is made when a loader asks for it. */
export class LoadControl {
  #controller: AbortController | undefined
  #ended: { readonly reason: unknown } | undefined
  #whenEnded: ((reason: unknown) => void) | undefined

  get ended(): { readonly reason: unknown } | undefined {
    return this.#ended
  }

  signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason)
    }
    return this.#controller.signal
  }

  end(reason: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = { reason }
    this.#controller?.abort(reason)
    this.#whenEnded?.(reason)
  }

  /** What `work` settles to, unless the load is ended first: then rejects with the reason. */
  async guard(work: unknown): Promise<unknown> {
    return await new Promise((resolve, reject) => {
      if (this.#ended !== undefined) reject(this.#ended.reason as Error)
      this.#whenEnded = reject
      // A loader may return a value, a promise, or anything with `then`.
      Promise.resolve(work).then(resolve, reject)
    })
  }
}

/**
 * @param hardTimeoutMs after it the load is ended with `CACHE_LOAD_TIMEOUT`; `Infinity`: never
 * @throws whatever the loader throws, or the reason the load was ended with
 */
export async function runLoader(
  loader: Loader,
  load: Load,
  control: LoadControl,
  hardTimeoutMs: number,
  runtime: Runtime,
): Promise<unknown> {
  let timer: Timer | undefined
  if (hardTimeoutMs !== Infinity) {
    const text = `The loader did not finish within its hard timeout of ${hardTimeoutMs} ms`
    timer = runtime.setTimer(() => control.end(new CacheError('CACHE_LOAD_TIMEOUT', text)), hardTimeoutMs, 'deadline')
  }
  try {
    return await control.guard(loader(load))
  } finally {
    if (timer !== undefined) runtime.clearTimer(timer)
  }
}
