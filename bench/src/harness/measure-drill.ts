// One drill: a process per subject, one subject after the other, each with a store that serves before and after its outages. The store and
// its failures live in this process, so the one that measures contains the cache alone. A row is the median over the calls.
import type { CaseResult } from './measure-case.ts'
import { type FailingStore, failingStore } from './faults.ts'
import { MeasuringProcess } from './measuring-process.ts'
import { median } from './median.ts'
import type { Pace } from './messages.ts'
import type { OwnRedis } from './redis.ts'
import type { ColdCall, Drill, Row } from './suite.ts'

/** A call that is never answered takes its limit each time; a second one shows that the first was no accident. */
const fewestCalls = 2

interface Series {
  readonly subject: string
  readonly calls: readonly ColdCall[]
  /** How often a cold key was sent to the store, per call; `undefined` where that cannot be seen. */
  readonly keysSent: number | undefined
}

export async function measureDrill(
  suite: string,
  drill: Drill,
  caseIndex: number,
  wanted: (subject: string) => boolean,
  pace: Pace,
  redis: OwnRedis | undefined,
): Promise<CaseResult> {
  if (redis === undefined) throw new Error('A drill needs a Redis')
  const all: Series[] = []
  const errors: string[] = []
  for (const [index, { name }] of drill.subjects.entries()) {
    if (!wanted(name)) continue
    // Nothing is left of the subject before, neither data nor connections.
    await redis.restart()
    const store = await failingStore(drill.fault, redis)
    const process = new MeasuringProcess(suite, caseIndex, index, store.url)
    try {
      all.push({ subject: name, ...(await callsOf(drill, process, store, pace)) })
    } catch (error) {
      errors.push(`${drill.name}: ${name}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      process.end()
      await store.close()
    }
  }
  return { rows: rowsOf(drill.name, all), errors, notes: all.flatMap((one) => notesOn(drill.name, one)) }
}

async function callsOf(
  { calls: which }: Drill,
  process: MeasuringProcess,
  store: FailingStore,
  pace: Pace,
): Promise<Omit<Series, 'subject'>> {
  const calls: ColdCall[] = []
  let keysSent: number | undefined
  const call = async (): Promise<ColdCall> => {
    const { call: made } = await process.ask({ ask: 'call', limitMs: pace.answerMs })
    if (made === undefined) throw new Error('no answer to a call')
    return made
  }
  const outage = async (during: () => Promise<void>): Promise<void> => {
    await store.heal()
    store.wire?.forget()
    const { usedKey = '' } = await process.ask({ ask: 'use' })
    // A key that is sent as a hash cannot be seen: then nothing can be said.
    const seen = store.wire !== undefined && store.wire.timesSent(usedKey) > 0
    store.wire?.forget()
    await store.fail()
    await during()
    const sent = calls.map(({ key }) => store.wire?.timesSent(key) ?? 0)
    if (seen) keysSent = sent.reduce((sum, times) => sum + times, 0) / calls.length
  }
  const repeat = async (step: () => Promise<void>): Promise<void> => {
    const started = performance.now()
    for (let done = 0; done < pace.rounds; done++) {
      if (done >= fewestCalls && performance.now() - started > pace.subjectMs) return
      await step()
    }
  }
  if (which === 'first') await repeat(() => outage(async () => void calls.push(await call())))
  else {
    await outage(async () => {
      await call()
      await repeat(async () => void calls.push(await call()))
    })
  }
  return { calls, keysSent: which === 'later' ? keysSent : undefined }
}

function rowsOf(name: string, all: readonly Series[]): Row[] {
  if (all.length === 0) return []
  // The floor is next to nothing: a ratio to it would say nothing.
  const row = (subject: string, unit: string, value: number): Row => ({ subject, case: name, value, unit, ratio: null })
  return [
    row('floor', 'ns', median(all.flatMap(({ calls }) => calls.map(({ floor }) => floor)))),
    ...all.flatMap(({ subject, calls, keysSent }) => {
      // How soon a call rejects is no merit.
      const waited = calls.filter(({ outcome }) => outcome !== 'rejected')
      const count = (wanted: ColdCall['outcome']): number => calls.filter(({ outcome }) => outcome === wanted).length
      return [
        ...(waited.length > 0 ? [row(subject, 'ns', median(waited.map(({ wall }) => wall)))] : []),
        row(subject, 'calls', calls.length),
        row(subject, 'capped', count('capped')),
        row(subject, 'rejections', count('rejected')),
        ...(keysSent === undefined ? [] : [row(subject, 'keys sent', keysSent)]),
      ]
    }),
  ]
}

function notesOn(name: string, { subject, calls }: Series): string[] {
  return [...new Set(calls.flatMap(({ error }) => error ?? []))].map(
    (error) => `${name}: ${subject} rejected: ${error}`,
  )
}
