// Each wrong use gives one readable error.
import type { CachedFunction } from '../../../../src/contracts/cached-function.ts'
import { cached, cacheManager, withCache, type Parsed } from '../../under-test.ts'

declare function parse(hash: string): Promise<Parsed>

// error: is not assignable to type 'Promise<unknown>'
cached((id: number) => id, { name: 'sync' })

// error: missing the following properties from type 'Promise<unknown>': then, catch
cached(
  async function* generator() {
    yield 1
  },
  { name: 'generator' },
)

// error: Type 'typeof K' provides no match for the signature
cached(class K {}, { name: 'class' })

// error: is not assignable to type '"A Response cannot be cached: return its parsed body"'
cached({ name: 'response' })(async () => new Response('a'))

// error: A Response cannot be cached: return its parsed body
cached(async () => new Response('a'), { name: 'response' })

// error: A stream cannot be cached: collect it first
cached(async () => new ReadableStream<string>(), { name: 'stream' })

// error: A function cannot be cached
cached(async () => () => 1, { name: 'function' })

// error: The option 'tags' does not fit the arguments or the result of this function
cached({ tags: (wrong: { other: string }) => [wrong.other] })(parse)

// error: The option 'key' does not fit the arguments or the result of this function
cached({ key: (n: number) => [n] })(parse)

// error: 'tll' does not exist in type
cached(parse, { tll: 60 })

// error: 'tll' does not exist in type
cached({ tll: 60 })

// error: Type '"15min"' is not assignable to type '((result: Parsed, hash: string) => Duration) | Duration
cached(parse, { ttl: '15min' })

// error: The option 'cost' does not fit the arguments or the result of this function
cached({ cost: (wrong: { other: number }) => wrong.other })(parse)

// error: Type '"skip"' is not assignable to type 'Mode | undefined'
withCache({ mode: 'skip' }, () => 1)

// error: 'scop' does not exist in type 'CacheScope'
withCache({ scop: 'tenant' }, () => 1)

// error: Property 'when' is missing
cached(parse, { cacheErrors: { ttl: 30 } })

// error: Property 'close' does not exist on type 'CacheNamespace'
void cacheManager.namespace('tenant').close()

// error: is of type 'unknown'
cached({ tags: (r) => [r.text] })(parse)

// error: is not assignable to parameter of type 'LooseCachedOptions
cached(parse)

// error: does not satisfy the constraint
export declare const handle: CachedFunction<() => number>

const cachedParse = cached(parse, { name: 'parse' })

// error: Argument of type 'number' is not assignable to parameter of type 'string'
void cachedParse.invalidate(1)

// error: Expected 2 arguments, but got 1
void cachedParse.prime({ pages: 1, text: '' })
