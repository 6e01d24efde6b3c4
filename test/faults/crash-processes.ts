// Processes that use the cache and are killed: compiled once, started as often as a test likes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { cleanEnvironment, compileProgram } from '../support/compiled-program.ts'
import type { Job, Line, Versions } from './crash-client.ts'

export interface CrashClient {
  start(job: Job): RunningClient
  [Symbol.dispose](): void
}

export interface RunningClient {
  readonly pid: number
  /** Everything it has said. After `kill` or `ended` it is complete. */
  readonly lines: readonly Line[]
  /** Resolves with the first line of that kind; rejects when the process ends without it. */
  said<Kind extends keyof Line>(kind: Kind): Promise<NonNullable<Line[Kind]>>
  /** The word that it waits for. */
  go(): void
  /** Calls `heard` for each line from now on. */
  onLine(heard: (line: Line) => void): void
  /** By SIGKILL. Resolves when it is gone and all it said has been heard. */
  kill(): Promise<void>
  /** Resolves when it has ended by itself. @throws unless it ended well */
  ended(): Promise<void>
}

export async function compileCrashClient(): Promise<CrashClient> {
  const program = await compileProgram('test/faults/crash-client.ts')
  return {
    start: (job) => startClient(program.file, job),
    [Symbol.dispose]: () => program[Symbol.dispose](),
  }
}

function startClient(file: string, job: Job): RunningClient {
  const child = spawn(process.execPath, [file, JSON.stringify(job)], {
    env: cleanEnvironment(),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const lines: Line[] = []
  const listeners = new Set<() => void>()
  const heard: Array<(line: Line) => void> = []
  let errorOutput = ''
  let isOver = false
  child.stdin.on('error', () => undefined)
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errorOutput += text))
  const reader = createInterface({ input: child.stdout }).on('line', (text) => {
    // A line may be cut off by the end of the process: that answer was not given.
    if (!text.endsWith('}')) return
    const line = JSON.parse(text) as Line
    lines.push(line)
    for (const hear of heard) hear(line)
    for (const listener of listeners) listener()
  })
  const over = Promise.all([once(child, 'close'), once(reader, 'close')]).then(([[code, signal]]) => {
    isOver = true
    for (const listener of listeners) listener()
    return { code: code as number | null, signal: signal as NodeJS.Signals | null }
  })
  return {
    pid: child.pid ?? 0,
    lines,
    said: <Kind extends keyof Line>(kind: Kind) =>
      new Promise<NonNullable<Line[Kind]>>((resolve, reject) => {
        const look = (): void => {
          const what = lines.find((line) => line[kind] !== undefined)?.[kind]
          if (what === undefined && !isOver) return
          listeners.delete(look)
          if (what === undefined) reject(new Error(`The client ended without saying '${kind}':\n${errorOutput}`))
          else resolve(what as NonNullable<Line[Kind]>)
        }
        listeners.add(look)
        look()
      }),
    go: () => void child.stdin.write('go\n'),
    onLine: (hear) => void heard.push(hear),
    kill: async () => {
      child.kill('SIGKILL')
      await over
    },
    ended: async () => {
      const { code, signal } = await over
      if (code !== 0) throw new Error(`The client ended with ${code ?? signal}:\n${errorOutput}`)
    },
  }
}

/** Runs a reader to its end. */
export async function readAll(
  client: CrashClient,
  job: Omit<Extract<Job, { role: 'reader' }>, 'role'>,
): Promise<{ readonly seen: Versions; readonly last: Versions }> {
  const reader = client.start({ ...job, role: 'reader' })
  try {
    const found = await reader.said('found')
    await reader.ended()
    return found
  } finally {
    await reader.kill()
  }
}
