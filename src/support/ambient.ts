import { AsyncLocalStorage } from 'node:async_hooks'

// What surrounds a call without being passed to it. AsyncLocalStorage costs every `await` of the process from its first `run` on (on
// Node 20 an await takes twice as long), so there is none until somebody asks for it, and whoever reads asks for none.

export interface Ambient<T> {
  /** What surrounds the caller; `undefined` costs nothing until the first `run`. */
  current(): T | undefined
  run<R>(value: T, work: () => R): R
}

/** Whether anything surrounds any call of the process: one flag, so that a hit asks for nothing else. */
export const ambience: { inUse: boolean } = { inUse: false }

export function createAmbient<T>(): Ambient<T> {
  let storage: AsyncLocalStorage<T> | undefined
  return {
    current: () => storage?.getStore(),
    run(value, work) {
      storage ??= new AsyncLocalStorage()
      ambience.inUse = true
      return storage.run(value, work)
    },
  }
}
