// One fleet: several processes of a subject at a time, one subject after the other, each on a store that was started for it. What they do and
// what is measured is the business of the fleet's `conduct`.
import type { CaseResult } from './measure-case.ts'
import { MeasuringProcess } from './measuring-process.ts'
import { median } from './median.ts'
import type { OwnRedis } from './redis.ts'
import type { Fleet, Member, Orders, Quantity, Row } from './suite.ts'

interface Found {
  readonly subject: string
  readonly quantities: readonly Quantity[]
}

export async function measureFleet(
  suite: string,
  fleet: Fleet,
  caseIndex: number,
  wanted: (subject: string) => boolean,
  quick: boolean,
  redis: OwnRedis | undefined,
): Promise<CaseResult> {
  if (redis === undefined) throw new Error('A fleet needs a Redis')
  const rounds = fleet.rounds[quick ? 'quick' : 'full']
  const all: Found[] = []
  const errors: string[] = []
  for (const [index, { name: subject }] of fleet.subjects.entries()) {
    if (rounds === 0 || !wanted(subject)) continue
    await redis.restart()
    const processes = Array.from(
      { length: fleet.processes },
      () => new MeasuringProcess(suite, caseIndex, index, redis.url),
    )
    try {
      await Promise.all(processes.map((process) => process.ask({ ask: 'join' })))
      all.push({ subject, quantities: await fleet.conduct(processes.map(memberOf), rounds) })
    } catch (error) {
      errors.push(`${fleet.name}: ${subject}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      for (const process of processes) process.end()
    }
  }
  return { rows: rowsOf(fleet.name, all), errors, notes: [] }
}

/** What it answers is typed by whoever wrote both ends. */
function memberOf(process: MeasuringProcess): Member<Orders> {
  const tell = async (order: string, input: unknown): Promise<unknown> =>
    (await process.ask({ ask: 'do', order, input })).done
  return tell as Member<Orders>
}

function rowsOf(name: string, all: readonly Found[]): Row[] {
  const floors = new Map<string, { readonly of: string; readonly unit: string; readonly values: number[] }>()
  for (const { unit, floor, of = '' } of all.flatMap(({ quantities }) => quantities)) {
    if (floor === undefined) continue
    const id = `${of} ${unit}`
    const known = floors.get(id) ?? { of, unit, values: [] }
    known.values.push(floor)
    floors.set(id, known)
  }
  return [
    ...Array.from(floors.values(), ({ of, unit, values }) => ({
      subject: 'floor',
      case: name + of,
      value: median(values),
      unit,
      ratio: 1,
    })),
    ...all.flatMap(({ subject, quantities }) =>
      quantities.map(({ unit, value, ratio = null, of = '' }) => ({ subject, case: name + of, value, unit, ratio })),
    ),
  ]
}
