// What an invalidation or a write reaches, and what counts as older than it. Keys reach their own entry; tags, namespaces and `clear` also
// reach what was made from what they cover, by whoever inherits tags.
import type { Barrier, Origin } from './history.ts'
import type { Key } from './plan.ts'

/** Of two writes only one that was over when the other began is older: the store may take concurrent ones in any order. */
export function originsAreOlder(origin: Origin, barrier: Barrier): boolean {
  if (origin.by === 'set') return origin.ended !== undefined && origin.ended < barrier.started
  return origin.started < barrier.started
}

export function reachesValue(barrier: Barrier, origin: Origin, keys: readonly Key[]): boolean {
  if (originsAreOlder(origin, barrier) && (barrier.keys.includes(origin.key) || reachesUp(barrier, origin, keys))) {
    return true
  }
  return reachesParts(barrier, origin, keys)
}

function reachesParts(barrier: Barrier, { parts }: Origin, keys: readonly Key[]): boolean {
  return parts.some(
    (part) => (originsAreOlder(part, barrier) && reachesUp(barrier, part, keys)) || reachesParts(barrier, part, keys),
  )
}

function reachesUp({ everything, inside, tags }: Barrier, origin: Origin, keys: readonly Key[]): boolean {
  if (everything || (inside && keys[origin.key]?.inside === true)) return true
  return tags.some((tag) => origin.tags.includes(tag))
}

/**
 * Tags that come from a result are not known of a failure: any ends it. What another manager says of tags does not keep callers from
 * joining a load that fails: a failure is no old value.
 */
export function reachesFailure(barrier: Barrier, run: Origin, keys: readonly Key[]): boolean {
  if (barrier.byOther && !barrier.everything && barrier.keys.length === 0) return false
  if (barrier.keys.includes(run.key) || reachesUp(barrier, run, keys)) return true
  return barrier.tags.length > 0 && keys[run.key]?.policy.tags === 'result'
}
