// A process of the fuzz: one cache behind a network of its own, which reads all the time and changes something now and then, until its
// parent says `rest`. Compiled by compiled-fleet.ts, started by fuzz.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { createCache, RedisBackend } from '../../src/index.ts'
import { seeded } from '../soak/random.ts'
import { LoopLag, sharedNow } from './clock.ts'
import { type Checks, Judge } from './judge.ts'
import { serve } from './serve.ts'
import { keys, sourceOf, type Subject, subjects } from './subjects.ts'
import { openTruth } from './truth.ts'
import { type Found, Workload } from './workload.ts'

export interface FuzzSettings {
  readonly index: number
  readonly seed: number
  readonly url: string
  readonly truthUrl: string
  readonly budget: string
  readonly onUnavailable: 'memory' | 'none'
  readonly loads: boolean
  readonly deletes: boolean
}

export interface FuzzReport {
  readonly checks: Checks
  readonly violated: number
  readonly violations: readonly string[]
  readonly counts: Readonly<Record<string, number>>
  readonly hits: Readonly<Record<string, number>>
  readonly outages: number
  readonly worstLagMs: number
  readonly slowestMs: number
  /** At the end of the first round that was asked for, and now: bytes of the heap, and what keeps the event loop alive. */
  readonly heap: readonly [first: number, now: number]
  readonly handles: readonly [first: number, now: number]
}

/** What stalenessBoundMs says of a library that reads its store each time is 0; then there is nothing to be tested, and this holds too. */
const boundMs = 500
const readers = 5

const settings = JSON.parse(process.env['FLEET_SETTINGS'] ?? '') as FuzzSettings
const { index, seed, url, truthUrl, budget, onUnavailable, loads, deletes } = settings
const random = seeded(seed)
const lag = new LoopLag()
const manager = createCache({
  backend: new RedisBackend({ url, budget: budget as '1s' }),
  budget: budget as '1s',
  onUnavailable,
  fallbackTtl: '5s',
  logLevel: 'silent',
})
await manager.init()
const { stalenessBoundMs } = await manager.healthReport()
const judge = new Judge({
  index,
  lag,
  boundMs: Math.max(boundMs, stalenessBoundMs),
  hasFallback: onUnavailable === 'memory',
  isConnected: () => manager.stats().state === 'connected',
})
manager.on('state', () => judge.changes++)
let working = false
const truth = await openTruth(
  truthUrl,
  index,
  {
    noticed: (notice) => {
      judge.noticed(notice)
      if (working && notice.by !== index) workload.burst(Object.keys(notice.versions))
    },
    announced: (names) => {
      if (working) workload.burst(names)
    },
  },
  sourceOf,
)
const workload: Workload = new Workload({
  ...{ manager, truth, judge, random, loads, deletes },
  digests: loads && index % 2 === 1,
})
let underWay: Promise<unknown> = Promise.resolve()
let worstLagMs = 0
let first: { readonly heap: number; readonly handles: number } | undefined

export const fuzzNode = serve({
  /** Resolves at once; goes on until `rest`. */
  work(): void {
    working = true
    workload.isStormy = true
    underWay = Promise.all([write(), ...Array.from({ length: readers }, read)])
  },

  /** Resolves when nothing is under way and everything that was invalidated has been applied. */
  async rest(): Promise<void> {
    working = false
    workload.isStormy = false
    await underWay
    await workload.caughtUp()
  },

  async readAll(): Promise<Found[]> {
    return await workload.readAll()
  },

  async readStored(): Promise<Found[]> {
    return await workload.readStored()
  },

  /** Reads one key without pause until it is served that version. @returns when the last read began that was served an older one */
  async watch(name: string, version: number): Promise<number> {
    const subject = keys.find((key) => key.name === name) as Subject
    let lastOld = 0
    for (;;) {
      const at = sharedNow()
      const seen = await workload.read(subject, 'cached')
      if (seen !== undefined && seen >= version) return lastOld
      if (seen !== undefined) lastOld = at
      // Lets in what has arrived.
      await new Promise((resolve) => setImmediate(resolve))
    }
  },

  /** For a link that has gone deaf: reads a few keys, again and again, for as long as somebody who does not know it must be found out. */
  async readFor(names: readonly string[], ms: number): Promise<void> {
    const some = keys.filter(({ name }) => names.includes(name))
    for (const end = sharedNow() + ms; sharedNow() < end; await sleep(10)) {
      await Promise.all(some.map((key) => workload.read(key, 'cached')))
      await Promise.all(some.map((key) => workload.read(key)))
    }
  },

  /** What hangs, for whoever asks why nothing comes to rest. */
  waiting(): string[] {
    const { state, journal } = manager.stats()
    return [`${state}, ${journal} invalidations waiting`, ...workload.waiting]
  },

  /** Deletes one key that was changed. @returns when that was confirmed; `undefined` when it was not */
  async deleteOne(name: string, version: number): Promise<number | undefined> {
    const subject = keys.find((key) => key.name === name) as Subject
    const outcome = await manager.delete(workload.keyOf(subject))
    const at = sharedNow()
    judge.invalidated({ [name]: version }, `delete (${outcome})`)
    await truth.notify({ applied: outcome === 'applied', how: 'delete', versions: { [name]: version } })
    return outcome === 'applied' ? at : undefined
  },

  keyOf: (name: string): string => workload.keyOf(subjects.find((subject) => subject.name === name) as Subject),

  report(): FuzzReport {
    const { checks, violated, violations } = judge
    const { total, outages } = manager.stats()
    const { hits, fallbackHits, fenced } = total
    worstLagMs = Math.max(worstLagMs, lag.worst)
    const seen = { ...hits, fallback: fallbackHits, fenced }
    const { counts, slowestMs } = workload
    const now = { heap: process.memoryUsage().heapUsed, handles: process.getActiveResourcesInfo().length }
    first ??= now
    const grown = { heap: [first.heap, now.heap], handles: [first.handles, now.handles] } as const
    return { checks, violated, violations, counts, hits: seen, outages, worstLagMs, slowestMs, ...grown }
  },

  async close(): Promise<void> {
    await manager.close()
    truth.close()
  },
})

async function read(): Promise<void> {
  while (working) {
    await workload.readAny()
    await sleep(random.between(0, 6))
  }
}

async function write(): Promise<void> {
  while (working) {
    await sleep(random.between(5, 60))
    await workload.write()
    // Many processes of a machine that is busy: the reads in between are what counts.
    worstLagMs = Math.max(worstLagMs, lag.worst)
  }
}
