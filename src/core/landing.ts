import type { Entry } from '../contracts/entry.ts'
import type { Served } from './account.ts'
import type { Provenance } from './inherited-tags.ts'
import type { Kept } from './isolation.ts'
import { give, isShared, keep } from './isolation.ts'
import type { Policy } from './policy.ts'
import type { Flight } from './single-flight.ts'
import type { Found } from './found.ts'

// How a call ended: a value to take, and everything there is to say about it.

export interface Landing extends Served {
  readonly provenance: Provenance
  /**
   * A tag was invalidated since the load began: what it brought is only for those who came before. Asked by each when the value is given
   * to it: between the end of a load and its answer there is time for an invalidation, and for somebody to join after it.
   */
  readonly isOvertaken: () => boolean
  /** All passengers may be given `value`; else each takes one of its own. */
  readonly isShared: boolean
  readonly value: unknown
  /** Each passenger's own value. */
  take(): unknown
  /** Knows what those do with it who came while the load ran: they may come until the flight has ended. */
  readonly late: Latecomers | undefined
}

type Latecomers = Pick<Flight<Landing>, 'whenLate'>

/** Those who came after a flight had landed do not count: they are not on it. */
type Passengers = Pick<Flight<unknown>, 'passengers'>

/**
 * An entry that is served.
 * @param take each reader's own value
 * @param cost what its load cost, where the entry came without it
 */
export function servedFrom(
  { entry, source }: Found,
  stale: boolean,
  take: () => unknown,
  cost: number = entry.cost,
  late?: Latecomers,
): Landing {
  const { createdAt, computeMs, clockId, tags, deleteAt } = entry
  const provenance = { clockId, tags, stale, deleteAt }
  return landingOf(source, stale, createdAt, computeMs, cost, provenance, notOvertaken, take, unshared, late)
}

/** What was read was judged when it was read. */
export const notOvertaken = (): boolean => false

/** Each passenger takes a value of its own. */
export const unshared: Pick<Landing, 'isShared' | 'value'> = { isShared: false, value: undefined }

/** The one place where a landing is made, so that all have one shape. */
export function landingOf(
  source: Landing['source'],
  stale: boolean,
  createdAt: number,
  computeMs: number,
  cost: number,
  provenance: Provenance,
  isOvertaken: () => boolean,
  take: () => unknown,
  shared: Pick<Landing, 'isShared' | 'value'>,
  late: Latecomers | undefined,
): Landing {
  const { isShared, value } = shared
  return { source, stale, createdAt, computeMs, cost, provenance, isOvertaken, isShared, value, take, late }
}

/**
 * A value nobody else has, for all passengers of a flight: the only one gets it as it is. Should there be more, each gets a copy, since
 * the first may change it before the second takes it.
 */
export function takeAmong(passengers: Passengers, value: unknown, entry: Entry, policy: Policy): () => unknown {
  if (policy.customCodec) return firstThen(value, () => give(entry, policy))
  if (isShared({ value, immutable: false }, policy)) return () => value
  let template: Kept | undefined
  return () => {
    if (passengers.passengers <= 1) return value
    template ??= keep(value, policy, true)
    return give(template, policy)
  }
}

/** The first to take gets `first`, everybody else a value of their own. */
export function firstThen(first: unknown, more: () => unknown): () => unknown {
  let taken = false
  return () => {
    if (taken) return more()
    taken = true
    return first
  }
}
