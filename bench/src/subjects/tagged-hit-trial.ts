// Hits in memory, in front of Redis, of entries with and without tags. Observed beside the time: how many commands reached the server, which
// alone knows whether a tag was invalidated by somebody else.
import { isDeepStrictEqual } from 'node:util'
import { documentHash, makeVerdict, scrambled } from '../documents.ts'
import { commandsSeen } from '../harness/ask-redis.ts'
import { type Observation, type Subject, type Trial, trial } from '../harness/suite.ts'
import { inLanes } from './in-lanes.ts'
import { type Isolation, openManager, patient } from './ours.ts'

const keys = 1000
/** Over in less time than passes between two heartbeats. */
const observedHits = 10_000

export function taggedHits(name: string, isolation: Isolation, tags: number, redisUrl: string): Subject {
  return { name, open: () => open(isolation, tags, redisUrl) }
}

async function open(isolation: Isolation, tagCount: number, redisUrl: string): Promise<Trial> {
  const { cached } = await import('@speedrun/cache')
  const manager = await openManager(redisUrl, patient)
  const ids = Array.from({ length: keys }, (_, index) => documentHash(index + 1))
  const expected = new Map(ids.map((id, index) => [id, makeVerdict(index + 1)]))
  let loads = 0
  const load = async (id: string): Promise<unknown> => {
    loads += 1
    return expected.get(id)
  }
  // A few hundred tags in all: each entry has its own document, one of a hundred customers, and what made it.
  const tagsOf = (id: string): readonly string[] =>
    [`document:${id}`, `customer:${id.slice(0, 2)}`, 'model:7'].slice(0, tagCount)
  const name = `parse${tagCount}`
  const tags = (_: unknown, id: string): readonly string[] => tagsOf(id)
  const call = cached(load, {
    manager,
    keyPrefix: 'document',
    name,
    ttl: '1h',
    isolation,
    ...(tagCount > 0 && { tags }),
  })
  await inLanes(ids, call)
  let order: readonly string[] = []
  const inputs = (count: number): readonly string[] => {
    if (order.length < count) order = Array.from(scrambled(count, keys), (index) => ids[index] as string)
    return order
  }

  return trial<string>({
    awaits: true,
    inputs,
    call,
    check: async () => {
      for (const id of ids) {
        if (!isDeepStrictEqual(await call(id), expected.get(id))) throw new Error(`wrong answer for the key ${id}`)
      }
      if (loads !== keys) throw new Error(`${loads} loads of ${keys} keys: not every call was a hit`)
    },
    observe: async (): Promise<Observation[]> => {
      const hits = inputs(observedHits)
      const before = await commandsSeen(redisUrl)
      for (let index = 0; index < observedHits; index++) await call(hits[index] as string)
      return [{ unit: 'commands', value: (await commandsSeen(redisUrl)) - before }]
    },
    close: () => manager.close(),
  })
}
