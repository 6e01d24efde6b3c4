// What the simulation drives: the source, or the copy of it that somebody broke and that this was compiled with.
import { ReplyError } from '../../src/backends/redis/reply-error.ts'
import { cached, createCache, RedisBackend } from '../../src/index.ts'
import { viewOf } from '../../src/cache-view.ts'
import type { CacheManager } from '../../src/index.ts'
// What is loaded when it connects would take turns of its own in the first run.
import '../../src/backends/redis/redis-connection.ts'

export interface Library {
  readonly cached: typeof cached
  readonly createCache: typeof createCache
  readonly RedisBackend: typeof RedisBackend
  readonly ReplyError: typeof ReplyError
  readonly tablesOf: typeof tablesOf
}

export const library: Library = { cached, createCache, RedisBackend, ReplyError, tablesOf }

/** What an open cache holds beside its journal; counted when it is asked for. Who waits for others has a timer. */
function tablesOf(manager: CacheManager): () => Readonly<Record<string, number>> {
  const { engine } = viewOf(manager)
  const { store } = engine
  const { flights } = engine.reads
  return () => ({
    flights: flights.size,
    // One never flies.
    tokens: flights.fence.size - 1,
    leases: store?.turns?.size ?? 0,
    entries: store?.hot?.tier.size ?? 0,
  })
}
