// Writes of one key on Redis: as many at once as one likes, and the last one wins, whichever connection carried it.
import { afterEach, expect, test } from 'vitest'
import { WriteLanes } from '../../src/backends/redis/write-lanes.ts'
import type { CacheManager } from '../../src/index.ts'
import { createCache, RedisBackend } from '../../src/index.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { until } from '../support/gate.ts'
import { startRedis } from '../support/redis-server.ts'

const managers: CacheManager[] = []
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close()
})

/** Repeatable: a linear congruential generator, constants of Numerical Recipes. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return Math.floor((state / 2 ** 32) * below)
  }
}

test('five hundred sets of one key are a few round trips, not five hundred', async () => {
  await using redis = await startRedis()
  await using proxy = await startFaultProxy(redis)
  const manager = createCache({ url: proxy.url, budget: '10s', logLevel: 'silent' })
  managers.push(manager)
  await manager.init()
  await until('it is connected', async () => (await manager.healthReport()).status === 'connected')
  // One after the other they would take twenty seconds, and the budget is ten.
  proxy.slow(20)
  const stored = await Promise.all(Array.from({ length: 500 }, (_, index) => manager.setValue('k', index)))
  expect(stored.filter((one) => !one)).toEqual([])
  expect(await manager.getValue('k')).toBe(499)
  expect(await manager.delete('k')).toBe('applied')
  expect(await manager.getValue('k')).toBeUndefined()
})

test('the last write of a key wins: small ones on the link, large ones beside it, deletes', async () => {
  await using redis = await startRedis()
  const backend = new RedisBackend({ url: redis.url })
  await backend.connect()
  try {
    for (let seed = 1; seed <= 40; seed++) {
      const random = randomOf(seed)
      const keys = [`a${seed}`, `b${seed}`]
      const last = new Map<string, string | null>()
      const writes: Promise<unknown>[] = []
      for (let write = 0; write < 30; write++) {
        const key = keys[random(2)] as string
        const kind = random(4)
        if (kind === 3) {
          const both = random(2) === 0 ? keys : [key]
          for (const one of both) last.set(one, null)
          writes.push(Promise.resolve(backend.batch.delete(both)))
        } else {
          const value = `${write} `.padEnd(kind === 0 ? 200_000 : 10, 'x')
          last.set(key, value)
          writes.push(backend.set(key, value, 100))
        }
        // Some answers come in between.
        if (random(5) === 0) await Promise.race(writes)
      }
      await Promise.all(writes)
      for (const [key, value] of last)
        expect([seed, key, (await backend.get(key)) === value]).toEqual([seed, key, true])
    }
  } finally {
    await backend.close()
  }
})

test('nothing passes a write that waits, in whatever turn it comes', async () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = randomOf(seed)
    const lanes = new WriteLanes()
    const order: number[] = []
    const all: Promise<unknown>[] = []
    let open = 0
    let answers = Promise.resolve()
    for (let write = 0; write < 12; write++) {
      const takes = random(6)
      if (random(3) === 0) {
        all.push(
          lanes.beside('k', async () => {
            // Alone: nothing of this key is under way anywhere.
            expect(open).toBe(0)
            open++
            for (let turn = 0; turn < takes; turn++) await undefined
            order.push(write)
            open--
            if (random(4) === 0) throw new Error('failed')
          }),
        )
      } else {
        // The link takes effect in the order of sending; its answers come later, in that order.
        all.push(
          lanes.onLink(['k', 'other'], async () => {
            order.push(write)
            open++
            answers = answers.then(async () => {
              for (let turn = 0; turn < takes; turn++) await undefined
              open--
            })
            await answers
          }),
        )
      }
      for (let turn = random(4); turn > 0; turn--) await undefined
    }
    await Promise.allSettled(all)
    expect([seed, ...order]).toEqual([seed, ...Array.from({ length: 12 }, (_, write) => write)])
  }
})
