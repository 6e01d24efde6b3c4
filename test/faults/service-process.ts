// The example document service in a process of its own, as `npm start` runs it: compiled by its own
// tsconfig.build.json, its own main file, the built package. Compiled into a folder of the test's own, because `dist`
// of the example may be in use.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run, tool } from '../../scripts/project.mjs'
import { requireBuild } from '../support/built-package.ts'
import { until } from '../support/gate.ts'

export interface ServiceProcess {
  readonly url: string
  readonly errorOutput: string
  /** Sends SIGTERM and waits until the process has ended. @returns its exit status, or the signal that ended it */
  terminate(): Promise<number | NodeJS.Signals>
  [Symbol.asyncDispose](): Promise<void>
}

const example = join(root, 'examples/document-service')

/** @returns a service that listens. @throws when it cannot be compiled or does not start */
export async function startService(redisUrl: string): Promise<ServiceProcess> {
  requireBuild()
  const folder = mkdtempSync(join(tmpdir(), 'test-service-'))
  await compile(folder)

  // Nothing of this run or of the developer's shell may change what the service does, or hide what it warns of.
  const own = Object.entries(process.env).filter(([name]) => !/^(?:REDIS_|CACHE_|NODE_|VITEST|TEST)/.test(name))
  const env = { ...Object.fromEntries(own), NODE_ENV: 'production', PORT: '0', REDIS_URL: redisUrl }
  const child = spawn(process.execPath, [join(folder, 'dist/src/start.js')], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const watcher = endWithUs(child.pid)

  const dispose = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
    watcher.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  const address = /listens on (http:\S+)\. /
  try {
    await until('the service listens', () => hasEnded() || address.test(output.stdout), 60_000)
  } catch (error) {
    await dispose()
    throw error
  }
  const [, url] = address.exec(output.stdout) ?? []
  if (url === undefined) {
    await dispose()
    throw new Error(`The service ended at its start:\n${output.stdout}${output.stderr}`)
  }
  return {
    url,
    get errorOutput() {
      return output.stderr
    },
    terminate: async () => {
      child.kill('SIGTERM')
      await until('the service ends after SIGTERM', hasEnded, 60_000)
      const [code, signal] = await ended
      return code ?? signal ?? 'SIGKILL'
    },
    [Symbol.asyncDispose]: dispose,
  }
}

/** Packages and samples are found through links where the compiled files look for them: two folders above. */
async function compile(folder: string): Promise<void> {
  const options = ['--outDir', join(folder, 'dist'), '--sourceMap', 'false', '--noCheck']
  const project = ['-p', join(example, 'tsconfig.build.json')]
  const { code, output } = await run([...tool('typescript', 'tsc'), ...project, ...options])
  if (code !== 0) throw new Error(`The example cannot be compiled:\n${output}`)
  cpSync(join(example, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  symlinkSync(join(example, 'samples'), join(folder, 'samples'), 'junction')
}

/** A shell that waits for the end of this process (its pipe closes, however we die), then ends the service. */
function endWithUs(pid: number | undefined): ChildProcess {
  const script = ['-c', 'read -r _; kill -9 "$1" 2>/dev/null', 'sh', String(pid)]
  const watcher = spawn('sh', script, { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  watcher.unref()
  watcher.stdin.on('error', () => undefined)
  ;(watcher.stdin as unknown as { unref(): void }).unref()
  return watcher
}
