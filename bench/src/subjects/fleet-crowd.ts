// What a process of `fleet-stampede` does: at a moment that all processes know, 1,000 callers ask for one cold key, as an application has
// them, and each notes when it has the value. The loader takes 100 ms, and notes when it is done.
import { isDeepStrictEqual } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeDocument } from '../documents.ts'
import { sharedNow } from '../harness/shared-clock.ts'
import type { FleetSubject } from '../harness/suite.ts'
import { coldKey } from './cold-key.ts'
import type { Call, Load, Peer } from './peer.ts'

const callers = 1000
const loadMs = 100

export interface Rush {
  readonly key: string
  /** When all ask, on the shared clock. */
  readonly at: number
}

export interface Rushed {
  /** When each caller had the value, on the shared clock. */
  readonly answered: readonly number[]
  /** When each load of this process was done. */
  readonly loaded: readonly number[]
  /** Nanoseconds of CPU time of this process, from the question to the last answer. */
  readonly cpu: number
}

/** What a process can be told. */
export interface Crowd {
  readonly rush: (rush: Rush) => Promise<Rushed>
  /** The same with a bare Map of promises. */
  readonly floor: (rush: Rush) => Promise<Rushed>
  readonly [order: string]: (input: never) => unknown
}

export function crowdOf(peer: Peer): FleetSubject<Crowd> {
  return {
    name: peer.name,
    open: async () => {
      const loads = new Loads()
      const way = await peer.open('cached')
      const call = way.wrap(loads.load, 'parse')
      const floor = flights(loads.load)
      // Once alone, so that it is connected.
      await call(coldKey())
      return { rush: (one) => rush(call, loads, one), floor: (one) => rush(floor, loads, one) }
    },
  }
}

/** Who asks while a load is under way gets its promise; nobody knows of other processes. */
function flights(load: Load): Call {
  const all = new Map<string, Promise<unknown>>()
  return (id) => {
    let flight = all.get(id)
    if (flight === undefined) {
      flight = load(id)
      all.set(id, flight)
    }
    return flight
  }
}

async function rush(call: Call, loads: Loads, { key, at }: Rush): Promise<Rushed> {
  loads.ended = []
  const answered: number[] = []
  const answers = new Set<unknown>()
  const caller = async (): Promise<void> => {
    const answer = await call(key)
    answered.push(sharedNow())
    answers.add(answer)
  }
  await sleep(Math.max(0, (at - sharedNow()) / 1e6))
  const before = process.cpuUsage()
  const waiting: Array<Promise<void>> = []
  for (let index = 0; index < callers; index++) waiting.push(caller())
  await Promise.all(waiting)
  const { user, system } = process.cpuUsage(before)
  for (const answer of answers) {
    if (!isDeepStrictEqual(answer, document)) throw new Error('wrong answer')
  }
  return { answered, loaded: loads.ended, cpu: (user + system) * 1000 }
}

const document = makeDocument(1000)

class Loads {
  ended: number[] = []

  readonly load: Load = async () => {
    await sleep(loadMs)
    const loaded = makeDocument(1000)
    this.ended.push(sharedNow())
    return loaded
  }
}
