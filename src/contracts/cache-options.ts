import type { CacheBackend } from './backend.ts'
import type { Duration } from './duration.ts'
import type { WireFormat } from './load-policy.ts'
import type { Logger, LogLevel } from './logger.ts'
import type { Runtime } from './runtime.ts'

/** What to do while the primary does not answer. */
export type OnUnavailable = 'memory' | 'none' | 'throw'

/** Memory in front of a backend behind a call. */
export interface L1Options {
  /** Bytes it may hold, an estimate. Default: 64 MiB. */
  readonly maxBytes?: number | undefined
  /**
   * Nothing in it is served when it is older than this: the bound on staleness where the backend does not tell of changes, and without which
   * nothing is kept then. Default: none; entries are kept as long as they live and the backend tells of changes.
   */
  readonly maxAge?: Duration | undefined
}

/**
 * Options of `initCache`, `createCache` and `new CacheManager`. Code overrides the environment, the environment overrides
 * the defaults named here; `undefined` is the same as not given.
 */
export interface CacheOptions {
  /** The primary. Default: Redis at `url`. */
  readonly backend?: CacheBackend | undefined
  /** `redis://` or `rediss://`; only without `backend`. Default: `REDIS_URL`, else `redis://localhost:6379/0`. */
  readonly url?: string | undefined
  /** Upper bound of connections per Redis node. Default: `REDIS_MAX_CONNECTIONS`, else 50. */
  readonly maxConnections?: number | undefined
  /** Connecting, and commands without a budget. Default: `REDIS_SOCKET_TIMEOUT`, else 5 s. */
  readonly socketTimeout?: Duration | undefined
  /** `false`: nothing is read or written anywhere. Default: `CACHE_ENABLED`, else `true`. */
  readonly enabled?: boolean | undefined
  /** Life of an entry whose function gives no `ttl`. Default: `CACHE_DEFAULT_TTL`, else 3600 s. */
  readonly defaultTtl?: Duration | undefined
  /** Life of entries by operation, over `CACHE_TTL_<OPERATION>`: `{ ocr: '48h' }`. */
  readonly ttls?: Readonly<Record<string, Duration>> | undefined
  /** What one cache operation may cost a caller. Default: `CACHE_BUDGET`, else 0.2 s. */
  readonly budget?: Duration | undefined
  /**
   * While the primary is away: `'memory'` keeps a bounded store in this process, `'none'` runs loaders uncached,
   * `'throw'` is like `'none'`, but `init` rejects when the primary is away at boot. Default: `'memory'`.
   */
  readonly onUnavailable?: OnUnavailable | undefined
  /**
   * Memory in front of the primary, for hits that ask nobody. Default: on where the primary tells of changes (Redis at a `url`), so that
   * what others invalidate is not served from it; `false`: off.
   */
  readonly l1?: boolean | L1Options | undefined
  /** Longest life of an entry made while the primary is away. Default: 30 s. */
  readonly fallbackTtl?: Duration | undefined
  /** Bytes the memory fallback may hold. Default: 32 MiB. */
  readonly fallbackMaxBytes?: number | undefined
  /** Stored values may not be larger than this many bytes as text. Default: 16 MiB. */
  readonly maxValueBytes?: number | undefined
  /** Invalidations kept for the primary's return; beyond it, its whole content is made void instead. Default: 100,000. */
  readonly journalLimit?: number | undefined
  /**
   * A path: invalidations made while the primary is away are also kept in files that begin with it, before the call resolves. The next
   * process that finds them applies them, so that not even a crash in an outage brings back what was invalidated. Needs a folder that
   * outlives the process. Default: none; see `onLostNode`.
   */
  readonly journalFile?: string | undefined
  /**
   * What becomes of invalidations that a crashed process could not apply: see `RedisBackendOptions.onLostNode`. Only without `backend`.
   * Default: `'ttl'`.
   */
  readonly onLostNode?: 'ttl' | 'bump' | undefined
  /**
   * How entries are written whose function does not say: `'plain'` for fleets that share them with other languages. What needs more
   * than a ttl (tags, stale windows, `refreshAhead`) is written with a header all the same. Default: `CACHE_WIRE_FORMAT`, else
   * `'envelope'`.
   */
  readonly wire?: WireFormat | undefined
  /** Put before every key, as `<namespace>:`. Default: `CACHE_NAMESPACE`, else none (the keys are then as written). */
  readonly namespace?: string | undefined
  /** Default: prints `LEVEL:name:message` to stderr. */
  readonly logger?: Logger | undefined
  /** Default: `CACHE_LOG_LEVEL`, else `'warn'`. */
  readonly logLevel?: LogLevel | undefined
  /** What a key looks like in a log line. Default: as it is. */
  readonly redactKey?: ((key: string) => string) | undefined
  /** Where the variables are read from. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Time, timers, randomness. For tests and simulations. */
  readonly runtime?: Runtime | undefined

  // An incomplete backend literal must say which method is missing, not that `get` is no option.
  readonly get?: never
  readonly set?: never
}
