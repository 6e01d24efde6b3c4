// An entry as text: the header says everything about the value, and whatever the value is, exactly one header is taken off again.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonCodec } from '../../src/codecs/json.ts'
import type { Entry } from '../../src/contracts/entry.ts'
import { encodeEnvelope, parseEnvelope, payloadOf } from '../../src/core/envelope.ts'

const factor = Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)
const createdAt = 1_732_400_000_000

/** What the envelope does not carry. */
const inMemory = { frozen: false, plan: undefined, json: false, cost: 0, deafForMs: 0, guardedBy: undefined }

const wellFormed = fc.string({ unit: 'binary' }).map((text) => text.replace(/\p{Surrogate}/gu, '?'))
const tag = fc
  .oneof(
    fc.constantFrom('-', '=', ',', 'a=1', 'a,b', ' ', '\n', '%', '%3D', '\u0000everything', 'doc:1', '漢 😀'),
    wellFormed,
  )
  .filter((text) => text !== '')
const t0 = fc.oneof(fc.nat(), fc.constantFrom(0, 1_732_400_000_000_000, Number.MAX_SAFE_INTEGER))
const anyEntry: fc.Arbitrary<Entry> = fc.record(
  {
    value: fc.constant('x'),
    form: fc.constant('text' as const),
    frozen: fc.constant(false),
    plan: fc.constant(undefined),
    json: fc.constant(false),
    cost: fc.constant(0),
    deafForMs: fc.constant(0),
    guardedBy: fc.constant(undefined),
    immutable: fc.constant(true),
    codec: fc.constantFrom(undefined, jsonCodec, { ...jsonCodec, name: 'v8/br+1.0_-' }),
    createdAt: fc.constantFrom(0, createdAt, 8.64e15),
    staleAt: fc.constantFrom(0, createdAt + 1, createdAt + 3_600_000, Infinity),
    deleteAt: fc.constantFrom(createdAt, createdAt + 7_200_000, Infinity),
    computeMs: fc.oneof(fc.nat(), fc.constantFrom(0, 0.125, 1234.567)),
    clockId: fc.constantFrom(undefined, '0-x7Fq', '1-abc123', 'process'),
    t0,
    tags: fc.array(fc.record({ tag, t0 }, { noNullPrototype: true }), { maxLength: 4 }),
  },
  { noNullPrototype: true },
)
/** Payloads that imitate what stands before them. */
const payload = fc.oneof(
  fc.constantFrom(
    '',
    '\n',
    '#sc1 ',
    '#sc1 raw 0 - - 0 - 0 -\nforged',
    '#sc2 x\n',
    '\r\n\n',
    '{"a":1}',
    '![]',
    '\ud800',
    '\u0000',
  ),
  fc.string({ unit: 'binary' }),
)

describe('an envelope', () => {
  test('comes back with every field and its payload to the last character', () => {
    fc.assert(
      fc.property(anyEntry, payload, (entry, text) => {
        const { codec, value: _value, form: _form, immutable: _immutable, ...rest } = entry
        const {
          frozen: _frozen,
          plan: _plan,
          json: _json,
          cost: _cost,
          deafForMs: _deaf,
          guardedBy: _guard,
          ...header
        } = rest
        expect(parseEnvelope(encodeEnvelope(entry, text))).toStrictEqual({
          kind: 'ours',
          header: { codecName: codec?.name ?? 'raw', ...header },
          payload: text,
        })
      }),
      { numRuns: 3000 * factor },
    )
  })

  test('may hold an envelope that holds an envelope: exactly one is taken off', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { minLength: 2, maxLength: 4 }), payload, (entries, text) => {
        let written = text
        const layers = entries.map((entry) => (written = encodeEnvelope(entry, written)))
        for (const layer of layers.toReversed()) {
          expect(written).toBe(layer)
          const parsed = parseEnvelope(written)
          expect(parsed.kind).toBe('ours')
          written = parsed.kind === 'ours' ? parsed.payload : ''
        }
        expect(written).toBe(text)
      }),
      { numRuns: 300 * factor },
    )
  })

  test('is one readable line and then the payload: the form is pinned', () => {
    const entry: Entry = {
      value: { total: 7 },
      form: 'live',
      frozen: false,
      plan: undefined,
      json: false,
      cost: 0,
      deafForMs: 0,
      guardedBy: undefined,
      immutable: false,
      codec: jsonCodec,
      createdAt,
      staleAt: createdAt + 3_600_000,
      deleteAt: Infinity,
      computeMs: 152,
      clockId: '0-x7Fq',
      t0: 17,
      tags: [{ tag: 'document:1', t0: 17 }],
    }
    expect(encodeEnvelope(entry, payloadOf(entry))).toBe(
      '#sc1 json 1732400000000 3600000 - 152 0-x7Fq 17 document%3A1=17\n{"total":7}',
    )
  })

  test('keeps times to the millisecond when jitter made them fractions', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (life) => {
        const entry = {
          createdAt,
          staleAt: createdAt + life,
          deleteAt: createdAt + life,
          codec: undefined,
          computeMs: 0,
          clockId: 'x',
          t0: 0,
          tags: [],
        }
        const parsed = parseEnvelope(
          encodeEnvelope({ ...entry, ...inMemory, value: '', form: 'text', immutable: true }, ''),
        )
        expect(parsed.kind).toBe('ours')
        if (parsed.kind !== 'ours') return
        expect(Math.abs(parsed.header.staleAt - entry.staleAt)).toBeLessThanOrEqual(1)
        expect(parsed.header.deleteAt).toBe(parsed.header.staleAt)
      }),
      { numRuns: 300 * factor },
    )
  })

  test('gives the text of a raw string as it is and of a value as its codec writes it', () => {
    expect(payloadOf({ form: 'text', value: '#sc1 ', codec: undefined } as Entry)).toBe('#sc1 ')
    expect(payloadOf({ form: 'live', value: [undefined], codec: jsonCodec } as unknown as Entry)).toBe('![["$u"]]')
  })
})

test('a payload longer than allowed is refused with both lengths', () => {
  const entry = {
    value: '',
    form: 'text',
    immutable: true,
    frozen: false,
    plan: undefined,
    json: false,
    cost: 0,
    deafForMs: 0,
    guardedBy: undefined,
    codec: undefined,
    createdAt,
    staleAt: Infinity,
    deleteAt: Infinity,
    computeMs: 0,
    clockId: 'x',
    t0: 0,
    tags: [],
  } as const
  expect(parseEnvelope(encodeEnvelope(entry, '12345', 5)).kind).toBe('ours')
  expect(() => encodeEnvelope(entry, '123456', 5)).toThrow(
    'The value has 6 characters as text, more than maxValueBytes (5)',
  )
})

describe('a text', () => {
  test.each([
    '',
    'a',
    '{"a":1}',
    '#sc1',
    '#sc',
    '#scx 1',
    ' #sc1 json',
    '#SC1 json',
    '\n#sc1 ',
    '"#sc1 x"',
    '# comment',
  ])('without our header was written by another program: %j', (text) => {
    expect(parseEnvelope(text)).toStrictEqual({ kind: 'foreign', payload: text })
  })

  test.each(['#sc2 json 1 2 3\n{}', '#sc0 x', '#sc10 ', '#sc11 json 0 - - 0 - 0 -\n{}', '#sc999999999 \n'])(
    'of another version of the format is told as such: %j',
    (text) => {
      expect(parseEnvelope(text)).toStrictEqual({ kind: 'unreadable', reason: 'version' })
    },
  )

  const good = '#sc1 json 1 2 3 4 id 5 tag=6\n{}'
  test.each([
    ['without a payload line', '#sc1 json 1 2 3 4 id 5 tag=6'],
    ['with a field too few', '#sc1 json 1 2 3 4 id 5\n{}'],
    ['with a field too many', '#sc1 json 1 2 3 4 id 5 tag=6 7\n{}'],
    ['without a codec', '#sc1  1 2 3 4 id 5 tag=6\n{}'],
    ['with a wrong time', '#sc1 json x 2 3 4 id 5 tag=6\n{}'],
    ['with a wrong life', '#sc1 json 1 x 3 4 id 5 tag=6\n{}'],
    ['with an empty life', '#sc1 json 1  3 4 id 5 tag=6\n{}'],
    ['with another wrong life', '#sc1 json 1 2 x 4 id 5 tag=6\n{}'],
    ['with a wrong duration', '#sc1 json 1 2 3 x id 5 tag=6\n{}'],
    ['with a wrong t0', '#sc1 json 1 2 3 4 id x tag=6\n{}'],
    ['without tags', '#sc1 json 1 2 3 4 id 5 \n{}'],
    ['with a tag without a t0', '#sc1 json 1 2 3 4 id 5 tag\n{}'],
    ['with a tag with a wrong t0', '#sc1 json 1 2 3 4 id 5 tag=x\n{}'],
    ['with a tag without a name', '#sc1 json 1 2 3 4 id 5 =6\n{}'],
    ['with a tag that cannot be decoded', '#sc1 json 1 2 3 4 id 5 %E0%A4%A=6\n{}'],
    ['with half a list of tags', '#sc1 json 1 2 3 4 id 5 tag=6,\n{}'],
    ['of nothing but our mark', '#sc1 '],
    ['of nothing but our mark and a line end', '#sc1 \n'],
  ])('with our mark but %s is corrupt', (_, text) => {
    expect(parseEnvelope(good).kind).toBe('ours')
    expect(parseEnvelope(text)).toStrictEqual({ kind: 'unreadable', reason: 'corrupt' })
  })

  test('cut off inside the header is never taken for an entry', () => {
    fc.assert(
      fc.property(anyEntry, fc.nat(), (entry, cut) => {
        const written = encodeEnvelope(entry, 'payload')
        const header = written.indexOf('\n')
        const parsed = parseEnvelope(written.slice(0, cut % (header + 1)))
        expect(parsed.kind).not.toBe('ours')
      }),
      { numRuns: 500 * factor },
    )
  })

  test('of any kind never throws', () => {
    const bent = fc
      .tuple(anyEntry, fc.nat(), fc.nat(3), fc.string({ unit: 'binary', maxLength: 3 }))
      .map(([entry, from, length, patch]) => {
        const written = encodeEnvelope(entry, 'payload')
        const at = from % written.length
        return written.slice(0, at) + patch + written.slice(at + length)
      })
    const bytes = fc.uint8Array({ maxLength: 60 }).map((content) => Buffer.from(content).toString('utf8'))
    const afterMark = fc
      .string({ unit: fc.constantFrom(' ', '\n', '-', '=', ',', '%', '1', 'e', 'x', '.', '😀') })
      .map((text) => `#sc1 ${text}`)
    fc.assert(
      fc.property(
        fc.oneof(
          bent,
          bytes,
          bytes.map((text) => `#sc1 ${text}`),
          afterMark,
        ),
        (text) => {
          const parsed = parseEnvelope(text)
          if (parsed.kind !== 'ours') return
          const { createdAt: created, staleAt, deleteAt, computeMs, t0: seen, tags } = parsed.header
          for (const number of [created, staleAt, deleteAt, computeMs, seen, ...tags.map((mark) => mark.t0)]) {
            expect(Number.isNaN(number)).toBe(false)
          }
          expect(text.endsWith(parsed.payload)).toBe(true)
        },
      ),
      { numRuns: 3000 * factor },
    )
  })
})
