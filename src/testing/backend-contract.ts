import { describe, misuse } from '../support/errors.ts'
import type { OpenBackend } from './contract-case.ts'
import type { ContractOptions } from './contract-plan.ts'
import { checkContractOptions, planContract } from './contract-plan.ts'
import type { TestFunction } from './test-function.ts'
import { runningTestFunction } from './test-function.ts'

export interface BackendContractOptions extends ContractOptions {
  /** Registers a test: `test` of Vitest, node:test, Jest or Mocha's `it`. Default: that of the runner that is running. */
  readonly test?: TestFunction | undefined
}

/** Beyond what an outcome may take, milliseconds: it says itself what it waited for, which says more than the runner could. */
const slackMs = 30_000

/**
 * Registers one test for each outcome of the backend contract (`B-01`, ...), so call it where tests are defined. `open` is called once for each.
 *
 * @param name stands before each test's name
 * @throws {TypeError | RangeError} `CACHE_BAD_OPTION`, also when no test runner is found and none is given
 * @example
 * backendContract('MyBackend', () => new MyBackend(), { capabilities: ['batch'] })
 */
export function backendContract(name: string, open: OpenBackend, options: BackendContractOptions = {}): void {
  if (typeof name !== 'string' || name === '')
    throw misuse('CACHE_BAD_OPTION', `name must be a non-empty string, got ${describe(name)}`)
  checkContractOptions(options, ['test'], 'backendContract')
  const { test = runningTestFunction(), limitMs = 30_000 } = options
  if (typeof test !== 'function')
    throw misuse('CACHE_BAD_OPTION', `test must be a function that registers a test, got ${describe(test)}`)
  for (const { outcome, run } of planContract(open, options)) {
    const body = async (context?: unknown): Promise<void> => {
      const skipped = await run()
      // Vitest and node:test have it; elsewhere a skipped outcome passes.
      if (skipped !== undefined) (context as { skip?: (why: string) => void } | undefined)?.skip?.(skipped)
    }
    test(`${name}: ${outcome.id} ${outcome.title}`, body, limitMs + slackMs)
  }
}
