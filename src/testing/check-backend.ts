import type { OpenBackend } from './contract-case.ts'
import type { ContractOptions } from './contract-plan.ts'
import { checkContractOptions, planContract } from './contract-plan.ts'

/** What became of one outcome. */
export interface OutcomeResult {
  readonly id: string
  readonly title: string
  readonly status: 'passed' | 'failed' | 'skipped'
  /** Why it was skipped, or the outcome, what was expected and what came. `undefined` when it passed. */
  readonly reason: string | undefined
}

/**
 * Checks every outcome of the backend contract, without a test runner. `open` is called once for each.
 *
 * @returns one result per outcome, in the order of their numbers; a violation is a result, not a rejection
 * @throws {TypeError | RangeError} `CACHE_BAD_OPTION`
 * @example
 * const results = await checkBackend(() => new MyBackend())
 * const failed = results.filter(({ status }) => status === 'failed')
 */
export async function checkBackend(
  open: OpenBackend,
  options: ContractOptions = {},
): Promise<readonly OutcomeResult[]> {
  checkContractOptions(options, [], 'checkBackend')
  const planned = planContract(open, options)
  // The first of those that wait begins all of them, so they wait while the others are checked.
  const timed = new Map(planned.filter(({ outcome }) => outcome.isTimed).map((one) => [one, settle(one.run())]))
  const results: OutcomeResult[] = []
  for (const one of planned) {
    const { id, title } = one.outcome
    results.push({ id, title, ...(await (timed.get(one) ?? settle(one.run()))) })
  }
  return results
}

async function settle(run: Promise<string | undefined>): Promise<Pick<OutcomeResult, 'status' | 'reason'>> {
  try {
    const skipped = await run
    return skipped === undefined ? { status: 'passed', reason: undefined } : { status: 'skipped', reason: skipped }
  } catch (error) {
    return { status: 'failed', reason: (error as Error).message }
  }
}
