// A measuring process: one subject and the floor of its case, each with its own copy of the loop; or one subject of a drill or
// of a fleet. Started by measure-case.ts, measure-drill.ts or measure-fleet.ts with the position of the suite, the case and the subject; answers one question after the
// other. Its compiled code, its heap and its async hooks belong to this one subject.
import { suites } from '../suites.ts'
import type * as Loop from './loop.ts'
import type { Answer, Pace, Question } from './messages.ts'
import { Probe } from './probe.ts'
import type { Case, Drill, Drilled, Fleet, Orders, Subject } from './suite.ts'

const [suiteName, caseIndex, subjectIndex] = process.argv.slice(2)
const suite = suites.find(({ name }) => name === suiteName)
const measured = suite?.cases(process.env['BENCH_REDIS_URL'])[Number(caseIndex)]

let probes: { readonly floor: Probe; readonly subject: Probe; readonly pace: Pace } | undefined
let drilled: Drilled | undefined
let orders: Orders | undefined

async function open(one: Subject, loopName: string): Promise<Probe> {
  const address = new URL(`./loop.js?${loopName}`, import.meta.url).href
  return new Probe(await one.open(), (await import(address)) as typeof Loop)
}

async function answer(question: Question): Promise<Answer> {
  if (measured === undefined) throw new Error(`There is no ${process.argv.slice(2).join(' ')}`)
  if ('conduct' in measured) return await inFleet(measured, question)
  return await ('fault' in measured ? inDrill(measured, question) : inCase(measured, question))
}

async function inCase({ floor, subjects }: Case, question: Question): Promise<Answer> {
  if (question.ask === 'open') {
    const { pace } = question
    const subject = chosen(subjects)
    probes = { floor: await open(floor, 'floor'), subject: await open(subject, 'subject'), pace }
    for (const probe of [probes.floor, probes.subject]) {
      await probe.trial.check()
      await probe.warmUp(pace)
    }
    return {}
  }
  if (probes === undefined) throw new Error('Not open')
  switch (question.ask) {
    case 'round': {
      const first = question.floorFirst ? await probes.floor.measure() : undefined
      const mine = await probes.subject.measure()
      const floor = first ?? (await probes.floor.measure())
      const observed = (await probes.subject.trial.observe?.()) ?? []
      return { round: { floor, subject: mine, observed } }
    }
    case 'bytes': {
      const { bytesRepetitions } = probes.pace
      const floor = await probes.floor.bytes(bytesRepetitions)
      return { bytes: { floor, subject: await probes.subject.bytes(bytesRepetitions) } }
    }
    case 'close':
      await probes.floor.trial.check()
      await probes.subject.trial.check()
      await probes.subject.trial.close?.()
      return {}
    default:
      throw new Error(`A case has no '${question.ask}'`)
  }
}

async function inDrill({ subjects }: Drill, question: Question): Promise<Answer> {
  if (question.ask === 'use') {
    await drilled?.close()
    drilled = await chosen(subjects).open()
    return { usedKey: drilled.usedKey }
  }
  if (question.ask !== 'call') throw new Error(`A drill has no '${question.ask}'`)
  if (drilled === undefined) throw new Error('Not in use')
  return { call: await drilled.call(question.limitMs) }
}

async function inFleet({ subjects }: Fleet, question: Question): Promise<Answer> {
  if (question.ask === 'join') {
    orders = await chosen(subjects).open()
    return {}
  }
  if (question.ask !== 'do') throw new Error(`A fleet has no '${question.ask}'`)
  const order = orders?.[question.order]
  if (order === undefined) throw new Error(`Nobody here can '${question.order}'`)
  return { done: await order(question.input as never) }
}

function chosen<S>(subjects: readonly S[]): S {
  const subject = subjects[Number(subjectIndex)]
  if (subject === undefined) throw new Error(`There is no subject ${subjectIndex}`)
  return subject
}

process.on('message', (question: Question) => {
  answer(question)
    .catch((error: unknown): Answer => ({
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }))
    .then((reply) => process.send?.(reply, () => question.ask === 'close' && process.exit()))
    .catch(() => process.exit(1))
})
// However the parent ends, this process does not outlive it.
process.on('disconnect', () => process.exit())
