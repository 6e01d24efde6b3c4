import { describe, misuse, outOfRange, quote } from '../support/errors.ts'
import { checkOptionNames } from '../support/options.ts'
import { runOutcome } from './contract-bench.ts'
import type { ContractCapability, ContractOutcome, OpenBackend } from './contract-case.ts'
import { backendOutcomes } from './contract-outcomes.ts'
import { namedCapabilities } from './outcomes-shape.ts'

// Which outcomes are checked of a backend, and when: those that wait for seconds are all begun when the first of them is asked for, so that together they
// take as long as one.

export interface ContractOptions {
  /**
   * Every capability that the backend has, and no other: one that is missing fails B-02, and so does one that is not named. Default: those it has are found by
   * shape, and the outcomes of the others are skipped.
   */
  readonly capabilities?: readonly ContractCapability[] | undefined
  /** Outcomes that are not checked, each with the reason, for what a store cannot do: `{ 'B-26': 'a Map does not fail' }`. */
  readonly except?: Readonly<Record<string, string>> | undefined
  /** What one outcome may take, milliseconds. Default: 30,000. */
  readonly limitMs?: number | undefined
}

export interface PlannedOutcome {
  readonly outcome: ContractOutcome
  /** Checks it. @returns why it was skipped; `undefined`: it holds. @throws `ContractViolation` */
  readonly run: () => Promise<string | undefined>
}

const capabilities: ReadonlySet<string> = new Set<ContractCapability>([
  'batch', 'tags', 'scan', 'leases', 'push', 'link', 'embedded', 'ordered',
]) // prettier-ignore

export const contractOptionNames: readonly string[] = ['capabilities', 'except', 'limitMs']

/** @throws {TypeError | RangeError} `CACHE_BAD_OPTION` */
export function planContract(open: OpenBackend, options: ContractOptions): readonly PlannedOutcome[] {
  const { except = {}, limitMs = 30_000 } = options
  if (typeof open !== 'function')
    throw misuse('CACHE_BAD_OPTION', `open must be a function that gives a backend, got ${describe(open)}`)
  if (!(typeof limitMs === 'number' && limitMs > 0)) {
    throw outOfRange('CACHE_BAD_OPTION', `limitMs must be a positive number of milliseconds, got ${describe(limitMs)}`)
  }
  const chosen = choose(options).filter(({ id }) => !(id in except))
  const all = [...choose(options), ...backendOutcomes]
  for (const [id, reason] of Object.entries(except)) {
    if (!all.some((outcome) => outcome.id === id))
      throw misuse('CACHE_BAD_OPTION', `except names no outcome: ${quote(id)}`)
    if (typeof reason !== 'string' || reason === '')
      throw misuse('CACHE_BAD_OPTION', `except must give a reason for ${id}, got ${describe(reason)}`)
  }
  const timed = chosen.filter(({ isTimed }) => isTimed)
  let running: Map<ContractOutcome, Promise<string | undefined>> | undefined
  const start = (): Map<ContractOutcome, Promise<string | undefined>> => {
    const begun = new Map(timed.map((outcome) => [outcome, runOutcome(outcome, open, limitMs)]))
    // Each is awaited by its own test, and may fail before that.
    for (const one of begun.values()) one.catch(() => {})
    return begun
  }
  return chosen.map((outcome) => ({
    outcome,
    run: () =>
      outcome.isTimed
        ? ((running ??= start()).get(outcome) as Promise<string | undefined>)
        : runOutcome(outcome, open, limitMs),
  }))
}

export function checkContractOptions(options: object, more: readonly string[], whose: string): void {
  checkOptionNames(options, new Set([...contractOptionNames, ...more]), whose)
}

function choose({ capabilities: named }: ContractOptions): readonly ContractOutcome[] {
  if (named === undefined) return backendOutcomes
  if (!Array.isArray(named)) throw misuse('CACHE_BAD_OPTION', `capabilities must be an array, got ${describe(named)}`)
  for (const name of named as readonly unknown[]) {
    if (typeof name !== 'string' || !capabilities.has(name)) {
      throw misuse(
        'CACHE_BAD_OPTION',
        `capabilities must hold names of [${[...capabilities].join(', ')}], got ${quote(name)}`,
      )
    }
  }
  const wanted = backendOutcomes.filter(({ needs }) => needs === undefined || named.includes(needs))
  return [wanted[0] as ContractOutcome, namedCapabilities(named), ...wanted.slice(1)]
}
