// Who may load, and what keeps an old value out, on a real server: whatever anybody does to a key during a load makes the late fill void.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { openSocket } from '../../src/backends/memcached/socket.ts'
import type { LeaseRequest } from '../../src/contracts/backend.ts'
import { MemcachedBackend } from '../../src/memcached.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { gate, until } from '../support/gate.ts'
import { startMemcached } from '../support/memcached-server.ts'

const server = await startMemcached()
const opened: MemcachedBackend[] = []
async function open(address: string = server.address): Promise<MemcachedBackend> {
  const backend = new MemcachedBackend({ servers: [address], budget: 5 })
  opened.push(backend)
  await backend.connect()
  return backend
}
const backend = await open()
const other = await open()
afterAll(async () => {
  for (const one of opened) await one.close()
  await server.stop()
})

let count = 0
let key = ''
beforeEach(() => void (key = `lease-${++count}`))
const ask = (token: string, request: Partial<LeaseRequest> = {}): LeaseRequest => ({
  token,
  leaseMs: 5000,
  seen: undefined,
  despite: 'nothing',
  ...request,
})

describe('a load that was begun before', () => {
  const doings: ReadonlyArray<readonly [string, () => Promise<unknown>]> = [
    ['a delete of a key that was not there', () => other.delete(key)],
    ['a delete by another program', () => server.ask(`delete ${key}`)],
    ['a set', () => other.set(key, 'newer', 60)],
    ['a set by another program', () => server.ask(`set ${key} 0 60 5`, 'newer')],
    ['an add after a delete by another program', () => server.ask(`delete ${key}`, `add ${key} 0 60 5`, 'newer')],
    ['a mark by another program', () => server.ask(`md ${key} I`)],
    ['a flush', () => server.ask('flush_all')],
  ]
  test.each(doings)('stores nothing after %s', async (_, doing) => {
    for (const old of [undefined, 'old']) {
      if (old !== undefined) await backend.set(key, old, 60)
      expect(await backend.leases.acquire(key, ask(`a${old}`, { seen: old }))).toEqual({ kind: 'granted' })
      // The clock of a flush has whole seconds.
      if (String(doing).includes('flush')) await sleep(1100)
      await doing()
      const now = await other.get(key)
      expect(await backend.leases.fill(key, 'late', 60, `a${old}`)).toBe('fenced')
      expect(await other.get(key)).toBe(now)
      await other.delete(key)
    }
  })

  test('stores what it brings where others have only read', async () => {
    for (const old of [undefined, 'old']) {
      if (old !== undefined) await backend.set(key, old, 60)
      expect(await backend.leases.acquire(key, ask(`b${old}`, { seen: old }))).toEqual({ kind: 'granted' })
      for (let reads = 0; reads < 3; reads++) {
        expect(await other.get(key)).toBe(old ?? null)
        expect(await other.exists(key)).toBe(old !== undefined)
        await server.ask(`get ${key}`, `gets ${key}`, `mg ${key} v t c`, `mg ${key} v N30 R30`)
        expect(await other.leases.acquire(key, ask('c', { seen: old }))).toMatchObject({
          kind: 'held',
          holder: `b${old}`,
        })
      }
      expect(await backend.leases.renew(key, `b${old}`, 5000)).toBe(true)
      expect(await backend.leases.fill(key, 'new', 60, `b${old}`)).toBe('stored')
      expect(await other.get(key)).toBe('new')
      await other.delete(key)
    }
  })

  test('stores nothing once its lease was taken, though the text is the same', async () => {
    await backend.set(key, 'old', 60)
    await backend.leases.acquire(key, ask('first', { seen: 'old' }))
    expect(await other.leases.acquire(key, ask('second', { seen: 'old', despite: 'anyone' }))).toEqual({
      kind: 'granted',
    })
    expect(await backend.leases.fill(key, 'late', 60, 'first')).toBe('fenced')
    expect(await other.get(key)).toBe('old')
    expect(await other.leases.fill(key, 'new', 60, 'second')).toBe('stored')
  })
})

test('of many who ask at once one is granted it, with a text and without', async () => {
  const many = await Promise.all(Array.from({ length: 8 }, () => open()))
  for (const old of [undefined, 'old', 'again']) {
    if (old !== undefined) await backend.set(key, old, 60)
    const answers = await Promise.all(
      many.flatMap((one, index) =>
        [0, 1, 2].map((turn) => one.leases.acquire(key, ask(`m${old}-${index}-${turn}`, { seen: old }))),
      ),
    )
    expect(answers.filter(({ kind }) => kind === 'granted')).toHaveLength(1)
    expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(['granted', 'held']))
  }
})

test('of two who mark the item one after the other, the one whose lease it is at the end holds it', async () => {
  await backend.set(key, 'old', 60)
  const marked = gate()
  // Its mark reaches the server, and what it asks then does only when another has taken the lease.
  const slow = new MemcachedBackend({
    servers: [server.address],
    budget: 5,
    openSocket: (options) => {
      const socket = openSocket(options)
      return {
        write(parts) {
          const text = parts.map(String).join('')
          const end = text.indexOf('\n', text.search(/^md .* I /m)) + 1
          if (!/^md .* I /m.test(text)) return socket.write(parts)
          socket.write([text.slice(0, end)])
          void marked.wait().then(() => socket.write([text.slice(end)]))
        },
        get waiting() {
          return socket.waiting
        },
        destroy: () => socket.destroy(),
      }
    },
  })
  opened.push(slow)
  await slow.connect()
  const first = slow.leases.acquire(key, ask('first', { seen: 'old' }))
  await marked.reached
  await until('it is marked', async () => (await server.ask(`mg ${key} t`)).includes(' X'))
  expect(await other.leases.acquire(key, ask('second', { seen: 'old', despite: 'anyone' }))).toEqual({
    kind: 'granted',
  })
  marked.open()
  expect(await first).toMatchObject({ kind: 'held', holder: 'second' })
  expect(await slow.leases.fill(key, 'late', 60, 'first')).toBe('fenced')
  expect(await other.leases.fill(key, 'new', 60, 'second')).toBe('stored')
})

test('what ends a lease lets the next one load at once', async () => {
  for (const end of [
    () => other.delete(key),
    () => server.ask(`delete ${key}`),
    () => backend.leases.release(key, 'x'),
  ]) {
    expect(await backend.leases.acquire(key, ask('x'))).toEqual({ kind: 'granted' })
    await end()
    expect(await other.leases.acquire(key, ask('y'))).toEqual({ kind: 'granted' })
    await other.leases.release(key, 'y')
  }
  await backend.leases.acquire(key, ask('x'))
  await other.set(key, 'text', 60)
  expect(await other.leases.acquire(key, ask('y'))).toEqual({ kind: 'changed' })
  expect(await other.leases.acquire(key, ask('y', { seen: 'te' }))).toEqual({ kind: 'granted' })
})

test('a pause after a failure holds for those who have something to stand in, until the key is deleted', async () => {
  await backend.leases.acquire(key, ask('x'))
  await backend.leases.release(key, 'x', 60_000)
  expect(await other.leases.acquire(key, ask('y'))).toMatchObject({ kind: 'paused' })
  expect(await other.leases.acquire(key, ask('y', { despite: 'failure' }))).toEqual({ kind: 'granted' })
  await other.leases.release(key, 'y', 60_000)
  await backend.delete(key)
  expect(await other.leases.acquire(key, ask('z'))).toEqual({ kind: 'granted' })
})

test('a server that starts anew counts from 1 again: what was granted before stores nothing', async () => {
  await using own = await startMemcached()
  const here = await open(own.address)
  expect(await here.leases.acquire(key, ask('x', { leaseMs: 60_000 }))).toEqual({ kind: 'granted' })
  expect(await own.ask(`mg ${key} c`)).toContain('HD c2 ')
  const { history } = here.link
  await own.restart()
  await own.ask('ms first 1 T60', 'x', `ms ${key} 5 T60`, 'newer')
  expect(await own.ask(`mg ${key} c`)).toContain('HD c2')
  await until('it is connected', async () => (await here.ping().catch(() => false)) && here.link.history !== history)
  expect(await here.leases.fill(key, 'late', 60, 'x')).toBe('fenced')
  expect(await here.get(key)).toBe('newer')
  await here.close()
})

test('what was granted before the connection was cut is good after it, on the same server', async () => {
  await using proxy = await startFaultProxy(server)
  const here = await open(`127.0.0.1:${proxy.port}`)
  expect(await here.leases.acquire(key, ask('x', { leaseMs: 60_000 }))).toEqual({ kind: 'granted' })
  proxy.cut()
  await until('it is connected', () => here.ping().catch(() => false))
  expect(await here.leases.fill(key, 'paid for', 60, 'x')).toBe('stored')
  await here.close()
})

test('a write that the server executes after its connection was given up does nothing', async () => {
  await using proxy = await startFaultProxy(server)
  const here = await open(`127.0.0.1:${proxy.port}`)
  const [connection] = proxy.connections
  if (connection === undefined) throw new Error('no connection')
  // It has asked for the CAS value and been told; the write itself waits in the network.
  connection.holdRequests()
  const set = here.set(key, 'old', 60)
  set.catch(() => {})
  await until('the question waits', () => connection.heldBytes > 0)
  const released = connection.release()
  connection.holdRequests()
  await released
  await until('the write waits', () => connection.heldBytes > 0)
  connection.cutClient()
  await expect(set).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' })
  await until('it is connected', () => here.ping().catch(() => false))
  await here.delete(key)
  await other.set(key, 'new', 60)
  await connection.release()
  await until('the server has read all', () => !connection.serverOpen)
  expect(await other.get(key)).toBe('new')
  await here.close()
})

test('a fill waits for a renewal that is under way: a load is not lost for it', async () => {
  await backend.set(key, 'old', 2)
  expect(await backend.leases.acquire(key, ask('x', { seen: 'old' }))).toEqual({ kind: 'granted' })
  // Its life is short, so each renewal gives it a new CAS value.
  const renewed = backend.leases.renew(key, 'x', 20_000)
  expect(await backend.leases.fill(key, 'new', 60, 'x')).toBe('stored')
  expect(await renewed).toBe(true)
})

test('a text that ends during a load is not served longer for it', { timeout: 20_000 }, async () => {
  await backend.set(key, 'old', 1)
  expect(await backend.leases.acquire(key, ask('x', { seen: 'old', leaseMs: 10_000 }))).toEqual({ kind: 'granted' })
  await until('the text is over', async () => (await other.get(key)) === null, 8000)
  expect(await other.exists(key)).toBe(false)
  expect(await other.batch.get([key, 'nothing', key])).toEqual([null, null, null])
  expect(await other.leases.acquire(key, ask('y'))).toMatchObject({ kind: 'held', holder: 'x' })
  expect(await backend.leases.renew(key, 'x', 10_000)).toBe(true)
  expect(await other.get(key)).toBe(null)
  expect(await backend.leases.fill(key, 'new', 60, 'x')).toBe('stored')
  expect(await other.get(key)).toBe('new')
})

test("an empty text is a text, and a placeholder is none, even another program's", async () => {
  await backend.set(key, '', 60)
  expect(await other.get(key)).toBe('')
  expect(await backend.leases.acquire(key, ask('x', { seen: '' }))).toEqual({ kind: 'granted' })
  expect(await other.get(key)).toBe('')
  await backend.leases.release(key, 'x')
  await server.ask(`mg ${key}-n N30`, `ms ${key}-e 0 T30`, '')
  expect(await other.batch.get([`${key}-n`, `${key}-e`])).toEqual([null, ''])
  expect(await other.delete(`${key}-n`)).toBe(false)
})
