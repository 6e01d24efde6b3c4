// How `keys` measures: arguments of one kind, each a different value, one after the other.
import { randomNumbers } from '../documents.ts'
import { type Subject, type Trial, trial } from '../harness/suite.ts'
import { type ArgumentKind, floorMaker, type KeyMaker } from './key-makers.ts'

const makers: Readonly<Record<ArgumentKind, { readonly count: number; readonly make: (seed: number) => unknown }>> = {
  'short string': { count: 1000, make: (seed) => `document-${seed}` },
  number: { count: 1000, make: (seed) => seed * 17 },
  'object of 5 fields': {
    count: 256,
    make: (seed) => ({
      tenant: 'acme',
      document: `document-${seed}`,
      page: seed,
      draft: seed % 2 === 0,
      language: 'deu',
    }),
  },
  'nested options': {
    count: 256,
    make: (seed) => ({
      model: { name: 'layout', version: seed, options: { threshold: 0.75, classes: ['table', 'figure', 'text'] } },
      pages: [1, 2, 3, seed],
      output: { format: 'json', include: { words: true, boxes: true, confidence: null }, language: 'deu' },
    }),
  },
  '100 KB buffer': {
    count: 8,
    make: (seed) => {
      const random = randomNumbers(seed)
      return Buffer.from(Uint8Array.from({ length: 100_000 }, () => Math.floor(random() * 256)))
    },
  },
  'Map and Date': {
    count: 256,
    make: (seed) => ({
      since: new Date(1.7e12 + seed * 1000),
      weights: new Map<string, number>([
        ['ocr', seed],
        ['layout', 0.5],
        ['forgery', 2],
      ]),
    }),
  },
}

export const argumentKinds = Object.keys(makers) as readonly ArgumentKind[]

export function keySubject(kind: ArgumentKind, { name, not = [], open }: KeyMaker): Subject[] {
  return not.includes(kind) ? [] : [{ name, open: async () => keyTrial(kind, await open(), true) }]
}

export function keyFloor(kind: ArgumentKind): Subject {
  return { name: 'floor', open: () => keyTrial(kind, floorMaker(kind), kind !== 'Map and Date') }
}

/** @param distinguishes `false` for a floor that is not a key: a Map is `{}` for JSON */
function keyTrial(kind: ArgumentKind, makeKey: (argument: never) => string, distinguishes: boolean): Trial {
  const { count, make } = makers[kind]
  const all = Array.from({ length: count }, (_, index) => make(index + 1))
  return trial<unknown>({
    awaits: false,
    inputs: (wanted) => Array.from({ length: wanted }, (_, index) => all[index % count]),
    call: makeKey as (argument: unknown) => string,
    check: () => {
      const keys = all.map((argument) => makeKey(argument as never))
      const again = all.map((_, index) => makeKey(make(index + 1) as never))
      if (keys.some((key, index) => typeof key !== 'string' || key !== again[index])) {
        throw new Error('equal arguments have different keys')
      }
      if (distinguishes && new Set(keys).size !== count) throw new Error('different arguments have the same key')
    },
  })
}
