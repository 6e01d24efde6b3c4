// A process of a fleet, called like an object, frozen and killed like a process.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cleanEnvironment } from '../support/compiled-program.ts'
import type { Answer, Call } from './serve.ts'

type Methods<M> = { readonly [K in keyof M]: (...args: never[]) => unknown }
type ArgsOf<F> = F extends (...args: infer A) => unknown ? A : never
type ResultOf<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never

export interface FleetProcess<M extends Methods<M>> extends AsyncDisposable {
  readonly pid: number
  readonly isAlive: boolean
  /** Rejects with what the method rejects with, or when the process ends before it answers. */
  call<K extends keyof M>(method: K, ...args: ArgsOf<M[K]>): Promise<ResultOf<M[K]>>
  /** SIGSTOP and SIGCONT: its sockets stay open. */
  freeze(): void
  thaw(): void
  /** By SIGKILL. */
  kill(): Promise<void>
}

/** @param settings are the program's environment variable FLEET_SETTINGS. Resolves when it can be called. */
export async function startProcess<M extends Methods<M>>(file: string, settings: unknown): Promise<FleetProcess<M>> {
  const env = { ...cleanEnvironment(), FLEET_SETTINGS: JSON.stringify(settings) }
  const child = fork(file, { execArgv: [], env, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let calls = 0
  let errorOutput = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errorOutput = (errorOutput + text).slice(-10_000)))
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null
  const ended = once(child, 'exit')
  const over = (): Error =>
    new Error(`A process of the fleet has ended (${child.exitCode ?? child.signalCode}): ${errorOutput}`)
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(over())
    waiting.clear()
  })
  const ready = new Promise((resolve, reject) => waiting.set(0, { resolve, reject }))
  child.on('message', (answer: Answer) => {
    const caller = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('error' in answer) caller?.reject(new Error(answer.error))
    // Nothing is no value of a message.
    else caller?.resolve(answer.value ?? undefined)
  })
  await ready
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  return {
    pid: child.pid ?? 0,
    get isAlive() {
      return isAlive()
    },
    call: <K extends keyof M>(method: K, ...args: ArgsOf<M[K]>) => {
      const answer = new Promise<ResultOf<M[K]>>((resolve, reject) => {
        if (!isAlive()) throw over()
        const call: Call = { id: ++calls, method: String(method), args: args as readonly unknown[] }
        waiting.set(call.id, { resolve: resolve as (value: unknown) => void, reject })
        child.send(call)
      })
      // A test that has failed meanwhile does not wait for it any more.
      answer.catch(() => undefined)
      return answer
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    kill,
    [Symbol.asyncDispose]: kill,
  }
}
