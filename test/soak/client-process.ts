// The client as a process: the sources as they are, compiled into a folder of their own, since plain Node.js 20 runs no
// TypeScript and a test runner around it would be measured too.
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run, tool } from '../../scripts/project.mjs'
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
  const folder = mkdtempSync(join(tmpdir(), 'test-soak-'))
  await compile(folder)
  const own = Object.entries(process.env).filter(([name]) => !/^(?:REDIS_|CACHE_|NODE_|VITEST|TEST)/.test(name))
  const child = fork(join(folder, 'out/test/soak/client.js'), {
    execArgv: ['--expose-gc'],
    env: { ...Object.fromEntries(own), SOAK_URL: url, SOAK_SEED: String(seed) },
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
    rmSync(folder, { recursive: true, force: true })
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

async function compile(folder: string): Promise<void> {
  const project = {
    extends: join(root, 'test/tsconfig.json'),
    // Types are checked elsewhere.
    compilerOptions: { noEmit: false, noCheck: true, types: [], rootDir: root, outDir: join(folder, 'out') },
    files: [join(root, 'test/soak/client.ts')],
    include: [],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  const { code, output } = await run([...tool('typescript', 'tsc'), '-p', folder])
  if (code !== 0) throw new Error(`The client cannot be compiled:\n${output}`)
}
