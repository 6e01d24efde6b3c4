// Runs many schedules, on all cores, in processes of its own.
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { cleanEnvironment } from '../support/compiled-program.ts'
import type { Block, Found, Order } from './worker.ts'

export interface Harvest {
  readonly runs: number
  readonly reads: number
  readonly loads: number
  readonly commands: number
  readonly cpuMs: number
  readonly found: Found | undefined
}

export interface FarmOptions {
  /** The compiled worker. */
  readonly file: string
  readonly from: number
  readonly count: number
  readonly mutant?: string | undefined
  readonly shrinks?: boolean | undefined
  /** Called for each block without a violation. */
  readonly done?: ((from: number, block: Block) => void) | undefined
  /** Schedules a process runs before the next one takes over. Default: few at first, then more, since a process is slow in the beginning. */
  readonly blockSize?: number | undefined
}

const firstBlock = 400
const longestBlock = 3000

/** Ends with the first that shows something. */
export async function runSchedules({ file, from, count, done, blockSize, ...rest }: FarmOptions): Promise<Harvest> {
  const sum = { runs: 0, reads: 0, loads: 0, commands: 0, cpuMs: 0 }
  let next = from
  const first: { found: Found | undefined } = { found: undefined }
  const work = async (): Promise<void> => {
    while (next < from + count && first.found === undefined) {
      const start = next
      const size = blockSize ?? Math.min(longestBlock, Math.max(firstBlock, (start - from) >> 2))
      next = Math.min(from + count, start + size)
      const block = await runBlock(file, { ...rest, from: start, count: next - start })
      for (const name of ['runs', 'reads', 'loads', 'commands', 'cpuMs'] as const) sum[name] += block[name]
      if (block.found === undefined) done?.(start, block)
      else if (block.found.seed < ((first.found as Found | undefined)?.seed ?? Infinity)) first.found = block.found
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, work))
  return { ...sum, ...first }
}

/** @throws when the process ends without an answer */
export function runBlock(file: string, order: Order): Promise<Block> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], { env: cleanEnvironment() })
    child.stdin.on('error', () => {}).end(JSON.stringify(order))
    let output = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    child.on('error', reject)
    child.on('close', (code) => {
      const last = output.trimEnd().split('\n').at(-1) ?? ''
      if (code === 0 && last.startsWith('{')) resolve(JSON.parse(last) as Block)
      else
        reject(
          new Error(
            `Schedules ${order.from} to ${order.from + order.count - 1}: the process ended with ${code}\n${errors}`,
          ),
        )
    })
  })
}

/** For people. */
export function describe({ seed, violations, schedule, timeline }: Found): string {
  const { actions, ...rest } = schedule
  return [
    `seed ${seed}: ${violations.join('; ')}`,
    '',
    'the schedule, shortened:',
    `  ${JSON.stringify(rest)}`,
    ...actions.map(
      (action) =>
        `  turn ${action.at}: ${action.do} (node ${action.node}, key ${action.key}, ${action.pick.toFixed(3)})`,
    ),
    '',
    'what happened:',
    ...timeline,
  ].join('\n')
}
