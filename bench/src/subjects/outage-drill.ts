// What a cache on Redis goes through in `outage`: opened and used on a healthy store, then called for cold keys, one after the other.
// The loader takes some 20 ms and measures itself, so what is left of a call is what the cache added to it.
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { makeDocument } from '../documents.ts'
import type { ColdCall, Drilled, DrillSubject } from '../harness/suite.ts'
import { coldKey } from './cold-key.ts'
import type { Call, Load, Peer } from './peer.ts'

const loadMs = 20
/** Some write behind their answer. */
const writeMs = 50
/** A cache that cannot even be closed is left behind; the next outage has a new one. */
const closeMs = 2000

export function drillSubject(peer: Peer): DrillSubject {
  return { name: peer.name, open: () => open(peer) }
}

/** Each cache has a function of another name: the same one defined twice is worth a warning. */
let opened = 0

async function open(peer: Peer): Promise<Drilled> {
  const loader = new SelfMeasuringLoader()
  const way = await peer.open('cached')
  opened += 1
  const call = way.wrap(loader.load, `parse${opened}`)
  const usedKey = coldKey()
  loader.check(await call(usedKey))
  await sleep(writeMs)
  loader.check(await call(usedKey))
  if (loader.runs !== 1) throw new Error('the second call of a key was no hit: the store is not in use')
  return {
    usedKey,
    call: async (limitMs) => {
      const cold = await timed(loader, call, limitMs)
      const { wall: floor } = await timed(loader, loader.load, limitMs)
      return { ...cold, floor }
    },
    close: async () => {
      const closed = Promise.resolve(way.close?.()).catch(() => undefined)
      await Promise.race([closed, sleep(closeMs)])
    },
  }
}

async function timed(loader: SelfMeasuringLoader, call: Call, limitMs: number): Promise<Omit<ColdCall, 'floor'>> {
  const key = coldKey()
  const limit = new AbortController()
  const before = process.hrtime.bigint()
  const answer = (async () => await call(key))().then(
    (value) => ({ outcome: 'answered', value }) as const,
    (error: unknown) => ({ outcome: 'rejected', error: String(error) }) as const,
  )
  const late = sleep(limitMs, { outcome: 'capped' } as const, { signal: limit.signal })
  // Ended with the answer, or it would keep timers in the process that measures the next call.
  late.catch(() => undefined)
  const end = await Promise.race([answer, late])
  const wall = Number(process.hrtime.bigint() - before)
  limit.abort()
  if (end.outcome === 'capped') return { key, outcome: end.outcome, wall: limitMs * 1e6 }
  if (end.outcome === 'rejected') return { key, outcome: end.outcome, wall, error: end.error }
  loader.check(end.value)
  const own = loader.took.get(key)
  if (own === undefined) throw new Error('an answer without a load')
  return { key, outcome: end.outcome, wall: Math.max(0, wall - own) }
}

class SelfMeasuringLoader {
  /** Nanoseconds of the first load of a key: a second one would be the cache's doing. */
  readonly took: Map<string, number> = new Map()
  runs = 0

  readonly load: Load = async (id) => {
    this.runs += 1
    const before = process.hrtime.bigint()
    await sleep(loadMs)
    const document = makeDocument(1000)
    if (!this.took.has(id)) this.took.set(id, Number(process.hrtime.bigint() - before))
    return document
  }

  check(answer: unknown): void {
    if (!isDeepStrictEqual(answer, makeDocument(1000))) throw new Error('wrong answer')
  }
}
