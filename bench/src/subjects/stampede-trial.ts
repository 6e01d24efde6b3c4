// How `stampede` measures a cache: 10,000 callers ask for one cold key at once, each awaits its answer; the loader answers in a
// later turn of the event loop. One operation is the whole crowd, its key is new each time.
import { isDeepStrictEqual } from 'node:util'
import { makeDocument } from '../documents.ts'
import { readsSeen } from '../harness/ask-redis.ts'
import { type Observation, type Subject, type Trial, trial } from '../harness/suite.ts'
import { coldKey } from './cold-key.ts'
import type { Call, Load, Peer } from './peer.ts'

const callers = 10_000

/** @param redisUrl the store the peer uses, whose reads are to be counted */
export function stampedeSubject(peer: Peer, redisUrl?: string): Subject {
  const open = async (): Promise<Trial> => {
    const loads = { count: 0 }
    const way = await peer.open('cached')
    const call = way.wrap(loader(loads), 'parse')
    const one = crowdTrial(call)
    const observe = async (): Promise<Observation[]> => {
      const before = loads.count
      const readsBefore = redisUrl === undefined ? 0 : await readsSeen(redisUrl)
      await crowd(call, coldKey())
      const observed = [{ unit: 'loads', value: loads.count - before }]
      if (redisUrl !== undefined) observed.push({ unit: 'reads', value: (await readsSeen(redisUrl)) - readsBefore })
      return observed
    }
    return { ...one, observe, ...(way.close && { close: way.close }) }
  }
  return { name: peer.name, open }
}

/** The floor: a bare Map of promises, which shares one load among all callers and does nothing else. */
export function flightsFloor(): Trial {
  const load = loader({ count: 0 })
  const flights = new Map<string, Promise<unknown>>()
  return crowdTrial((id) => {
    let flight = flights.get(id)
    if (flight === undefined) {
      flight = load(id)
      flights.set(id, flight)
    }
    return flight
  })
}

function crowdTrial(call: Call): Trial {
  return trial<string>({
    awaits: true,
    most: 20,
    // A crowd allocates more than the young generation holds.
    bytes: false,
    inputs: (count) => Array.from({ length: count }, coldKey),
    call: (id) => crowd(call, id),
    check: async () => {
      const answers = await crowd(call, coldKey())
      const expected = makeDocument(1000)
      // Most answers are the same object; compare each object once.
      for (const answer of new Set(answers)) {
        if (!isDeepStrictEqual(answer, expected)) throw new Error('wrong answer')
      }
      if (answers.length !== callers) throw new Error(`${answers.length} answers for ${callers} callers`)
    },
  })
}

/** Callers as an application has them: each in an async function of its own. */
function crowd(call: Call, id: string): Promise<unknown[]> {
  const waiting: Array<Promise<unknown>> = []
  for (let index = 0; index < callers; index++) waiting.push(caller(call, id))
  return Promise.all(waiting)
}

async function caller(call: Call, id: string): Promise<unknown> {
  const answer = await call(id)
  return answer
}

function loader(loads: { count: number }): Load {
  return async () => {
    loads.count += 1
    await new Promise((resolve) => setImmediate(resolve))
    return makeDocument(1000)
  }
}
