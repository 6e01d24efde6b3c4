import { test as nodeTest } from 'node:test'
import { misuse } from '../support/errors.ts'

// How a suite reaches the test runner that runs it, without depending on one.

/** Registers one test. The third argument is its time limit, milliseconds; runners without one ignore it. */
export type TestFunction = (name: string, body: (context?: unknown) => Promise<void>, limitMs: number) => unknown

/**
 * Jest, Mocha and Vitest with `globals` have it in every file. Vitest without them keeps its exports under a name of its own, for tests that stand in the
 * source (https://vitest.dev/guide/in-source).
 */
interface RunnerGlobals {
  readonly test?: unknown
  readonly it?: unknown
  readonly __vitest_index__?: { readonly test?: unknown }
}

/** @throws {TypeError} `CACHE_BAD_OPTION` when no runner is found */
export function runningTestFunction(
  globals: RunnerGlobals = globalThis as RunnerGlobals,
  env: Readonly<Record<string, string | undefined>> = process.env,
): TestFunction {
  for (const found of [globals.test, globals.it, globals.__vitest_index__?.test]) {
    if (typeof found === 'function') return found as TestFunction
  }
  const { NODE_TEST_CONTEXT: nodes, VITEST: vitest, JEST_WORKER_ID: jest } = env
  // Under another runner its tests would be registered with nobody who looks at them.
  if (nodes === undefined && (vitest !== undefined || jest !== undefined)) {
    throw misuse('CACHE_BAD_OPTION', 'test must be given: pass `{ test }` of your test runner')
  }
  return (name, body, timeout) => void nodeTest(name, { timeout }, body)
}
