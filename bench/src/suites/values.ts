// What a value costs on its way to text, back, and into a caller's own copy; and what 20 readers of a large value cost together.
// Floors: JSON.stringify for encode, JSON.parse for everything else.
import type { Case, Suite } from '../harness/suite.ts'
import { readersSubject } from '../subjects/readers-trial.ts'
import { copiers, transforms } from '../subjects/transforms.ts'
import {
  copySubject,
  decodeFloor,
  decodeSubject,
  encodeFloor,
  encodeSubject,
  type Size,
} from '../subjects/value-trials.ts'

const sizes: readonly Size[] = ['1 KB', '100 KB', '5 MB']

const encode = (size: Size): Case => ({
  name: `encode ${size} / JSON.stringify`,
  floor: encodeFloor(size),
  subjects: transforms.map((one) => encodeSubject(size, one)),
})
const decode = (size: Size): Case => ({
  name: `decode ${size} / JSON.parse`,
  floor: decodeFloor(size),
  subjects: transforms.map((one) => decodeSubject(size, one)),
})
const clone = (size: Size): Case => ({
  name: `clone ${size} / JSON.parse`,
  floor: decodeFloor(size),
  subjects: copiers.map((one) => copySubject(size, one)),
})

export const values: Suite = {
  name: 'values',
  summary: 'encode, decode and clone of OCR documents, against the native JSON functions',
  cases: () => [
    ...sizes.map(encode),
    ...sizes.map(decode),
    ...sizes.map(clone),
    { name: '20 concurrent readers of 5 MB, frozen', floor: decodeFloor('5 MB'), subjects: [readersSubject('frozen')] },
  ],
  targets: [
    { subject: /^speedrun$/, case: /^encode/, unit: 'ns', ratio: 1.3 },
    { subject: /^speedrun$/, case: /^decode/, unit: 'ns', ratio: 1.2 },
    { subject: /^speedrun frozen$/, case: /readers/, unit: 'objects', value: 1 },
  ],
}
