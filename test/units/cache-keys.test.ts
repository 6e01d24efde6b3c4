// The keys other programs share: they must be the Python layer's byte for byte, and no wrong part may ever become one key for all.
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CacheKeyGenerator, defineKeys } from '../../src/cache-keys.ts'
import type { Hashable, HashableStream } from '../../src/cache-keys.ts'
import { checkIdentityPart, checkKey, extendKey, identityOf } from '../../src/core/key-encoding.ts'
import { isCacheError } from '../../src/support/errors.ts'

const hash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

function errorOf(run: () => unknown): Error & { readonly code?: string } {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(Error)
    return error as Error
  }
  throw new Error('Expected an error, but none was thrown')
}

function sha256(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex')
}

describe('the strings of the Python layer', () => {
  test.each([
    ['documentParse', CacheKeyGenerator.documentParse(hash), `document:parse:${hash}`],
    ['documentTables', CacheKeyGenerator.documentTables(hash), `document:tables:${hash}`],
    ['ocrExtract', CacheKeyGenerator.ocrExtract(hash), `ocr:extract:${hash}`],
    ['imageAnalysis', CacheKeyGenerator.imageAnalysis(hash), `image:full:${hash}`],
    ['imageAnalysis of a type', CacheKeyGenerator.imageAnalysis(hash, 'tampering'), `image:tampering:${hash}`],
    ['imageAnalysis of undefined', CacheKeyGenerator.imageAnalysis(hash, undefined as never), `image:full:${hash}`],
    ['validation', CacheKeyGenerator.validation(hash, 'structure'), `validation:structure:${hash}`],
    ['riskScore', CacheKeyGenerator.riskScore('CLIENT', '42'), 'risk:CLIENT:42'],
  ])('%s makes the key byte for byte', (_, key, expected) => {
    expect(Buffer.from(key)).toEqual(Buffer.from(expected))
  })

  test('the last part may hold colons, spaces and any script, the others may not', () => {
    expect(CacheKeyGenerator.riskScore('CLIENT', 'a:b ç 漢 😀')).toBe('risk:CLIENT:a:b ç 漢 😀')
    for (const wrong of ['a:b', 'a b', 'a\u00a0b', 'a\u2028b'])
      expect(errorOf(() => CacheKeyGenerator.riskScore(wrong, '1')).message).toMatch(
        /entityType must not contain ':' or/,
      )
  })

  test('numbers, bigints and booleans are parts as well', () => {
    expect(CacheKeyGenerator.documentParse(7 as never)).toBe('document:parse:7')
    expect(CacheKeyGenerator.documentParse(7n as never)).toBe('document:parse:7')
    expect(CacheKeyGenerator.documentParse(false as never)).toBe('document:parse:false')
    expect(CacheKeyGenerator.documentParse(0 as never)).toBe('document:parse:0')
  })
})

describe('a wrong part of a key', () => {
  const builders: ReadonlyArray<readonly [string, string, (part: never) => string]> = [
    ['documentParse', 'fileHash', CacheKeyGenerator.documentParse],
    ['documentTables', 'fileHash', CacheKeyGenerator.documentTables],
    ['ocrExtract', 'imageHash', CacheKeyGenerator.ocrExtract],
    ['imageAnalysis', 'imageHash', (part) => CacheKeyGenerator.imageAnalysis(part)],
    ['imageAnalysis', 'analysisType', (part) => CacheKeyGenerator.imageAnalysis(hash, part)],
    ['validation', 'documentHash', (part) => CacheKeyGenerator.validation(part, 'format')],
    ['validation', 'validationType', (part) => CacheKeyGenerator.validation(hash, part)],
    ['riskScore', 'entityType', (part) => CacheKeyGenerator.riskScore(part, '1')],
    ['riskScore', 'entityId', (part) => CacheKeyGenerator.riskScore('CLIENT', part)],
  ]
  const wrongs: ReadonlyArray<readonly [unknown, RegExp]> = [
    [undefined, /must be a string, number, bigint or boolean, got undefined/],
    [null, /got null/],
    ['', /must not be empty/],
    [Number.NaN, /must not be NaN/],
    [{ secret: 'x' }, /got an object$/],
    [['a'], /got an array/],
    [Symbol('x'), /got a symbol/],
    [() => 'x', /got an anonymous function/],
    ['a\nb', /must not contain control characters/],
    ['a\u0000', /must not contain control characters/],
    ['a\u007f', /must not contain control characters/],
    ['\ud800', /half a character/],
    ['a\udc00', /half a character/],
  ]
  test.each(builders)('is an error in %s that names %s and says what came', (_, what, build) => {
    for (const [wrong, message] of wrongs) {
      if (what === 'analysisType' && wrong === undefined) continue
      const error = errorOf(() => build(wrong as never))
      expect(error).toBeInstanceOf(TypeError)
      expect(isCacheError(error, 'CACHE_BAD_KEY')).toBe(true)
      expect(error.message).toMatch(message)
      expect(error.message.startsWith(what)).toBe(true)
    }
  })

  test('is never shown: it may be personal data', () => {
    expect(errorOf(() => CacheKeyGenerator.riskScore('Ada Lovelace', '1')).message).not.toContain('Lovelace')
  })
})

describe('computeHash', () => {
  test('is the SHA-256 of bytes, of an ArrayBuffer and of a string as UTF-8', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(5), (bytes, skip) => {
        const expected = sha256(bytes)
        expect(CacheKeyGenerator.computeHash(bytes)).toBe(expected)
        expect(CacheKeyGenerator.computeHash(Buffer.from(bytes))).toBe(expected)
        expect(CacheKeyGenerator.computeHash(new Uint8Array(bytes).buffer)).toBe(expected)
        const part = new Uint8Array([...Array.from({ length: skip }, () => 9), ...bytes]).subarray(skip)
        expect(CacheKeyGenerator.computeHash(part)).toBe(expected)
      }),
      { numRuns: 200 },
    )
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(CacheKeyGenerator.computeHash(text)).toBe(sha256(Buffer.from(text, 'utf8')))
      }),
      { numRuns: 200 },
    )
    expect(CacheKeyGenerator.computeHash('')).toBe(hash)
  })

  test.each([
    undefined,
    null,
    42,
    {},
    [1],
    new Uint16Array(2),
    new DataView(new ArrayBuffer(2)),
    new SharedArrayBuffer(2),
  ] as unknown[])('refuses %s instead of hashing its text', (wrong) => {
    const error = errorOf(() => CacheKeyGenerator.computeHash(wrong as Hashable))
    expect(isCacheError(error, 'CACHE_BAD_KEY')).toBe(true)
    expect(error.message).toMatch(/^computeHash takes bytes or a string, got /)
  })
})

describe('computeHashStream', () => {
  let folder = ''
  let path = ''
  const content = randomBytes(3 * 1024 * 1024 + 17)
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cache-keys-'))
    path = join(folder, 'a file.bin')
    await writeFile(path, content)
  })
  afterAll(async () => {
    await rm(folder, { recursive: true })
  })

  function chunks(): Buffer[] {
    return [content.subarray(0, 1), content.subarray(1, 70_000), Buffer.alloc(0), content.subarray(70_000)]
  }
  async function* generated(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks()) yield await Promise.resolve(chunk)
  }
  const sources: ReadonlyArray<readonly [string, () => HashableStream]> = [
    ['a path', () => path],
    ['a file url', () => pathToFileURL(path)],
    ['a Node stream', () => createReadStream(path)],
    ['a Node stream of chunks', () => Readable.from(chunks())],
    ['a web stream', () => Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>],
    ['a Blob stream', () => new Blob([content]).stream() as ReadableStream<Uint8Array>],
    ['an async generator', generated],
    ['an array of chunks', chunks],
    ['a Set of chunks', () => new Set(chunks())],
  ]
  test.each(sources)('agrees with computeHash for %s', async (_, source) => {
    expect(await CacheKeyGenerator.computeHashStream(source())).toBe(CacheKeyGenerator.computeHash(content))
  })

  test('agrees with computeHash for text cut anywhere, inside a character as well', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'é', '漢', '😀', '\ud83d', '\ude00'), { maxLength: 12 }),
        fc.array(fc.nat(24), { maxLength: 4 }),
        async (parts, cuts) => {
          const text = parts.join('')
          const at = [0, ...cuts.map((cut) => cut % (text.length + 1)).toSorted((a, b) => a - b), text.length]
          const pieces = at.slice(1).map((end, index) => text.slice(at[index], end))
          expect(pieces.join('')).toBe(text)
          const source = (async function* () {
            for (const piece of pieces) yield await Promise.resolve(piece)
          })()
          expect(await CacheKeyGenerator.computeHashStream(source)).toBe(CacheKeyGenerator.computeHash(text))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('text and bytes may follow each other', async () => {
    const mixed = ['a\ud83d', new Uint8Array([1, 2]), 'b'] as never
    const expected = sha256(Buffer.concat([Buffer.from('a\ud83d'), Buffer.from([1, 2]), Buffer.from('b')]))
    expect(await CacheKeyGenerator.computeHashStream(mixed)).toBe(expected)
  })

  test.each([
    ['a number', [1]],
    ['undefined', [new Uint8Array(1), undefined]],
    ['an object', [{}]],
    ['an ArrayBuffer', [new ArrayBuffer(2)]],
  ])('rejects a stream with %s among its chunks and closes it', async (_, wrong) => {
    let closed = false
    const source = (async function* () {
      try {
        for (const chunk of wrong) yield await Promise.resolve(chunk)
      } finally {
        closed = true
      }
    })()
    const hashed = CacheKeyGenerator.computeHashStream(source as HashableStream)
    await expect(hashed).rejects.toThrow(/^computeHashStream takes chunks of bytes or text, got /)
    await expect(hashed).rejects.toMatchObject({ code: 'CACHE_BAD_KEY' })
    expect(closed).toBe(true)
  })

  test.each([undefined, null, 42, {}, new Uint8Array(2), new ArrayBuffer(2), () => 1] as unknown[])(
    'rejects %s: it is no source',
    async (wrong) => {
      await expect(CacheKeyGenerator.computeHashStream(wrong as HashableStream)).rejects.toMatchObject({
        code: 'CACHE_BAD_KEY',
        message: expect.stringMatching(/^computeHashStream takes a stream, an iterable of chunks or a path, got /),
      })
    },
  )

  test('rejects with the error of the file or of the stream', async () => {
    await expect(CacheKeyGenerator.computeHashStream(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(CacheKeyGenerator.computeHashStream(new URL('https://example.com/a'))).rejects.toThrow()
    const broken = new Error('the source broke')
    const source = new Readable({
      read() {
        this.destroy(broken)
      },
    })
    await expect(CacheKeyGenerator.computeHashStream(source)).rejects.toBe(broken)
  })
})

describe('defineKeys', () => {
  const keys = defineKeys('invoice', {
    total: (id: string, currency: string) => [currency, id],
    all: () => [],
    wrong: (parts: unknown) => parts as string[],
  })

  test('joins prefix, name and parts', () => {
    expect(keys.total('42', 'EUR')).toBe('invoice:total:EUR:42')
    expect(keys.total('a:b c', 'EUR')).toBe('invoice:total:EUR:a:b c')
    expect(keys.all()).toBe('invoice:all')
  })

  test.each([
    [['', 'x'], 'Part 1 of invoice:wrong must not be empty'],
    [['x', undefined], 'Part 2 of invoice:wrong must be a string, number, bigint or boolean, got undefined'],
    // eslint-disable-next-line no-sparse-arrays
    [[, 'x'], 'Part 1 of invoice:wrong must be a string, number, bigint or boolean, got undefined'],
    [['a:b', 'x'], "Part 1 of invoice:wrong must not contain ':' or white space, only the last part of a key may"],
    [[Number.NaN], 'Part 1 of invoice:wrong must not be NaN'],
    ['text', 'invoice:wrong must return an array of parts, got a string of 4 characters'],
    [undefined, 'invoice:wrong must return an array of parts, got undefined'],
  ] as Array<[unknown, string]>)('refuses the parts %j', (parts, message) => {
    const error = errorOf(() => keys.wrong(parts))
    expect(error.message).toBe(message)
    expect(isCacheError(error, 'CACHE_BAD_KEY')).toBe(true)
  })

  test('different parts never make one key when only the last holds colons', () => {
    const part = fc.constantFrom('a', 'b', 'a-b', '1', 'aa')
    const last = fc.constantFrom('a', 'b', 'a:b', 'b:a', ':', ' ', '1')
    const three = defineKeys('p', { n: (a: string, b: string, c: string) => [a, b, c] })
    fc.assert(
      fc.property(fc.tuple(part, part, last), fc.tuple(part, part, last), (one, other) => {
        expect(three.n(...one) === three.n(...other)).toBe(one.join('\n') === other.join('\n'))
      }),
      { numRuns: 500 },
    )
  })

  test.each(['', 'a:b', 'a b', 'a{b}', 'a|b', 'a@1', 'a(b)', 'x'.repeat(129), '\u0001', '\ud800', undefined, null, {}])(
    'refuses %j as a prefix',
    (prefix) => {
      const error = errorOf(() => defineKeys(prefix as string, {}))
      expect(error.message).toMatch(/^The prefix of defineKeys must be /)
      expect(isCacheError(error, 'CACHE_BAD_OPTION')).toBe(true)
    },
  )

  test('refuses a name with a colon', () => {
    expect(errorOf(() => defineKeys('p', { 'a:b': () => ['x'] })).message).toMatch(/^A name in defineKeys must be /)
  })
})

describe('a key given by the caller', () => {
  test.each(['a', 'document:parse:x', 'a b', '{a}:b', 'x'.repeat(4096), '😀', '#sc1 ', 'a#l '])('may be %j', (key) => {
    expect(() => checkKey(key)).not.toThrow()
  })
  test.each([
    [undefined, 'expected a string, got undefined'],
    [42, 'expected a string, got 42'],
    ['', 'expected a non-empty string, got an empty string'],
    ['x'.repeat(4097), 'expected at most 4096 characters, got 4097'],
    ['a\r\nb', 'expected no control characters'],
    ['a\ud800', 'expected a well-formed string'],
    ['a#l', "expected no key ending in '#l'"],
  ])('may not be %j', (key, message) => {
    const error = errorOf(() => checkKey(key))
    expect(error.message).toContain(message)
    expect(isCacheError(error, 'CACHE_BAD_KEY')).toBe(true)
  })
})

describe('an identity', () => {
  test('takes version and prefix in', () => {
    expect(identityOf(undefined, 'n', undefined)).toBe('n')
    expect(identityOf('p', 'n', undefined)).toBe('p:n')
    expect(identityOf('p', 'n', 2)).toBe('p:n@2')
  })
  test.each([1, 0, '2024-01', 'a.b', '漢'])('may hold %j', (part) => {
    expect(() => checkIdentityPart(part, 'version')).not.toThrow()
  })
  test.each([Number.NaN, Infinity, null, undefined, {}, 1n])('may not hold %s', (part) => {
    expect(errorOf(() => checkIdentityPart(part as never, 'version')).message).toMatch(/^version must be a string or/)
  })
  test('a whole key keeps what a version and a scope add apart', () => {
    const texts = fc.constantFrom('a', 'a@1', 'a|t', 't', '1', 't|a', '@', 'true', '1n', "'1'")
    const scopes = fc.oneof(texts, fc.constantFrom<string | number | bigint | boolean>(1, 1n, true))
    fc.assert(
      fc.property(fc.tuple(texts, scopes), fc.tuple(texts, scopes), (one, other) => {
        expect(extendKey(one[0], 1, one[1]) === extendKey(other[0], 1, other[1])).toBe(
          one[0] === other[0] && Object.is(one[1], other[1]),
        )
      }),
      { numRuns: 2000 },
    )
  })
})
