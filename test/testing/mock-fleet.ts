// Mock backends that share one store and one clock: what the contract suite opens where nothing real is to be tested.
import type { CacheBackend } from '../../src/contracts/backend.ts'
import type { FakeClock, MockBackend, MockCapability, OpenedBackend } from '../../src/testing.ts'
import { createMockBackend, createMockStore, fakeClock } from '../../src/testing.ts'

export const everyCapability: readonly MockCapability[] = ['batch', 'tags', 'scan', 'leases', 'push', 'ordered']

export type Wrap = (backend: MockBackend, clock: FakeClock) => CacheBackend

export async function openMock(
  wrap: Wrap = (backend) => backend,
  capabilities: readonly MockCapability[] = everyCapability,
): Promise<OpenedBackend> {
  const clock = fakeClock()
  const store = createMockStore(clock)
  const all: MockBackend[] = []
  const open = async (): Promise<CacheBackend> => {
    const mock = createMockBackend({ store, capabilities })
    all.push(mock)
    const backend = wrap(mock, clock)
    await backend.connect?.()
    return backend
  }
  return {
    backend: await open(),
    another: open,
    advance: clock.advance,
    monotonic: clock.monotonic,
    breakStore: () => all.forEach((mock) => mock.fail(new Error('away'))),
  }
}
