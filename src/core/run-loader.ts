import type { Runtime } from '../contracts/runtime.ts'
import { CacheError } from '../support/errors.ts'

// Runs a loader: bounds it, and passes its own error on as the same object.

export type Loader = (signal: () => AbortSignal) => unknown

/**
 * @param hardTimeoutMs after it the caller gets `CACHE_LOAD_TIMEOUT` and the loader's signal is aborted; `Infinity`: never
 * @throws whatever the loader throws
 */
export async function runLoader(loader: Loader, hardTimeoutMs: number, runtime: Runtime): Promise<unknown> {
  let controller: AbortController | undefined
  let timedOut: CacheError | undefined
  const signal = (): AbortSignal => {
    controller ??= new AbortController()
    if (timedOut !== undefined) controller.abort(timedOut)
    return controller.signal
  }
  const work = Promise.resolve(loader(signal))
  return hardTimeoutMs === Infinity ? await work : await bounded(work)

  function bounded(loading: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = runtime.setTimer(
        () => {
          const error = new CacheError(
            'CACHE_LOAD_TIMEOUT',
            `The loader did not finish within its hard timeout of ${hardTimeoutMs} ms`,
          )
          timedOut = error
          controller?.abort(error)
          reject(error)
        },
        hardTimeoutMs,
        'deadline',
      )
      loading.then(
        (loaded) => {
          runtime.clearTimer(timer)
          resolve(loaded)
        },
        (error: unknown) => {
          runtime.clearTimer(timer)
          reject(error as Error)
        },
      )
    })
  }
}
