// Somebody at the Redis itself, who knows nothing of the cache: `DEL`, `FLUSHALL` and `CLIENT KILL` by a plain client.
import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisServer } from '../support/redis-server.ts'
import type { Random } from '../soak/random.ts'
import { keysWith, reachedBy } from './subjects.ts'
import type { Truth } from './truth.ts'

/**
 * While processes load, a bare `DEL` says nothing about what they are loading: they are told of a key that was there and went, not of one
 * that was absent, and it takes no lease away. So here it is noise, nothing is held against anybody; where it counts, nobody loads: see
 * fuzz.ts. `FLUSHALL` takes leases and the tag clock with it, so that what is being loaded is stored nowhere: it counts always.
 */
export async function meddle(
  { redis, truth, random }: { readonly redis: RedisServer; readonly truth: Truth; readonly random: Random },
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    await sleep(random.between(100, 600))
    const draw = random.next()
    if (draw < 0.55) await redis.cli('DEL', await redis.cli('RANDOMKEY'))
    else if (draw < 0.75) await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    else if (draw < 0.85) await redis.cli('FLUSHALL')
    else await flushAfterChange(redis, truth)
  }
}

export async function flushAfterChange(redis: RedisServer, truth: Truth): Promise<Record<string, number>> {
  const versions = reachedBy(undefined, await truth.change(keysWith()))
  await redis.cli('FLUSHALL')
  await truth.notify({ applied: true, how: 'FLUSHALL', versions })
  return versions
}
