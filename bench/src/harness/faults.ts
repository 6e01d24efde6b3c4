// A store that fails on command, in one of three ways, and comes back.
import { openBlackHole } from './black-hole.ts'
import type { OwnRedis } from './redis.ts'
import type { Fault } from './suite.ts'

export interface FailingStore {
  /** Where its clients connect. */
  readonly url: string
  readonly fail: () => void | Promise<void>
  /** Resolves when it serves, also when it never failed. */
  readonly heal: () => void | Promise<void>
  /** What its clients sent, where the network is ours to listen to. */
  readonly wire?: { readonly timesSent: (text: string) => number; readonly forget: () => void }
  /** Heals it too: the server serves others. */
  readonly close: () => void | Promise<void>
}

export async function failingStore(fault: Fault, redis: OwnRedis): Promise<FailingStore> {
  switch (fault) {
    case 'killed': {
      let dead = false
      const fail = async (): Promise<void> => {
        dead = true
        await redis.kill()
      }
      const heal = async (): Promise<void> => {
        if (dead) await redis.restart()
        dead = false
      }
      return { url: redis.url, fail, heal, close: heal }
    }
    case 'frozen':
      return { url: redis.url, fail: redis.freeze, heal: redis.thaw, close: redis.thaw }
    case 'black hole': {
      const wire = await openBlackHole(redis.port)
      return { url: `redis://127.0.0.1:${wire.port}`, fail: wire.swallow, heal: wire.release, wire, close: wire.close }
    }
  }
}
