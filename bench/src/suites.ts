// All suites, in the order in which they are listed.
import type { Suite } from './harness/suite.ts'
import { keys } from './suites/keys.ts'
import { l1Hit } from './suites/l1-hit.ts'
import { outage } from './suites/outage.ts'
import { stampede } from './suites/stampede.ts'
import { values } from './suites/values.ts'

export const suites: readonly Suite[] = [l1Hit, stampede, values, keys, outage]
