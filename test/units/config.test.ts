// The environment: the Python layer's variables with one meaning each. A bad value is an error at start that names the variable.
import { describe, expect, test } from 'vitest'
import { checkRedisUrl, loadConfig, operationKey } from '../../src/config.ts'
import type { CacheConfig } from '../../src/config.ts'
import { isCacheError } from '../../src/support/errors.ts'

function errorOf(run: () => unknown): Error {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError)
    expect(isCacheError(error, 'CACHE_BAD_CONFIG')).toBe(true)
    return error as Error
  }
  throw new Error('Expected an error, but none was thrown')
}

test('an empty environment has the defaults of the Python layer', () => {
  expect(loadConfig({})).toEqual({
    redisUrl: 'redis://localhost:6379/0',
    redisMaxConnections: 50,
    redisSocketTimeout: 5,
    enabled: true,
    defaultTtl: 3600,
    ttls: {},
    budget: 0.2,
    logLevel: 'warn',
    wireFormat: 'envelope',
    namespace: undefined,
  })
})

test('the environment file of the Python layer is read as it is, comments included', () => {
  const config = loadConfig({
    REDIS_URL: 'redis://localhost:6379/0',
    REDIS_MAX_CONNECTIONS: '50',
    REDIS_SOCKET_TIMEOUT: '5',
    CACHE_ENABLED: 'True',
    CACHE_DEFAULT_TTL: '3600',
    CACHE_TTL_DOCUMENT_PARSING: '86400   # 24 hours',
    CACHE_TTL_OCR: '172800                # 48 hours',
    CACHE_TTL_IMAGE_ANALYSIS: '86400      # 24 hours',
    CACHE_TTL_VALIDATION: '43200          # 12 hours',
  })
  expect(config.enabled).toBe(true)
  expect(config.ttls).toEqual({ document_parsing: 86_400, ocr: 172_800, image_analysis: 86_400, validation: 43_200 })
})

describe('an inline comment', () => {
  test.each<[Record<string, string>, keyof CacheConfig, unknown]>([
    [{ CACHE_ENABLED: 'False # off' }, 'enabled', false],
    [{ CACHE_ENABLED: 'no\t#off' }, 'enabled', false],
    [{ CACHE_DEFAULT_TTL: '60#60' }, 'defaultTtl', Error],
    [{ CACHE_DEFAULT_TTL: '  60  # one # two' }, 'defaultTtl', 60],
    [{ CACHE_DEFAULT_TTL: '# nothing set' }, 'defaultTtl', 3600],
    [{ CACHE_DEFAULT_TTL: '   ' }, 'defaultTtl', 3600],
    [{ CACHE_DEFAULT_TTL: '' }, 'defaultTtl', 3600],
    [{ CACHE_NAMESPACE: 'billing # the team' }, 'namespace', 'billing'],
    [{ CACHE_NAMESPACE: 'team#1' }, 'namespace', 'team#1'],
    [{ CACHE_NAMESPACE: ' ' }, 'namespace', undefined],
    [{ CACHE_LOG_LEVEL: 'debug # noisy' }, 'logLevel', 'debug'],
    [{ REDIS_URL: 'redis://h:1/2 # prod' }, 'redisUrl', 'redis://h:1/2'],
  ])('is taken off in %j', (env, name, expected) => {
    if (expected === Error) expect(errorOf(() => loadConfig(env)).message).toContain('CACHE_DEFAULT_TTL')
    else expect(loadConfig(env)[name]).toBe(expected)
  })
})

describe('CACHE_ENABLED', () => {
  test.each(['True', 'true', 'TRUE', '1', 'yes', 'Yes', 'on', 'ON', 't', 'y', ' true '])('%j is true', (value) => {
    expect(loadConfig({ CACHE_ENABLED: value }).enabled).toBe(true)
  })
  test.each(['False', 'false', 'FALSE', '0', 'no', 'off', 'Off', 'f', 'n'])('%j is false', (value) => {
    expect(loadConfig({ CACHE_ENABLED: value }).enabled).toBe(false)
  })
  test.each(['2', 'maybe', 'None', 'null', '-1', 'truee', '"True"'])('%j is an error', (value) => {
    expect(errorOf(() => loadConfig({ CACHE_ENABLED: value })).message).toBe(
      `CACHE_ENABLED must be True or False, got '${value}'`,
    )
  })
})

describe('a number', () => {
  test.each<[string, string, number]>([
    ['REDIS_MAX_CONNECTIONS', '1', 1],
    ['REDIS_SOCKET_TIMEOUT', '0.5', 0.5],
    ['CACHE_DEFAULT_TTL', '1e3', 1000],
    ['CACHE_BUDGET', '0.05', 0.05],
  ])('of %s may be %j', (name, text, value) => {
    expect(Object.values(loadConfig({ [name]: text }))).toContain(value)
  })
  test.each([
    ['REDIS_MAX_CONNECTIONS', '0', 'a whole number, at least 1'],
    ['REDIS_MAX_CONNECTIONS', '1.5', 'a whole number, at least 1'],
    ['REDIS_MAX_CONNECTIONS', '-3', 'a whole number, at least 1'],
    ['REDIS_MAX_CONNECTIONS', 'many', 'a whole number, at least 1'],
    ['REDIS_SOCKET_TIMEOUT', '0', 'a number of seconds, more than 0'],
    ['REDIS_SOCKET_TIMEOUT', '5s', 'a number of seconds, more than 0'],
    ['CACHE_DEFAULT_TTL', '-1', 'a number of seconds, more than 0'],
    ['CACHE_DEFAULT_TTL', 'Infinity', 'a number of seconds, more than 0'],
    ['CACHE_DEFAULT_TTL', 'NaN', 'a number of seconds, more than 0'],
    ['CACHE_DEFAULT_TTL', '3_600', 'a number of seconds, more than 0'],
    ['CACHE_BUDGET', '200ms', 'a number of seconds, more than 0'],
    ['CACHE_TTL_OCR', '0', 'a number of seconds, more than 0'],
    ['CACHE_TTL_ANYTHING_ELSE', '1h', 'a number of seconds, more than 0'],
  ])('of %s may not be %j', (name, text, expected) => {
    expect(errorOf(() => loadConfig({ [name]: text })).message).toBe(`${name} must be ${expected}, got '${text}'`)
  })
})

describe('CACHE_LOG_LEVEL', () => {
  test.each([
    ['debug', 'debug'],
    ['INFO', 'info'],
    ['Warning', 'warn'],
    ['error', 'error'],
    ['silent', 'silent'],
  ])('%j is %s', (value, level) => {
    expect(loadConfig({ CACHE_LOG_LEVEL: value }).logLevel).toBe(level)
  })
  test('anything else is an error', () => {
    expect(errorOf(() => loadConfig({ CACHE_LOG_LEVEL: 'Verbose' })).message).toBe(
      "CACHE_LOG_LEVEL must be one of debug, info, warn, error, silent, got 'Verbose'",
    )
  })
})

describe('REDIS_URL', () => {
  test.each([
    'redis://localhost',
    'redis://localhost/',
    'redis://localhost:6380/15',
    'rediss://user:p%40ss@host.example:6379/0',
    'redis://:secret@[::1]:6379',
    'redis://localhost:6379/0?x=1',
  ])('may be %s', (url) => {
    expect(loadConfig({ REDIS_URL: url }).redisUrl).toBe(url)
  })
  test.each([
    'localhost:6379',
    'http://user:hunter2@host/0',
    'redis://',
    'redis:///0',
    'redis://user:hunter2@host:99999/0',
    'redis://user:hunter2@host/db',
    'redis://user:hunter2@host/-1',
    'redis://user:hunter2@host/0/1',
    'redis://user:hun#ter2@host:6379/0',
    'redis://user:hun ter2@ho st',
    'hunter2',
  ])('%j is an error that does not show it', (url) => {
    const { message, cause } = errorOf(() => loadConfig({ REDIS_URL: url }))
    expect(message).toMatch(/^REDIS_URL must be a /)
    for (const secret of ['hunter2', 'hun', 'ter2', 'host:', '@']) expect(message).not.toContain(secret)
    expect(cause).toBeUndefined()
  })
  test('given as an option is named as the option', () => {
    expect(errorOf(() => checkRedisUrl('nope', 'url')).message).toMatch(/^url must be a redis:\/\/ or rediss:\/\/ url/)
  })
})

describe('the name of an operation', () => {
  test.each([
    ['document_parsing', 'DOCUMENT_PARSING'],
    ['documentParsing', 'DOCUMENT_PARSING'],
    ['DocumentParsing', 'DOCUMENT_PARSING'],
    ['document-parsing', 'DOCUMENT_PARSING'],
    ['document.parsing', 'DOCUMENT_PARSING'],
    ['ocr', 'OCR'],
    ['OCR', 'OCR'],
    ['ocr2text', 'OCR2TEXT'],
    ['ocr2Text', 'OCR2_TEXT'],
    ['sha256', 'SHA256'],
    ['page_2_pdf', 'PAGE_2_PDF'],
    ['constructor', 'CONSTRUCTOR'],
  ])('%j finds its variable CACHE_TTL_%s', (operation, variable) => {
    const { ttls } = loadConfig({ [`CACHE_TTL_${variable}`]: '7' })
    expect(Object.entries(ttls)).toEqual([[operationKey(operation), 7]])
  })

  test('in upper snake case is its own variable, whatever letters and digits it has', () => {
    for (const operation of ['a1b2c3', 'x_1y', 'v2ray_3d', 'h264', 'mp3decode']) {
      expect(loadConfig({ [`CACHE_TTL_${operation.toUpperCase()}`]: '7' }).ttls).toEqual({
        [operationKey(operation)]: 7,
      })
    }
  })

  test('may be one nobody knows, must not be missing, and pollutes no prototype', () => {
    expect(loadConfig({ CACHE_TTL_FUTURE_THING: '9' }).ttls).toEqual({ future_thing: 9 })
    expect(errorOf(() => loadConfig({ CACHE_TTL_: '9' })).message).toMatch(
      /^CACHE_TTL_ must be the name of an operation/,
    )
    expect(loadConfig({ CACHE_TTL_OCR: undefined, CACHE_TTL_VALIDATION: ' # none' }).ttls).toEqual({})
    loadConfig({ CACHE_TTL___PROTO__: '9' })
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})

test('the environment of the process is the default', () => {
  expect(loadConfig().redisUrl).toBe(loadConfig(process.env).redisUrl)
})
