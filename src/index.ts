// Everything a user of the package imports. Start reading at `cached` or `cache-manager`.

import './support/node-version.ts'

export { cached } from './cached.ts'
export { cacheOf } from './cache-of.ts'
export { withCache } from './with-cache.ts'
export { cacheManager, closeCache, createCache, initCache } from './default-cache.ts'
export { CacheManager } from './cache-manager.ts'
export { CacheKeyGenerator, defineKeys } from './cache-keys.ts'
export { loadConfig } from './config.ts'
export { tiered } from './backends/combined/tiered.ts'
export { withPrefix } from './backends/combined/with-prefix.ts'
export { MemoryBackend } from './backends/memory/memory-backend.ts'
export { RedisBackend } from './backends/redis/redis-backend.ts'
export { CacheError, isCacheError } from './support/errors.ts'

export type { CacheScope } from './with-cache.ts'
export type { CacheConfig, Environment } from './config.ts'
export type { Hashable, HashableStream, ImageAnalysisType, RiskEntityType, ValidationType } from './cache-keys.ts'
export type { TieredOptions } from './backends/combined/tiered.ts'
export type { MemoryBackendOptions } from './backends/memory/memory-backend.ts'
export type { RedisBackendOptions } from './backends/redis/redis-backend.ts'
export type { AnyCacheError } from './support/errors.ts'
export type {
  Awaitable,
  BatchCapability,
  CacheBackend,
  EmbeddedCapability,
  FillAnswer,
  LeaseAnswer,
  LeaseCapability,
  LeaseRequest,
  LinkCapability,
  LinkEvents,
  PushCapability,
  PushEvents,
  ScanCapability,
  TagCapability,
  TagDelta,
  TagPosition,
} from './contracts/backend.ts'
export type { CacheErrorCode } from './contracts/cache-error-code.ts'
export type {
  CacheNamespace,
  EntryInfo,
  GetOrSetOptions,
  InvalidateOptions,
  LoadContext,
  LoadReason,
  WriteOptions,
} from './contracts/cache-manager.ts'
export type { CacheOptions, OnUnavailable } from './contracts/cache-options.ts'
export type {
  AsyncFunction,
  AsyncMethodName,
  CachedDecorator,
  CachedFunction,
  CachedOptions,
  CacheHandle,
} from './contracts/cached-function.ts'
export type {
  ErrorPolicy,
  Isolation,
  KeySegment,
  LoadPolicy,
  Mode,
  Operation,
  ReadStatus,
  WireFormat,
} from './contracts/load-policy.ts'
export type { Codec, StandardResult, StandardSchema } from './contracts/codec.ts'
export type { Duration } from './contracts/duration.ts'
export type { Entry, Marks, TagMark } from './contracts/entry.ts'
export type {
  CacheEvents,
  CacheState,
  HitEvent,
  Invalidation,
  InvalidateEvent,
  LimitEvent,
  LoadEvent,
  LoadOutcome,
  MissEvent,
  MissReason,
  ProblemEvent,
  Source,
  StateEvent,
} from './contracts/events.ts'
export type { HealthReport } from './contracts/health.ts'
export type { Logger, LogLevel } from './contracts/logger.ts'
export type { ArgumentTable, CopySource, MemoryTier } from './contracts/memory-tier.ts'
export type { Runtime, Timer } from './contracts/runtime.ts'
export type { CacheStats, OperationStats } from './contracts/statistics.ts'
