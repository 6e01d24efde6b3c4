// The right to load a key, on a real Redis: one holder at a time, and what was loaded without it, or before a write, is stored nowhere.
import { createClient } from '@redis/client'
import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { confirmFill } from '../../src/backends/redis/lease-scripts.ts'
import { openNodeRedisTransport } from '../../src/backends/redis/node-redis-transport.ts'
import { ReplyError } from '../../src/backends/redis/reply-error.ts'
import type { OpenTransport } from '../../src/backends/redis/transport.ts'
import type { LeaseAnswer, LeaseRequest } from '../../src/contracts/backend.ts'
import { RedisBackend } from '../../src/index.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { gate, until } from '../support/gate.ts'
import { startRedis } from '../support/redis-server.ts'
import { sharedRedisUrl } from '../support/shared-redis.ts'
import type { Foreigner, Witness } from './redis-witness.ts'
import { openForeigner, openWitness, untilTold } from './redis-witness.ts'

let serial = 0
const named = (): string => `lease-${process.pid}-${++serial}`
const large = (value: string): string => `${value}\n`.padEnd(100_000, value)
const shared = (): { url: string } => ({ url: sharedRedisUrl() })

/** Asks as whoever found nothing. */
function ask({ backend }: Pick<Witness, 'backend'>, key: string, request: Partial<LeaseRequest>): Promise<LeaseAnswer> {
  const whole: LeaseRequest = { token: 'a', leaseMs: 60_000, seen: undefined, despite: 'nothing', ...request }
  return Promise.resolve(backend.leases.acquire(key, whole))
}

describe('a lease', () => {
  test('is granted to one of twenty connections that ask at once, and the others are told who has it', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => openWitness(shared())))
    try {
      for (let round = 0; round < 20; round++) {
        const key = named()
        const answers = await Promise.all(all.map((one, index) => ask(one, key, { token: `t${index}` })))
        const winners = answers.flatMap(({ kind }, index) => (kind === 'granted' ? [`t${index}`] : []))
        expect(winners).toHaveLength(1)
        const others = answers.filter(({ kind }) => kind !== 'granted')
        for (const other of others) {
          expect(other).toMatchObject({ kind: 'held', holder: winners[0] })
          expect((other as { waitMs: number }).waitMs).toBeGreaterThan(0)
          expect((other as { waitMs: number }).waitMs).toBeLessThanOrEqual(60_000)
        }
      }
    } finally {
      await Promise.all(all.map(({ backend }) => backend.close()))
    }
  })

  test('is granted only to who knows the present text by how it begins', async () => {
    await using one = await openWitness(shared())
    const key = named()
    await one.backend.set(key, 'é new text', 100)
    expect(await ask(one, key, { seen: undefined })).toEqual({ kind: 'changed' })
    expect(await ask(one, key, { seen: 'é old' })).toEqual({ kind: 'changed' })
    expect(await ask(one, key, { seen: 'é new text and more' })).toEqual({ kind: 'changed' })
    expect(await ask(one, key, { seen: 'é new' })).toEqual({ kind: 'granted' })
    await one.backend.delete(key)
    expect(await ask(one, key, { seen: 'é new' })).toEqual({ kind: 'changed' })
    expect(await ask(one, key, { seen: '' })).toEqual({ kind: 'changed' })
    expect(await ask(one, key, { seen: undefined, despite: 'failure' })).toEqual({ kind: 'granted' })
    await one.backend.set(key, '', 100)
    expect(await ask(one, key, { seen: undefined })).toEqual({ kind: 'changed' })
    expect(await ask(one, key, { seen: '' })).toEqual({ kind: 'granted' })
  })

  test('lets whoever reads again after "changed" have it, whatever stands under the key', async () => {
    await using one = await openWitness(shared())
    await using foreigner = await openForeigner(shared())
    const client = createClient(shared())
    await client.connect()
    const odd: Record<string, (key: string) => Promise<unknown>> = {
      list: (key) => foreigner.send('LPUSH', key, 'x'),
      'no UTF-8': (key) => client.set(key, Buffer.from([0x61, 0xff, 0xfe, 0x62])),
      'no UTF-8 at all': (key) => client.set(key, Buffer.from([0xff, 0xfe])),
    }
    for (const [name, put] of Object.entries(odd)) {
      const key = named()
      await put(key)
      expect([name, await ask(one, key, { seen: 'something else' })]).toEqual([name, { kind: 'changed' }])
      const seen = (await one.backend.get(key)) ?? undefined
      expect([name, await ask(one, key, { seen })]).toEqual([name, { kind: 'granted' }])
      expect(await one.backend.leases.fill(key, 'value', 100, 'a')).toBe('followed')
      expect(await one.backend.get(key)).toBe('value')
    }
    client.destroy()
  })

  test('is taken from anyone by who insists, text or not', async () => {
    await using one = await openWitness(shared())
    const key = named()
    expect(await ask(one, key, { token: 'first' })).toEqual({ kind: 'granted' })
    one.take()
    expect(await ask(one, key, { token: 'second', despite: 'failure' })).toMatchObject({
      kind: 'held',
      holder: 'first',
    })
    expect(one.take()).toEqual([])
    expect(await ask(one, key, { token: 'second', despite: 'anyone' })).toEqual({ kind: 'granted' })
    expect(one.take()).toEqual([`changed ${key} by second`])
    expect(await one.backend.leases.fill(key, 'of the first', 100, 'first')).toBe('fenced')
    expect(await one.backend.leases.fill(key, 'of the second', 100, 'second')).toBe('followed')
    expect(await ask(one, key, { despite: 'anyone' })).toEqual({ kind: 'granted' })
  })

  test('pauses after a failure for those who have something to stand in', async () => {
    await using one = await openWitness(shared())
    const key = named()
    await ask(one, key, { token: 'a' })
    await one.backend.leases.release(key, 'a', 60_000)
    const answer = await ask(one, key, { token: 'b' })
    expect(answer).toMatchObject({ kind: 'paused' })
    expect((answer as { waitMs: number }).waitMs).toBeGreaterThan(0)
    expect(await ask(one, key, { token: 'b', despite: 'failure' })).toEqual({ kind: 'granted' })
    await one.backend.leases.release(key, 'b')
    expect(await ask(one, key, { token: 'c' })).toEqual({ kind: 'granted' })
    // Not by somebody else.
    await one.backend.leases.release(key, 'b')
    expect(await ask(one, key, { token: 'd' })).toMatchObject({ kind: 'held', holder: 'c' })
    // A write ends a pause.
    await one.backend.leases.release(key, 'c', 60_000)
    await one.backend.delete(key)
    expect(await ask(one, key, { token: 'd' })).toEqual({ kind: 'granted' })
  })

  test('of a holder that crashed ends by itself; one that is prolonged does not', async () => {
    await using crashed = await openWitness(shared())
    await using other = await openWitness(shared())
    const [dead, alive] = [named(), named()]
    const leaseMs = 300
    await ask(crashed, dead, { token: 'x', leaseMs })
    await ask(crashed, alive, { token: 'y', leaseMs })
    expect(await crashed.backend.leases.renew(alive, 'y', 60_000)).toBe(true)
    expect(await crashed.backend.leases.renew(alive, 'z', 60_000)).toBe(false)
    await until('it is granted to another', async () => (await ask(other, dead, { token: 'b' })).kind === 'granted')
    expect(await ask(other, alive, { token: 'b' })).toMatchObject({ kind: 'held', holder: 'y' })
    expect(await crashed.backend.leases.renew(dead, 'x', leaseMs)).toBe(false)
    expect(await crashed.backend.leases.fill(dead, 'late', 100, 'x')).toBe('fenced')
    expect(await other.backend.get(dead)).toBeNull()
  })

  test('that is no text, or has no end, is nobody`s', async () => {
    await using one = await openWitness(shared())
    await using foreigner = await openForeigner(shared())
    const key = named()
    await foreigner.send('LPUSH', `{${key}}#l`, 'x')
    expect(await one.backend.leases.fill(key, 'v', 100, 'a')).toBe('fenced')
    expect(await ask(one, key, {})).toEqual({ kind: 'granted' })
    await foreigner.send('SET', `{${key}}#l`, 'for ever')
    expect(await ask(one, key, {})).toEqual({ kind: 'granted' })
  })
})

describe.each([
  ['small', (text: string) => text],
  ['large', large],
])('a %s value', (_, make) => {
  test('is stored by the holder, once', async () => {
    await using one = await openWitness(shared())
    const key = named()
    await ask(one, key, {})
    one.take()
    expect(await one.backend.leases.fill(key, make('v'), 100, 'a')).toBe('followed')
    expect(one.take().filter((line) => line !== `changed ${key} by a`)).toEqual([])
    expect(await one.backend.get(key)).toBe(make('v'))
    expect(await one.backend.leases.fill(key, make('again'), 100, 'a')).toBe('fenced')
    expect(await one.backend.get(key)).toBe(make('v'))
    // The lease is over.
    expect(await ask(one, key, { seen: make('v').slice(0, 2), token: 'b' })).toEqual({ kind: 'granted' })
  })

  test('with a wrong token, or none that lasts, changes nothing', async () => {
    await using one = await openWitness(shared())
    const key = named()
    await one.backend.set(key, 'before', 100)
    expect(await one.backend.leases.fill(key, make('v'), 100, 'a')).toBe('fenced')
    await ask(one, key, { seen: 'before', token: 'right' })
    expect(await one.backend.leases.fill(key, make('v'), 100, 'wrong')).toBe('fenced')
    expect(await one.backend.get(key)).toBe('before')
    expect(await ask(one, key, { seen: 'before' })).toMatchObject({ kind: 'held', holder: 'right' })
    expect(await one.backend.leases.fill(key, make('v'), 100, 'right')).toBe('followed')
  })

  test.each(['set', 'delete', 'batch.delete', 'another fill'])('is void after a %s', async (write) => {
    await using one = await openWitness(shared())
    await using other = await openWitness(shared())
    const key = named()
    await ask(one, key, {})
    if (write === 'set') await other.backend.set(key, 'newer', 100)
    else if (write === 'delete') await other.backend.delete(key)
    else if (write === 'batch.delete') await other.backend.batch.delete([named(), key])
    else {
      await ask(other, key, { token: 'b', despite: 'anyone' })
      await other.backend.leases.fill(key, 'newer', 100, 'b')
    }
    expect(await one.backend.leases.fill(key, make('older'), 100, 'a')).toBe('fenced')
    expect(await other.backend.get(key)).toBe(/delete/.test(write) ? null : 'newer')
  })

  test('is void after a set or a delete of this very process that was sent before it', async () => {
    await using one = await openWitness(shared())
    const [set, deleted] = [named(), named()]
    for (const key of [set, deleted]) await ask(one, key, {})
    const writes = [one.backend.set(set, large('newer'), 100), one.backend.delete(deleted)]
    const fills = [set, deleted].map((key) => one.backend.leases.fill(key, make('older'), 100, 'a'))
    await Promise.all(writes)
    expect(await Promise.all(fills)).toEqual(['fenced', 'fenced'])
    expect(await one.backend.get(set)).toBe(large('newer'))
    expect(await one.backend.get(deleted)).toBeNull()
  })

  test('leaves nothing half done where the server has no memory for it', async () => {
    await using redis = await startRedis({ config: ['maxmemory-policy noeviction'] })
    await using one = await openWitness({ url: redis.url })
    await one.backend.set('k', 'before', 100)
    await ask(one, 'k', { seen: 'before' })
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1')
    await expect(one.backend.leases.fill('k', make('v'), 100, 'a')).rejects.toMatchObject({
      code: 'OOM',
      refusal: true,
    })
    expect(await one.backend.get('k')).toBe('before')
    expect(await ask(one, 'k', { seen: 'before', token: 'b' })).toMatchObject({ kind: 'held', holder: 'a' })
    // Nor is there any for the mark of a failure: then it just ends.
    await one.backend.leases.release('k', 'a', 60_000)
    expect(await redis.cli('EXISTS', '{k}#l')).toBe('0')
    await expect(ask(one, 'k', { seen: 'before' })).rejects.toMatchObject({ code: 'OOM', refusal: true })
    expect(await one.backend.delete('absent')).toBe(false)
    expect(await one.backend.delete('k')).toBe(true)
  })
})

describe('a large value', () => {
  test('is not taken for what follows where its first line does not tell it from others', async () => {
    await using one = await openWitness(shared())
    const key = named()
    await ask(one, key, {})
    expect(await one.backend.leases.fill(key, 'x'.repeat(100_000), 100, 'a')).toBe('stored')
    expect((await one.backend.get(key))?.length).toBe(100_000)
    expect(await ask(one, key, { seen: 'x', token: 'b' })).toEqual({ kind: 'granted' })
  })

  test.each<[string, (foreigner: Foreigner, key: string, value: string) => Promise<unknown>]>([
    ['deleted', (foreigner, key) => foreigner.send('DEL', key)],
    ['overwritten', (foreigner, key) => foreigner.send('SET', key, 'other')],
    ['overwritten in its length', (foreigner, key, value) => foreigner.send('SET', key, value.replace('v\n', 'w\n'))],
    ['overwritten alike', (foreigner, key, value) => foreigner.send('SET', key, value.replace('\n', '\n\n'))],
    // Of a cache it may even look the same.
    ['written by a cache', (foreigner, key) => foreigner.send('DEL', `{${key}}#l`)],
  ])('that is %s before it is followed is not said to be', async (_, strike) => {
    await using redis = await startRedis()
    await using proxy = await startFaultProxy(redis)
    await using one = await openWitness({ url: proxy.url })
    await using foreigner = await openForeigner({ url: redis.url })
    await ask(one, 'k', {})
    await one.backend.set('other', large('open a side connection'), 100)
    const [link] = proxy.connections
    one.take()
    link?.holdRequests()
    const filled = one.backend.leases.fill('k', large('v'), 100, 'a')
    // It is stored, and the link is asked whether it still is.
    await until('it is stored', async () => Number(await foreigner.send('STRLEN', 'k')) === 100_000)
    await until('the link is asked', () => (link?.heldBytes ?? 0) > 0)
    await strike(foreigner, 'k', large('v'))
    await link?.heal()
    expect(await filled).toBe('stored')
    expect(one.take()).toContain('changed k')
  })

  test('is told of as changed by somebody else from the moment on in which it is followed', async () => {
    await using redis = await startRedis()
    const held = gate()
    const open = openNodeRedisTransport(redis.url)
    const openTransport: OpenTransport = async (options) => {
      const transport = await open(options)
      const send = async (args: readonly string[]): Promise<unknown> => {
        const reply = await transport.send(args)
        if (args[1] === confirmFill.sha1 || args[1] === confirmFill.source) await held.wait()
        return reply
      }
      return { ...transport, send }
    }
    await using one = await openWitness({ openTransport })
    await using foreigner = await openForeigner(redis)
    await redis.cli('SCRIPT', 'LOAD', confirmFill.source)
    await ask(one, 'k', {})
    const filled = one.backend.leases.fill('k', large('v'), 100, 'a')
    // The server has answered, and nobody has heard it yet.
    await held.reached
    one.take()
    await foreigner.send('DEL', 'k')
    await one.settled()
    expect(one.take()).toEqual(['changed k'])
    held.open()
    expect(await filled).toBe('followed')
  })

  test('counts as stored when the link is lost meanwhile', async () => {
    await using redis = await startRedis()
    await using proxy = await startFaultProxy(redis)
    await using one = await openWitness({ url: proxy.url })
    await using foreigner = await openForeigner({ url: redis.url })
    await ask(one, 'k', {})
    await one.backend.set('other', large('open a side connection'), 100)
    const [link] = proxy.connections
    link?.holdRequests()
    const filled = one.backend.leases.fill('k', large('v'), 100, 'a')
    await until('it is stored', async () => Number(await foreigner.send('STRLEN', 'k')) === 100_000)
    await until('the link is asked', () => (link?.heldBytes ?? 0) > 0)
    link?.cutClient()
    expect(await filled).toBe('stored')
  })
})

describe('a server', () => {
  test('that has forgotten the scripts is given them again', async () => {
    await using redis = await startRedis()
    await using one = await openWitness({ url: redis.url })
    const forget = (): Promise<string> => redis.cli('SCRIPT', 'FLUSH')
    await forget()
    expect(await ask(one, 'k', {})).toEqual({ kind: 'granted' })
    await forget()
    expect(await one.backend.leases.renew('k', 'a', 60_000)).toBe(true)
    await forget()
    expect(await one.backend.leases.fill('k', 'v', 100, 'a')).toBe('followed')
    await ask(one, 'large', {})
    await forget()
    expect(await one.backend.leases.fill('large', large('v'), 100, 'a')).toBe('followed')
    await ask(one, 'k', { seen: 'v' })
    await forget()
    await one.backend.leases.release('k', 'a')
    expect(await ask(one, 'k', { seen: 'v', token: 'b' })).toEqual({ kind: 'granted' })
    await forget()
    expect(await one.backend.set('k', 'w', 100)).toBe(true)
    await forget()
    expect(await one.backend.delete('k')).toBe(true)
  })

  test('that forgets the scripts in the midst of writes keeps their order', async () => {
    await using redis = await startRedis()
    await using one = await openWitness({ url: redis.url })
    await using foreigner = await openForeigner({ url: redis.url })
    for (let round = 0; round < 200; round++) {
      const writes: Promise<unknown>[] = []
      for (let write = 0; write < 6; write++) {
        writes.push(foreigner.send('SCRIPT', 'FLUSH'))
        writes.push(one.backend.set('k', `${round} ${write}`, 100), one.backend.delete('k'))
      }
      const isSet = round % 2 === 0
      writes.push(isSet ? one.backend.set('k', `${round} last`, 100) : one.backend.delete('k'))
      await Promise.all(writes)
      expect(await one.backend.get('k')).toBe(isSet ? `${round} last` : null)
    }
  })

  test('that has become a replica grants nothing, and is left', async () => {
    await using redis = await startRedis()
    await using one = await openWitness({ url: redis.url })
    await ask(one, 'k', {})
    await redis.cli('REPLICAOF', '127.0.0.1', '1')
    await expect(one.backend.leases.fill('k', 'v', 100, 'a')).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' })
    await untilTold(one, 'lost')
    expect(one.backend.push.isOn).toBe(false)
  })

  test('that lets an account run no scripts is still read and written, without leases', async () => {
    await using redis = await startRedis()
    await redis.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '+@all', '-@scripting')
    await using one = await openWitness({ url: redis.url.replace('redis://', 'redis://app:secret@') })
    await using other = await openWitness({ url: redis.url })
    const { backend } = one
    expect(backend.link.limits).toMatchObject([/^EVAL is not permitted/])
    expect([backend.leases.isOn, backend.push.isOn]).toEqual([false, true])
    const refused = await ask(one, 'k', {}).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(ReplyError)
    expect(refused).toMatchObject({ refusal: true })
    for (const value of ['small', large('large')]) {
      await backend.delete('k')
      await ask(other, 'k', {})
      expect(await backend.set('k', value, 100)).toBe(true)
      expect(await other.backend.leases.fill('k', 'older', 100, 'a')).toBe('fenced')
      expect(await backend.get('k')).toBe(value)
      await ask(other, 'k', { seen: value.slice(0, 3) })
      expect(await backend.batch.delete(['k', 'absent'])).toBe(1)
      expect(await other.backend.leases.fill('k', 'older', 100, 'a')).toBe('fenced')
      expect(await backend.get('k')).toBeNull()
    }
    expect(await backend.leases.renew('k', 'a', 1000)).toBe(false)
    expect(await backend.leases.fill('k', 'v', 100, 'a')).toBe('fenced')
    await backend.leases.release('k', 'a')
  })

  test('that lets an account touch no leases counts as one without scripts', async () => {
    await using redis = await startRedis()
    await redis.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~app:*', '+@all')
    const url = redis.url.replace('redis://', 'redis://app:secret@')
    await using one = await openWitness({ url, namespace: 'app' })
    expect(one.backend.link.limits).toMatchObject([/^EVAL is not permitted/])
    expect(await one.backend.set('app:k', 'v', 100)).toBe(true)
    expect(await one.backend.set('app:large', large('v'), 100)).toBe(true)
    expect(await one.backend.get('app:k')).toBe('v')
    expect(await one.backend.delete('app:k')).toBe(true)
  })
})

test('many keys are deleted in few commands, and counted', async () => {
  await using redis = await startRedis()
  await using proxy = await startFaultProxy(redis)
  await using one = await openWitness({ url: proxy.url })
  const keys = Array.from({ length: 3000 }, (_, index) => `k${index}`)
  for (const key of keys.slice(0, 1700)) void one.backend.set(key, 'v', 100)
  await one.settled()
  proxy.resetCounts()
  expect(await one.backend.batch.delete(keys)).toBe(1700)
  expect(proxy.commands.get('EVAL')).toBe(6)
  expect(await redis.cli('DBSIZE')).toBe('0')
})

test.each(['node-redis', 'ioredis'])(
  'a client of the application (%s) has leases, and is told of nothing',
  async (kind) => {
    const nodeRedis = createClient(shared())
    const ioRedis = new Redis(sharedRedisUrl(), { lazyConnect: true })
    const client = kind === 'ioredis' ? ioRedis : nodeRedis
    await client.connect()
    const backend = new RedisBackend({ client })
    await backend.connect()
    try {
      expect(backend.push.isOn).toBe(false)
      expect(backend.link.limits).toEqual([])
      const key = named()
      expect(await ask({ backend }, key, { token: 'a' })).toEqual({ kind: 'granted' })
      expect(await ask({ backend }, key, { token: 'b' })).toMatchObject({ kind: 'held', holder: 'a' })
      expect(await backend.leases.renew(key, 'a', 60_000)).toBe(true)
      expect(await backend.leases.fill(key, 'v', 100, 'a')).toBe('stored')
      expect(await ask({ backend }, key, { token: 'a', seen: 'v' })).toEqual({ kind: 'granted' })
      expect(await backend.leases.fill(key, large('w'), 100, 'a')).toBe('stored')
      expect(await backend.leases.fill(key, 'v', 100, 'a')).toBe('fenced')
      expect(await backend.get(key)).toBe(large('w'))
    } finally {
      await backend.close()
      nodeRedis.destroy()
      ioRedis.disconnect()
    }
  },
)
