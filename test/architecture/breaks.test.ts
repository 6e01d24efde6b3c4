// Every deliberate break of the library fits the source as it is. Most of them are tried by the long runs only, and one that has come to fit
// nothing would not be missed until then.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../../scripts/project.mjs'
import { mutants as ofFleet } from '../fleet/mutants.ts'
import { mutants as ofModel } from '../model/mutants.ts'
import { mutants as ofSimulation } from '../simulation/mutants.ts'
import type { Edit } from '../support/broken-source.ts'

const all: ReadonlyArray<{ readonly what: string; readonly edits: readonly Edit[] }> = [
  ...ofModel.map((one) => ({ ...one, what: `model: ${one.what}` })),
  ...ofFleet.map((one) => ({ ...one, what: `fleet: ${one.what}` })),
  ...ofSimulation.map((one) => ({ ...one, what: `simulation: ${one.what}` })),
]

test.each(all)('$what', ({ edits }) => {
  const texts = new Map<string, string>()
  for (const { file, find, replace } of edits) {
    const text = texts.get(file) ?? readFileSync(join(root, 'src', file), 'utf8')
    expect(text, file).toContain(find)
    texts.set(
      file,
      text.replace(find, () => replace),
    )
  }
})

test('there are as many as there should be', () => {
  expect(all.length).toBeGreaterThan(80)
  expect(new Set(all.map(({ what }) => what)).size).toBe(all.length)
})
