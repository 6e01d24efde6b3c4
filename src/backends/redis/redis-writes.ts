import { leaseKeyOf } from './lease-keys.ts'
import { deleteKeys, setKey } from './lease-scripts.ts'
import type { Pushes } from './pushes.ts'
import type { RedisLink } from './redis-link.ts'
import { inFull } from './scripts.ts'
import type { SideConnections } from './side-connections.ts'
import type { WriteLanes } from './write-lanes.ts'

// Sets and deletes: each ends the lease of its key in the same step. Their scripts are sent in full: one that the server does not know would
// be sent twice, and the second time after a later write of the same key.

export interface RedisWritesOptions {
  readonly link: RedisLink
  readonly side: SideConnections
  readonly lanes: WriteLanes
  readonly pushes: Pushes
  /** Bounds a write over the link. A side connection keeps its own deadline: it must be closed before anybody hears that it passed. */
  readonly bounded: <T>(work: Promise<T>, what: string) => Promise<T>
}

export interface RedisWrites {
  set(key: string, value: string, ttl: number): Promise<boolean>
  delete(keys: readonly string[]): Promise<number>
}

/** From here on a value goes beside the link, UTF-16 units: above it everybody else would notice the wait. */
export const largeValue: number = 64 * 1024

/** Keys in one script: each takes microseconds of the server, and nobody else gets any meanwhile. */
const keysPerScript = 500

export function createRedisWrites({ link, side, lanes, pushes, bounded }: RedisWritesOptions): RedisWrites {
  /** Where no script may be run. That it may not touch the lease either is known by then, so how it ends does not matter. */
  const endLeases = async (keys: readonly string[]): Promise<void> => {
    await link.send(['UNLINK', ...keys.map(leaseKeyOf)]).catch(() => {})
  }

  async function setPlainly(
    key: string,
    command: readonly string[],
    to: RedisLink | SideConnections,
  ): Promise<boolean> {
    const ended = endLeases([key])
    if (to !== link) await ended
    return (await to.send(command)) === 'OK'
  }

  async function set(key: string, value: string, ttl: number, to: RedisLink | SideConnections): Promise<boolean> {
    const rest = [value, String(ttl)] as const
    if (!link.runsScripts) return await setPlainly(key, ['SET', key, value, 'EX', String(ttl)], to)
    return Number(await to.send(inFull(setKey, [key, leaseKeyOf(key)], rest))) === 1
  }

  async function deleteChunk(keys: readonly string[]): Promise<number> {
    if (link.runsScripts) {
      const pairs = keys.flatMap((key) => [key, leaseKeyOf(key)])
      return Number(await link.send(inFull(deleteKeys, pairs, [])))
    }
    void endLeases(keys)
    return Number(await link.send(['UNLINK', ...keys]))
  }

  return {
    set: (key, value, ttl) => {
      const isLarge = value.length >= largeValue
      return pushes.announce({
        keys: [key],
        send: isLarge
          ? () => lanes.beside(key, () => set(key, value, ttl, side))
          : () => lanes.onLink([key], () => set(key, value, ttl, link)),
        bound: (sent) => (isLarge ? sent : bounded(sent, 'set')),
      })
    },

    delete: (keys) =>
      pushes.announce({
        keys,
        send: () =>
          lanes.onLink(keys, async () => {
            const chunks: Array<Promise<number>> = []
            for (let from = 0; from < keys.length; from += keysPerScript) {
              chunks.push(deleteChunk(keys.slice(from, from + keysPerScript)))
            }
            return (await Promise.all(chunks)).reduce((sum, count) => sum + count, 0)
          }),
        bound: (sent) => bounded(sent, 'delete'),
      }),
  }
}
