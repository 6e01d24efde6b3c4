// `npm run bench -- <suite>`: runs one suite and prints its rows, as a table or with `--json` as one document on stdout. The exit
// code is 1 when a subject answered wrong or broke, never because a number is large.
import { parseArgs } from 'node:util'
import { type CaseResult, measureCase } from './harness/measure-case.ts'
import { measureDrill } from './harness/measure-drill.ts'
import { measureFleet } from './harness/measure-fleet.ts'
import type { Pace } from './harness/messages.ts'
import { startRedis } from './harness/redis.ts'
import { printTable } from './harness/report.ts'
import type { Row, Suite } from './harness/suite.ts'
import { suites } from './suites.ts'

const usage = `npm run bench -- <suite> [--json] [--quick] [--only <text>]

${suites.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}`).join('\n')}

  --json    one JSON document on stdout: { suite, node, rows: [{ subject, case, value, unit, ratio }] }
  --quick   few short rounds: shows that all works, measures nothing
  --only    only what has this text in its case or its subject; may be given twice, then both must match`

const paces: Readonly<Record<'full' | 'quick', Pace>> = {
  full: {
    rounds: 21,
    batchMs: 20,
    warmUpMs: 300,
    warmUpCalls: 5000,
    warmUpMostMs: 2000,
    subjectMs: 10_000,
    bytesRepetitions: 5,
    answerMs: 5000,
  },
  quick: {
    rounds: 3,
    batchMs: 1,
    warmUpMs: 10,
    warmUpCalls: 1,
    warmUpMostMs: 10,
    subjectMs: 300,
    bytesRepetitions: 1,
    answerMs: 500,
  },
}

process.exitCode = await main()

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
    },
  })
  const [name, ...more] = positionals
  const suite = suites.find((one) => one.name === name)
  if (suite === undefined || more.length > 0) {
    const output = name === undefined ? console.log : console.error
    output(name === undefined ? usage : `There is no suite '${positionals.join(' ')}'.\n\n${usage}`)
    return name === undefined ? 0 : 1
  }
  return await runSuite(suite, values)
}

async function runSuite(
  suite: Suite,
  options: { json: boolean; quick: boolean; only: readonly string[] },
): Promise<number> {
  const redis = suite.needsRedis === true ? await startRedis().catch(withoutRedis) : undefined
  const rows: Row[] = []
  const errors: string[] = []
  try {
    const cases = suite.cases(redis?.url)
    for (const [index, one] of cases.entries()) {
      const wanted = (subject: string): boolean =>
        options.only.every((text) => `${one.name} | ${subject}`.includes(text))
      const { quick } = options
      const pace = paces[quick ? 'quick' : 'full']
      const measure = async (): Promise<CaseResult> => {
        if ('fault' in one) return await measureDrill(suite.name, one, index, wanted, pace, redis)
        if ('conduct' in one) return await measureFleet(suite.name, one, index, wanted, quick, redis)
        return await measureCase(suite.name, one, index, wanted, pace, redis)
      }
      const result = await measure()
      rows.push(...result.rows)
      errors.push(...result.errors)
      for (const note of result.notes) console.error(note)
      if (!options.json) printTable(result.rows, suite.targets)
    }
  } finally {
    await redis?.stop()
  }
  if (options.json) console.log(JSON.stringify({ suite: suite.name, node: process.version, rows }, null, 2))
  for (const error of errors) console.error(`WRONG ${error}`)
  if (rows.length === 0 && errors.length === 0) console.error('There are no rows: nothing matches --only, or no Redis.')
  return errors.length > 0 || rows.length === 0 ? 1 : 0
}

function withoutRedis(error: unknown): undefined {
  console.error(`Without Redis, its rows are left out: ${error instanceof Error ? error.message : String(error)}`)
}
