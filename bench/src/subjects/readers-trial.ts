// 20 readers ask at once for a document of 5 MB that lies as text in a store and not yet in memory, through the public interface:
// one of them has to parse it, and nobody should do more. Observed beside the time: how many objects the 20 answers are, how
// much heap they hold, and how long the event loop stood still beyond the one parse.
import { isDeepStrictEqual } from 'node:util'
import type { CacheBackend, CacheManager } from '@speedrun/cache'
import { median } from '../harness/median.ts'
import { type Observation, type Subject, type Trial, trial } from '../harness/suite.ts'
import type { Isolation } from './ours.ts'
import { documentsOf, jsonOf } from './value-trials.ts'

const readers = 20

export function readersSubject(isolation: Isolation): Subject {
  return { name: `speedrun ${isolation}`, open: () => open(isolation) }
}

async function open(isolation: Isolation): Promise<Trial> {
  const { createCache } = await import('@speedrun/cache')
  const document = documentsOf('5 MB')[0]
  if (document === undefined) throw new Error('no document')
  const text = jsonOf(document)
  const backend = textBackend()
  const opened: CacheManager[] = []
  /** As a process that has just started: nothing is in its memory. */
  const cold = (): CacheManager => {
    const manager = createCache({ backend, env: {} })
    opened.push(manager)
    return manager
  }
  const read = (manager: CacheManager, load: () => unknown = notStored): Promise<unknown[]> =>
    Promise.all(Array.from({ length: readers }, () => manager.getOrSet('document', load, { ttl: '1h', isolation })))

  const filler = cold()
  await read(filler, () => document)
  await filler.drain()

  const observe = async (): Promise<Observation[]> => {
    const parse = (): Promise<unknown> => Promise.resolve(JSON.parse(text))
    const parseHeap = (await heapHeld(parse)) || Number.NaN
    const parseStop = median([await longestStop(parse), await longestStop(parse), await longestStop(parse)])
    const manager = cold()
    let objects = 0
    const held = await heapHeld(async () => {
      const answers = await read(manager)
      objects = new Set(answers).size
      return answers
    })
    const other = cold()
    const stop = await longestStop(() => read(other))
    await Promise.all(opened.splice(0).map((one) => one.close()))
    return [
      { unit: 'objects', value: objects },
      { unit: 'bytes', value: held, floor: parseHeap },
      { unit: 'ns', value: Math.max(0, stop - parseStop), of: ', stop of the event loop beyond JSON.parse' },
    ]
  }

  return trial<CacheManager>({
    awaits: true,
    // Larger than the young generation; the heap held is observed instead.
    bytes: false,
    most: 4,
    inputs: (count) => Array.from({ length: count }, cold),
    call: (manager) => read(manager),
    check: async () => {
      const answers = await read(cold())
      for (const answer of new Set(answers)) {
        if (!isDeepStrictEqual(answer, document)) throw new Error('wrong answer')
      }
    },
    observe,
  })
}

function notStored(): never {
  throw new Error('The document was not read from the store')
}

/** The least a user's own store has to be. */
function textBackend(): CacheBackend {
  const map = new Map<string, string>()
  return {
    name: 'text',
    get: (key) => map.get(key) ?? null,
    set: (key, value) => {
      map.set(key, value)
      return true
    },
    delete: (key) => map.delete(key),
    exists: (key) => map.has(key),
    ping: () => true,
    close: () => undefined,
  }
}

/** @returns bytes of heap that the answer keeps alive */
async function heapHeld(work: () => Promise<unknown>): Promise<number> {
  const collect = (): unknown => globalThis.gc?.()
  collect()
  const before = process.memoryUsage().heapUsed
  const answer = await work()
  collect()
  const held = process.memoryUsage().heapUsed - before
  if (answer === undefined) throw new Error('no answer')
  return held
}

/** @returns nanoseconds of the longest turn of the event loop during `work` */
async function longestStop(work: () => Promise<unknown>): Promise<number> {
  let last = process.hrtime.bigint()
  let longest = 0n
  const tick = (): void => {
    const now = process.hrtime.bigint()
    if (now - last > longest) longest = now - last
    last = now
  }
  const timer = setInterval(tick, 0)
  await new Promise((resolve) => setImmediate(resolve))
  tick()
  longest = 0n
  await work()
  await new Promise((resolve) => setImmediate(resolve))
  tick()
  clearInterval(timer)
  return Number(longest)
}
