import type { MemoryTier } from '../contracts/memory-tier.ts'
import type { CodecLookup } from './judge.ts'
import type { Item, Read } from './found.ts'
import { absent } from './found.ts'

// The memory that stands in while the primary is away. Separate from everything else, small, and brief: other processes cannot invalidate
// what it holds, so nothing lives in it longer than `ttlMs` after its load began. It is dropped when the primary returns and is never
// a source for it.

export class Fallback {
  readonly tier: MemoryTier
  readonly #ttlMs: number
  readonly #maxValueBytes: number

  constructor(tier: MemoryTier, ttlMs: number, maxValueBytes: number) {
    this.tier = tier
    this.#ttlMs = ttlMs
    this.#maxValueBytes = maxValueBytes
  }

  read(key: string, now: number, codecFor: CodecLookup): Read {
    // Not judged by tags: own invalidations drop what is here, and no others are known while the primary is away.
    const entry = this.tier.get(key, now)
    if (entry === undefined) return absent
    const readable = entry.codec === undefined || codecFor(entry.codec.name) !== undefined
    return readable ? { entry, source: 'fallback' } : { entry: undefined, reason: 'version' }
  }

  fill(key: string, { entry, bytes }: Item): 'stored' | 'refused' {
    if (!(bytes <= this.#maxValueBytes)) {
      this.tier.delete(key)
      return 'refused'
    }
    const latest = entry.createdAt - entry.computeMs + this.#ttlMs
    const brief = { ...entry, staleAt: Math.min(entry.staleAt, latest), deleteAt: Math.min(entry.deleteAt, latest) }
    return this.tier.set(key, brief, bytes) ? 'stored' : 'refused'
  }
}
