// Who calls may leave, bypass, refresh, or keep to itself: signals, modes, scopes. A caller that leaves delays nobody and takes nothing from
// anybody; the last one out ends the load.
import { afterEach, describe, expect, test } from 'vitest'
import type { CacheManager } from '../../src/index.ts'
import { cached, createCache, MemoryBackend, withCache } from '../../src/index.ts'
import { gate } from '../support/gate.ts'
import { asyncMapBackend } from '../support/map-backend.ts'

const managers: CacheManager[] = []
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close()
})
function open(backend: 'memory' | 'six methods' = 'memory'): CacheManager {
  const manager = createCache({
    backend: backend === 'memory' ? new MemoryBackend() : asyncMapBackend(),
    logLevel: 'silent',
  })
  managers.push(manager)
  return manager
}

let serial = 0
const named = (): string => `control-${++serial}`
const reasonOf = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    return { resolved: await promise }
  } catch (error) {
    return error
  }
}

describe.each(['memory', 'six methods'] as const)('signals on %s', (backend) => {
  test('a caller that aborts rejects at once with its reason; the others get the value of the one load', async () => {
    const manager = open(backend)
    const held = gate()
    let run = 0
    let inside: AbortSignal | undefined
    const fn = cached(
      async (_id: string, signal?: AbortSignal) => {
        run++
        inside = signal
        await held.wait()
        return 'value'
      },
      { name: named(), manager },
    )
    const leaving = new AbortController()
    const first = fn('a', leaving.signal)
    const second = fn('a', new AbortController().signal)
    const third = fn('a')
    await held.reached
    const reason = new Error('client gone')
    leaving.abort(reason)
    expect(await reasonOf(first)).toBe(reason)
    // The function got the load's own signal, not the caller's.
    expect(inside).not.toBe(leaving.signal)
    expect(inside?.aborted).toBe(false)
    held.open()
    expect(await Promise.all([second, third])).toEqual(['value', 'value'])
    expect(run).toBe(1)
    expect(await fn('a')).toBe('value')
    expect(fn.keyFor('a', leaving.signal)).toBe(fn.keyFor('a'))
  })

  test('the last one out aborts the load; who comes afterwards loads anew', async () => {
    const manager = open(backend)
    const held = gate()
    const outcomes: string[] = []
    manager.on('load', ({ outcome }) => outcomes.push(outcome))
    let run = 0
    let inside: AbortSignal | undefined
    const fn = cached(
      async ({ signal }: { id: string; signal?: AbortSignal }) => {
        inside = signal
        if (++run === 1) await held.wait()
        return run
      },
      { name: named(), manager },
    )
    const [one, two] = [new AbortController(), new AbortController()]
    const both = [fn({ id: 'a', signal: one.signal }), fn({ id: 'a', signal: two.signal })].map(reasonOf)
    await held.reached
    one.abort()
    expect(inside?.aborted).toBe(false)
    const reason = new Error('all gone')
    two.abort(reason)
    expect(inside?.aborted).toBe(true)
    expect(inside?.reason).toBe(reason)
    expect((await both[0]) as Error).toMatchObject({ name: 'AbortError' })
    expect(await both[1]).toBe(reason)
    held.open()
    expect(await fn({ id: 'a' })).toBe(2)
    // The late value of the aborted load was stored nowhere.
    expect(await fn({ id: 'a' })).toBe(2)
    expect(outcomes).toEqual(['aborted', 'stored'])
  })

  test('a signal that is aborted already runs nothing, not even for a hit', async () => {
    const manager = open(backend)
    let run = 0
    const load = (): number => ++run
    const signal = AbortSignal.abort(new Error('too late'))
    expect(await reasonOf(manager.getOrSet('k', load, { signal }))).toMatchObject({ message: 'too late' })
    expect(run).toBe(0)
    await manager.getOrSet('k', load)
    expect(await reasonOf(manager.getOrSet('k', load, { signal }))).toMatchObject({ message: 'too late' })
  })

  test('a loader that rejects because it was aborted harms nobody', async () => {
    const manager = open(backend)
    const controller = new AbortController()
    const held = gate()
    const call = manager.getOrSet(
      'k',
      async ({ signal }) => {
        void held.wait()
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      },
      { signal: controller.signal },
    )
    await held.reached
    controller.abort()
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    expect(await manager.getOrSet('k', () => 'next')).toBe('next')
    expect(manager.stats().total.loadErrors).toBe(0)
  })

  test('listeners are taken off a signal that outlives its calls', async () => {
    const manager = open(backend)
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal) as (...args: unknown[]) => void
    const remove = signal.removeEventListener.bind(signal) as (...args: unknown[]) => void
    signal.addEventListener = ((...args: unknown[]) => (listeners++, add(...args))) as typeof signal.addEventListener
    signal.removeEventListener = ((...args: unknown[]) => (
      listeners--,
      remove(...args)
    )) as typeof signal.removeEventListener
    for (let call = 0; call < 50; call++) await manager.getOrSet(`k${call}`, () => call, { signal })
    expect(listeners).toBe(0)
  })
})

describe.each(['memory', 'six methods'] as const)('modes on %s', (backend) => {
  test('bypass neither reads nor stores, refresh loads anew and stores, readonly reads and stores nothing', async () => {
    const manager = open(backend)
    let run = 0
    const fn = cached(async (id: string) => `${id} ${++run}`, { name: named(), manager })
    expect(await withCache({ mode: 'readonly' }, () => fn('a'))).toBe('a 1')
    expect(await withCache({ mode: 'bypass' }, () => fn('a'))).toBe('a 2')
    expect(await fn('a')).toBe('a 3')
    expect(await withCache({ mode: 'readonly' }, () => fn('a'))).toBe('a 3')
    expect(await withCache({ mode: 'bypass' }, () => fn('a'))).toBe('a 4')
    expect(await fn('a')).toBe('a 3')
    expect(await withCache({ mode: 'refresh' }, () => fn('a'))).toBe('a 5')
    expect(await fn('a')).toBe('a 5')
    const read = (mode: 'refresh' | 'bypass' | 'readonly' | 'normal'): Promise<number> =>
      manager.getOrSet('k', () => ++run, { mode })
    expect(await read('readonly')).toBe(6)
    expect(await read('normal')).toBe(7)
    expect(await read('bypass')).toBe(8)
    expect(await read('normal')).toBe(7)
    expect(await read('refresh')).toBe(9)
    // An option of the call counts more than what surrounds it.
    expect(await withCache({ mode: 'bypass' }, () => read('normal'))).toBe(9)
  })

  test('what a readonly call loads is joined by none that wants it stored', async () => {
    const manager = open(backend)
    const held = gate()
    let run = 0
    const fn = cached(
      async () => {
        run++
        await held.wait()
        return run
      },
      { name: named(), manager },
    )
    const readonly = withCache({ mode: 'readonly' }, () => fn())
    await held.reached
    const normal = fn()
    held.open()
    await Promise.all([readonly, normal])
    expect(run).toBe(2)
    await fn()
    expect(run).toBe(2)
  })

  test('a miss waits for a refresh under way and does not load beside it', async () => {
    const manager = open(backend)
    const held = gate()
    let run = 0
    const fn = cached(
      async () => {
        run++
        await held.wait()
        return run
      },
      { name: named(), manager },
    )
    const refreshing = fn.refresh()
    await held.reached
    const waiting = [fn(), fn()]
    held.open()
    expect(await Promise.all([refreshing, ...waiting])).toEqual([1, 1, 1])
    expect(await fn()).toBe(1)
  })
})

test('bypass and readonly leave no trace: no pause behind a failure, and none ended by a success', async () => {
  const manager = open()
  let run = 0
  let broken = true
  const fn = cached(
    async () => {
      run++
      if (broken) throw new Error('origin away')
      return run
    },
    { name: named(), manager, cacheErrors: { ttl: 60, when: () => true } },
  )
  for (const mode of ['bypass', 'readonly'] as const) {
    await expect(withCache({ mode }, () => fn())).rejects.toThrow('origin away')
  }
  await expect(fn()).rejects.toThrow('origin away')
  expect(run).toBe(3)
  broken = false
  expect(await withCache({ mode: 'bypass' }, () => fn())).toBe(4)
  await expect(fn()).rejects.toThrow('origin away')
  expect(run).toBe(4)
})

test('a cache that is switched off still lets its callers leave and bounds their loads', async () => {
  const manager = createCache({ backend: new MemoryBackend(), enabled: false, logLevel: 'silent' })
  managers.push(manager)
  const gone = AbortSignal.abort(new Error('gone'))
  let run = 0
  expect(await reasonOf(manager.getOrSet('k', () => ++run, { signal: gone }))).toMatchObject({ message: 'gone' })
  expect(run).toBe(0)
  const held = gate()
  const controller = new AbortController()
  let inside: AbortSignal | undefined
  const waiting = manager.getOrSet(
    'k',
    async ({ signal }) => {
      inside = signal
      await held.wait()
    },
    { signal: controller.signal },
  )
  await held.reached
  controller.abort(new Error('left'))
  expect(await reasonOf(waiting)).toMatchObject({ message: 'left' })
  expect(inside?.aborted).toBe(true)
  expect(await manager.getOrSet('k', () => 'plain')).toBe('plain')
})

describe('withCache', () => {
  test('puts another cache in place of a function’s own, however deep', async () => {
    const [own, other] = [open(), open()]
    let run = 0
    const inner = cached(async () => ++run, { name: named(), manager: own })
    const outer = cached(async () => [await inner()], { name: named(), manager: own })
    await withCache({ manager: other }, async () => {
      expect(await outer()).toEqual([1])
      await new Promise((resolve) => setImmediate(resolve))
      expect(await inner()).toBe(1)
    })
    expect(await inner()).toBe(2)
    expect(own.stats().total.fills).toBe(1)
    expect(other.stats().total.fills).toBe(2)
    const part = other.namespace('tenant')
    expect(await withCache({ manager: part }, () => inner())).toBe(3)
    await part.clear()
    expect(await withCache({ manager: part }, () => inner())).toBe(4)
    expect(await withCache({ manager: other }, () => inner())).toBe(1)
  })

  test('keeps the entries of two scopes apart, beside what a function’s own scope says', async () => {
    const manager = open()
    let run = 0
    const fn = cached(async (id: string) => `${id} ${++run}`, { keyPrefix: named(), name: 'get', manager })
    const whole = cached(async (id: string) => `${id} ${++run}`, { key: (id) => `whole:${id}`, manager })
    const own = cached(
      async function (this: { id: string }) {
        return ++run
      },
      { name: named(), manager, scope: (self: { id: string }) => self.id },
    )
    const keys = (): string[] => [fn.keyFor('a'), whole.keyFor('a')]
    const [plain, acme, other] = [
      keys(),
      withCache({ scope: 'acme' }, keys),
      withCache({ scope: 'other' }, () => withCache({ mode: 'normal' }, keys)),
    ]
    expect(new Set([...plain, ...acme, ...other]).size).toBe(6)
    expect(await withCache({ scope: 'acme' }, () => fn('a'))).toBe('a 1')
    expect(await fn('a')).toBe('a 2')
    expect(await withCache({ scope: 'acme' }, () => fn('a'))).toBe('a 1')
    expect(await withCache({ scope: 'acme' }, () => whole('a'))).toBe('a 3')
    expect(await whole('a')).toBe('a 4')
    const first = await withCache({ scope: 'acme' }, () => own.call({ id: 'x' }))
    expect(await withCache({ scope: 'other' }, () => own.call({ id: 'x' }))).not.toBe(first)
    expect(await withCache({ scope: 'acme' }, () => own.call({ id: 'y' }))).not.toBe(first)
    expect(await withCache({ scope: 'acme' }, () => fn.invalidate('a'))).toBe('applied')
    expect(await fn('a')).toBe('a 2')
    expect(await withCache({ scope: 'acme' }, () => fn('a'))).not.toBe('a 1')
  })

  test('aborts the callers within, not the load that others wait for, and not what that load calls', async () => {
    const manager = open()
    const held = gate()
    const inner = cached(
      async (_id: string) => {
        await held.wait()
        return 'inner'
      },
      { name: named(), manager },
    )
    const outer = cached(async (id: string) => `outer of ${await inner(id)}`, { name: named(), manager })
    const controller = new AbortController()
    const first = withCache({ signal: controller.signal }, () => outer('a'))
    await held.reached
    const second = outer('a')
    controller.abort(new Error('gone'))
    expect(await reasonOf(first)).toMatchObject({ message: 'gone' })
    held.open()
    expect(await second).toBe('outer of inner')
  })

  test.each([
    ['an option that is none', { mod: 'bypass' }, "withCache has no option 'mod': did you mean 'mode'?"],
    ['a mode that is none', { mode: 'skip' }, 'mode must be one of normal, refresh, bypass, readonly'],
    ['a manager that is none', { manager: {} }, 'Expected a CacheManager, got an object'],
    ['a signal that is none', { signal: {} }, 'signal must be an AbortSignal'],
    ['an empty scope', { scope: '' }, 'scope must not return an empty string'],
  ])('refuses %s', (_, scope, message) => {
    expect(() => withCache(scope as never, () => 1)).toThrow(message)
  })
})

test('what cached functions and getOrSet do is not changed by an empty scope', async () => {
  const manager = open()
  const fn = cached(async (id: string) => ({ id }), { name: named(), manager })
  await withCache({}, async () => {
    expect(await fn('a')).toEqual({ id: 'a' })
    expect((await fn.withStatus('a')).source).toBe('l1')
  })
  expect((await fn.withStatus('a')).source).toBe('l1')
})
