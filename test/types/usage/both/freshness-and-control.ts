// Freshness and control: windows, failures, costs, scopes and parts of a cache, function first and options first.
import {
  cached,
  cacheManager,
  expectType,
  withCache,
  type CacheManager,
  type CacheNamespace,
  type Parsed,
  type Same,
} from '../../under-test.ts'

class NotFound extends Error {
  readonly status = 404
}

async function parseDocument(hash: string, signal?: AbortSignal): Promise<Parsed> {
  signal?.throwIfAborted()
  return { pages: 1, text: hash }
}

const parse = cached(parseDocument, {
  name: 'parse',
  swr: '1h',
  staleIfError: '24h',
  softTimeout: '500ms',
  hardTimeout: 30,
  refreshAhead: true,
  cacheErrors: { ttl: 30, when: (error) => error instanceof NotFound && error.status === 404 },
  cost: (parsed, hash) => parsed.pages * hash.length,
  inheritTags: true,
})
void parse('a', new AbortController().signal)

// Options first.
cached({ swr: 60, cacheErrors: { ttl: 30, when: (error) => error instanceof NotFound }, cost: 0.01, wire: 'envelope' })(
  parseDocument,
)
cached({ cost: (parsed: Parsed) => parsed.pages })(parseDocument)

// Every option accepts `undefined` as not given.
cached(parseDocument, {
  swr: undefined,
  staleIfError: undefined,
  softTimeout: undefined,
  refreshAhead: undefined,
  cacheErrors: undefined,
  cost: undefined,
  inheritTags: undefined,
  wire: undefined,
})

// A part of a cache has what the whole has but for its life, and stands in wherever a manager does.
const part = cacheManager.namespace('tenant')
expectType<Same<typeof part, CacheNamespace>>()
expectType<Same<Exclude<keyof CacheManager, keyof CacheNamespace>, 'init' | 'close' | 'drain' | 'healthCheck' | 'healthReport' | typeof Symbol.asyncDispose>>() // prettier-ignore
cached(parseDocument, { manager: part })
cached(parseDocument, { manager: () => cacheManager })

// What runs within a scope gives what it gives.
const within = withCache({ manager: part, mode: 'refresh', scope: 'tenant', signal: undefined }, () => parse('a'))
expectType<Same<typeof within, Promise<Parsed>>>()
expectType<Same<ReturnType<typeof withSync>, number>>()
const withSync = () => withCache({}, () => 1)

// A loader is told of its run; its result decides the type.
const loaded = cacheManager.getOrSet('k', async ({ key, reason, signal, stale }) => {
  expectType<Same<typeof key, string>>()
  expectType<Same<typeof reason, 'miss' | 'stale' | 'ahead' | 'refresh'>>()
  expectType<Same<typeof signal, AbortSignal>>()
  void stale
  return { pages: 1 }
}, { ttl: '1h', mode: 'readonly', signal: new AbortController().signal, cost: (result) => result.pages }) // prettier-ignore
expectType<Same<typeof loaded, Promise<{ pages: number }>>>()

export const used = [within, withSync, loaded]
