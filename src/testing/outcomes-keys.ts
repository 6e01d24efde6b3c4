import type { ContractOutcome } from './contract-case.ts'
import { outcome } from './contract-case.ts'
import { expectMiss, expectSame, expectStored } from './expectations.ts'

// B-17 to B-20: keys are data. A cache hands over any well-formed text of 1 to 4096 characters without control characters that does not end in
// `#l` or `#t`; none may reach another's entry or the store's own.

/** Each stands beside some other that a careless store takes for the same, or for a command. */
const hostile = [
  'a', 'A', 'a ', ' a', 'a  b', 'a b', 'á', 'a\u0301', 'ａ',
  '*', '?', '[a]', '[^a]', '%', '_', 'a%', 'a_', '\\', '\\*', '\\\\',
  `'`, `''`, '"', '`', `'; DROP TABLE cache; --`, `' OR '1'='1`, '$(id)', '${x}', '{{x}}', '<b>',
  '{', '}', '{}', '{a}', 'a{b}c', 'a{}b', 'a}b', '{a}{b}', '#', '#l#', 'a#t#b', 'l#', '#lock',
  '..', '../../etc/passwd', '/', '//', './a', 'a/b', 'a%2Fb', 'a?b=c&d', 'a&d', 'a;b', 'a|b', 'a,b', '(a,b)', '[a,b]',
  '0', '00', '-0', '0x0', '1e3', '1000', 'true', 'null', 'undefined', 'NaN', '~', '\u00A0', '\u200B', '\uFEFF', '漢字', '👍', '👍🏽',
] // prettier-ignore

/** What an object, a file system or a store has under such names already. */
const memberNames = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'valueOf',
  'length',
  'prototype',
  'get',
  'keys',
  'index',
  'default',
]

export const keyOutcomes: readonly ContractOutcome[] = [
  outcome('B-17', 'keeps every key apart from every other, whatever is in it', {}, async ({ backend, key }) => {
    const stem = key()
    const keys = hostile.map((name) => `${stem}${name}`)
    for (const at of keys) expectStored(`set of ${JSON.stringify(at)}`, await backend.set(at, `value of ${at}`, 60))
    for (const at of keys) expectSame(`get of ${JSON.stringify(at)}`, await backend.get(at), `value of ${at}`)
    // Each second one goes, and takes nobody along.
    for (const [index, at] of keys.entries()) {
      if (index % 2 === 0) expectSame(`delete of ${JSON.stringify(at)}`, await backend.delete(at), true)
    }
    for (const [index, at] of keys.entries()) {
      const came = await backend.get(at)
      if (index % 2 === 0) expectMiss(`get of ${JSON.stringify(at)} once it was deleted`, came)
      else expectSame(`get of ${JSON.stringify(at)} once others were deleted`, came, `value of ${at}`)
      expectSame(`exists of ${JSON.stringify(at)}`, await backend.exists(at), index % 2 !== 0)
    }
  }),

  outcome(
    'B-18',
    'has no entries that nobody set: names of object members are keys like others',
    {},
    async ({ backend, key }) => {
      const stem = key()
      for (const name of memberNames) {
        expectMiss(`get of ${stem}${name}`, await backend.get(`${stem}${name}`))
        // Alone it may have been left by somebody, if the store is shared.
        await backend.delete(name)
        expectMiss(`get of ${name}`, await backend.get(name))
        expectSame(`exists of ${name}`, await backend.exists(name), false)
        expectStored(`set of ${name}`, await backend.set(name, name, 60))
        expectSame(`get of ${name}`, await backend.get(name), name)
        expectSame(`delete of ${name}`, await backend.delete(name), true)
        expectMiss(`get of ${name} afterwards`, await backend.get(name))
      }
    },
  ),

  outcome(
    'B-19',
    'takes keys of up to 4096 characters, and compares them to the last',
    {},
    async ({ backend, key }) => {
      const stem = key()
      const keys = [249, 250, 251, 255, 256, 512, 2704, 4096].flatMap((length) =>
        ['x', 'é', '漢'].flatMap((filling) => {
          const body = stem + filling.repeat(length - stem.length - 1)
          return [`${body}1`, `${body}2`]
        }),
      )
      for (const at of keys)
        expectStored(`set of a key of ${at.length} characters`, await backend.set(at, at.slice(-300), 60))
      for (const at of keys)
        expectSame(`get of a key of ${at.length} characters`, await backend.get(at), at.slice(-300))
      for (const [index, at] of keys.entries()) {
        if (index % 2 === 0) expectSame(`delete of a key of ${at.length} characters`, await backend.delete(at), true)
      }
      for (const [index, at] of keys.entries()) {
        expectSame(`exists of a key of ${at.length} characters`, await backend.exists(at), index % 2 !== 0)
      }
    },
  ),

  outcome(
    'B-20',
    'runs nothing that is written in a key: control characters are refused, or data',
    {},
    async ({ backend, key }) => {
      const victim = key('victim')
      await backend.set(victim, 'mine', 60)
      const stem = key()
      for (const attack of [
        `${stem}\r\nset ${victim} 0 0 3\r\nbad\r\n`,
        `${stem}\r\nSET ${victim} bad\r\n`,
        `${stem} 0 0 3\r\nbad\r\ndelete ${victim}\r\n`,
        `${stem}\u0000`,
        `${stem}\n`,
        `${stem}\t`,
        `${stem}\u001B\u007F`,
      ]) {
        try {
          if ((await backend.set(attack, `value of ${attack}`, 60)) !== false) {
            expectSame(`get of ${JSON.stringify(attack)}`, await backend.get(attack), `value of ${attack}`)
          }
        } catch (error) {
          if ((error as Error).name === 'ContractViolation') throw error
        }
        expectSame('get of another key afterwards', await backend.get(victim), 'mine')
        expectMiss('get of the key without its last characters', await backend.get(stem))
      }
    },
  ),
]
