// Measures one trial: wall time, CPU time of the process, bytes allocated. Each measurement begins with an empty young
// generation, and its inputs are made before the clock starts.
import { GCProfiler, getHeapStatistics } from 'node:v8'
import type * as Loop from './loop.ts'
import { median } from './median.ts'
import type { Trial } from './suite.ts'

export interface Sample {
  /** Nanoseconds of wall time per operation. */
  readonly wall: number
  /** Nanoseconds of CPU time of the whole process per operation. */
  readonly cpu: number
}

/** A subject is warm after so long and so many calls: what was called a few hundred times only is not compiled yet. */
export interface WarmUp {
  /** How long one measurement should take. */
  readonly batchMs: number
  readonly warmUpMs: number
  readonly warmUpCalls: number
  /** However few calls that were. */
  readonly warmUpMostMs: number
}

/** The batch of a bytes measurement has to fit into the young generation, which the parent sets to 16 MiB. */
const bytesRoom = 5 << 20

export class Probe {
  readonly trial: Trial
  readonly loops: typeof Loop
  /** With fewer the callers would be waiting for the last of them rather than for the cache. */
  private readonly least: number
  private count: number

  constructor(trial: Trial, loops: typeof Loop) {
    this.trial = trial
    this.loops = loops
    this.least = trial.concurrency === undefined ? 1 : 2 * trial.concurrency
    this.count = this.least
  }

  /** Runs the trial until it is compiled, and finds the number of calls that take `batchMs`. */
  async warmUp({ batchMs, warmUpMs, warmUpCalls, warmUpMostMs }: WarmUp): Promise<void> {
    const most = this.trial.most ?? 100_000
    const began = performance.now()
    let calls = 0
    const isCold = (): boolean => {
      const spent = performance.now() - began
      return spent < warmUpMs || (calls < warmUpCalls && spent < warmUpMostMs)
    }
    do {
      const { wall } = await this.measure()
      calls += this.count
      const wanted = Math.min((batchMs * 1e6) / wall, most, this.count * 4)
      this.count = Math.max(this.least, Math.round(wanted))
    } while (isCold() || (this.count < most && (await this.measure()).wall * this.count < batchMs * 5e5))
  }

  async measure(): Promise<Sample> {
    const { count } = this
    const inputs = this.trial.inputs(count)
    await settled()
    collect()
    const cpuBefore = process.cpuUsage()
    const before = process.hrtime.bigint()
    await this.run(inputs, count)
    const wall = Number(process.hrtime.bigint() - before)
    const { user, system } = process.cpuUsage(cpuBefore)
    return { wall: wall / count, cpu: ((user + system) * 1000) / count }
  }

  /** @returns bytes allocated per operation; `undefined` when no batch ran without a garbage collection in between */
  async bytes(repetitions: number): Promise<number | undefined> {
    if (this.trial.bytes === false) return undefined
    let count = Math.min(this.count, 20_000)
    const results: number[] = []
    for (let attempt = 0; attempt < repetitions * 4 && results.length < repetitions; attempt++) {
      const inputs = this.trial.inputs(count)
      await settled()
      collect()
      const profiler = new GCProfiler()
      profiler.start()
      const before = getHeapStatistics().used_heap_size
      await this.run(inputs, count)
      const grown = getHeapStatistics().used_heap_size - before
      if (profiler.stop().statistics.length === 0 && grown >= 0 && grown < 3 * bytesRoom) results.push(grown / count)
      else count = Math.max(1, count >> 2)
    }
    return results.length === repetitions ? median(results) : undefined
  }

  private run(inputs: readonly unknown[], count: number): unknown {
    const { trial, loops } = this
    if (trial.concurrency !== undefined) return loops.concurrent(trial.call, inputs, count, trial.concurrency)
    return trial.awaits ? loops.awaited(trial.call, inputs, count) : loops.plain(trial.call, inputs, count)
  }
}

/** What the last measurement left to be done (late writes, cleared timers) belongs to nobody else. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function collect(): void {
  if (globalThis.gc === undefined) throw new Error('The measuring process needs --expose-gc')
  globalThis.gc()
}
