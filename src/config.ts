import type { WireFormat } from './contracts/load-policy.ts'
import type { LogLevel } from './contracts/logger.ts'
import { checkIdentityPart } from './core/key-encoding.ts'
import { misuse, quote } from './support/errors.ts'

// The environment, read once and checked whole: a bad value is an error at start that names the variable, never a surprise in
// a later call. Inline comments are taken off here, since not everything that reads `.env` files does.

export type Environment = Readonly<Record<string, string | undefined>>

export interface CacheConfig {
  readonly redisUrl: string
  /** Upper bound of connections per Redis node. */
  readonly redisMaxConnections: number
  /** Seconds. */
  readonly redisSocketTimeout: number
  readonly enabled: boolean
  /** Seconds. */
  readonly defaultTtl: number
  /** Seconds, by operation in lower snake case: `CACHE_TTL_DOCUMENT_PARSING` is `document_parsing`. */
  readonly ttls: Readonly<Record<string, number>>
  /** Seconds. */
  readonly budget: number
  readonly logLevel: LogLevel
  readonly wireFormat: WireFormat
  readonly namespace: string | undefined
}

const ttlPrefix = 'CACHE_TTL_'
const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']

/**
 * The configuration of an environment, with the defaults of the Python layer.
 *
 * @param env default: `process.env`
 * @throws {TypeError} `CACHE_BAD_CONFIG`, naming the variable, what was expected and what came
 */
export function loadConfig(env: Environment = process.env): CacheConfig {
  return {
    redisUrl: url(env, 'REDIS_URL', 'redis://localhost:6379/0'),
    redisMaxConnections: number(
      env,
      'REDIS_MAX_CONNECTIONS',
      50,
      'a whole number, at least 1',
      (n) => Number.isInteger(n) && n >= 1,
    ),
    redisSocketTimeout: seconds(env, 'REDIS_SOCKET_TIMEOUT', 5),
    enabled: flag(env, 'CACHE_ENABLED', true),
    defaultTtl: seconds(env, 'CACHE_DEFAULT_TTL', 3600),
    ttls: operationTtls(env),
    budget: seconds(env, 'CACHE_BUDGET', 0.2),
    logLevel: logLevel(env, 'CACHE_LOG_LEVEL'),
    wireFormat: wireFormat(env, 'CACHE_WIRE_FORMAT'),
    namespace: namespace(env, 'CACHE_NAMESPACE'),
  }
}

/** The name of an operation in `CACHE_TTL_<OPERATION>` and in the `ttls` option: any spelling, lower snake case. */
export function operationKey(operation: string): string {
  // Without a lower-case letter no capital begins a word: `OCR2TEXT` is `ocr2text`.
  const words = /[a-z]/.test(operation) ? operation.replace(/([a-z0-9])([A-Z])/g, '$1_$2') : operation
  return words.replace(/[^A-Za-z0-9]+/g, '_').toLowerCase()
}

/** The value without white space and inline comment; `undefined` when nothing is left. */
function text(env: Environment, name: string): string | undefined {
  const raw = env[name]
  if (raw === undefined) return undefined
  const value = raw.replace(/(?:^|\s)#.*$/s, '').trim()
  return value === '' ? undefined : value
}

function number(
  env: Environment,
  name: string,
  fallback: number,
  expected: string,
  valid: (n: number) => boolean,
): number {
  const value = text(env, name)
  if (value === undefined) return fallback
  const parsed = Number(value)
  if (!Number.isFinite(parsed) || !valid(parsed)) throw bad(name, expected, quote(value))
  return parsed
}

function seconds(env: Environment, name: string, fallback: number): number {
  return number(env, name, fallback, 'a number of seconds, more than 0', (n) => n > 0)
}

function flag(env: Environment, name: string, fallback: boolean): boolean {
  const value = text(env, name)
  if (value === undefined) return fallback
  if (['true', '1', 'yes', 'on', 't', 'y'].includes(value.toLowerCase())) return true
  if (['false', '0', 'no', 'off', 'f', 'n'].includes(value.toLowerCase())) return false
  throw bad(name, 'True or False', quote(value))
}

function logLevel(env: Environment, name: string): LogLevel {
  const value = text(env, name)
  if (value === undefined) return 'warn'
  const lower = value.toLowerCase()
  const level = logLevels.find((known) => known === (lower === 'warning' ? 'warn' : lower))
  if (level === undefined) throw bad(name, `one of ${logLevels.join(', ')}`, quote(value))
  return level
}

function wireFormat(env: Environment, name: string): WireFormat {
  const value = text(env, name)?.toLowerCase()
  if (value === undefined) return 'envelope'
  if (value !== 'envelope' && value !== 'plain') throw bad(name, 'envelope or plain', quote(value))
  return value
}

function namespace(env: Environment, name: string): string | undefined {
  const value = text(env, name)
  if (value !== undefined) checkIdentityPart(value, name, 'CACHE_BAD_CONFIG')
  return value
}

function url(env: Environment, name: string, fallback: string): string {
  return checkRedisUrl(text(env, name) ?? fallback, name)
}

/** @throws {TypeError} `code`; the message never shows the url, there may be a password in it */
export function checkRedisUrl(
  value: string,
  name: string,
  code: 'CACHE_BAD_OPTION' | 'CACHE_BAD_CONFIG' = 'CACHE_BAD_CONFIG',
): string {
  const parsed = tryUrl(value)
  if (parsed === null || (parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:') || parsed.hostname === '') {
    throw bad(name, 'a redis:// or rediss:// url', 'something else (not shown: there may be a password in it)', code)
  }
  if (!/^(?:\/\d*)?$/.test(parsed.pathname))
    throw bad(name, 'a url that ends in a database number, like /0', 'another path', code)
  return value
}

function tryUrl(value: string): URL | null {
  try {
    return new URL(value)
  } catch {
    return null
  }
}

function operationTtls(env: Environment): Readonly<Record<string, number>> {
  const ttls: Record<string, number> = {}
  for (const name of Object.keys(env)) {
    if (!name.startsWith(ttlPrefix) || text(env, name) === undefined) continue
    const operation = operationKey(name.slice(ttlPrefix.length))
    if (operation === '') throw bad(name, `the name of an operation after ${ttlPrefix}`, 'nothing')
    ttls[operation] = seconds(env, name, 0)
  }
  return ttls
}

function bad(
  name: string,
  expected: string,
  came: string,
  code: 'CACHE_BAD_OPTION' | 'CACHE_BAD_CONFIG' = 'CACHE_BAD_CONFIG',
): TypeError {
  return misuse(code, `${name} must be ${expected}, got ${came}`)
}
