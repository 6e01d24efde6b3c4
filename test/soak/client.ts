// The program that is soaked: one process with one cache, which works without pause until its parent says `finish`,
// puts itself to rest, reports and ends by itself. Compiled and started by client-process.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { createCache } from '../../src/index.ts'
import { systemRuntime } from '../../src/support/runtime.ts'
import { countTimers } from '../support/counting-runtime.ts'
import { until } from '../support/gate.ts'
import { type Census, takeCensus } from './census.ts'
import { seeded } from './random.ts'
import { Truth } from './truth.ts'
import { makeWorkload, PlannedError, sourceOf } from './workload.ts'

export interface Sample extends Census {
  readonly seconds: number
  readonly operations: number
  readonly journal: number
  readonly memoryEntries: number
}

export interface Report {
  readonly operations: number
  /** Calls that rejected because the client itself wanted it. */
  readonly planned: number
  readonly rejected: readonly string[]
  /** Unhandled rejections, warnings of Node. An uncaught exception ends the process. */
  readonly unhandled: readonly string[]
  readonly checked: number
  readonly violated: number
  readonly violations: readonly string[]
  readonly states: Readonly<Record<string, number>>
  readonly slowestMs: number
  /** Invalidations and writes not confirmed when it was put to rest, and what came in vain of it. */
  readonly journal: number
  readonly unsettled: readonly string[]
  readonly start: Census
  readonly end: Census
}

export type Message = { readonly sample: Sample } | { readonly report: Report }

const workers = 16
const sampleMs = 2000
/** For whatever has to come to an end of itself once Redis answers. */
const generousMs = 90_000

const { SOAK_URL: url, SOAK_SEED: seed = '1' } = process.env
const random = seeded(Number(seed))
const runtime = countTimers(systemRuntime)
const truth = new Truth(sourceOf)
const rejected: string[] = []
const unhandled: string[] = []
const states: Record<string, number> = {}
const began = performance.now()
let operations = 0
let planned = 0
let slowestMs = 0
let working = true

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))
const keep = (list: string[], what: string): void => void (list.length < 20 && list.push(what))
process.on('unhandledRejection', (error) => keep(unhandled, `unhandled rejection: ${describe(error)}`))
process.on('warning', (warning) => keep(unhandled, `warning: ${describe(warning)}`))
// A parent that is gone cannot say when to end.
const orphaned = (): never => process.exit(1)
process.on('disconnect', orphaned)

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
// Two connections: the first calls open both, so that the census at the start counts all there may be at the end.
const small = { maxConnections: 2, fallbackTtl: '10s', fallbackMaxBytes: 2 * 1024 * 1024 } as const
const options = { url, runtime, logger: silent, ...small }
const manager = await createCache(options).init()
manager.on('state', ({ to }) => (states[to] = (states[to] ?? 0) + 1))
const { operations: kinds, readStored } = makeWorkload(manager, truth, random)
const totalWeight = kinds.reduce((sum, { weight }) => sum + weight, 0)

// Everything once, so that what is made on first use is there from the start.
for (const { name, run } of kinds) await attempt(name, run)
const start = await censusAtRest()

const finished = new Promise<void>((resolve) => process.once('message', () => resolve()))
const running = Promise.all(Array.from({ length: workers }, work))
const sampling = sample()
await finished
working = false
await settles('the calls under way', () => running)
await sampling
const unsettled: string[] = []
await settles('the journal', () => until('the store is used and the journal empty', isCaughtUp, generousMs))
await settles('drain()', () => manager.drain())
// Nothing is left in the store either that somebody else could be served.
await readStored(manager)
const other = await createCache({ ...options, runtime: undefined }).init()
await readStored(other)
await other.close()
let end = takeCensus(runtime)
await settles('timers and sockets', async () => {
  const limit = performance.now() + generousMs
  while (!isWithin(end, start) && performance.now() < limit) {
    await sleep(100)
    end = takeCensus(runtime)
  }
})

const { journal } = manager.stats()
const { checked, violated, violations } = truth
await settles('close()', () => manager.close())
const report = { operations, planned, rejected, unhandled, checked, violated, violations, states, slowestMs, journal }
await tell({ report: { ...report, unsettled, start, end } })
process.off('disconnect', orphaned)
process.disconnect()

async function work(): Promise<void> {
  while (working) {
    const kind = draw()
    await attempt(kind.name, kind.run)
    await sleep(random.between(0, 8))
  }
}

function draw(): (typeof kinds)[number] {
  let left = random.next() * totalWeight
  for (const kind of kinds) {
    left -= kind.weight
    if (left < 0) return kind
  }
  return kinds[0] as (typeof kinds)[number]
}

async function attempt(name: string, run: () => Promise<unknown>): Promise<void> {
  const started = performance.now()
  try {
    await run()
  } catch (error) {
    if (error instanceof PlannedError) planned++
    else keep(rejected, `${name}: ${describe(error)}`)
  }
  operations++
  slowestMs = Math.max(slowestMs, performance.now() - started)
}

async function sample(): Promise<void> {
  while (working) {
    await sleep(sampleMs)
    const { journal, memory } = manager.stats()
    const seconds = (performance.now() - began) / 1000
    const own = { seconds, operations, journal, memoryEntries: memory?.entries ?? 0 }
    await tell({ sample: { ...takeCensus(runtime), ...own } })
  }
}

/** Waits for it to a generous limit, and notes it when that passes. */
async function settles(what: string, work: () => Promise<unknown>): Promise<void> {
  const limit = new AbortController()
  const late = sleep(generousMs * 1.5, 'late', { signal: limit.signal, ref: false }).catch(() => 'in time')
  try {
    if ((await Promise.race([work(), late])) === 'late') unsettled.push(`${what}: not within the limit`)
  } catch (error) {
    unsettled.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    limit.abort()
  }
}

async function isCaughtUp(): Promise<boolean> {
  return (await manager.healthReport()).status === 'connected' && manager.stats().journal === 0
}

/** The most it holds in a few seconds in which nobody asks anything of it. */
async function censusAtRest(): Promise<Census> {
  await manager.drain()
  let most = takeCensus(runtime)
  for (let left = 12; left > 0; left--) {
    await sleep(250)
    const next = takeCensus(runtime)
    if (isWithin(most, next)) most = next
  }
  return most
}

/** Whether nothing is open but what was, by kind. */
function isWithin(one: Census, other: Census): boolean {
  const kinds = Object.entries(one.resources)
  const resources = kinds.every(([kind, count]) => count <= (other.resources[kind] ?? 0))
  return resources && one.timers <= other.timers && one.sockets <= other.sockets
}

function tell(message: Message): Promise<void> {
  return new Promise((resolve, reject) =>
    process.send?.(message, (error: Error | null) => (error ? reject(error) : resolve())),
  )
}
