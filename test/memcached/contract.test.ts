// The contract of backends, on the Memcached backend and real servers: one, and two that keys are divided among.
import { afterAll } from 'vitest'
import type { CacheBackend } from '../../src/index.ts'
import { MemcachedBackend } from '../../src/memcached.ts'
import type { OpenedBackend } from '../../src/testing.ts'
import { backendContract } from '../../src/testing.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { startMemcached } from '../support/memcached-server.ts'

const servers = await Promise.all([startMemcached(), startMemcached()])
afterAll(() => Promise.all(servers.map((server) => server.stop())))

let count = 0

async function open(size: number): Promise<OpenedBackend> {
  const used = servers.slice(0, size)
  const proxies = await Promise.all(used.map((server) => startFaultProxy(server)))
  const prefix = `contract-${++count}:`
  // A machine with few processors that does other things too: what is late is not away.
  const backendOf = async (ports: readonly number[]): Promise<CacheBackend> => {
    const backend = new MemcachedBackend({ servers: ports.map((port) => `127.0.0.1:${port}`), budget: 5, prefix })
    await backend.connect()
    return backend
  }
  const ports = proxies.map(({ port }) => port)
  return {
    backend: await backendOf(ports),
    // Places go by the names of the servers, so it goes through the same proxies.
    another: () => backendOf(ports),
    breakStore: async () => void (await Promise.all(proxies.map((proxy) => proxy.refuse()))),
    end: async () => void (await Promise.all(proxies.map((proxy) => proxy.close()))),
  }
}

const capabilities = ['batch', 'tags', 'leases', 'link'] as const

backendContract('MemcachedBackend', () => open(1), { capabilities })
backendContract('MemcachedBackend of two servers', () => open(2), { capabilities })
