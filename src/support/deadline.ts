import type { Runtime, Timer } from '../contracts/runtime.ts'
import { CacheError } from './errors.ts'

// Bounds promises in time. Operations that begin in the same turn with the same bound share one timer: a timer per operation is
// what makes a client's own timeouts cost more than its commands.

interface Waiting {
  readonly reject: (error: CacheError) => void
  readonly what: string
  settled: boolean
}

interface Batch {
  readonly ms: number
  /** By the monotonic clock. */
  readonly endsAt: number
  readonly waiting: Waiting[]
  pending: number
  timer: Timer | undefined
}

/**
 * A timer this late fires because the event loop was blocked, and timers come before sockets: what has arrived meanwhile has not been
 * looked at yet. It gets one more turn.
 */
const lateMs = 20

/** Rejects with `CACHE_TIMEOUT` what has not settled in time. The late outcome is ignored, never unhandled. */
export class Deadlines {
  readonly #runtime: Runtime
  #open: Batch | undefined

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** @param what named in the error, e.g. `'get'` */
  bound<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
    if (ms === Infinity) return promise
    return new Promise<T>((resolve, reject) => {
      const batch = this.#join(ms)
      const waiting: Waiting = { reject, what, settled: false }
      batch.waiting.push(waiting)
      batch.pending++
      const done = (): void => {
        if (waiting.settled) return
        waiting.settled = true
        if (--batch.pending === 0) this.#finish(batch)
      }
      promise.then(
        (value) => {
          done()
          resolve(value)
        },
        (error: unknown) => {
          done()
          reject(error)
        },
      )
    })
  }

  #join(ms: number): Batch {
    const open = this.#open
    if (open !== undefined && open.ms === ms) return open
    const batch: Batch = { ms, endsAt: this.#runtime.monotonic() + ms, waiting: [], pending: 0, timer: undefined }
    this.#open = batch
    batch.timer = this.#runtime.setTimer(() => this.#expire(batch), ms, 'deadline')
    this.#runtime.defer(() => {
      if (this.#open === batch) this.#open = undefined
      if (batch.pending === 0) this.#finish(batch)
    })
    return batch
  }

  #expire(batch: Batch): void {
    if (this.#runtime.monotonic() > batch.endsAt + lateMs) {
      batch.timer = this.#runtime.setTimer(() => this.#timeOut(batch), 1, 'deadline')
    } else {
      this.#timeOut(batch)
    }
  }

  #timeOut(batch: Batch): void {
    batch.timer = undefined
    for (const waiting of batch.waiting) {
      if (waiting.settled) continue
      waiting.settled = true
      waiting.reject(new CacheError('CACHE_TIMEOUT', `${waiting.what} did not answer within ${batch.ms} ms`))
    }
    batch.waiting.length = 0
  }

  #finish(batch: Batch): void {
    // A batch that may still be joined keeps its timer until its turn is over.
    if (this.#open === batch || batch.timer === undefined) return
    this.#runtime.clearTimer(batch.timer)
    batch.timer = undefined
    batch.waiting.length = 0
  }
}

/** What `work` resolves to, or `undefined` when the time is over first. A timer that is late gives what has arrived one more turn. */
export async function withTimeLimit<T>(
  work: Promise<T>,
  ms: number,
  runtime: Runtime,
  kind: 'deadline' | 'background' = 'deadline',
): Promise<T | undefined> {
  const endsAt = runtime.monotonic() + ms
  let timer: Timer | undefined
  const limit = new Promise<undefined>((resolve) => {
    const over = (): void => resolve(undefined)
    timer = runtime.setTimer(
      () => {
        if (runtime.monotonic() > endsAt + lateMs) timer = runtime.setTimer(over, 1, kind)
        else over()
      },
      ms,
      kind,
    )
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    if (timer !== undefined) runtime.clearTimer(timer)
  }
}
