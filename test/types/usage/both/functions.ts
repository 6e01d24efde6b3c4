// Functions: the result of `cached` is the function itself with the members of a cached one.
import { cached, expectType, type Parsed, type Same } from '../../under-test.ts'

async function parseDocument(hash: string, pages?: number): Promise<Parsed> {
  return { pages: pages ?? 1, text: hash }
}

const parse = cached(parseDocument, { keyPrefix: 'document', ttl: '24h' })
expectType<Same<ReturnType<typeof parse>, Promise<Parsed>>>()
expectType<Same<Parameters<typeof parse>, [hash: string, pages?: number | undefined]>>()
expectType<Same<ReturnType<typeof parse.peek>, Parsed | undefined>>()
void parse('a')
void parse('a', 2)
void parse.invalidate('a')
void parse.prime({ pages: 1, text: '' }, 'a', 2)

// Function first: the callbacks learn the arguments and the result.
cached(parseDocument, {
  ttl: (parsed, hash, pages) => parsed.pages + hash.length + (pages ?? 0),
  key: (hash, pages) => [hash, pages],
  tags: (parsed, hash) => [`doc-${hash}`, parsed.text],
  shouldCache: (parsed) => parsed.pages > 0,
})

// Options first: annotated callbacks are checked against the function when it comes.
const later = cached({ ttl: '15m', tags: (parsed: Parsed, hash: string) => [parsed.text, hash] })(parseDocument)
expectType<Same<Parameters<typeof later>, [hash: string, pages?: number | undefined]>>()

// Every option accepts `undefined` as not given.
cached(parseDocument, {
  ttl: undefined,
  keyPrefix: undefined,
  tags: undefined,
  hardTimeout: undefined,
  codec: undefined,
})

// Spans of time.
cached(parseDocument, { ttl: 60 })
cached(parseDocument, { ttl: '500ms' })
cached(parseDocument, { ttl: '7d' })
cached(parseDocument, { ttl: 'forever' })
