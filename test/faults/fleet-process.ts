// Nodes of a fleet as processes of their own, called like objects.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cleanEnvironment, compileProgram } from '../support/compiled-program.ts'
import type { Answer, Call, Method } from './fleet-child.ts'

export interface FleetProcess extends AsyncDisposable {
  /** Calls a method of its cache. Rejects with what that rejects with, or when the process ends before it answers. */
  call(method: Method, ...args: readonly unknown[]): Promise<unknown>
}

export interface Program extends Disposable {
  start(url: string): FleetProcess
}

export async function compileNode(): Promise<Program> {
  const program = await compileProgram('test/faults/fleet-child.ts')
  return {
    start: (url) => startNode(program.file, url),
    [Symbol.dispose]: () => program[Symbol.dispose](),
  }
}

function startNode(file: string, url: string): FleetProcess {
  const child = fork(file, { execArgv: [], env: { ...cleanEnvironment(), FLEET_URL: url } })
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
