// A service as an application has it: two paid steps, cached, with tags and an invalidation. It knows nothing of where entries are kept.
import { isDeepStrictEqual } from 'node:util'
import type { CacheManager } from '../../src/index.ts'
import { cached } from '../../src/index.ts'

export interface Parsed {
  readonly hash: string
  readonly revision: number
  readonly parsedAt: Date
  readonly words: ReadonlyMap<string, number>
  readonly size: bigint
  readonly missing: undefined
  readonly ratio: number
}

export interface Service {
  /** What the source has now; a step that runs takes it, or throws this. */
  revision: number
  failure: Error | undefined
  /** Held by a test in the midst of a step. */
  before: () => Promise<void>
  runs: number
  parse(hash: string): Promise<Parsed>
  changed(hash: string): Promise<unknown>
  changedAll(): Promise<unknown>
}

let count = 0

export function serviceOn(manager: CacheManager): Service {
  const service: Service = {
    revision: 1,
    failure: undefined,
    before: () => Promise.resolve(),
    runs: 0,
    parse: (hash) => parse(hash),
    changed: (hash) => parse.invalidate(hash),
    changedAll: () => manager.invalidateTags(['documents']),
  }
  const parse = cached(
    async (hash: string): Promise<Parsed> => {
      service.runs++
      const { revision } = service
      await service.before()
      if (service.failure !== undefined) throw service.failure
      return valueOf(hash, revision)
    },
    { manager, keyPrefix: 'document', name: `parse-${++count}`, ttl: '1h', tags: ['documents'] },
  )
  return service
}

export function valueOf(hash: string, revision: number): Parsed {
  return {
    hash,
    revision,
    parsedAt: new Date(revision * 1000),
    words: new Map([['é\u0000', revision]]),
    size: 2n ** 70n,
    missing: undefined,
    ratio: -0,
  }
}

export const isWhole = (value: Parsed): boolean => isDeepStrictEqual(value, valueOf(value.hash, value.revision))
