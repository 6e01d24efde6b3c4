// Nodes of a fleet as processes of their own: the sources as they are, compiled into a folder of their own, since plain
// Node.js 20 runs no TypeScript.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run, tool } from '../../scripts/project.mjs'
import type { Answer, Call, Method } from './fleet-child.ts'

export interface FleetProcess extends AsyncDisposable {
  /** Calls a method of its cache. Rejects with what that rejects with, or when the process ends before it answers. */
  call(method: Method, ...args: readonly unknown[]): Promise<unknown>
}

export interface Program extends Disposable {
  start(url: string): FleetProcess
}

export async function compileNode(): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), 'test-fleet-'))
  const project = {
    extends: join(root, 'test/tsconfig.json'),
    // Types are checked elsewhere.
    compilerOptions: { noEmit: false, noCheck: true, types: [], rootDir: root, outDir: join(folder, 'out') },
    files: [join(root, 'test/faults/fleet-child.ts')],
    include: [],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  const { code, output } = await run([...tool('typescript', 'tsc'), '-p', folder])
  if (code !== 0) throw new Error(`The node cannot be compiled:\n${output}`)
  return {
    start: (url) => startNode(join(folder, 'out/test/faults/fleet-child.js'), url),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function startNode(file: string, url: string): FleetProcess {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:REDIS_|CACHE_|NODE_|VITEST|TEST)/.test(name))
  const child = fork(file, { execArgv: [], env: { ...Object.fromEntries(own), FLEET_URL: url } })
  const ended = once(child, 'exit')
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let calls = 0
  child.on('message', (answer: Answer) => {
    const caller = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('error' in answer) caller?.reject(new Error(answer.error))
    // Nothing is no value of a message.
    else caller?.resolve(answer.value ?? undefined)
  })
  child.on('exit', () => waiting.forEach(({ reject }) => reject(new Error('The node has ended'))))
  return {
    call: (method, ...args) =>
      new Promise((resolve, reject) => {
        const call: Call = { id: ++calls, method, args }
        waiting.set(call.id, { resolve, reject })
        child.send(call)
      }),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
