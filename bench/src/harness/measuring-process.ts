// The parent's end of a measuring process: starts it, asks, waits for the answer, ends it. What the process prints goes to
// stderr: stdout belongs to the report.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Answer, Question } from './messages.ts'

// The young generation has one size from the start, under every Node version: batches that fit are free of collections.
const flags = ['--expose-gc', '--min-semi-space-size=16', '--max-semi-space-size=16', '--max-old-space-size=4096']
const program = fileURLToPath(new URL('./child.js', import.meta.url))

export class MeasuringProcess {
  private readonly child: ChildProcess

  constructor(suite: string, caseIndex: number, subjectIndex: number, redisUrl: string | undefined) {
    // A developer's own settings (REDIS_URL, CACHE_ENABLED, DEBUG, NODE_OPTIONS) must not change what is measured.
    const own = Object.entries(process.env).filter(([name]) => !/^(?:REDIS_|CACHE_|DEBUG$|NODE_OPTIONS$)/.test(name))
    const env = { ...Object.fromEntries(own), NODE_ENV: 'production', ...(redisUrl && { BENCH_REDIS_URL: redisUrl }) }
    this.child = fork(program, [suite, String(caseIndex), String(subjectIndex)], {
      execArgv: flags,
      env,
      stdio: ['ignore', 2, 2, 'ipc'],
    })
  }

  /** @throws what the subject threw, or that the process ended or said nothing for two minutes */
  ask(question: Question): Promise<Exclude<Answer, { error: string }>> {
    const { child } = this
    return new Promise((resolve, reject) => {
      const settle = (error?: string): void => {
        clearTimeout(timer)
        child.off('message', answered).off('exit', ended)
        if (error !== undefined) reject(new Error(error))
      }
      const answered = (answer: Answer): void => {
        settle(answer.error)
        if (answer.error === undefined) resolve(answer)
      }
      const ended = (code: number | null, signal: string | null): void =>
        settle(`the measuring process ended (${signal ?? code})`)
      const timer = setTimeout(() => settle(`no answer to '${question.ask}' for two minutes`), 120_000)
      child.on('message', answered).on('exit', ended)
      if (child.exitCode !== null || child.signalCode !== null) ended(child.exitCode, child.signalCode)
      else child.send(question)
    })
  }

  end(): void {
    this.child.kill('SIGKILL')
  }
}
