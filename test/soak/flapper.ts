// Makes a Redis server come and go, at random intervals of 0.2 to 3 s that one seed determines.
import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisServer } from '../support/redis-server.ts'
import type { Random } from './random.ts'

/**
 * `killed`: it comes back with its data · `emptied`: it comes back without · `frozen`: its connections stay open, and
 * what was sent meanwhile is done when it thaws.
 */
export type Fault = 'killed' | 'emptied' | 'frozen'

/**
 * With an append-only file, so that a killed server comes back with what was invalidated while it was away. The kernel
 * keeps what was written when the process is killed; nothing is synced to the disk.
 */
export const returnsWithItsData: readonly string[] = ['appendonly yes', 'appendfsync no']

/**
 * Goes on until `isOver`, and resolves when the server answers again after the last fault.
 * @returns how often each happened
 */
export async function flap(redis: RedisServer, random: Random, isOver: () => boolean): Promise<Map<Fault, number>> {
  const counts = new Map<Fault, number>()
  const aWhile = async (): Promise<void> => {
    await sleep(random.between(200, 3000))
  }
  for (;;) {
    await aWhile()
    if (isOver()) return counts
    const draw = random.next()
    const fault = draw < 0.45 ? 'frozen' : draw < 0.85 ? 'killed' : 'emptied'
    counts.set(fault, (counts.get(fault) ?? 0) + 1)
    if (fault === 'frozen') redis.pause()
    else await redis.kill()
    await aWhile()
    if (fault === 'frozen') redis.resume()
    else await redis.restart()
    if (fault === 'emptied') await redis.cli('FLUSHALL')
  }
}
