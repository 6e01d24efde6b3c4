// How many schedules were run on which state of the code that they prove: a line per range of seeds, so that a long run can go on another day.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/project.mjs'

export interface Entry {
  readonly fingerprint: string
  /** The first and the last seed. */
  readonly from: number
  readonly to: number
  readonly reads: number
  readonly loads: number
  readonly commands: number
  readonly node: string
}

const file = join(root, 'test/simulation/ledger.jsonl')

/** Of what the schedules run on: the core, the Redis backend, and the helpers of both, every file of them. */
export function fingerprint(): string {
  const hash = createHash('sha256')
  for (const folder of ['src/core', 'src/backends/redis', 'src/support'])
    for (const name of readdirSync(join(root, folder)).sort())
      hash.update(`${folder}/${name}\n${readFileSync(join(root, folder, name), 'utf8')}\n`)
  return hash.digest('hex').slice(0, 16)
}

export function readLedger(): readonly Entry[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Entry)
}

/** Ranges that follow each other become one. */
export function addToLedger(entry: Entry): void {
  const entries: Entry[] = []
  const sorted = [...readLedger(), entry].sort((one, other) => one.from - other.from)
  for (const one of sorted) {
    const before = entries.findIndex(
      ({ fingerprint: print, node, to }) => print === one.fingerprint && node === one.node && to + 1 === one.from,
    )
    const last = entries[before]
    if (last === undefined) entries.push(one)
    else
      entries[before] = {
        ...last,
        to: one.to,
        reads: last.reads + one.reads,
        loads: last.loads + one.loads,
        commands: last.commands + one.commands,
      }
  }
  writeFileSync(file, entries.map((one) => `${JSON.stringify(one)}\n`).join(''))
}

/** Seeds from `first` on that the ledger has for this state, in ranges; and how many. */
export function coveredBy(print: string): { readonly count: number; readonly next: number } {
  const own = readLedger().filter((entry) => entry.fingerprint === print)
  const count = own.reduce((sum, { from, to }) => sum + to - from + 1, 0)
  return { count, next: Math.max(0, ...own.map(({ to }) => to)) + 1 }
}
