// A process that runs schedules, one after the other, and says in one line each what came of a block of them. It reads an `Order`.
import { readFileSync } from 'node:fs'
import { digestOf } from './digest.ts'
import { library } from './library.ts'
import { mutants } from './mutants.ts'
import type { Programs } from './programs.ts'
import type { Verdict } from './run.ts'
import { run } from './run.ts'
import type { Schedule } from './schedule.ts'
import { scheduleOf } from './schedule.ts'
import { shrunk } from './shrink.ts'

export interface Order {
  readonly from: number
  readonly count: number
  /** Those of the deliberate break whose rule the server keeps. */
  readonly mutant?: string | undefined
  /** Run these instead. */
  readonly schedules?: readonly Schedule[] | undefined
  /** Whether a schedule that shows something is made shorter. Default: `true`. */
  readonly shrinks?: boolean | undefined
}

export interface Found {
  readonly seed: number
  readonly violations: readonly string[]
  readonly schedule: Schedule
  readonly timeline: readonly string[]
}

export interface Block {
  readonly runs: number
  readonly reads: number
  readonly loads: number
  readonly commands: number
  readonly turns: number
  /** Process time, milliseconds. */
  readonly cpuMs: number
  /** Of all timelines, where they were asked for. */
  readonly digest: string | undefined
  readonly found: Found | undefined
}

const order = JSON.parse(readFileSync(0, 'utf8')) as Order
const programs: Programs | undefined = mutants.find(({ what }) => what === order.mutant)?.programs
let rejection: unknown
process.on('unhandledRejection', (error) => {
  rejection ??= error
})
// They close over another process' world, as intended; what is said of it is of no use here.
console.warn = () => {}

async function runOne(schedule: Schedule, isTold: boolean): Promise<Verdict> {
  const verdict = await run(schedule, library, { programs, isTold })
  // Rejections that nobody has heard are told of in a turn of their own.
  await new Promise((resolve) => setImmediate(resolve))
  if (rejection === undefined) return verdict
  const text = `a rejection that nobody heard: ${String((rejection as Error).stack ?? rejection)}`
  rejection = undefined
  return { ...verdict, violations: [...verdict.violations, text] }
}

async function report(schedule: Schedule, { violations }: Verdict): Promise<Found> {
  const fails = async (shorter: Schedule): Promise<boolean> => (await runOne(shorter, false)).violations.length > 0
  const shortest = order.shrinks === false ? schedule : await shrunk(schedule, fails)
  const { timeline, violations: last } = await runOne(shortest, true)
  return { seed: schedule.seed, violations: last.length > 0 ? last : violations, schedule: shortest, timeline }
}

const started = process.cpuUsage()
const sum = { runs: 0, reads: 0, loads: 0, commands: 0, turns: 0 }
const digest = order.schedules === undefined ? undefined : digestOf()
let found: Found | undefined
const all =
  order.schedules ??
  Array.from({ length: order.count }, (_, index) => order.from + index).map((seed) => scheduleOf(seed))
// What nested calls switch on makes everything after them slower.
for (const schedule of [...all].sort((one, other) => Number(one.isNested) - Number(other.isNested))) {
  const verdict = await runOne(schedule, digest !== undefined)
  digest?.add(verdict.timeline)
  sum.runs++
  sum.reads += verdict.reads
  sum.loads += verdict.loads
  sum.commands += verdict.commands
  sum.turns += verdict.turns
  if (verdict.violations.length === 0) continue
  found = await report(schedule, verdict)
  break
}
const { user, system } = process.cpuUsage(started)
const block: Block = { ...sum, cpuMs: (user + system) / 1000, digest: digest?.end(), found }
process.stdout.write(`${JSON.stringify(block)}\n`)
