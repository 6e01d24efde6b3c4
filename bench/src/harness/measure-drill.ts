// One drill: a process per subject, one subject after the other, each with a store that serves before and after its outages. The store and
// its failures live in this process, so the one that measures contains the cache alone. A row is the median over the calls.
import { setTimeout as sleep } from 'node:timers/promises'
import { askRedis } from './ask-redis.ts'
import type { CaseResult } from './measure-case.ts'
import { type FailingStore, failingStore } from './faults.ts'
import { MeasuringProcess } from './measuring-process.ts'
import { median } from './median.ts'
import type { Pace } from './messages.ts'
import type { OwnRedis } from './redis.ts'
import type { ColdCall, Drill, Row } from './suite.ts'

/** How long an outage lasts before its end is measured, at random up to this: a cache probes at moments of its own. */
const longestOutageMs = 2000

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
      all.push({ subject: name, ...(await callsOf(drill, process, store, pace, redis.url)) })
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
  redisUrl: string,
): Promise<Omit<Series, 'subject'>> {
  const calls: ColdCall[] = []
  let keysSent: number | undefined
  const call = async (): Promise<ColdCall> => {
    const { call: made } = await process.ask({ ask: 'call', limitMs: pace.answerMs })
    if (made === undefined) throw new Error('no answer to a call')
    return made
  }
  const isStored = async (key: string): Promise<boolean> =>
    !(await askRedis(redisUrl, `KEYS *${key}*`)).startsWith('*0')
  const outage = async (during: () => Promise<void>): Promise<void> => {
    await store.heal()
    store.wire?.forget()
    const { usedKey = '' } = await process.ask({ ask: 'use' })
    // A key that is sent as a hash cannot be seen: then nothing can be said.
    const seen = store.wire !== undefined && store.wire.timesSent(usedKey) > 0
    store.wire?.forget()
    if (which === 'back' && !(await isStored(usedKey))) throw new Error('its keys cannot be seen in the store')
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
  /** From the end of the outage to the first cold key that is in the store after its call. */
  const comeBack = async (): Promise<void> => {
    await call()
    await sleep(Math.random() * longestOutageMs)
    await store.heal()
    const healed = performance.now()
    const limitMs = 2 * pace.answerMs
    for (;;) {
      const made = await call()
      const wall = (performance.now() - healed) * 1e6
      if (await isStored(made.key)) return void calls.push({ ...made, wall })
      if (wall > limitMs * 1e6) return void calls.push({ ...made, outcome: 'capped', wall: limitMs * 1e6 })
    }
  }
  if (which === 'first') await repeat(() => outage(async () => void calls.push(await call())))
  else if (which === 'back') await repeat(() => outage(comeBack))
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
