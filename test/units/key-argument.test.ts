// A single argument reads in a key as a text, and a text names one argument: exact inverses. A text that named two arguments, or an
// argument found under another text than it is written as, would be one caller reading another's entry.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deriveKey } from '../../src/core/key-encoding.ts'
import { argumentOf, argumentText } from '../../src/support/key-argument.ts'
import { anyValue, leaf, numbers, texts } from './key-pairs.ts'

const alphabet = '09.-+eEnNaItrufls~\'"@=/,_:({% '.split('')
const pieces = [
  '0', '00', '1', '5', '-', '-0', '+1', '.5', '5.', '1e', 'e5', '1e21', '1e+21', '1e-7', '0x1F', '0b1', '0o7', '1_000', '5n', '-5n', 'n', 'NaN',
  'Infinity', '-Infinity', 'true', 'false', 'null', 'undefined', '9007199254740993', '0.1', '1.7976931348623157e+308', '1e309', '5e-324', "'",
  "''", '~', ' ', '\n', '٥', '\u00a0', '\ud800', 'abc', 'e3b0c44298fc1c149afbf4c8996fb924', 'a'.repeat(127), '1'.repeat(127),
] // prettier-ignore

const adversarial = fc.oneof(
  fc.constantFrom(...texts, ...pieces),
  fc.array(fc.constantFrom(...alphabet), { maxLength: 6 }).map((chars) => chars.join('')),
  fc.array(fc.constantFrom(...pieces), { maxLength: 3 }).map((parts) => parts.join('')),
  fc.oneof(fc.double(), fc.integer(), fc.bigInt(), fc.boolean()).map(String),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({ maxLength: 135 }),
).chain((text) => fc.constantFrom(text, `'${text}'`, `'${text}`, `${text}'`, `''${text}''`)) // prettier-ignore
const argument = fc.oneof(
  adversarial,
  fc.constantFrom<unknown>(...numbers),
  fc.double(),
  fc.integer(),
  fc.nat(20),
  leaf,
  anyValue,
)

const runs = 20_000 * Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)

describe('the text of an argument and the argument of a text', () => {
  test('are exact inverses for every argument that has a text', () => {
    let withText = 0
    fc.assert(
      fc.property(argument, (arg) => {
        const text = argumentText(arg)
        if (text === undefined) return
        withText += 1
        expect(argumentOf(text)).toBe(arg)
        expect(deriveKey('p:n', undefined, [arg])).toBe(`p:n:${text}`)
      }),
      { numRuns: runs },
    )
    expect(withText).toBeGreaterThan(runs / 5)
  })

  test('are exact inverses for every text that names an argument', () => {
    let named = 0
    fc.assert(
      fc.property(adversarial, (text) => {
        const arg = argumentOf(text)
        if (arg === undefined) return
        named += 1
        expect(argumentText(arg)).toBe(text)
      }),
      { numRuns: runs },
    )
    expect(named).toBeGreaterThan(runs / 20)
  })

  test('are inverses for all texts of up to three dangerous characters', () => {
    const all = ['', ...alphabet, ...alphabet.flatMap((a) => alphabet.flatMap((b) => [a + b, ...alphabet.map((c) => a + b + c)]))]
    const byText = new Map<string, unknown>()
    const named: unknown[] = []
    for (const text of all) {
      const own = argumentText(text)
      if (own !== undefined) {
        if (argumentOf(own) !== text) expect(argumentOf(own)).toBe(text)
        byText.set(own, text)
      }
      const arg = argumentOf(text)
      if (arg !== undefined) {
        if (argumentText(arg) !== text) expect(argumentText(arg)).toBe(text)
        named.push(arg)
      }
    }
    expect(byText.size).toBeGreaterThan(5_000)
    expect(new Set(named).size).toBe(named.length)
  }) // prettier-ignore

  test.each<[string, string | number]>([
    ['5', 5],
    ["'5'", '5'],
    ['05', '05'],
    ['-0', '-0'],
    ['-1.5', -1.5],
    ['1e+21', 1e21],
    ["'1e+21'", '1e+21'],
    ['1e21', '1e21'],
    ['5e-324', 5e-324],
    ['abc', 'abc'],
    ["'true'", 'true'],
    ["'NaN'", 'NaN'],
    ["'Infinity'", 'Infinity'],
    ["'5n'", '5n'],
    ['null', 'null'],
    ['undefined', 'undefined'],
    ['9007199254740993', '9007199254740993'],
    ['a'.repeat(128), 'a'.repeat(128)],
  ])('%s names one argument', (text, arg) => {
    expect(argumentOf(text)).toBe(arg)
    expect(argumentText(arg)).toBe(text)
  })

  test.each([
    '',
    "'",
    "''",
    "'''",
    "'abc'",
    "'5",
    "5'",
    "''5''",
    'true',
    'false',
    '5n',
    '-5n',
    'NaN',
    'Infinity',
    '-Infinity',
    'a b',
    'a:b',
    '(a)',
    'é',
    '5\n',
    ' 5',
    '\ud800',
    'a'.repeat(129),
    `'${'1'.repeat(129)}'`,
    deriveKey('p:n', undefined, ['a', 'b']).slice('p:n:'.length),
  ])('%j names no argument', (text) => {
    expect(argumentOf(text)).toBeUndefined()
  })

  test.each<unknown>([undefined, null, true, 1n, -0, Number.NaN, Infinity, '', 'a b', "'", '~', {}, [], ['a'], Object('a'), 'a'.repeat(129)])(
    '%s has no text: it is hashed',
    (arg) => {
      expect(argumentText(arg)).toBeUndefined()
    },
  ) // prettier-ignore
})
