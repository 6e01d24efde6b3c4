import type { CacheBackend, PushEvents } from '../contracts/backend.ts'
import type { Runtime, Timer } from '../contracts/runtime.ts'
import { describe, misuse, quote } from '../support/errors.ts'
import { checkOptionNames } from '../support/options.ts'
import type { ContractCapability } from './contract-case.ts'
import type { MockMethod } from './mock-calls.ts'
import { MockCalls } from './mock-calls.ts'
import type { MockCall } from './mock-calls.ts'
import type { MockStore, StoreReader } from './mock-store.ts'
import { createMockStore } from './mock-store.ts'

// A backend whose calls a test can look at, and whose answers it can set. Where it sets none it answers rightly, from memory: what a mock that
// answers `undefined` to everything would let pass is found.

/** What a mock can have beyond its six methods. */
export type MockCapability = Exclude<ContractCapability, 'link' | 'embedded'>

export interface MockBackendOptions {
  /** Default: none, so it is six methods. */
  readonly capabilities?: readonly MockCapability[] | undefined
  /** Where it keeps its entries: give several mocks one store, and each is another process' backend. Default: one of its own. */
  readonly store?: MockStore | undefined
  /** The clock of its own store. Default: the real one. */
  readonly runtime?: Runtime | undefined
}

export interface MockBackend extends CacheBackend {
  readonly name: string
  /** Every call so far, oldest first. */
  readonly calls: readonly MockCall[]
  readonly store: MockStore
  /** How often a method was called. */
  count(method: MockMethod): number
  /**
   * Answers for the method from now on: what the function returns, or throws. `undefined` in its place: rightly again.
   * @example backend.answer('get', () => { throw new Error('away') })
   */
  answer(method: MockMethod, answer: ((...args: never[]) => unknown) | undefined): void
  /** The same for the next call only. */
  answerOnce(method: MockMethod, answer: (...args: never[]) => unknown): void
  /** Has every method fail with it, as a store that is away; `undefined`: no more. */
  fail(error: Error | undefined): void
  /** Forgets the calls. What is stored stays, and so do the answers. */
  clearCalls(): void
}

/** See `PushCapability.boundMs`. */
const boundMs = 500
const heartbeatMs = boundMs / 2

const known: ReadonlySet<string> = new Set<MockCapability>(['batch', 'tags', 'scan', 'leases', 'push', 'ordered'])

/** @throws {TypeError} `CACHE_BAD_OPTION` */
export function createMockBackend(options: MockBackendOptions = {}): MockBackend {
  checkOptionNames(options, new Set(['capabilities', 'store', 'runtime']), 'createMockBackend')
  const { capabilities = [], store = createMockStore(options.runtime) } = options
  if (!Array.isArray(capabilities))
    throw misuse('CACHE_BAD_OPTION', `capabilities must be an array, got ${describe(capabilities)}`)
  for (const name of capabilities as readonly string[]) {
    if (!known.has(name))
      throw misuse('CACHE_BAD_OPTION', `A mock has no capability ${quote(name)}; it can have ${[...known].join(', ')}`)
  }
  if (options.store !== undefined && options.runtime !== undefined)
    throw misuse('CACHE_BAD_OPTION', 'Give either a store or a runtime: a store has a clock')
  const { runtime } = store
  const has = (name: MockCapability): boolean => capabilities.includes(name)
  const followers = new Set<PushEvents>()
  const self: StoreReader = {
    follows: new Set(),
    changed: (keys) => followers.forEach((events) => events.changed(keys)),
    tagsChanged: () => followers.forEach((events) => events.tagsChanged()),
  }
  const calls = new MockCalls()
  let beating: Timer | undefined

  /** An answer that comes at once is the latest sign of life. */
  const call = async <T>(method: MockMethod, args: readonly unknown[], rightly: () => T): Promise<T> => {
    const askedAt = runtime.monotonic()
    const answer = await calls.answer(method, args, rightly)
    for (const events of followers) events.heard(askedAt)
    return answer
  }

  /** Tells of it when it is called and before it is answered. */
  const write = async <T>(
    method: MockMethod,
    args: readonly unknown[],
    keys: readonly string[],
    rightly: () => T,
    by?: string,
  ): Promise<T> => {
    followers.forEach((events) => events.writing(keys, by))
    try {
      return await calls.answer(method, args, rightly)
    } finally {
      followers.forEach((events) => events.written(keys, by))
    }
  }

  const beat = (): void => {
    beating = runtime.setTimer(
      () => {
        beat()
        for (const events of followers) events.heard(runtime.monotonic())
      },
      heartbeatMs,
      'background',
    )
  }
  const rest = (): void => {
    if (beating !== undefined) runtime.clearTimer(beating)
    beating = undefined
  }

  store.readers.add(self)
  return {
    name: 'mock',
    store,
    get calls() {
      return calls.all
    },
    count: (method) => calls.all.filter((one) => one.method === method).length,
    answer: (method, answer) => calls.set(method, answer, false),
    answerOnce: (method, answer) => calls.set(method, answer, true),
    fail: (error) => calls.fail(error),
    clearCalls: () => calls.clear(),

    connect: () =>
      call('connect', [], () => {
        store.readers.add(self)
        if (has('push') && beating === undefined) beat()
      }),
    get: (key) => call('get', [key], () => store.get(key, self)),
    set: (key, value, ttl) =>
      write('set', [key, value, ttl], [key], () => {
        store.set(key, value, ttl, self)
        return true
      }),
    delete: (key) => write('delete', [key], [key], () => store.delete(key, self)),
    exists: (key) => call('exists', [key], () => store.exists(key)),
    ping: () => call('ping', [], () => true),
    close: (owing) =>
      call('close', [owing], () => {
        rest()
        store.readers.delete(self)
        self.follows.clear()
      }),

    ...(has('ordered') && { ordered: true }),
    ...(has('batch') && {
      batch: {
        get: (keys: readonly string[]) => call('batch.get', [keys], () => keys.map((key) => store.get(key, self))),
        delete: (keys: readonly string[]) =>
          write('batch.delete', [keys], keys, () => keys.filter((key) => store.delete(key, self)).length),
      },
    }),
    ...(has('tags') && {
      tags: {
        read: (since) => call('tags.read', [since], () => store.readTags(since)),
        stamp: (tags, since) => call('tags.stamp', [tags, since], () => store.stampTags(tags, since, self)),
        renew: (emptied = false) => call('tags.renew', [emptied], () => store.renewTags(emptied, self)),
      } satisfies CacheBackend['tags'],
    }),
    ...(has('scan') && {
      scan: {
        async *keys(prefix: string) {
          yield await call('scan.keys', [prefix], () => store.keys(prefix))
        },
      },
    }),
    ...(has('leases') && {
      leases: {
        isOn: true,
        acquire: (key, request) =>
          call('leases.acquire', [key, request], () => {
            const answer = store.acquire(key, request, self)
            if (answer.kind === 'granted' && request.despite === 'anyone')
              followers.forEach((events) => events.writing([key], request.token))
            return answer
          }),
        renew: (key, token, leaseMs) =>
          call('leases.renew', [key, token, leaseMs], () => store.renew(key, token, leaseMs, self)),
        fill: (key, value, ttl, token) =>
          write('leases.fill', [key, value, ttl, token], [key], () => store.fill(key, value, ttl, token, self), token),
        release: (key, token, pauseMs) =>
          write('leases.release', [key, token, pauseMs], [key], () => store.release(key, token, pauseMs, self), token),
      } satisfies CacheBackend['leases'],
    }),
    ...(has('push') && {
      push: {
        isOn: true,
        boundMs,
        watch(events: PushEvents) {
          followers.add(events)
          return () => void followers.delete(events)
        },
      },
    }),
  }
}
