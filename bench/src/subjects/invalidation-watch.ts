// The two processes of `seen in another process`: one holds a value in its memory and looks at it all the time, the other invalidates it.
// Both ends are told of the same orders; which of them does what is up to the suite.
//
// Looking must not be what is measured. A loop of hits would never let the process hear of anything, and one with a timer would be late by
// the timer: so it looks once per turn of the event loop, by `setImmediate`, and what has arrived is served in between. The round trips it
// is compared with are made under the same looking: in a process that is just as awake.
import { setTimeout as sleep } from 'node:timers/promises'
import { sharedNow } from '../harness/shared-clock.ts'
import type { FleetSubject } from '../harness/suite.ts'
import type { CoherentPeer } from './coherent-peers.ts'
import { openClient } from './redis-client.ts'
import type { Call, Load } from './peer.ts'

/** What is not seen by then is never seen: the entries live for an hour. */
const limitMs = 3000
/** Some write behind their answer. */
const writeMs = 10

export interface Watcher {
  /** Loads it, makes sure that it is in memory, and begins to look at it. */
  readonly watch: (id: string) => Promise<void>
  /** @returns when, on the shared clock, a read began that was not answered with the old value. @throws when there was none */
  readonly seen: (id: string) => Promise<number>
  /** @returns round trips of PING, nanoseconds */
  readonly ping: (times: number) => Promise<readonly number[]>
  /** So many reads of a key that is in memory. */
  readonly read: (order: { readonly id: string; readonly times: number }) => Promise<void>
  /** @returns when it began, on the shared clock */
  readonly invalidate: (id: string) => Promise<number>
  readonly [order: string]: (input: never) => unknown
}

interface Version {
  readonly version: string
}

export function watcherOf(peer: CoherentPeer, redisUrl: string): FleetSubject<Watcher> {
  return { name: peer.name, open: () => open(peer, redisUrl) }
}

async function open(peer: CoherentPeer, redisUrl: string): Promise<Watcher> {
  let loads = 0
  const load: Load = async (id) => {
    loads += 1
    return { id, version: `${process.pid}-${loads}` }
  }
  const { read, invalidate } = await peer.open(load)
  const client = await openClient(redisUrl)
  const versionOf = async (id: string): Promise<string> => ((await read(id)) as Version).version
  let looking: Promise<number> = Promise.resolve(0)

  const hold = async (id: string): Promise<string> => {
    const version = await versionOf(id)
    await sleep(writeMs)
    const before = loads
    for (let again = 0; again < 3; again++) {
      if ((await versionOf(id)) !== version || loads !== before) throw new Error('the value is not kept')
    }
    return version
  }
  return {
    watch: async (id) => {
      const old = await hold(id)
      looking = lookFor(async () => (await versionOf(id)) !== old)
      looking.catch(() => undefined)
    },
    seen: async (id) => {
      const at = await looking
      await hold(id)
      return at
    },
    ping: async (times) => {
      const id = 'looked at meanwhile'
      await hold(id)
      const all: number[] = []
      for (let time = 0; time < times; time++) {
        const sent = sharedNow()
        let answered: number | undefined
        const answer = client.ping().then(() => (answered = sharedNow()))
        await lookFor(async () => {
          await read(id)
          return answered !== undefined
        })
        await answer
        all.push((answered ?? Number.NaN) - sent)
      }
      return all
    },
    read: async ({ id, times }) => await readAgain(read, id, times),
    invalidate: async (id) => {
      const began = sharedNow()
      await invalidate(id)
      return began
    },
  }
}

async function readAgain(read: Call, id: string, times: number): Promise<void> {
  for (let time = 0; time < times; time++) await read(id)
}

/** @returns when the look began that saw it */
async function lookFor(look: () => Promise<boolean>): Promise<number> {
  const until = sharedNow() + limitMs * 1e6
  for (;;) {
    const began = sharedNow()
    if (await look()) return began
    if (began > until) throw new Error(`the old value was still served after ${limitMs} ms`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
