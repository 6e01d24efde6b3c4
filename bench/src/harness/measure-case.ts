// One case: starts a process per subject, then runs the rounds. In each round every subject works once, beside its floor, in
// an order that rotates from round to round; so a busy minute of the machine falls on all alike. A row is the median over
// the rounds; its ratio is the median of (subject / floor of the same process and round), which is what to compare.
import type { Pace, RoundAnswer } from './messages.ts'
import { MeasuringProcess } from './measuring-process.ts'
import { median } from './median.ts'
import type { OwnRedis } from './redis.ts'
import type { Case, Row } from './suite.ts'

/** A slow subject still gets this many rounds. */
const fewestRounds = 3

export interface CaseResult {
  readonly rows: readonly Row[]
  /** A sentence per subject that answered wrong or broke. It has no rows. */
  readonly errors: readonly string[]
  /** What a reader of the rows should know. */
  readonly notes: readonly string[]
}

interface Running {
  readonly name: string
  readonly process: MeasuringProcess
  readonly rounds: RoundAnswer[]
  planned: number
  bytes: { floor: number | undefined; subject: number | undefined }
  failed: boolean
}

export async function measureCase(
  suite: string,
  measured: Case,
  caseIndex: number,
  wanted: (subject: string) => boolean,
  pace: Pace,
  redis: OwnRedis | undefined,
): Promise<CaseResult> {
  // What the case before has left there costs memory, and its clients are gone.
  if (measured.subjects.some(({ name }) => wanted(name))) await redis?.restart()
  const errors: string[] = []
  const all: Running[] = measured.subjects.flatMap(({ name }, index) => {
    if (!wanted(name)) return []
    const process = new MeasuringProcess(suite, caseIndex, index, redis?.url)
    const bytes = { floor: undefined, subject: undefined }
    return [{ name, process, rounds: [], planned: pace.rounds, bytes, failed: false }]
  })
  /** Each in turn: while one measures, nobody else does anything. */
  const each = async (list: readonly Running[], step: (one: Running) => Promise<void>): Promise<void> => {
    for (const one of list) {
      if (one.failed) continue
      try {
        await step(one)
      } catch (error) {
        one.failed = true
        errors.push(`${measured.name}: ${one.name}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }

  try {
    await each(all, async ({ process }) => void (await process.ask({ ask: 'open', pace })))
    for (let round = 0; round < pace.rounds; round++) {
      const start = round % Math.max(1, all.length)
      const rotated = [...all.slice(start), ...all.slice(0, start)].filter(({ planned }) => round < planned)
      await each(rotated, async (one) => {
        const started = performance.now()
        const answer = await one.process.ask({ ask: 'round', floorFirst: round % 2 === 0 })
        if (answer.round !== undefined) one.rounds.push(answer.round)
        const affordable = Math.floor(pace.subjectMs / (performance.now() - started))
        if (round === 0) one.planned = Math.min(pace.rounds, Math.max(fewestRounds, affordable))
      })
    }
    await each(all, async (one) => {
      one.bytes = (await one.process.ask({ ask: 'bytes' })).bytes ?? one.bytes
    })
    await each(all, async ({ process }) => void (await process.ask({ ask: 'close' })))
  } finally {
    for (const { process } of all) process.end()
  }

  const sound = all.filter(({ failed }) => !failed)
  return {
    rows: [...floorRows(measured.name, sound), ...sound.flatMap((one) => rowsOf(measured.name, one))],
    errors,
    notes: pace.rounds < 10 ? [] : notesOn(measured.name, sound),
  }
}

function floorRows(name: string, all: readonly Running[]): Row[] {
  const rounds = all.flatMap((one) => one.rounds)
  if (rounds.length === 0) return []
  const row = (unit: string, value: number): Row => ({ subject: 'floor', case: name, value, unit, ratio: 1 })
  const bytes = all.flatMap((one) => one.bytes.floor ?? [])
  return [
    row('ns', median(rounds.map(({ floor }) => floor.wall))),
    row('cpu ns', median(rounds.map(({ floor }) => floor.cpu))),
    ...(bytes.length > 0 ? [row('bytes', median(bytes))] : []),
  ]
}

function rowsOf(name: string, { name: subject, rounds, bytes }: Running): Row[] {
  const row = (unit: string, value: number, ratio: number | null, of = ''): Row => ({
    subject,
    case: name + of,
    value,
    unit,
    ratio: ratio !== null && Number.isFinite(ratio) ? ratio : null,
  })
  const rows = [
    row(
      'ns',
      median(rounds.map((one) => one.subject.wall)),
      median(rounds.map((one) => one.subject.wall / one.floor.wall)),
    ),
    row(
      'cpu ns',
      median(rounds.map((one) => one.subject.cpu)),
      median(rounds.map((one) => one.subject.cpu / one.floor.cpu)),
    ),
  ]
  if (bytes.subject !== undefined) {
    rows.push(row('bytes', bytes.subject, bytes.floor === undefined ? null : bytes.subject / bytes.floor))
  }
  // A subject observes the same quantities in each round, in the same order.
  const observed = rounds[0]?.observed ?? []
  observed.forEach(({ unit, of, floor }, index) => {
    const series = rounds.flatMap((one) => one.observed[index] ?? [])
    const ratio = floor === undefined ? null : median(series.map((one) => one.value / (one.floor ?? Number.NaN)))
    rows.push(row(unit, median(series.map(({ value }) => value)), ratio, of))
  })
  return rows
}

/** A package that slows the whole process down (async hooks do) slows its floor too, and its ratio flatters it. */
function notesOn(name: string, all: readonly Running[]): string[] {
  const floors = all.map((one) => median(one.rounds.map(({ floor }) => floor.cpu)))
  const usual = median(floors)
  return all.flatMap(({ name: subject }, index) => {
    const slower = (floors[index] ?? 0) / usual
    if (all.length < 3 || !(slower > 1.5)) return []
    return `${name}: beside ${subject} the floor took ${slower.toFixed(1)}x the usual CPU: its ratio is too low by about that`
  })
}
