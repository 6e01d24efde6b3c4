// Everything that reads bytes which may come from anybody: stored texts, other programs' values, configuration, answers of servers, files. Whatever
// comes, there is an answer or an error of ours, at once; nothing is run, nothing grows beyond what came, nothing of it stands in a message.
// FUZZ_RUNS=1000000 for a long run.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readClock, writeClock } from '../../src/backends/memcached/clock-text.ts'
import { ReplyReader } from '../../src/backends/memcached/replies.ts'
import { keyOfLease, leaseKeyOf } from '../../src/backends/redis/lease-keys.ts'
import { jsonCodec } from '../../src/codecs/json.ts'
import { loadConfig } from '../../src/config.ts'
import { parseEnvelope } from '../../src/core/envelope.ts'
import { isCacheError } from '../../src/index.ts'
import { openJournalFile } from '../../src/journal-file.ts'
import { argumentOf, argumentText } from '../../src/support/key-argument.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 3000)
const secret = 'S3CRET'

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
)

/** What was well formed, with a few characters replaced, taken out, doubled, or cut off. */
const damaged = (whole: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(
      whole,
      fc.array(fc.tuple(fc.nat(), fc.constantFrom('cut', 'drop', 'double', 'put'), anyText), { maxLength: 4 }),
    )
    .map(([text, wounds]) => wounds.reduce((now, [place, kind, put]) => wound(now, place, kind, put), text))

function wound(text: string, place: number, kind: string, put: string): string {
  const at = place % (text.length + 1)
  if (kind === 'cut') return text.slice(0, at)
  if (kind === 'drop') return text.slice(0, at) + text.slice(at + 1)
  if (kind === 'double') return text.slice(0, at) + text.slice(Math.max(0, at - 8))
  return text.slice(0, at) + put.slice(0, 3) + text.slice(at + 1)
}

const header = fc
  .tuple(
    fc.constantFrom('json', 'raw', 'v8/br', ''),
    fc.nat(),
    fc.constantFrom('-', '0', '3600000', '-1', '1e9', 'x'),
    fc.constantFrom('-', '7200000', 'NaN'),
    fc.constantFrom('0-abc', '-', '1-x', '../..'),
    fc.constantFrom('-', 'a=1', 'a%3D=1,b=2', 'a=', '=1', '%'),
  )
  .map(([codec, at, stale, end, id, tags]) => `#sc1 ${codec} ${at} ${stale} ${end} 12.5 ${id} 17 ${tags}\n{"a":[1,2]}`)

describe('a stored text', () => {
  test('is ours, another program’s, or unreadable', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, damaged(header)), (text) => {
        const parsed = parseEnvelope(text)
        expect(['ours', 'foreign', 'unreadable']).toContain(parsed.kind)
        if (parsed.kind === 'foreign') expect(parsed.payload).toBe(text)
        if (parsed.kind !== 'ours') return
        expect(text.endsWith(parsed.payload)).toBe(true)
        const { createdAt, staleAt, deleteAt, computeMs, t0 } = parsed.header
        for (const number of [createdAt, staleAt, deleteAt, computeMs, t0]) expect(number).not.toBeNaN()
      }),
      { numRuns },
    )
  })

  test('is decoded, or refused with an error of ours that tells nothing of it', () => {
    const values = fc.anything({ withDate: true, withMap: true, withSet: true, withBigInt: true, maxDepth: 3 })
    const encoded = values.map((value) => {
      try {
        return jsonCodec.encode(value)
      } catch {
        return '{}'
      }
    })
    const hostile = fc.constantFrom(
      `!{"__proto__":{"a":"${secret}"}}`,
      `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`,
      '['.repeat(50_000),
      '{"a":'.repeat(20_000),
      `!${'['.repeat(20_000)}`,
    )
    fc.assert(
      fc.property(fc.oneof(anyText, damaged(encoded), hostile, damaged(hostile)), (text) => {
        try {
          jsonCodec.decode(text)
        } catch (error) {
          expect(isCacheError(error) || error instanceof SyntaxError || error instanceof RangeError).toBe(true)
          if (isCacheError(error)) expect(error.message).not.toContain(secret)
        }
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
      }),
      { numRuns },
    )
  })
})

test('a configuration is read, or refused by the name of a variable and without a secret', () => {
  const names = [
    'REDIS_URL',
    'REDIS_MAX_CONNECTIONS',
    'REDIS_SOCKET_TIMEOUT',
    'CACHE_ENABLED',
    'CACHE_DEFAULT_TTL',
    'CACHE_TTL_OCR',
    'CACHE_BUDGET',
    'CACHE_LOG_LEVEL',
    'CACHE_WIRE_FORMAT',
    'CACHE_NAMESPACE',
  ]
  const value = fc.oneof(
    anyText,
    damaged(fc.constantFrom('3600', '0.2', 'True', 'False # off', '24h', 'warn', 'plain', `redis://u:${secret}@h:1/0`)),
  )
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), value), (env) => {
      try {
        expect(loadConfig(env).redisUrl).toMatch(/^rediss?:/)
      } catch (error) {
        if (!isCacheError(error, 'CACHE_BAD_CONFIG')) throw error
        expect(names.some((name) => error.message.includes(name))).toBe(true)
        expect(error.message).not.toContain(`:${secret}@`)
      }
    }),
    { numRuns },
  )
})

describe('a key', () => {
  test('names one argument or none, and an argument one text or none', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          fc.double().map(String),
          fc.string({ maxLength: 5 }).map((text) => `'${text}'`),
        ),
        (text) => {
          const argument = argumentOf(text)
          if (argument !== undefined) expect(argumentText(argument)).toBe(text)
          const written = argumentText(text)
          if (written !== undefined) expect(argumentOf(written)).toBe(text)
        },
      ),
      { numRuns },
    )
  })

  test('is found by its lease, and nothing else is a lease of it', () => {
    const keys = fc.oneof(
      anyText,
      fc.array(fc.constantFrom('a', '{', '}', '#l', '{}', ':'), { maxLength: 6 }).map((all) => all.join('')),
    )
    fc.assert(
      fc.property(keys, (key) => {
        // Callers' keys do not end like that.
        if (key.endsWith('#l')) return
        expect(keyOfLease(leaseKeyOf(key))).toBe(key)
        expect(keyOfLease(key)).toBeUndefined()
      }),
      { numRuns },
    )
  })
})

describe('what Memcached answers', () => {
  const reply = fc.constantFrom(
    'HD c17 t-1 s4\r\n',
    'VA 4 W c9\r\nab\r\n\r\n',
    'EN\r\n',
    'STAT pid 7\r\n',
    'MN\r\n',
    'SERVER_ERROR x\r\n',
  )
  const stream = damaged(fc.array(reply, { maxLength: 8 }).map((all) => all.join('')))

  const readIn = (bytes: Buffer, size: number): unknown[] => {
    const seen: unknown[] = []
    const reader = new ReplyReader((one) => seen.push(one))
    try {
      for (let from = 0; from < bytes.length; from += size) reader.push(bytes.subarray(from, from + size))
    } catch (error) {
      if (!isCacheError(error, 'CACHE_UNAVAILABLE')) throw error
      seen.push(error.message)
    }
    return seen
  }

  test('is read the same in whatever pieces it comes', () => {
    fc.assert(
      fc.property(fc.oneof(stream, anyText), fc.integer({ min: 1, max: 7 }), (text, size) => {
        const bytes = Buffer.from(text, 'latin1')
        expect(readIn(bytes, size)).toEqual(readIn(bytes, Math.max(1, bytes.length)))
      }),
      { numRuns },
    )
  })

  test('is a clock, or none', () => {
    const clock = fc.record({
      id: fc.constantFrom('0-a', '1-b_c'),
      floor: fc.nat(),
      stamps: fc.array(
        fc.tuple(
          fc.string({ minLength: 1, maxLength: 5 }).map((tag) => tag.replace(/\p{Surrogate}/gu, '?')),
          fc.integer({ min: 1, max: 99 }),
        ),
        { maxLength: 4 },
      ),
    })
    const written = clock.map(({ stamps, ...rest }) => writeClock({ ...rest, stamps: new Map(stamps) }))
    fc.assert(
      fc.property(fc.oneof(anyText, damaged(written)), (text) => {
        const read = readClock(text)
        if (read !== undefined) expect(readClock(writeClock(read))).toEqual(read)
      }),
      { numRuns },
    )
  })
})

test('a journal file of any content is taken over or set aside', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fuzz-journal-'))
  const line = fc.constantFrom(
    '["key","a"]',
    '["tag","t"]',
    '["everything"]',
    '["key"]',
    '[]',
    '{}',
    'null',
    '["key","\\u0000"]',
  )
  try {
    let count = 0
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(anyText, damaged(fc.array(line, { maxLength: 5 }).map((all) => `${all.join('\n')}\n`))),
        async (text) => {
          const path = join(folder, `journal-${++count}`)
          await writeFile(path, text)
          const log = await openJournalFile(path, () => 0.5)
          for (const [kind] of await log.takeOver()) expect(['key', 'tag', 'everything']).toContain(kind)
          await log.replace([])
        },
      ),
      { numRuns: Math.min(numRuns, 200) },
    )
  } finally {
    await rm(folder, { recursive: true })
  }
})
