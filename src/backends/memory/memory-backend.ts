import type { CacheBackend, EmbeddedCapability } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { describe, outOfRange } from '../../support/errors.ts'
import { systemRuntime } from '../../support/runtime.ts'
import { MemoryStore } from './memory-store.ts'

export interface MemoryBackendOptions {
  /** Bytes all entries together may hold, as estimated by a walk over each value. Default: 64 MiB. */
  readonly maxBytes?: number | undefined
  /** Entries it may hold. Default: no limit but the bytes. */
  readonly maxEntries?: number | undefined
  /** The clock. For tests. */
  readonly runtime?: Runtime | undefined
}

/**
 * A cache in this process' memory: for tests, for single-process applications, and in place of Redis wherever six methods will do.
 * Bounded by bytes, least recently used first out, no timers. A manager keeps live values in it; the six methods are for
 * everybody else and speak text.
 *
 * @example
 * await initCache(new MemoryBackend({ maxBytes: 256 * 1024 * 1024 }))
 */
export class MemoryBackend implements CacheBackend {
  readonly name = 'memory'
  readonly embedded: EmbeddedCapability
  readonly runtime: Runtime

  /** @throws {RangeError} `CACHE_BAD_OPTION` for limits that are not positive numbers */
  constructor(options: MemoryBackendOptions = {}) {
    const { maxBytes = 64 * 1024 * 1024, maxEntries = Infinity, runtime = systemRuntime } = options
    checkLimit(maxBytes, 'maxBytes')
    checkLimit(maxEntries, 'maxEntries')
    this.runtime = runtime
    this.embedded = { tier: new MemoryStore(maxBytes, maxEntries) }
  }

  get(key: string): string | null {
    const entry = this.embedded.tier.get(key, this.runtime.now())
    if (entry === undefined) return null
    return entry.form === 'text' || entry.codec === undefined
      ? (entry.value as string)
      : entry.codec.encode(entry.value)
  }

  set(key: string, value: string, ttl: number): boolean {
    const createdAt = this.runtime.now()
    const deleteAt = createdAt + ttl * 1000
    const raw = {
      value,
      form: 'text',
      immutable: true,
      codec: undefined,
      createdAt,
      staleAt: deleteAt,
      deleteAt,
    } as const
    return this.embedded.tier.set(
      key,
      {
        ...raw,
        frozen: false,
        plan: undefined,
        json: false,
        computeMs: 0,
        cost: 0,
        deafForMs: 0,
        guardedBy: undefined,
        clockId: undefined,
        t0: 0,
        tags: [],
      },
      16 + 2 * value.length,
    )
  }

  delete(key: string): boolean {
    return this.embedded.tier.delete(key)
  }

  exists(key: string): boolean {
    return this.embedded.tier.get(key, this.runtime.now()) !== undefined
  }

  ping(): boolean {
    return true
  }

  close(): void {
    this.embedded.tier.clear()
  }
}

function checkLimit(limit: number, what: string): void {
  if (!(typeof limit === 'number' && limit > 0)) {
    throw outOfRange('CACHE_BAD_OPTION', `${what} must be a positive number, got ${describe(limit)}`)
  }
}
