import type { ContractOutcome } from './contract-case.ts'
import { batchOutcomes } from './outcomes-batch.ts'
import { concurrencyOutcomes } from './outcomes-concurrency.ts'
import { keyOutcomes } from './outcomes-keys.ts'
import { leaseEndOutcomes } from './outcomes-lease-ends.ts'
import { leaseOutcomes } from './outcomes-leases.ts'
import { pushOutcomes } from './outcomes-push.ts'
import { scanOutcomes } from './outcomes-scan.ts'
import { shapeOutcomes } from './outcomes-shape.ts'
import { tagOutcomes } from './outcomes-tags.ts'
import { timeOutcomes } from './outcomes-time.ts'
import { valueOutcomes } from './outcomes-values.ts'

/**
 * Everything that is checked of a backend, but B-02, which depends on the capabilities that were named. By number: B-01 shape · B-03 values, answers ·
 * B-13 time · B-17 keys · B-21 concurrency, life, failures · B-30 batch · B-40 tags · B-50 scan · B-60 leases · B-70 what ends them · B-80 push ·
 * B-95 link · B-98 embedded.
 */
export const backendOutcomes: readonly ContractOutcome[] = [
  ...shapeOutcomes,
  ...valueOutcomes,
  ...timeOutcomes,
  ...keyOutcomes,
  ...concurrencyOutcomes,
  ...batchOutcomes,
  ...tagOutcomes,
  ...scanOutcomes,
  ...leaseOutcomes,
  ...leaseEndOutcomes,
  ...pushOutcomes,
].toSorted((a, b) => (a.id < b.id ? -1 : 1))
