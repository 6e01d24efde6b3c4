// Whoever can write to the store can write any text under a key. Reading one gives a value that the codec could have written, or
// CACHE_CORRUPT_ENTRY, and nothing else. TEST_PROPERTY_FACTOR multiplies the runs.
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { jsonCodec } from '../../src/codecs/json.ts'
import { cloneWith } from '../../src/support/clone-plan.ts'
import { isCacheError } from '../../src/support/errors.ts'
import { adopt, copyValue } from '../../src/support/values.ts'

const factor = Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)

const corrupt = Symbol('corrupt')

/** The value, or `corrupt`; anything else that is thrown fails the test. */
function read(text: string): unknown {
  try {
    return jsonCodec.decode(text)
  } catch (error) {
    expect(isCacheError(error, 'CACHE_CORRUPT_ENTRY')).toBe(true)
    // What was read is data: neither the message nor a cause quotes it.
    expect((error as Error).cause).toBeUndefined()
    if (text.length > 3) expect((error as Error).message).not.toContain(text.slice(0, 10))
    return corrupt
  }
}

const prototypes = [Object.prototype, Array.prototype, Map.prototype, Set.prototype, Date.prototype]
const keysBefore = prototypes.map((prototype) => Reflect.ownKeys(prototype).length)
afterEach(() => {
  expect(prototypes.map((prototype) => Reflect.ownKeys(prototype).length)).toStrictEqual(keysBefore)
  expect(({} as { readonly polluted?: unknown }).polluted).toBeUndefined()
})

/** Whether everything that is done with a value afterwards works: it is kept, copied and written. */
function expectUsable(value: unknown): void {
  const text = jsonCodec.encode(value)
  const copied = copyValue(value, false)
  expect(jsonCodec.encode(copied.value)).toBe(text)
  const kept = adopt(value, false)
  expect(jsonCodec.encode(cloneWith(kept.plan, kept.value))).toBe(text)
  expect(jsonCodec.encode(jsonCodec.decode(text))).toBe(text)
}

const b64 = (bytes: number): string => Buffer.alloc(bytes, 0xab).toString('base64')

test.each<[string, string]>([
  ['nothing', ''],
  ['NaN as Python writes it', '{"a":NaN}'],
  ['Infinity as Python writes it', '[Infinity]'],
  ['-Infinity as Python writes it', '-Infinity'],
  ['undefined', 'undefined'],
  ['single quotes', "{'a':1}"],
  ['a comment', '{/**/}'],
  ['a trailing comma', '[1,]'],
  ['a byte order mark', '\ufeff{}'],
  ['a zero byte', '\u0000'],
  ['two texts', '{}{}'],
  ['a tag nobody knows', '!["$x"]'],
  ['a tag of another release', '!{"a":["$later",1]}'],
  ['a tag that is inherited', '!["$__proto__"]'],
  ['undefined with something', '!["$u",1]'],
  ['a hole with something', '![["$h",1]]'],
  ['a hole in a Set', '!["$s",["$h"]]'],
  ['a bigint of a number', '!["$n",1]'],
  ['a bigint of nothing', '!["$n"]'],
  ['a bigint of an empty text', '!["$n",""]'],
  ['a bigint of spaces', '!["$n"," 1"]'],
  ['a bigint of a hexadecimal text', '!["$n","0x10"]'],
  ['a bigint of minus zero', '!["$n","-0"]'],
  ['a bigint of leading zeros', '!["$n","007"]'],
  ['a bigint of a fraction', '!["$n","1.5"]'],
  ['a bigint and more', '!["$n","1","2"]'],
  ['a number that JSON keeps', '!["$f","1"]'],
  ['a number of an empty text', '!["$f",""]'],
  ['a number of null', '!["$f",null]'],
  ['a number and more', '!["$f","NaN",1]'],
  ['a date of text', '!["$d","2020-01-01"]'],
  ['a date of true', '!["$d",true]'],
  ['a date of nothing', '!["$d"]'],
  ['a date of a tag', '!["$d",["$f","NaN"]]'],
  ['a date beyond the last', '!["$d",8640000000000001]'],
  ['a date before the first', '!["$d",-8640000000000001]'],
  ['a date of a huge number', '!["$d",1e308]'],
  ['a date of infinity', '!["$d",1e999]'],
  ['a date between milliseconds', '!["$d",1.5]'],
  ['a date and more', '!["$d",1,2]'],
  ['a url of nothing', '!["$url"]'],
  ['a url of letters', '!["$url","nope"]'],
  ['a url of an array', '!["$url",["http://a/"]]'],
  ['a url and its base', '!["$url","b","http://a/"]'],
  ['an odd pair count in a Map', '!["$m","a"]'],
  ['an odd pair count of three', '!["$m","a",1,"b"]'],
  ['an odd pair count in an object', '!["$o","a"]'],
  ['an object with a key of null', '!["$o",null,1]'],
  ['an object with a key of a tag', '!["$o",["$u"],1]'],
  ['bytes of nothing', '!["$b"]'],
  ['bytes without bytes', '!["$b","Buffer"]'],
  ['bytes and more', '!["$b","Buffer","AA==",1]'],
  ['three bytes as doubles', `!["$b","Float64Array","${b64(3)}"]`],
  ['seven bytes as bigints', `!["$b","BigInt64Array","${b64(7)}"]`],
  ['one byte as shorts', `!["$b","Uint16Array","${b64(1)}"]`],
  ['bytes of an unknown class', `!["$b","Float16Array","${b64(8)}"]`],
  ['bytes of a function', `!["$b","constructor","${b64(8)}"]`],
  ['bytes of shared memory', `!["$b","SharedArrayBuffer","${b64(8)}"]`],
  ['bytes of a length', '!["$b","ArrayBuffer",1e9]'],
  ['bytes of letters that are not base64', '!["$b","Buffer","????"]'],
  ['bytes of half a base64', '!["$b","Buffer","AAA"]'],
  ['bytes of spaces', '!["$b","Buffer"," AAA"]'],
])('%s is refused', (_, text) => {
  expect(read(text)).toBe(corrupt)
})

describe('nesting', () => {
  // The last is how many levels the value has below the innermost one.
  const forms: ReadonlyArray<readonly [string, string, string, number]> = [
    ['arrays', '[', ']', 0],
    ['arrays with a neighbour before', '[1,[],', ']', 1],
    ['arrays with a neighbour after', '[', ',{"a":1}]', 1],
    ['objects', '{"a":', '}', 0],
    ['objects with neighbours', '{"b":[1],"a":', ',"c":{}}', 1],
    ['white space', ' [\n\t', '\n] ', 0],
    ['texts with brackets', '["]]]}\\"]\\\\",', ',"\\\\\\"[[{"]', 0],
  ]
  test.each(forms)('of plain %s is read up to 500 levels and no deeper', (_, open, close, more) => {
    for (const [levels, fine] of [[1, true], [499, true], [500, more === 0], [501, false], [5000, false], [100_000, false]] as const) {
      const value = read(`${open.repeat(levels)}1${close.repeat(levels)}`)
      expect(value === corrupt).toBe(!fine)
      if (value !== corrupt) expectUsable(value)
    }
  }) // prettier-ignore

  test.each<[string, string, string, string]>([
    ['arrays', '[', '["$u"]', ']'],
    ['arrays that begin like tags', '["$","$x",', '["$n","1"]', ']'],
    ['sets', '["$s",', '["$f","NaN"]', ']'],
    ['maps', '["$m","a",', '["$u"]', ']'],
    ['maps as keys', '["$m",', '["$u"]', ',1]'],
    ['objects', '{"a":', '["$u"]', '}'],
    ['objects with toJSON', '["$o","toJSON",', '["$u"]', ']'],
  ])('of tagged %s is read up to 500 levels and no deeper', (_, open, middle, close) => {
    for (const [levels, fine] of [[1, true], [500, true], [501, false], [20_000, false]] as const) {
      const value = read(`!${open.repeat(levels)}${middle}${close.repeat(levels)}`)
      expect(value === corrupt).toBe(!fine)
      if (value !== corrupt) expectUsable(value)
    }
    // A date is an object, and so a level.
    expect(read(`!${open.repeat(500)}["$d",1]${close.repeat(500)}`)).toBe(corrupt)
    expect(read(`!${open.repeat(499)}["$d",1]${close.repeat(499)}`)).not.toBe(corrupt)
  }) // prettier-ignore

  test('is not what many brackets in one text are, nor many short values', () => {
    for (const value of [
      '['.repeat(5000),
      { [`"${'{'.repeat(5000)}`]: '\\' },
      Array.from({ length: 5000 }, () => [{}]),
    ])
      expect(read(JSON.stringify(value))).toStrictEqual(value)
  })

  test('that never ends is refused', () => {
    for (const text of ['[', '{"a":', '["', '["\\', '!["$s",', '!{"a":'])
      expect(read(text.repeat(100_000))).toBe(corrupt)
  })
})

test('a key of a prototype is an ordinary key, in plain and tagged form, and stays one in every copy', () => {
  for (const text of [
    '{"__proto__":{"polluted":1}}',
    '{"__proto__":{"__proto__":{"polluted":1}},"a":[{"__proto__":[{"polluted":1}]}]}',
    '!{"__proto__":{"polluted":1},"u":["$u"]}',
    '!["$o","toJSON",["$u"],"__proto__",{"polluted":1}]',
    '!["$m",{"__proto__":{"polluted":1}},["$s",{"__proto__":{"polluted":1}}]]',
    '{"constructor":{"prototype":{"polluted":1}}}',
    '!{"constructor":{"prototype":{"polluted":["$u"]}}}',
  ]) {
    const value = read(text) as object
    const kept = copyValue(value, false)
    const frozen = copyValue(value, true)
    const copies = [value, kept.value, cloneWith(kept.plan, kept.value), cloneWith(frozen.plan, frozen.value)] as object[]
    for (const copy of copies) {
      expect(jsonCodec.encode(copy)).toBe(text)
      if (copy instanceof Map) continue
      expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
      expect(Object.hasOwn(copy, text.includes('constructor') ? 'constructor' : '__proto__')).toBe(true)
      expect('polluted' in copy).toBe(false)
    }
  }
}) // prettier-ignore

test('a key that other code put on Object.prototype is in no text and spoils none', () => {
  const text = JSON.stringify(Array.from({ length: 500 }, (_, index) => ({ index })))
  const other = { at: new Date(0) }
  let encoded: string
  let decoded: unknown
  try {
    // It inherits itself, without end.
    Object.defineProperty(Object.prototype, 'other', { value: other, enumerable: true, configurable: true })
    encoded = jsonCodec.encode({ a: [{}] })
    decoded = jsonCodec.decode(text)
  } finally {
    Reflect.deleteProperty(Object.prototype, 'other')
  }
  expect(encoded).toBe('{"a":[{}]}')
  expect(JSON.stringify(decoded)).toBe(text)
})

describe('any text', () => {
  const tag = fc.constantFrom('$', '$u', '$n', '$f', '$d', '$url', '$m', '$s', '$o', '$b', '$h', '$x', '__proto__')
  const word = fc.constantFrom<unknown>(
    'Buffer', 'Float64Array', 'DataView', 'AAAA', 'AAAAAAAAAAA=', '1', '-0', 'NaN', 'http://a/', '', 0, 1, -1.5, 1e300, null, true, 'toJSON',
  ) // prettier-ignore
  const { tagged } = fc.letrec<{ tagged: unknown }>((tie) => ({
    tagged: fc.oneof(
      { maxDepth: 4 },
      { weight: 3, arbitrary: fc.oneof(tag, word) },
      { weight: 3, arbitrary: fc.tuple(tag, fc.array(tie('tagged'), { maxLength: 4 })).map(([first, rest]) => [first, ...rest]) },
      fc.array(tie('tagged'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom('a', '__proto__', 'toJSON', '$u', ''), tie('tagged'), { maxKeys: 3 }),
    ),
  })) // prettier-ignore
  // What the codec itself wrote, of values with every kind in them.
  const written = fc
    .array(
      fc.constantFrom<unknown>(
        { a: [1, 'b', null] }, [undefined], new Date(5), new Date(Number.NaN), -0, 10n, new Map<unknown, unknown>([[{ a: 1 }, 1n], ['k', [[]]]]),
        new Set([1, new Set()]), new URL('http://a/b?c'), Buffer.from('hello'), new Float64Array([1.5]), new DataView(new ArrayBuffer(3)),
        new Array(2), ['$u'], { toJSON: [1] }, '\ud800"\\[{',
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((value) => jsonCodec.encode(value)) // prettier-ignore
  const changed = fc
    .tuple(written, fc.nat(), fc.nat(3), fc.oneof(fc.string({ unit: 'binary', maxLength: 2 }), fc.constantFrom('"', '[', ']', '$', ',', '{', '0', '\\')))
    .map(([text, from, length, patch]) => {
      const at = from % (text.length + 1)
      return text.slice(0, at) + patch + text.slice(at + length)
    }) // prettier-ignore
  const cut = fc.tuple(written, fc.nat()).map(([text, at]) => text.slice(0, at % text.length))

  test.each<[string, fc.Arbitrary<string>, number]>([
    ['random', fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }).map((text) => `!${text}`), fc.json()), 50],
    ['random bytes', fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')), 0],
    ['made of tags', tagged.map((value) => `!${JSON.stringify(value)}`), 100],
    ['of ours, changed', changed, 100],
    ['of ours, cut off', cut, 0],
  ])('%s is a value that can be used, or corrupt', (_, texts, enough) => {
    let values = 0
    let refused = 0
    fc.assert(
      fc.property(texts, (text) => {
        const value = read(text)
        if (value === corrupt) refused++
        else {
          values++
          expectUsable(value)
        }
      }),
      { numRuns: 1500 * factor },
    )
    expect(values).toBeGreaterThanOrEqual(enough * factor)
    expect(refused).toBeGreaterThan(100 * factor)
  }) // prettier-ignore
})
