// The backend contract, on every kind of backend the package has, on the smallest one a user can write, and on what puts backends together.
import { describe } from 'vitest'
import { tiered } from '../../src/backends/combined/tiered.ts'
import { withPrefix } from '../../src/backends/combined/with-prefix.ts'
import type { CacheBackend } from '../../src/index.ts'
import { MemoryBackend, RedisBackend } from '../../src/index.ts'
import type { FakeClock, OpenedBackend } from '../../src/testing.ts'
import { backendContract, createMockBackend, fakeClock, flakyBackend } from '../../src/testing.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { sharedRedisUrl } from '../support/shared-redis.ts'
import { everyCapability, openMock } from './mock-fleet.ts'

let serial = 0
/** What tiered.test.ts holds instead. */
const servesCopies = {
  'B-13': 'a copy of what was read from the far one ends by nearTtl',
  'B-26': 'a copy is served while the far one is away, and memory does not fail',
}
const neverFails = { 'B-26': 'memory does not fail' }
const onRedis = ['batch', 'tags', 'scan', 'leases', 'push', 'link', 'ordered'] as const

/** @param within makes what is tested of the two backends that see one server */
async function openRedis(
  within: (backend: RedisBackend) => CacheBackend = (backend) => backend,
): Promise<OpenedBackend> {
  const proxy = await startFaultProxy({ port: Number(new URL(sharedRedisUrl()).port) })
  const namespace = `contract-${process.pid}-${++serial}`
  const open = async (): Promise<CacheBackend> => {
    const backend = within(new RedisBackend({ url: proxy.url, namespace, budget: 5 }))
    await backend.connect?.()
    return backend
  }
  return { backend: await open(), another: open, breakStore: proxy.refuse, end: proxy.close }
}

/** Six methods around a Map that knows the time. */
function sixMethods(clock: FakeClock): CacheBackend {
  const entries = new Map<string, { readonly value: string; readonly endsAt: number }>()
  const live = (key: string): string | undefined => {
    const entry = entries.get(key)
    return entry !== undefined && clock.now() < entry.endsAt ? entry.value : undefined
  }
  return {
    get: live,
    set: (key, value, ttl) => (entries.set(key, { value, endsAt: clock.now() + ttl * 1000 }), true),
    delete: (key) => {
      const existed = live(key) !== undefined
      return entries.delete(key) && existed
    },
    exists: (key) => live(key) !== undefined,
    ping: () => true,
    close: () => {},
  }
}

/** Opened on a clock of its own, which is moved. */
const clocked = (make: (clock: FakeClock) => CacheBackend) => (): OpenedBackend => {
  const clock = fakeClock()
  return { backend: make(clock), advance: clock.advance, monotonic: clock.monotonic }
}

describe('single', () => {
  backendContract(
    'MemoryBackend',
    clocked((runtime) => new MemoryBackend({ runtime })),
    { capabilities: ['embedded'], except: neverFails },
  )
  backendContract('six methods around a Map', clocked(sixMethods), { capabilities: [], except: neverFails })
  backendContract('createMockBackend of six methods', () => openMock(undefined, []), { capabilities: [] })
  backendContract('createMockBackend of everything', () => openMock(), { capabilities: everyCapability })
  backendContract('RedisBackend', () => openRedis(), { capabilities: onRedis })
})

describe('together', () => {
  backendContract(
    'withPrefix over MemoryBackend',
    clocked((runtime) => withPrefix(new MemoryBackend({ runtime }), 'app:')),
    { capabilities: [], except: neverFails },
  )
  backendContract('withPrefix over RedisBackend', () => openRedis((backend) => withPrefix(backend, 'a*\\?[p]:')), {
    capabilities: onRedis,
  })
  backendContract(
    'tiered of two MemoryBackends',
    clocked((runtime) => tiered(new MemoryBackend({ runtime }), new MemoryBackend({ runtime }), { runtime })),
    { capabilities: [], except: servesCopies },
  )
  backendContract(
    'tiered in front of everything',
    () => openMock((far, clock) => tiered(new MemoryBackend({ runtime: clock }), far, { runtime: clock })),
    { capabilities: ['batch', 'tags', 'scan', 'leases', 'ordered'], except: servesCopies },
  )
  backendContract(
    'tiered with a near one that fails all the time',
    () => openMock((far, clock) => tiered(alwaysAway(clock), far, { runtime: clock })),
    { capabilities: ['batch', 'tags', 'scan', 'leases', 'ordered'] },
  )
  backendContract('tiered in front of Redis', () => openRedis((far) => tiered(new MemoryBackend(), far)), {
    capabilities: ['batch', 'tags', 'scan', 'leases', 'link', 'ordered'],
    except: servesCopies,
  })
  backendContract(
    'flakyBackend that behaves',
    () => openMock((inner, clock) => flakyBackend(inner, { runtime: clock })),
    { capabilities: everyCapability },
  )
})

function alwaysAway(runtime: FakeClock): CacheBackend {
  const near = createMockBackend({ runtime })
  near.fail(new Error('away'))
  return near
}
