import type { CacheBackend } from '../contracts/backend.ts'
import { withTimeLimit } from '../support/deadline.ts'
import { describe, misuse } from '../support/errors.ts'
import { systemRuntime } from '../support/runtime.ts'
import type { ContractBench, ContractCapability, ContractOutcome, OpenBackend, OpenedBackend } from './contract-case.ts'
import { ContractViolation, show, SkipSignal, violated } from './expectations.ts'

// Runs one outcome on a backend that is opened for it, and ends what was opened, whatever happened.

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => void systemRuntime.setTimer(resolve, ms, 'deadline'))
const random = (): number => systemRuntime.random()
const monotonic = (): number => systemRuntime.monotonic()

/** How often is looked whether something has happened that nothing tells of. */
const stepMs = 50
const longestWaitMs = 12_000
/** What ending a backend may take: one that hangs fails its outcome, not the whole run. */
const endMs = 10_000

/** @returns why it was not checked; `undefined`: it was, and holds. @throws {ContractViolation} naming the outcome, what was expected and what came */
export async function runOutcome(
  outcome: ContractOutcome,
  open: OpenBackend,
  limitMs: number,
): Promise<string | undefined> {
  const label = `${outcome.id} ${outcome.title}`
  try {
    const ended = await withTimeLimit(onFreshBackend(outcome, open), limitMs, systemRuntime)
    if (ended === undefined) throw new ContractViolation(`expected an answer, came none within ${limitMs / 1000} s`)
    return undefined
  } catch (error) {
    if (error instanceof SkipSignal) return error.message
    const message = error instanceof ContractViolation ? error.message : `expected no error, came ${show(error)}`
    throw new ContractViolation(`${label}: ${message}`, { cause: error })
  }
}

async function onFreshBackend(outcome: ContractOutcome, open: OpenBackend): Promise<true> {
  const opened = toOpened(await open())
  const others: CacheBackend[] = []
  let ended
  try {
    if (outcome.needs !== undefined && !has(opened.backend, outcome.needs))
      throw new SkipSignal(`it has no ${outcome.needs}`)
    await outcome.check(benchOf(opened, others))
  } finally {
    ended = await withTimeLimit(endAll(opened, others), endMs, systemRuntime)
  }
  // How it ends is not what this outcome is about, unless it never does.
  if (ended === undefined)
    throw new ContractViolation(`expected close() to end, came no answer within ${endMs / 1000} s`)
  return true
}

function benchOf(opened: OpenedBackend, others: CacheBackend[]): ContractBench {
  const { backend, advance } = opened
  let moved = 0
  const elapsed = opened.monotonic ?? (advance === undefined ? monotonic : (): number => moved)
  const run = `${Math.floor(random() * 2 ** 40).toString(36)}${systemRuntime.now().toString(36)}`
  let count = 0
  const pass = async (ms: number): Promise<void> => {
    if (advance === undefined) await sleep(ms)
    else await advance(ms)
    moved += ms
  }
  return {
    backend,
    key: (name = '') => `contract:${run}:${++count}:${name}`,
    capability(name) {
      const found = backend[name]
      if (found === undefined) throw new SkipSignal(`it has no ${name}`)
      return found as never
    },
    hasClock: advance !== undefined,
    pass,
    async until(what, condition, limitMs = longestWaitMs) {
      const end = elapsed() + limitMs
      while (!(await condition())) {
        if (elapsed() > end) violated(what, `that within ${limitMs / 1000} s`, 'nothing of it')
        await pass(stepMs)
        // What is told on a turn of its own has its say, also where time is moved.
        if (advance !== undefined) await sleep(0)
      }
    },
    async another() {
      if (opened.another === undefined) throw new SkipSignal('`open` gives no `another`')
      const other = await opened.another()
      others.push(other)
      return other
    },
    async breakStore() {
      if (opened.breakStore === undefined) throw new SkipSignal('`open` gives no `breakStore`')
      await opened.breakStore()
    },
    random,
    monotonic: elapsed,
  }
}

/** Whether the backend claims it, in whole or in part. */
export function has(backend: CacheBackend, capability: ContractCapability): boolean {
  return capability === 'ordered' ? backend.ordered === true : backend[capability] !== undefined
}

function toOpened(answer: OpenedBackend | CacheBackend): OpenedBackend {
  if (typeof answer !== 'object' || answer === null) {
    throw misuse('CACHE_BAD_OPTION', `open must give a backend or { backend }, got ${describe(answer)}`)
  }
  return 'backend' in answer ? answer : { backend: answer }
}

async function endAll({ backend, end }: OpenedBackend, others: readonly CacheBackend[]): Promise<true> {
  for (const one of [backend, ...others]) {
    try {
      await one.close()
    } catch {
      // There is an outcome of its own about that.
    }
  }
  await end?.()
  return true
}
