import { MemoryStore } from './backends/memory/memory-store.ts'
import { RedisBackend } from './backends/redis/redis-backend.ts'
import { checkRedisUrl, loadConfig, operationKey } from './config.ts'
import type { CacheBackend } from './contracts/backend.ts'
import type { CacheOptions, L1Options, OnUnavailable } from './contracts/cache-options.ts'
import type { Duration } from './contracts/duration.ts'
import type { WireFormat } from './contracts/load-policy.ts'
import type { LogLevel } from './contracts/logger.ts'
import type { Settings } from './core/engine.ts'
import { checkIdentityPart } from './core/key-encoding.ts'
import { toMs } from './support/duration.ts'
import { describe, misuse, outOfRange, quote } from './support/errors.ts'
import { createLog } from './support/log.ts'
import { checkOptionNames } from './support/options.ts'
import { systemRuntime } from './support/runtime.ts'

// Options over environment over defaults, checked whole before anything is opened.

const optionNames: ReadonlySet<string> = new Set<keyof CacheOptions>([
  'backend',
  'url',
  'maxConnections',
  'socketTimeout',
  'enabled',
  'defaultTtl',
  'ttls',
  'budget',
  'onUnavailable',
  'l1',
  'fallbackTtl',
  'fallbackMaxBytes',
  'maxValueBytes',
  'journalLimit',
  'journalFile',
  'onLostNode',
  'wire',
  'namespace',
  'logger',
  'logLevel',
  'redactKey',
  'env',
  'runtime',
])
const l1OptionNames: ReadonlySet<string> = new Set<keyof L1Options>(['maxBytes', 'maxAge'])
const requiredMethods = ['get', 'set', 'delete', 'exists', 'ping', 'close'] as const
const onUnavailables: readonly OnUnavailable[] = ['memory', 'none', 'throw']
const wireFormats: readonly WireFormat[] = ['envelope', 'plain']
const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']

/** A backend, or options: told apart by the method every backend has. */
export function asOptions(backendOrOptions: CacheBackend | CacheOptions | undefined): CacheOptions {
  if (backendOrOptions === undefined) return {}
  if (typeof backendOrOptions !== 'object' || backendOrOptions === null) {
    throw misuse('CACHE_BAD_OPTION', `Expected a backend or options, got ${describe(backendOrOptions)}`)
  }
  return looksLikeBackend(backendOrOptions)
    ? { backend: backendOrOptions as CacheBackend }
    : (backendOrOptions as CacheOptions)
}

/**
 * @throws {TypeError} `CACHE_BAD_OPTION`, `CACHE_BAD_CONFIG`
 * @throws {RangeError} `CACHE_BAD_OPTION`, `CACHE_BAD_DURATION`
 */
export function resolveSettings(options: CacheOptions): Settings {
  checkOptionNames(options, optionNames, 'The cache')
  const config = loadConfig(options.env)
  const budgetMs = toMs(options.budget ?? config.budget, 'budget')
  const socketTimeoutMs = toMs(options.socketTimeout ?? config.redisSocketTimeout, 'socketTimeout')
  const onUnavailable = oneOf(options.onUnavailable ?? 'memory', onUnavailables, 'onUnavailable')
  const fallbackMaxBytes = positive(options.fallbackMaxBytes ?? 32 * 1024 * 1024, 'fallbackMaxBytes')
  const l1 = l1Of(options.l1)
  const backend = options.backend === undefined ? redisBackend(options, config) : checkBackend(options)
  const namespace = options.namespace ?? config.namespace
  if (options.namespace !== undefined) checkIdentityPart(options.namespace, 'namespace')
  const ttls: Record<string, number> = {}
  for (const [operation, seconds] of Object.entries(config.ttls)) ttls[operation] = seconds * 1000
  for (const [operation, ttl] of Object.entries(options.ttls ?? {}))
    ttls[operationKey(operation)] = toMs(ttl, `ttls.${operation}`)
  return {
    enabled: boolean(options.enabled ?? config.enabled, 'enabled'),
    backend,
    backendName: nameOf(backend),
    onUnavailable,
    createFallback: onUnavailable === 'memory' ? () => new MemoryStore(fallbackMaxBytes, Infinity) : undefined,
    createL1: l1.maxBytes === 0 ? undefined : () => new MemoryStore(l1.maxBytes, Infinity),
    l1MaxAgeMs: l1.maxAgeMs,
    fallbackTtlMs: toMs(options.fallbackTtl ?? '30s', 'fallbackTtl'),
    defaultTtlMs: toMs(options.defaultTtl ?? (config.defaultTtl as Duration), 'defaultTtl'),
    ttlsMs: ttls,
    budgetMs,
    socketTimeoutMs,
    maxValueBytes: positive(options.maxValueBytes ?? 16 * 1024 * 1024, 'maxValueBytes'),
    journalLimit: positive(options.journalLimit ?? 100_000, 'journalLimit'),
    openJournalLog: journalLog(options),
    wire: oneOf(options.wire ?? config.wireFormat, wireFormats, 'wire'),
    namespace,
    log: createLog(options.logger, oneOf(options.logLevel ?? config.logLevel, logLevels, 'logLevel')),
    redactKey: options.redactKey ?? ((key) => key),
  }
}

/** `maxBytes` 0: none. */
function l1Of(given: CacheOptions['l1']): { readonly maxBytes: number; readonly maxAgeMs: number } {
  if (given === false) return { maxBytes: 0, maxAgeMs: Infinity }
  if (given !== undefined && given !== true && (typeof given !== 'object' || given === null))
    throw misuse('CACHE_BAD_OPTION', `l1 must be true, false or an object, got ${describe(given)}`)
  const options = typeof given === 'object' ? given : {}
  checkOptionNames(options, l1OptionNames, 'l1')
  return {
    maxBytes: positive(options.maxBytes ?? 64 * 1024 * 1024, 'l1.maxBytes'),
    maxAgeMs: options.maxAge === undefined ? Infinity : toMs(options.maxAge, 'l1.maxAge'),
  }
}

function redisBackend(options: CacheOptions, config: ReturnType<typeof loadConfig>): CacheBackend {
  return new RedisBackend({
    url: options.url === undefined ? config.redisUrl : checkRedisUrl(options.url, 'url', 'CACHE_BAD_OPTION'),
    maxConnections: options.maxConnections ?? config.redisMaxConnections,
    socketTimeout: options.socketTimeout ?? config.redisSocketTimeout,
    budget: options.budget ?? config.budget,
    namespace: options.namespace ?? config.namespace,
    onLostNode: options.onLostNode,
    runtime: options.runtime ?? systemRuntime,
  })
}

function journalLog({ journalFile, runtime = systemRuntime }: CacheOptions): Settings['openJournalLog'] {
  if (journalFile === undefined) return undefined
  if (typeof journalFile !== 'string' || journalFile === '')
    throw misuse('CACHE_BAD_OPTION', `journalFile must be a path, got ${describe(journalFile)}`)
  return async () => (await import('./journal-file.ts')).openJournalFile(journalFile, () => runtime.random())
}

function checkBackend(options: CacheOptions): CacheBackend {
  const { backend } = options
  for (const other of ['url', 'maxConnections', 'onLostNode'] as const) {
    if (options[other] !== undefined) {
      throw misuse(
        'CACHE_BAD_OPTION',
        `Give either a backend or ${other}: ${other} belongs to the Redis backend made for you`,
      )
    }
  }
  if (typeof backend !== 'object' || backend === null)
    throw misuse('CACHE_BAD_OPTION', `backend must be an object, got ${describe(backend)}`)
  const missing = requiredMethods.filter((method) => typeof backend[method] !== 'function')
  if (missing.length > 0) {
    throw misuse(
      'CACHE_BAD_OPTION',
      `A backend needs the methods ${requiredMethods.join(', ')}; missing: ${missing.join(', ')}`,
    )
  }
  return backend
}

function looksLikeBackend(value: object): boolean {
  return requiredMethods.some((method) => typeof (value as Record<string, unknown>)[method] === 'function')
}

function nameOf(backend: CacheBackend): string {
  if (typeof backend.name === 'string' && backend.name !== '') return backend.name
  const constructed = (backend as object).constructor as { readonly name?: string } | undefined
  return constructed === undefined || constructed === Object || constructed.name === undefined
    ? 'custom'
    : constructed.name
}

function oneOf<T extends string>(value: T, allowed: readonly T[], what: string): T {
  if (!allowed.includes(value))
    throw misuse('CACHE_BAD_OPTION', `${what} must be one of ${allowed.join(', ')}, got ${quote(value)}`)
  return value
}

function boolean(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw misuse('CACHE_BAD_OPTION', `${what} must be true or false, got ${quote(value)}`)
  return value
}

function positive(value: number, what: string): number {
  if (!(typeof value === 'number' && value > 0))
    throw outOfRange('CACHE_BAD_OPTION', `${what} must be a positive number, got ${quote(value)}`)
  return value
}
