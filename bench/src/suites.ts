// All suites, in the order in which they are listed.
import type { Suite } from './harness/suite.ts'
import { fleetStampede } from './suites/fleet-stampede.ts'
import { invalidation } from './suites/invalidation.ts'
import { keys } from './suites/keys.ts'
import { l1Hit } from './suites/l1-hit.ts'
import { l2Hit } from './suites/l2-hit.ts'
import { outage } from './suites/outage.ts'
import { stampede } from './suites/stampede.ts'
import { values } from './suites/values.ts'

export const suites: readonly Suite[] = [l1Hit, l2Hit, stampede, fleetStampede, invalidation, values, keys, outage]
