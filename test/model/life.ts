// How long a value may be served, as bounds: an entry is made when its loader has ended, or some time while a write is under way, and
// jitter and a stale part shorten its life.
import type { Origin } from './history.ts'
import type { Policy } from './plan.ts'

export interface Life {
  readonly createdFrom: number
  readonly createdTo: number
  /** The earliest and the latest time at which it may become stale. */
  readonly staleFrom: number
  readonly staleTo: number
}

export function lifeOf(origin: Origin, policy: Policy, now: number): Life {
  const { by, startedAt, staleUntil } = origin
  const createdTo = origin.endedAt ?? now
  const createdFrom = by === 'load' ? createdTo : startedAt
  const ttl = by === 'set' ? origin.ttl : policy.ttl
  const shortest = by === 'set' ? ttl : ttl * (1 - policy.jitter)
  return {
    createdFrom,
    createdTo,
    staleFrom: staleUntil === Infinity ? createdFrom + shortest : createdFrom,
    staleTo: Math.min(createdTo + ttl, staleUntil),
  }
}

/** The latest time at which anything of it may be served. */
export function goneAt(origin: Origin, policy: Policy, now: number): number {
  const { staleTo } = lifeOf(origin, policy, now)
  return staleTo + (origin.by === 'set' ? 0 : Math.max(policy.swr, policy.staleIfError))
}
