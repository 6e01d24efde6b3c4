import type { ContractBench, ContractOutcome } from './contract-case.ts'
import { outcome } from './contract-case.ts'
import { expectMiss, expectSame, expectStored, expectTrue } from './expectations.ts'

// B-03 to B-12: what comes back, and what the answers say.

const texts: Readonly<Record<string, string>> = {
  letters: 'plain text',
  JSON: '{"a":[1,2.50,null,"\\u0000"],"b":{"c":1e400}}',
  accents: 'naïve café, Ångström, ﬁ',
  decomposed: 'cafe\u0301',
  'other scripts': 'Ωμέγα 漢字 العربية हिन्दी',
  emoji: '👩‍👩‍👧‍👦 🏴󠁧󠁢󠁳󠁣󠁴󠁿 𝄞',
  NUL: 'a\u0000b\u0000',
  'CR LF': '\r\nline\r\nEND\r\n\r\n',
  controls: '\u0001\u0007\u0008\u001B[31m\u007F\u0085',
  'white space around': '  \t text \n ',
  'white space only': ' ',
  'byte order mark': '\uFEFFtext',
  separators: 'a\u2028b\u2029c',
  noncharacters: '\uFFFD \uFFFE \uFFFF',
  backslashes: 'C:\\temp\\n \\x00 %00 %s $1 ${x}',
  quotes: `'; DROP TABLE cache; -- " \` `,
  'a header of ours': '#sc1 json 1 1 1 1 x 1 a=1\npayload',
  'words for nothing': 'null',
  'another word for nothing': 'undefined',
  'a number': '-0.10',
  'words of a protocol': 'VALUE k 0 3\r\nabc\r\nEND\r\n',
}

/** Any well-formed text. */
function randomText(random: () => number): string {
  let text = ''
  for (let length = 1 + Math.floor(random() * 40); length > 0; length--) {
    const point = Math.floor(random() * (random() < 0.5 ? 0x100 : 0x11_0000))
    if (point < 0xd800 || point > 0xdfff) text += String.fromCodePoint(point)
  }
  // An empty one is a case of its own.
  return text === '' ? 'x' : text
}

/** Characters of one, two, three and four bytes, and no two places alike. */
const longText = (length: number): string =>
  Array.from({ length: length / 10 }, (_, index) => `${index}é漢👍`.padEnd(10, '.'))
    .join('')
    .slice(0, length)

async function comesBack({ backend, key }: ContractBench, all: Readonly<Record<string, string>>): Promise<void> {
  const entries = Object.entries(all).map(([name, text]) => ({ name, text, key: key() }))
  for (const { name, key: at, text } of entries) expectStored(`set of ${name}`, await backend.set(at, text, 60))
  for (const { name, key: at, text } of entries) expectSame(`get of ${name}`, await backend.get(at), text)
}

export const valueOutcomes: readonly ContractOutcome[] = [
  outcome('B-03', 'gives back what was stored, character for character', {}, async (bench) => {
    await comesBack(bench, texts)
    const random: Record<string, string> = {}
    for (let count = 0; count < 40; count++) {
      const text = randomText(bench.random)
      random[JSON.stringify(text)] = text
    }
    await comesBack(bench, random)
  }),

  outcome('B-04', 'keeps an empty text: it is a value', {}, async ({ backend, key }) => {
    const at = key()
    expectStored('set', await backend.set(at, '', 60))
    expectSame('get', await backend.get(at), '')
    expectSame('exists', await backend.exists(at), true)
    expectSame('delete', await backend.delete(at), true)
    expectMiss('get afterwards', await backend.get(at))
  }),

  outcome('B-05', 'keeps long texts whole, or says that it does not', {}, async ({ backend, key }) => {
    for (const length of [10_000, 70_000, 300_000, 3_000_000]) {
      const at = key()
      const old = `before ${length}`
      await backend.set(at, old, 60)
      const text = longText(length)
      let refusal: unknown
      let answer: unknown
      try {
        answer = await backend.set(at, text, 60)
      } catch (error) {
        refusal = error
      }
      if (length <= 70_000 && refusal !== undefined) throw refusal
      const came = await backend.get(at)
      const isStored = answer !== false && refusal === undefined
      if (length <= 70_000) expectStored(`set of ${length} characters`, answer)
      if (isStored) expectSame(`get of ${length} characters`, came, text)
      else if (came !== null && came !== undefined) expectSame('get after a text that was refused', came, old)
    }
  }),

  outcome(
    'B-06',
    'keeps half a character as UTF-8 does, or as it is, and nothing else of the text changes',
    {},
    async ({ backend, key }) => {
      for (const text of ['a\uD83Db', '\uDC00', 'x\uDC00\uD83D', '\uD83D']) {
        const at = key()
        let answer
        try {
          answer = await backend.set(at, text, 60)
        } catch {
          answer = false
        }
        const came = await backend.get(at)
        if (answer === false) expectMiss('get of a text that was refused', came)
        else if (came !== text)
          expectSame('get of half a character', came, text.replaceAll(/[\uD800-\uDFFF]/g, '\uFFFD'))
      }
    },
  ),

  outcome('B-07', 'answers a miss with null or undefined', {}, async ({ backend, key }) => {
    expectMiss('get of a key that was never set', await backend.get(key()))
    const at = key()
    await backend.set(at, 'x', 60)
    await backend.delete(at)
    expectMiss('get of a key that was deleted', await backend.get(at))
  }),

  outcome('B-08', 'says whether a key exists', {}, async ({ backend, key }) => {
    const at = key()
    expectSame('exists of a key that was never set', await backend.exists(at), false)
    await backend.set(at, 'x', 60)
    expectSame('exists of a key that was set', await backend.exists(at), true)
    await backend.delete(at)
    expectSame('exists of a key that was deleted', await backend.exists(at), false)
  }),

  outcome('B-09', 'keeps the last of several values', {}, async ({ backend, key }) => {
    const at = key()
    for (const text of ['first', 'a longer second one', 'b', '', 'last'.repeat(5000), 'end']) {
      expectStored('set', await backend.set(at, text, 60))
      expectSame('get', await backend.get(at), text)
    }
  }),

  outcome('B-10', 'says whether delete deleted something', {}, async ({ backend, key }) => {
    const at = key()
    expectSame('delete of a key that was never set', await backend.delete(at), false)
    await backend.set(at, 'x', 60)
    expectSame('delete of a key that was set', await backend.delete(at), true)
    expectSame('delete of a key that was deleted', await backend.delete(at), false)
  }),

  outcome('B-11', 'deletes one key and leaves the others', {}, async ({ backend, key }) => {
    const [at, longer, other] = [key('a'), key('b'), key('c')]
    for (const one of [at, `${at}:more`, longer, other]) await backend.set(one, one, 60)
    await backend.delete(at)
    expectMiss('get of the deleted key', await backend.get(at))
    for (const one of [`${at}:more`, longer, other]) expectSame('get of another key', await backend.get(one), one)
  }),

  outcome('B-12', 'shows a write to every read after it was answered', {}, async ({ backend, key }) => {
    const at = key()
    for (let round = 0; round < 30; round++) {
      await backend.set(at, `round ${round}`, 60)
      expectSame('get after set', await backend.get(at), `round ${round}`)
      if (round % 3 !== 0) continue
      expectTrue('delete', (await backend.delete(at)) === true, 'true', false)
      expectMiss('get after delete', await backend.get(at))
    }
  }),
]
