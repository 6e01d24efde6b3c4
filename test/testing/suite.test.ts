// How the suite reaches a runner, what it says, and what it ends: apart from what it checks.
import { describe, expect, test, vi } from 'vitest'
import type { CacheBackend } from '../../src/index.ts'
import { isCacheError, MemoryBackend } from '../../src/index.ts'
import { runningTestFunction } from '../../src/testing/test-function.ts'
import type { TestFunction } from '../../src/testing.ts'
import { backendContract, backendOutcomes, checkBackend, createMockBackend } from '../../src/testing.ts'
import { until } from '../support/gate.ts'

interface Registered {
  readonly name: string
  readonly body: Parameters<TestFunction>[1]
  readonly limitMs: number
}

/** A runner that only notes. */
function runner(): { readonly tests: Registered[]; readonly test: TestFunction } {
  const tests: Registered[] = []
  return { tests, test: (name, body, limitMs) => void tests.push({ name, body, limitMs }) }
}

const only = (...ids: string[]): Record<string, string> =>
  Object.fromEntries(backendOutcomes.filter(({ id }) => !ids.includes(id)).map(({ id }) => [id, 'of no interest here']))

describe('backendContract', () => {
  test('registers a test for each outcome, by number, and opens nothing before one runs', async () => {
    const { tests, test: register } = runner()
    let opened = 0
    backendContract('mine', () => (opened++, new MemoryBackend()), { test: register })
    expect(tests.map(({ name }) => name)).toEqual(backendOutcomes.map(({ id, title }) => `mine: ${id} ${title}`))
    expect(opened).toBe(0)
    await tests[0]?.body()
    expect(opened).toBe(1)
  })

  test('takes the runner that is there: a global one, else that of Vitest without globals, else node:test', () => {
    const [one, two, three] = [() => 1, () => 2, () => 3]
    expect(runningTestFunction({ test: one, it: two, __vitest_index__: { test: three } }, {})).toBe(one)
    expect(runningTestFunction({ it: two, __vitest_index__: { test: three } }, {})).toBe(two)
    expect(runningTestFunction({ __vitest_index__: { test: three } }, { VITEST: 'true' })).toBe(three)
    expect(runningTestFunction()).toBe(test)
    // In docs.test.ts it runs there.
    expect(runningTestFunction({}, { VITEST: 'true', NODE_TEST_CONTEXT: 'child-v8' })).toBeTypeOf('function')
    expect(runningTestFunction({}, {})).toBeTypeOf('function')
  })

  test.each(['VITEST', 'JEST_WORKER_ID'])('refuses to register its tests with nobody, under %s', (name) => {
    expect(() => runningTestFunction({}, { [name]: '1' })).toThrow('pass `{ test }` of your test runner')
  })

  test('tells the runner what is skipped, and why', async () => {
    const { tests, test: register } = runner()
    backendContract('mine', () => new MemoryBackend(), { test: register, except: only('B-30', 'B-26') })
    const skip = vi.fn()
    for (const { body } of tests) await body({ skip })
    expect(skip.mock.calls).toEqual([['`open` gives no `breakStore`'], ['it has no batch']])
  })

  test('registers only what is about the capabilities that are named', () => {
    const { tests, test: register } = runner()
    backendContract('mine', () => new MemoryBackend(), { test: register, capabilities: ['batch'] })
    const ids = tests.map(({ name }) => name.slice(6, 10))
    expect(ids).toContain('B-02')
    expect(ids.filter((id) => id >= 'B-30')).toEqual(['B-30', 'B-31', 'B-32'])
  })

  test.each<[object, string]>([
    [{ capabilites: [] }, "did you mean 'capabilities'?"],
    [{ capabilities: ['batches'] }, "got 'batches'"],
    [{ capabilities: 'batch' }, 'capabilities must be an array'],
    [{ except: { 'B-99': 'x' } }, "except names no outcome: 'B-99'"],
    [{ except: { 'B-26': '' } }, 'except must give a reason for B-26'],
    [{ limitMs: 0 }, 'limitMs must be a positive number'],
    [{ test: 'test' }, 'test must be a function'],
  ])('refuses %j', (options, message) => {
    let caught: unknown
    try {
      backendContract('mine', () => new MemoryBackend(), { test: () => {}, ...options })
    } catch (error) {
      caught = error
    }
    expect(isCacheError(caught, 'CACHE_BAD_OPTION')).toBe(true)
    expect(String(caught)).toContain(message)
  })

  test('refuses what opens nothing', async () => {
    expect(() => backendContract('', () => new MemoryBackend())).toThrow('name must be a non-empty string')
    expect(() => backendContract('mine', {} as never, { test: () => {} })).toThrow('open must be a function')
    const [result] = await checkBackend((() => undefined) as never, { except: only('B-01') })
    expect(result?.reason).toContain('open must give a backend or { backend }, got undefined')
  })
})

describe('an outcome', () => {
  test('closes what was opened, and ends it last, whatever happened', async () => {
    const log: string[] = []
    const open = (): { backend: CacheBackend; another: () => CacheBackend; end: () => void } => {
      const made = (name: string): CacheBackend => ({
        ...createMockBackend({ capabilities: ['leases'] }),
        get: () => {
          throw new Error('broken')
        },
        close: () => void log.push(`${name} closed`),
      })
      return { backend: made('one'), another: () => made('other'), end: () => void log.push('ended') }
    }
    const [plain, several] = await checkBackend(open, { except: only('B-07', 'B-73') })
    expect([plain?.status, several?.status]).toEqual(['failed', 'failed'])
    expect(plain?.reason).toBe('B-07 answers a miss with null or undefined: expected no error, came Error: broken')
    expect(log).toEqual(['one closed', 'ended', 'one closed', 'other closed', 'ended'])
  })

  test('of a backend that never answers fails, and says that nothing came', async () => {
    const backend: CacheBackend = { ...createMockBackend(), get: () => new Promise(() => {}) }
    const [result] = await checkBackend(() => backend, { except: only('B-07'), limitMs: 50 })
    expect(result).toMatchObject({ status: 'failed', reason: expect.stringContaining('came none within 0.05 s') })
  })

  test('that waits begins with the first of its kind, so that together they take as long as one', async () => {
    const { tests, test: register } = runner()
    let opened = 0
    const open = (): CacheBackend => (opened++, new MemoryBackend())
    backendContract('mine', open, { test: register, except: only('B-13', 'B-15', 'B-16', 'B-14') })
    const first = tests[0]?.body()
    await until('all are open', () => opened === 4)
    await Promise.all([first, ...tests.slice(1).map(({ body }) => body())])
    expect(opened).toBe(4)
  })
})
