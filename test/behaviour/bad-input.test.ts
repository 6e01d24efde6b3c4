// Bad input is an error at once, with a code, naming what was expected and what came. Nothing waits for a later call.
import { describe, expect, test, vi } from 'vitest'
import type { CacheErrorCode } from '../../src/index.ts'
import {
  cached,
  CacheKeyGenerator,
  CacheManager,
  createCache,
  defineKeys,
  isCacheError,
  loadConfig,
  MemoryBackend,
  RedisBackend,
} from '../../src/index.ts'

const fn = async (hash: string): Promise<string> => hash
const manager = createCache({ backend: new MemoryBackend() })
// What only JavaScript can write.
const js = <T>(value: unknown): T => value as T

const atOnce: ReadonlyArray<readonly [what: string, wrong: () => unknown, code: CacheErrorCode, message: string]> = [
  [
    'a softTimeout with nothing to serve',
    () => cached(fn, { name: 'soft', softTimeout: 1, swr: 60 }),
    'CACHE_BAD_OPTION',
    'softTimeout needs a staleIfError that is longer than swr',
  ],
  [
    'cacheErrors that does not say which',
    () => cached(fn, { name: 'errors', cacheErrors: js({ ttl: 30 }) }),
    'CACHE_BAD_OPTION',
    'cacheErrors.when must be a function',
  ],
  ['a cost that is none', () => cached(fn, { name: 'cost', cost: -1 }), 'CACHE_BAD_OPTION', 'cost must be a number'],
  [
    'a url in code',
    () => createCache({ url: 'http://x' }),
    'CACHE_BAD_OPTION',
    'url must be a redis:// or rediss:// url',
  ],
  [
    'a namespace in the environment',
    () => createCache({ env: { CACHE_NAMESPACE: 'a b' } }),
    'CACHE_BAD_CONFIG',
    'CACHE_NAMESPACE must be 1 to 128 characters',
  ],
  [
    'a manager that is none',
    () => cached(fn, { name: 'no-manager', manager: js({}) }),
    'CACHE_MISUSE',
    'Expected a CacheManager, got an object',
  ],
  ['ttl 0', () => cached(fn, { name: 'bad', ttl: 0 }), 'CACHE_BAD_DURATION', 'ttl must be more than zero, got 0'],
  ['negative ttl', () => cached(fn, { name: 'bad', ttl: -1 }), 'CACHE_BAD_DURATION', 'got -1'],
  ['NaN ttl', () => cached(fn, { name: 'bad', ttl: Number.NaN }), 'CACHE_BAD_DURATION', 'got NaN'],
  [
    'ttl with a strange unit',
    () => cached(fn, { name: 'bad', ttl: js('15min') }),
    'CACHE_BAD_DURATION',
    "'90s', '15m', '24h', '7d', or 'forever', got '15min'",
  ],
  [
    'misspelt option',
    () => cached(fn, js({ name: 'bad', tll: 60 })),
    'CACHE_BAD_OPTION',
    "no option 'tll': did you mean 'ttl'?",
  ],
  [
    'jitter above 1',
    () => cached(fn, { name: 'bad', jitter: 5 }),
    'CACHE_BAD_OPTION',
    'jitter must be a number from 0 to 1, got 5',
  ],
  [
    'unknown isolation',
    () => cached(fn, { name: 'bad', isolation: js('deep') }),
    'CACHE_BAD_OPTION',
    "'copy' or 'frozen', got 'deep'",
  ],
  [
    'schema that is none',
    () => cached(fn, { name: 'bad', schema: js({ parse() {} }) }),
    'CACHE_BAD_OPTION',
    'Standard Schema',
  ],
  [
    'codec without a name',
    () => cached(fn, { name: 'bad', codec: js({ encode() {}, decode() {} }) }),
    'CACHE_BAD_OPTION',
    'codec must have a name',
  ],
  ['colon in keyPrefix', () => cached(fn, { keyPrefix: 'a:b' }), 'CACHE_BAD_OPTION', "got 'a:b'"],
  [
    'tags that are no array',
    () => cached(fn, { name: 'bad', tags: js('t') }),
    'CACHE_BAD_OPTION',
    'tags must be an array of strings',
  ],
  ['empty tag', () => cached(fn, { name: 'bad', tags: [''] }), 'CACHE_BAD_OPTION', 'got an empty string'],
  [
    'key that is no function',
    () => cached(fn, { key: js('k') }),
    'CACHE_BAD_OPTION',
    "key must be a function, got 'k'",
  ],
  ['anonymous function', () => cached(async () => 1, {}), 'CACHE_NO_IDENTITY', 'An anonymous function has no name'],
  ['a minifier’s name', () => cached({ async a() {} }.a, {}), 'CACHE_NO_IDENTITY', "'a' is too short"],
  ['cached without options', () => js<(f: unknown) => void>(cached)(fn), 'CACHE_MISUSE', 'cached(fn) needs options'],
  [
    'a class',
    () => js<(f: unknown, o: unknown) => void>(cached)(class Documents {}, { name: 'bad' }),
    'CACHE_MISUSE',
    'A class cannot be cached',
  ],
  [
    'a generator',
    () => js<(f: unknown, o: unknown) => void>(cached)(async function* all() {}, { name: 'bad' }),
    'CACHE_MISUSE',
    'A generator cannot be cached',
  ],
  [
    'cached twice',
    () => cached(cached(fn, { name: 'once-only' }), { name: 'twice' }),
    'CACHE_MISUSE',
    'is cached already',
  ],
  [
    'the function forgotten',
    () => js<(x: unknown) => void>(cached({ name: 'bad' }))('hash'),
    'CACHE_MISUSE',
    'cached() wraps async functions, got a string of 4 characters',
  ],
  [
    'half a backend',
    () => createCache({ backend: js({ get() {}, set() {} }) }),
    'CACHE_BAD_OPTION',
    'missing: delete, exists, ping, close',
  ],
  [
    'half a backend, passed alone',
    () => new CacheManager(js({ get() {}, set() {} })),
    'CACHE_BAD_OPTION',
    'missing: delete, exists, ping, close',
  ],
  [
    'misspelt manager option',
    () => createCache(js({ onUnavailble: 'none' })),
    'CACHE_BAD_OPTION',
    "did you mean 'onUnavailable'?",
  ],
  [
    'unknown onUnavailable',
    () => createCache({ onUnavailable: js('crash') }),
    'CACHE_BAD_OPTION',
    "one of memory, none, throw, got 'crash'",
  ],
  [
    'backend and url',
    () => createCache({ backend: new MemoryBackend(), url: 'redis://x' }),
    'CACHE_BAD_OPTION',
    'either a backend or url',
  ],
  [
    'memory without bytes',
    () => new MemoryBackend({ maxBytes: 0 }),
    'CACHE_BAD_OPTION',
    'maxBytes must be a positive number, got 0',
  ],
  ['no connections', () => new RedisBackend({ maxConnections: 0 }), 'CACHE_BAD_OPTION', 'at least 1, got 0'],
  ['a url of another kind', () => new RedisBackend({ url: 'http://x' }), 'CACHE_BAD_OPTION', 'redis:// or rediss://'],
  [
    'undefined in a key',
    () => CacheKeyGenerator.documentParse(js(undefined)),
    'CACHE_BAD_KEY',
    'fileHash must be a string, number, bigint or boolean, got undefined',
  ],
  ['empty key part', () => CacheKeyGenerator.riskScore('DOCUMENT', ''), 'CACHE_BAD_KEY', 'entityId must not be empty'],
  [
    'colon in a middle part',
    () => CacheKeyGenerator.validation('h', 'a:b'),
    'CACHE_BAD_KEY',
    "validationType must not contain ':'",
  ],
  [
    'key builder that returns no array',
    () => defineKeys('inv', { one: js(() => 'x') }).one(),
    'CACHE_BAD_KEY',
    'inv:one must return an array',
  ],
  [
    'environment value',
    () => loadConfig({ CACHE_ENABLED: 'maybe' }),
    'CACHE_BAD_CONFIG',
    "CACHE_ENABLED must be True or False, got 'maybe'",
  ],
  [
    'environment value by createCache',
    () => createCache({ env: { REDIS_MAX_CONNECTIONS: '0' } }),
    'CACHE_BAD_CONFIG',
    'REDIS_MAX_CONNECTIONS must be a whole number, at least 1',
  ],
  ['unknown event', () => manager.on(js<'hit'>('hits'), () => {}), 'CACHE_BAD_OPTION', 'Events are hit, miss'],
]

const rejections: ReadonlyArray<
  readonly [what: string, wrong: () => Promise<unknown>, code: CacheErrorCode, message: string]
> = [
  ['get with no key', () => manager.get(js(undefined)), 'CACHE_BAD_KEY', 'expected a string, got undefined'],
  ['an empty key', () => manager.get(''), 'CACHE_BAD_KEY', 'expected a non-empty string'],
  ['a key with a line break', () => manager.set('a\r\nDEL b', 'v'), 'CACHE_BAD_KEY', 'expected no control characters'],
  ['a lease’s key', () => manager.delete('k#l'), 'CACHE_BAD_KEY', "expected no key ending in '#l' or '#t'"],
  [
    'a key too long',
    () => manager.get('k'.repeat(5000)),
    'CACHE_BAD_KEY',
    'expected at most 4096 characters, got 5000',
  ],
  [
    'deleteMany of one key',
    () => manager.deleteMany('document'),
    'CACHE_MISUSE',
    'deleteMany() takes several keys as an array or another iterable, got a string of 8 characters',
  ],
  ['getMany of nothing', () => manager.getMany(js(undefined)), 'CACHE_MISUSE', 'getMany() takes several keys'],
  [
    'set of an object',
    () => manager.set('k', js({ a: 1 })),
    'CACHE_MISUSE',
    'set() stores strings, got an object: use setValue()',
  ],
  ['set with ttl 0', () => manager.set('k', 'v', 0), 'CACHE_BAD_DURATION', 'ttl must be more than zero, got 0'],
  [
    'set with an unknown option',
    () => manager.set('k', 'v', js({ ttll: 1 })),
    'CACHE_BAD_OPTION',
    "did you mean 'ttl'?",
  ],
  ['getOrSet without a loader', () => manager.getOrSet('k', js(5)), 'CACHE_MISUSE', 'needs a loader function, got 5'],
  [
    'getOrSet with an unknown option',
    () => manager.getOrSet('k', () => 1, js({ tags: [], swrr: 1 })),
    'CACHE_BAD_OPTION',
    "no option 'swrr'",
  ],
  [
    'setValue of a class instance',
    () => manager.setValue('k', { a: [new (class Model {})()] }),
    'CACHE_UNSTORABLE_VALUE',
    'The value at .a[0] cannot be cached: it is an instance of Model',
  ],
  [
    'a function as an argument',
    () => cached(async (f: () => void) => f.length, { name: 'unhashable', manager })(() => {}),
    'CACHE_UNHASHABLE_ARGUMENT',
    'argument 1 cannot be part of a cache key',
  ],
  [
    'a key function that returns nothing',
    () => cached(fn, { key: js(() => undefined), manager })('x'),
    'CACHE_BAD_KEY',
    'key must return a string or an array, got undefined',
  ],
]

describe('thrown at once', () => {
  test.each(atOnce)('%s', (_, wrong, code, message) => {
    const error = caught(wrong)
    expect(isCacheError(error, code) ? error.message : error).toContain(message)
  })
})

describe('rejected at once', () => {
  test.each(rejections)('%s', async (_, wrong, code, message) => {
    const error: unknown = await wrong().catch((rejected: unknown) => rejected)
    expect(isCacheError(error, code) ? error.message : error).toContain(message)
  })
})

test('a function defined again is said once: what it closes over is not in its source text', () => {
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const make = (table: string): unknown =>
    cached(async (id: string) => `${table} ${id}`, { keyPrefix: 'rows', name: 'fetch' })
  make('orders')
  make('users')
  make('users')
  expect(written).toHaveBeenCalledTimes(1)
  expect(String(written.mock.calls[0]?.[0])).toContain("'rows:fetch' is defined as a cached function again")
})

test('two different functions under one identity are refused, the same one again is not', () => {
  const first = async (): Promise<number> => 1
  cached(first, { keyPrefix: 'identity', name: undefined })
  const again = (): void => void cached(async () => 1, { keyPrefix: 'identity-2' })
  again()
  again()
  expect(caught(() => cached(async () => 2, { keyPrefix: 'identity-2' }))).toMatchObject({ code: 'CACHE_NO_IDENTITY' })
  // Prefix and single name would meet: `identity-2:x` could be either's.
  expect(caught(() => cached(fn, { keyPrefix: 'identity-2', name: 'x' }))).toMatchObject({ code: 'CACHE_NO_IDENTITY' })
})

function caught(wrong: () => unknown): unknown {
  try {
    return wrong()
  } catch (error) {
    return error
  }
}
