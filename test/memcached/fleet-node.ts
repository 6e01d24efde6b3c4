// A process of a fleet on Memcached: asks for a key as often as it is told, and says how often it ran the loader. Compiled and started by
// fleet.test.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { createCache } from '../../src/index.ts'
import { MemcachedBackend } from '../../src/memcached.ts'
import { sharedNow } from '../fleet/clock.ts'
import { serve } from '../fleet/serve.ts'

export interface FleetSettings {
  readonly index: number
  readonly servers: readonly string[]
}

export interface Asked {
  /** How many callers got which answer. */
  readonly answers: Readonly<Record<string, number>>
  /** How often this process ran the loader. */
  readonly loads: number
}

const { index, servers } = JSON.parse(process.env['FLEET_SETTINGS'] ?? '') as FleetSettings
// Many callers on each side, a machine with few processors: what is late is not away.
const budget = '5s'
const manager = createCache({ backend: new MemcachedBackend({ servers, budget }), budget, logLevel: 'silent' })
await manager.init()
let loads = 0

export const memcachedNode = serve({
  /** @param at when all processes ask, on the clock that they share */
  async ask(key: string, callers: number, loadMs: number, at: number): Promise<Asked> {
    loads = 0
    const load = async (): Promise<string> => {
      loads++
      await sleep(loadMs)
      return `from ${index}`
    }
    await sleep(Math.max(0, at - sharedNow()))
    const all = await Promise.all(
      Array.from({ length: callers }, () => manager.getOrSet(key, load, { ttl: '1h', tags: ['t'] })),
    )
    const answers: Record<string, number> = {}
    for (const answer of all) answers[answer] = (answers[answer] ?? 0) + 1
    return { answers, loads }
  },

  loads: (): number => loads,
  stored: async (key: string): Promise<string | undefined> => await manager.getValue<string>(key),
  delete: async (key: string): Promise<string> => await manager.delete(key),
  invalidate: async (): Promise<string> => await manager.invalidateTags(['t']),
  isConnected: (): boolean => manager.stats().state === 'connected',
})
