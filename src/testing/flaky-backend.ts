import type { Awaitable, CacheBackend } from '../contracts/backend.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { describe, misuse, outOfRange } from '../support/errors.ts'
import { checkOptionNames } from '../support/options.ts'
import { systemRuntime } from '../support/runtime.ts'
import { mapMethods } from './map-methods.ts'
import { seededRandom } from './seeded-random.ts'

// A store that fails now and then, as a seed has it: the same seed, options and calls give the same faults. What a caller sees of a fault does not tell
// whether the store has done what it was asked: half of the errors and of the silences come after it has.

export interface FlakyOptions {
  /** Which faults come when. Default: 1. */
  readonly seed?: number | undefined
  /** How much later answers come: up to so many milliseconds. Default: 0, at once. */
  readonly latency?: number | undefined
  /** The share of calls that fail, 0 to 1. Default: 0. */
  readonly errors?: number | undefined
  /** The share of calls that are never answered, 0 to 1. Default: 0. */
  readonly hangs?: number | undefined
  /** The share of texts that are read damaged: cut off, or a character changed, 0 to 1. Default: 0. */
  readonly corrupt?: number | undefined
  /** Whose timers make answers late. Default: the real ones. */
  readonly runtime?: Runtime | undefined
}

export interface FlakyBackend extends CacheBackend {
  /** `false`: it behaves. The faults to come stay the same: each call uses up its draw. */
  isFlaky: boolean
  /** How often each fault has come. */
  readonly faults: { readonly late: number; readonly errors: number; readonly hangs: number; readonly corrupt: number }
}

/** What one call is in for. Drawn whole for each call, so that one option does not move the faults of another. */
interface Draw {
  readonly lateMs: number
  readonly error: boolean
  readonly hang: boolean
  readonly corrupt: boolean
  /** Whether the store does it, though the caller never hears. */
  readonly isDone: boolean
  readonly where: number
}

/**
 * Any backend, as it looks over a bad network or from a failing store: for tests of what a service does then. It has all that the backend has, except
 * `embedded`. `ping` and `close` are among the calls that fail; `connect` is not.
 *
 * @throws {TypeError | RangeError} `CACHE_BAD_OPTION`
 * @example
 * const backend = flakyBackend(new MemoryBackend(), { seed: 7, errors: 0.1, hangs: 0.01, latency: 20 })
 */
export function flakyBackend(inner: CacheBackend, options: FlakyOptions = {}): FlakyBackend {
  if (typeof inner !== 'object' || inner === null)
    throw misuse('CACHE_BAD_OPTION', `flakyBackend takes a backend, got ${describe(inner)}`)
  checkOptionNames(options, new Set(['seed', 'latency', 'errors', 'hangs', 'corrupt', 'runtime']), 'flakyBackend')
  const { seed = 1, latency = 0, errors = 0, hangs = 0, corrupt = 0, runtime = systemRuntime } = options
  checkShare(errors, 'errors')
  checkShare(hangs, 'hangs')
  checkShare(corrupt, 'corrupt')
  if (!(Number.isFinite(latency) && latency >= 0))
    throw outOfRange('CACHE_BAD_OPTION', `latency must be milliseconds, 0 or more, got ${describe(latency)}`)
  const random = seededRandom(seed)
  const faults = { late: 0, errors: 0, hangs: 0, corrupt: 0 }

  const draw = (): Draw => ({
    lateMs: random() * latency,
    error: random() < errors,
    hang: random() < hangs,
    corrupt: random() < corrupt,
    isDone: random() < 0.5,
    where: random(),
  })

  /** The store is asked in the turn of the call, so what has an order keeps it; only answers are late. */
  const call = (method: string, work: () => Awaitable<unknown>): Promise<unknown> => {
    const drawn = draw()
    return flaky.isFlaky ? troubled(method, work, drawn) : promised(work)
  }

  const troubled = async (method: string, work: () => Awaitable<unknown>, drawn: Draw): Promise<unknown> => {
    const isHeard = !drawn.error && !drawn.hang
    const asked = isHeard || drawn.isDone ? promised(work) : Promise.resolve()
    if (!isHeard) asked.catch(() => {})
    if (drawn.hang) {
      faults.hangs++
      return await new Promise(() => {})
    }
    if (drawn.lateMs > 0) {
      faults.late++
      await new Promise<void>((resolve) => void runtime.setTimer(resolve, drawn.lateMs, 'deadline'))
    }
    if (drawn.error) {
      faults.errors++
      throw Object.assign(new Error(`flaky: ${method} failed`), { code: 'ECONNRESET' })
    }
    const answer = await asked
    return drawn.corrupt ? damagedAnswer(method, answer, drawn.where) : answer
  }

  const damagedAnswer = (method: string, answer: unknown, where: number): unknown => {
    const texts = method === 'get' ? [answer] : method === 'batch.get' ? (answer as readonly unknown[]) : []
    const at = texts.findIndex((text) => typeof text === 'string' && text !== '')
    if (at < 0) return answer
    faults.corrupt++
    const changed = texts.map((text, index) => (index === at ? damaged(text as string, where) : text))
    return method === 'get' ? changed[0] : changed
  }

  const flaky: FlakyBackend = Object.assign(mapMethods(inner, call), { isFlaky: true, faults })
  return flaky
}

/** Cut off, or with one character changed: never as it was. */
function damaged(text: string, where: number): string {
  const at = Math.floor(where * text.length)
  if (at % 2 === 0) return text.slice(0, at)
  return `${text.slice(0, at)}${text[at] === '?' ? '!' : '?'}${text.slice(at + 1)}`
}

async function promised<T>(work: () => Awaitable<T>): Promise<T> {
  return await work()
}

function checkShare(share: number, what: string): void {
  if (!(typeof share === 'number' && share >= 0 && share <= 1))
    throw outOfRange('CACHE_BAD_OPTION', `${what} must be a share from 0 to 1, got ${describe(share)}`)
}
