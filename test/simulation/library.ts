// What the simulation drives: the source, or the copy of it that somebody broke and that this was compiled with.
import { ReplyError } from '../../src/backends/redis/reply-error.ts'
import { cached, createCache, RedisBackend } from '../../src/index.ts'
// What is loaded when it connects would take turns of its own in the first run.
import '../../src/backends/redis/redis-connection.ts'

export interface Library {
  readonly cached: typeof cached
  readonly createCache: typeof createCache
  readonly RedisBackend: typeof RedisBackend
  readonly ReplyError: typeof ReplyError
}

export const library: Library = { cached, createCache, RedisBackend, ReplyError }
