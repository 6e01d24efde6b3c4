// Deriving a key from arguments, without a call. The floor is JSON.stringify of the arguments, which is not yet a key (it loses
// what JSON cannot say and depends on the order of properties); for bytes, one SHA-256 of them.
import type { Suite } from '../harness/suite.ts'
import { keyMakers } from '../subjects/key-makers.ts'
import { argumentKinds, keyFloor, keySubject } from '../subjects/key-trial.ts'

export const keys: Suite = {
  name: 'keys',
  summary: 'a key from arguments, against JSON.stringify and SHA-256',
  cases: () =>
    argumentKinds.map((kind) => ({
      name: `key of ${kind} / ${kind === '100 KB buffer' ? 'SHA-256' : 'JSON.stringify'}`,
      floor: keyFloor(kind),
      subjects: keyMakers.flatMap((maker) => keySubject(kind, maker)),
    })),
  targets: [],
}
