// A six-method backend whose faults a test switches: slow writes, reads that hang, a store that is away.
import type { CacheBackend } from '../../src/index.ts'
import { asyncMapBackend } from './map-backend.ts'

export interface SwitchableBackend extends CacheBackend {
  readonly texts: Map<string, string>
  /** While set, every operation fails with it. */
  fault: Error | undefined
  /** Before a write lands. */
  beforeSet: (key: string) => Promise<void> | undefined
  beforeDelete: (key: string) => Promise<void> | undefined
  readonly closes: number
}

export function switchableBackend(): SwitchableBackend {
  const inner = asyncMapBackend()
  let closes = 0
  const guarded = async <T>(work: () => T | Promise<T>): Promise<T> => {
    if (backend.fault !== undefined) throw backend.fault
    return await work()
  }
  const backend: SwitchableBackend = {
    texts: inner.texts,
    fault: undefined,
    beforeSet: () => undefined,
    beforeDelete: () => undefined,
    get: (key) => guarded(() => inner.get(key)),
    set: (key, value, ttl) =>
      guarded(async () => {
        await backend.beforeSet(key)
        return await inner.set(key, value, ttl)
      }),
    delete: (key) =>
      guarded(async () => {
        await backend.beforeDelete(key)
        return await inner.delete(key)
      }),
    exists: (key) => guarded(() => inner.exists(key)),
    ping: () => guarded(() => true),
    close: async () => {
      closes++
    },
    get closes() {
      return closes
    },
  }
  return backend
}

/** What a store says that is not there. */
export function away(): Error {
  return Object.assign(new Error('connection lost'), { code: 'ECONNRESET' })
}
