// The client as a process: started, listened to, and asked to come to rest.
import { fork } from 'node:child_process'
import { cleanEnvironment, compileProgram } from '../support/compiled-program.ts'
import { until } from '../support/gate.ts'
import type { Message, Report, Sample } from './client.ts'

export interface ClientProcess {
  readonly samples: readonly Sample[]
  readonly isAlive: boolean
  /** What it printed on stderr. */
  readonly errorOutput: string
  /** Lets it come to rest. @returns its last words, if there were any, and how it ended: by itself means 0 */
  finish(): Promise<{ readonly report: Report | undefined; readonly ended: number | string }>
  [Symbol.asyncDispose](): Promise<void>
}

/** The client has limits of its own for what it waits for; this one is for a client that hangs. */
const endsWithinMs = 900_000

export async function startClient(url: string, seed: number): Promise<ClientProcess> {
  const program = await compileProgram('test/soak/client.ts')
  const child = fork(program.file, {
    execArgv: ['--expose-gc'],
    env: { ...cleanEnvironment(), SOAK_URL: url, SOAK_SEED: String(seed) },
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null
  const samples: Sample[] = []
  let report: Report | undefined
  let errorOutput = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errorOutput += text))
  child.on('message', (message: Message) => {
    if ('sample' in message) samples.push(message.sample)
    else report = message.report
  })
  const dispose = async (): Promise<void> => {
    child.kill('SIGKILL')
    await until('the client is gone', () => !isAlive())
    program[Symbol.dispose]()
  }
  try {
    await until('the client works', () => samples.length > 0 || !isAlive(), 120_000)
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    samples,
    get isAlive() {
      return isAlive()
    },
    get errorOutput() {
      return errorOutput
    },
    async finish() {
      if (isAlive()) child.send('finish')
      await until('the client has reported', () => report !== undefined || !isAlive(), endsWithinMs)
      // From here on nothing is asked of it: what keeps it alive now was left behind.
      await until('the client ends', () => !isAlive(), 60_000).catch(() => undefined)
      return { report, ended: isAlive() ? 'it runs on' : (child.exitCode ?? child.signalCode ?? 'unknown') }
    },
    [Symbol.asyncDispose]: dispose,
  }
}
