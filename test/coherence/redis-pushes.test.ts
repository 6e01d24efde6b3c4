// What a real Redis tells of changes, on the way to whoever keeps what was read: every change, once read, in the order of the answers, and
// none that is this process' own.
import { describe, expect, test } from 'vitest'
import { openNodeRedisTransport } from '../../src/backends/redis/node-redis-transport.ts'
import type { OpenTransport } from '../../src/backends/redis/transport.ts'
import { systemRuntime } from '../../src/support/runtime.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import type { Gate } from '../support/gate.ts'
import { gate, until } from '../support/gate.ts'
import { startRedis } from '../support/redis-server.ts'
import { sharedRedisUrl } from '../support/shared-redis.ts'
import type { Foreigner, Witness } from './redis-witness.ts'
import { openForeigner, openWitness, untilTold } from './redis-witness.ts'

let serial = 0
const named = (): string => `push-${process.pid}-${++serial}`
const large = (value: string): string => `${value}\n`.padEnd(100_000, value)
const shared = (): { url: string } => ({ url: sharedRedisUrl() })
const acquire = ({ backend }: Witness, key: string, token: string, seen?: string): Promise<unknown> =>
  Promise.resolve(backend.leases.acquire(key, { token, leaseMs: 60_000, seen, despite: 'nothing' }))

describe('a change by another program', () => {
  const changes: Record<string, (foreigner: Foreigner, key: string) => Promise<unknown>> = {
    SET: (foreigner, key) => foreigner.send('SET', key, 'new'),
    DEL: (foreigner, key) => foreigner.send('DEL', key),
    EXPIRE: (foreigner, key) => foreigner.send('EXPIRE', key, '-1'),
    'RENAME away': (foreigner, key) => foreigner.send('RENAME', key, `${key}:away`),
    'RENAME over it': async (foreigner, key) => {
      await foreigner.send('SET', `${key}:new`, 'new')
      await foreigner.send('RENAME', `${key}:new`, key)
    },
    'its lease taken': (foreigner, key) => foreigner.send('SET', `{${key}}#l`, 'x'),
    'its lease ended': (foreigner, key) => foreigner.send('DEL', `{${key}}#l`),
  }

  test.each(Object.keys(changes).filter((name) => !name.startsWith('its')))(
    '%s: is told to who has read',
    async (name) => {
      await using one = await openWitness(shared())
      await using foreigner = await openForeigner(shared())
      const [key, other] = [named(), named()]
      await foreigner.send('SET', key, 'old')
      await foreigner.send('SET', other, 'old')
      // Not read yet: of no interest.
      await foreigner.send('SET', key, 'older')
      await one.settled()
      expect(one.take()).toEqual([])
      await one.backend.batch.get([key, other])
      await changes[name]?.(foreigner, key)
      await one.settled()
      expect(one.take()).toEqual([`changed ${key}`])
      // Once, until it is read again.
      await foreigner.send('SET', key, 'newer')
      await one.settled()
      expect(one.take()).toEqual([])
    },
  )

  test.each(Object.keys(changes))('%s: is told to who asked for the lease, whatever the answer', async (name) => {
    await using one = await openWitness(shared())
    await using other = await openWitness(shared())
    await using foreigner = await openForeigner(shared())
    for (const kind of ['granted', 'held', 'paused', 'changed']) {
      const key = named()
      await foreigner.send('SET', key, 'old')
      if (kind === 'paused' || kind === 'held') await acquire(other, key, 'b', 'old')
      if (kind === 'paused') await other.backend.leases.release(key, 'b', 60_000)
      const changed = name === 'its lease ended' && kind === 'changed'
      if (changed) await foreigner.send('SET', `{${key}}#l`, 'x')
      expect(await acquire(one, key, 'a', kind === 'changed' ? 'other' : 'old')).toMatchObject({ kind })
      one.take()
      await changes[name]?.(foreigner, key)
      await one.settled()
      expect([kind, one.take()]).toEqual([kind, [`changed ${key}`]])
    }
  })

  test.each(Object.keys(changes))('%s: is told to who has prolonged the lease', async (name) => {
    await using one = await openWitness(shared())
    await using foreigner = await openForeigner(shared())
    const key = named()
    await foreigner.send('SET', key, 'old')
    await acquire(one, key, 'a', 'old')
    expect(await one.backend.leases.renew(key, 'a', 60_000)).toBe(true)
    one.take()
    await changes[name]?.(foreigner, key)
    await one.settled()
    expect(one.take()).toEqual([`changed ${key}`])
  })

  const writes: Record<string, (one: Witness, key: string) => Promise<unknown>> = {
    set: (one, key) => one.backend.set(key, 'v', 100),
    'large set, read': async (one, key) => {
      await one.backend.set(key, large('v'), 100)
      await one.backend.get(key)
    },
    fill: async (one, key) => {
      await acquire(one, key, 'a')
      expect(await one.backend.leases.fill(key, 'v', 100, 'a')).toBe('followed')
    },
    'large fill': async (one, key) => {
      await acquire(one, key, 'a')
      expect(await one.backend.leases.fill(key, large('v'), 100, 'a')).toBe('followed')
    },
  }

  test.each(Object.keys(writes))('is told after an own %s', async (name) => {
    await using one = await openWitness(shared())
    await using foreigner = await openForeigner(shared())
    const key = named()
    for (let round = 0; round < 20; round++) {
      await foreigner.send('DEL', key)
      await writes[name]?.(one, key)
      one.take()
      await foreigner.send(...(round % 2 === 0 ? ['SET', key, 'foreign'] : ['DEL', key]))
      await one.settled()
      expect(one.take()).toEqual([`changed ${key}`])
    }
  })

  test('by expiry and by eviction is told when it happens', async () => {
    await using redis = await startRedis({ config: ['maxmemory-policy allkeys-lru'] })
    await using one = await openWitness({ url: redis.url })
    await using foreigner = await openForeigner(redis)
    await foreigner.send('SET', 'short', 'v', 'PX', '2000')
    await foreigner.send('SET', 'k', 'v')
    await one.backend.batch.get(['short', 'k'])
    await untilTold(one, 'changed short')
    await foreigner.send('CONFIG', 'SET', 'maxmemory', '1')
    await untilTold(one, 'changed k')
  })

  test.each(['FLUSHALL', 'FLUSHDB'])(
    'of everything (%s) is told as one, and the tag clock with it',
    async (command) => {
      await using redis = await startRedis()
      await using one = await openWitness({ url: redis.url })
      await using foreigner = await openForeigner(redis)
      await one.backend.set('k', 'v', 100)
      await one.backend.get('k')
      one.take()
      await foreigner.send(command)
      await one.settled()
      expect(one.take()).toEqual(['changedAll', 'tagsChanged'])
    },
  )
})

describe('an answer', () => {
  test.each([
    ['as it comes', 60, () => {}],
    ['in one piece with others', 25, (proxy) => proxy.merge(2)],
    ['in small pieces', 12, (proxy) => proxy.split(7)],
  ] as ReadonlyArray<
    readonly [string, number, (proxy: { merge(ms: number): void; split(most: number): void }) => void]
  >)('that is newer comes after the word of the change: %s', async (_, rounds, shape) => {
    await using redis = await startRedis()
    await using proxy = await startFaultProxy(redis)
    await using one = await openWitness({ url: proxy.url })
    await using foreigner = await openForeigner(redis)
    shape(proxy)
    const keys = Array.from({ length: 60 }, (__, index) => `k${index}`)
    let early = 0
    const read = async (key: string, round: number): Promise<void> => {
      const text = await one.backend.get(key)
      // What is told in the turn of an older answer counts for the newer one as well.
      if (text === String(round) && !one.log.includes(`changed ${key}`)) early++
    }
    for (const key of keys) await foreigner.send('SET', key, '0')
    await one.backend.batch.get(keys)
    for (let round = 1; round <= rounds; round++) {
      one.take()
      await Promise.all(
        keys.map(async (key, index) => {
          // On the link of this test's own server, before, beside and after the write.
          const reads = index % 3 === 0 ? [read(key, round)] : []
          await Promise.all([foreigner.send('SET', key, String(round)), ...reads, read(key, round)])
          await read(key, round)
          expect(await one.backend.get(key)).toBe(String(round))
        }),
      )
      expect(early).toBe(0)
      expect(keys.filter((key) => !one.log.includes(`changed ${key}`))).toEqual([])
    }
  })
})

describe('what is done here', () => {
  test('is told when it begins and before it is answered, and not by the server', async () => {
    await using one = await openWitness(shared())
    const key = named()
    const note = async (what: string, work: Promise<unknown>): Promise<string[]> => {
      one.log.push(what)
      await work.then(() => one.log.push('answered'))
      await one.settled()
      return one.take()
    }
    // The writes begin before the first note.
    const both = (line: string, what: string): string[] => [line, what, line, 'answered']
    await one.backend.get(key)
    expect(await note('set', one.backend.set(key, 'v', 100))).toEqual(both(`changed ${key}`, 'set'))
    await one.backend.get(key)
    expect(await note('delete', one.backend.delete(key))).toEqual(both(`changed ${key}`, 'delete'))
    expect(await note('delete', one.backend.delete(key))).toEqual(both(`changed ${key}`, 'delete'))
    const many = one.backend.batch.delete([key, `${key}:2`]) as Promise<unknown>
    expect(await note('many', many)).toEqual(both(`changed ${key} ${key}:2`, 'many'))
    expect(await note('acquire', acquire(one, key, 'a'))).toEqual(['acquire', 'answered'])
    const renewal = one.backend.leases.renew(key, 'a', 60_000) as Promise<unknown>
    expect(await note('renew', renewal)).toEqual(['renew', 'answered'])
    const fill = one.backend.leases.fill(key, 'v', 100, 'a') as Promise<unknown>
    expect(await note('fill', fill)).toEqual(both(`changed ${key} by a`, 'fill'))
    await acquire(one, key, 'b', 'v')
    const release = one.backend.leases.release(key, 'b', 1000) as Promise<unknown>
    expect(await note('release', release)).toEqual(both(`changed ${key} by b`, 'release'))
  })

  test('is told though it fails, and once more when it is done after its deadline', async () => {
    await using redis = await startRedis()
    await using proxy = await startFaultProxy(redis)
    // Answers of scripts alone: a connection without any is given up.
    let held: Gate | undefined
    const open = openNodeRedisTransport(proxy.url)
    const openTransport: OpenTransport = async (options) => {
      const transport = await open(options)
      const send = async (args: readonly string[]): Promise<unknown> => {
        const reply = await transport.send(args)
        if (args[0]?.startsWith('EVAL') === true) await held?.wait()
        return reply
      }
      return { ...transport, send }
    }
    await using one = await openWitness({ openTransport, socketTimeout: '1s', budget: '1s' })
    await acquire(one, 'k', 'a')
    const writes: ReadonlyArray<readonly [string, () => unknown]> = [
      ['changed k', () => one.backend.set('k', 'v', 100)],
      ['changed k', () => one.backend.delete('k')],
      ['changed k by a', () => one.backend.leases.fill('k', 'v', 100, 'a')],
      ['changed k by a', () => one.backend.leases.release('k', 'a')],
    ]
    for (const [line, write] of writes) {
      one.take()
      held = gate()
      await expect(write()).rejects.toMatchObject({ code: 'CACHE_TIMEOUT' })
      expect(one.take()).toEqual([line, line])
      held.open()
      held = undefined
      await untilTold(one, line)
      expect(one.take()).toEqual([line])
    }
    await proxy.refuse()
    await untilTold(one, 'lost')
    for (const [line, write] of writes) {
      one.take()
      await expect(write()).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' })
      expect(one.take()).toEqual([line, line])
    }
  })

  test('is told to another process: a write, a delete, a delete of what is not there', async () => {
    await using one = await openWitness(shared())
    await using other = await openWitness(shared())
    const key = named()
    const strikes: Array<() => unknown> = [
      () => other.backend.set(key, 'v', 100),
      () => other.backend.set(key, large('v'), 100),
      () => other.backend.delete(key),
      // It may be loading without a lease.
      () => other.backend.delete(key),
      () => other.backend.batch.delete([named(), key]),
      async () => {
        // One that somebody loads is not there either.
        await acquire(other, key, 'b')
        await other.backend.delete(key)
      },
    ]
    for (const strike of strikes) {
      await one.backend.get(key)
      one.take()
      await strike()
      await one.settled()
      expect(one.take()).toEqual([`changed ${key}`])
    }
  })
})

test('a delete is told to all who have read, though the server have no memory left', async () => {
  await using redis = await startRedis({ config: ['maxmemory-policy noeviction'] })
  await using one = await openWitness({ url: redis.url })
  await using other = await openWitness({ url: redis.url })
  await other.backend.set('there', 'v', 100)
  await one.backend.batch.get(['there', 'absent'])
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1')
  expect(await other.backend.batch.delete(['there', 'absent'])).toBe(1)
  await one.settled()
  expect(one.take()).toEqual(['changed there', 'changed absent'])
})

describe('the tag clock', () => {
  type Tags = Witness['backend']['tags']
  const calls: Record<string, (tags: Tags, since: Awaited<ReturnType<Tags['read']>>) => unknown> = {
    'a first read': (tags) => tags.read(undefined),
    'a read of what is new': (tags, { id }) => tags.read({ id, mark: 1 }),
    'a stamp': (tags, { id }) => tags.stamp(['t'], { id, mark: 1 }),
    'a first look on a connection': (tags, { id }) => tags.enter?.({ id, mark: 1 }),
    'a new id': (tags) => tags.renew(),
  }

  test.each(Object.keys(calls))(
    'is followed after %s: a stamp by another is told once, an own one never',
    async (name) => {
      await using redis = await startRedis()
      await using one = await openWitness({ url: redis.url })
      await using other = await openWitness({ url: redis.url })
      await other.backend.tags.stamp(['before'], undefined)
      for (let round = 0; round < 3; round++) {
        await calls[name]?.(one.backend.tags, await one.backend.tags.read(undefined))
        await one.settled()
        expect(one.take()).toEqual([])
        await other.backend.tags.stamp(['a', 'b'], undefined)
        await other.backend.tags.stamp(['c'], undefined)
        await one.settled()
        expect(one.take()).toEqual(['tagsChanged'])
      }
      await one.backend.tags.read(undefined)
      await redis.cli('SET', 'speedrun-cache#t', 'no clock')
      await one.settled()
      expect(one.take()).toEqual(['tagsChanged'])
      await one.backend.tags.read(undefined)
      await other.backend.tags.renew()
      await one.settled()
      expect(one.take()).toEqual(['tagsChanged'])
    },
  )

  test('of another namespace is of no interest', async () => {
    await using one = await openWitness({ ...shared(), namespace: named() })
    await using other = await openWitness({ ...shared(), namespace: named() })
    await one.backend.tags.read(undefined)
    await other.backend.tags.stamp(['a'], undefined)
    await one.settled()
    expect(one.take()).toEqual([])
  })

  test('is told to whoever gave it a new id for a lost process, and followed on', async () => {
    await using redis = await startRedis()
    await using one = await openWitness({ url: redis.url, onLostNode: 'bump' })
    await using other = await openWitness({ url: redis.url })
    await one.backend.tags.enter?.(undefined)
    await redis.cli('ZADD', '{speedrun-cache#t}:nodes#t', '1', 'lost')
    await one.settled()
    // The list of those who live is nobody's business.
    expect(one.take()).toEqual([])
    const { id } = await one.backend.tags.read(undefined)
    expect((await one.backend.tags.enter?.({ id, mark: 0 }))?.id).not.toBe(id)
    expect(one.take()).toEqual(['tagsChanged'])
    await other.backend.tags.stamp(['a'], undefined)
    await one.settled()
    expect(one.take()).toEqual(['tagsChanged'])
    // It looks for them now and then, without anybody asking.
    await redis.cli('ZADD', '{speedrun-cache#t}:nodes#t', '1', 'lost too')
    await untilTold(one, 'tagsChanged')
    one.take()
    await other.backend.tags.stamp(['a'], undefined)
    await one.settled()
    expect(one.take()).toEqual(['tagsChanged'])
  })
})

describe('a connection', () => {
  test('that is lost tells nothing; on the next one only what is read there is followed', async () => {
    await using redis = await startRedis()
    await using proxy = await startFaultProxy(redis)
    await using one = await openWitness({ url: proxy.url })
    await using foreigner = await openForeigner(redis)
    const isOn = (): boolean[] => [one.backend.push.isOn, one.backend.leases.isOn]
    expect(isOn()).toEqual([true, true])
    await one.backend.get('k')
    await proxy.refuse()
    await untilTold(one, 'lost')
    expect(isOn()).toEqual([false, false])
    await foreigner.send('SET', 'k', 'new')
    await proxy.heal()
    await untilTold(one, 'restored')
    expect(isOn()).toEqual([true, true])
    await foreigner.send('SET', 'k', 'newer')
    await one.settled()
    expect(one.take()).toEqual(['lost', 'restored'])
    await one.backend.get('k')
    await foreigner.send('SET', 'k', 'newest')
    await one.settled()
    expect(one.take()).toEqual(['changed k'])
  })

  test('is followed on the link alone, and by a word that leaves out its own doing', async () => {
    await using redis = await startRedis()
    await using one = await openWitness({ url: redis.url })
    await one.backend.set('k', large('v'), 100)
    const flags = [...(await redis.cli('CLIENT', 'LIST')).matchAll(/name=speedrun-cache .*? flags=(\S+) /g)]
    expect(flags).toHaveLength(2)
    expect(new Set(flags.map(([, flag]) => flag))).toEqual(new Set(['N', 't']))
  })

  test('is heard of with every answer, and by a heartbeat when there is none', async () => {
    await using redis = await startRedis()
    await using proxy = await startFaultProxy(redis)
    await using one = await openWitness({ url: proxy.url })
    const before = systemRuntime.monotonic()
    await one.backend.batch.get(['a', 'b'])
    const after = systemRuntime.monotonic()
    expect(one.heard.filter((sentAt) => sentAt >= before && sentAt <= after)).toHaveLength(1)
    one.heard.length = 0
    await until('it beats by itself', () => one.heard.length >= 6)
    expect(one.heard).toEqual(one.heard.toSorted((a, b) => a - b))
    expect(one.heard.at(-1)).toBeLessThanOrEqual(systemRuntime.monotonic())
    // Most are small; now and then it asks for the history.
    expect(proxy.commands.get('PING')).toBeGreaterThan(proxy.commands.get('INFO') ?? 0)
    expect(one.log).toEqual([])
  })

  test('whose heartbeat has nothing to do asks for the history all the same', async () => {
    await using redis = await startRedis()
    await using proxy = await startFaultProxy(redis)
    await using one = await openWitness({ url: proxy.url })
    proxy.resetCounts()
    await until('it asks', async () => {
      await one.backend.get('k')
      return (proxy.commands.get('INFO') ?? 0) >= 2
    })
    expect(one.log).toEqual([])
  })

  test('in a black hole is heard of no more, then lost', async () => {
    await using redis = await startRedis()
    await using proxy = await startFaultProxy(redis)
    await using one = await openWitness({ url: proxy.url })
    await one.backend.get('k')
    proxy.blackHole()
    const since = systemRuntime.monotonic()
    await untilTold(one, 'lost')
    expect(one.heard.filter((sentAt) => sentAt > since)).toEqual([])
    expect(one.backend.push.isOn).toBe(false)
  })

  test('that may not be followed is used without, and it is said', async () => {
    await using redis = await startRedis()
    await redis.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '+@all', '-client|tracking')
    await using one = await openWitness({ url: redis.url.replace('redis://', 'redis://app:secret@') })
    const { backend } = one
    expect(backend.push.isOn).toBe(false)
    expect(backend.link.limits).toMatchObject([/^CLIENT TRACKING is not permitted/])
    await acquire(one, 'k', 'a')
    expect(await backend.leases.fill('k', 'v', 100, 'a')).toBe('stored')
    await acquire(one, 'large', 'a')
    expect(await backend.leases.fill('large', large('v'), 100, 'a')).toBe('stored')
    expect(await backend.get('k')).toBe('v')
    expect(one.heard).toEqual([])
  })
})

/** What a process keeps, by the rules of the contract: a value that was read while nothing was told of its key. */
function keeperOf({ backend }: Witness) {
  interface Token {
    readonly by: string | undefined
    live: boolean
  }
  const kept = new Map<string, string | null>()
  const tokens = new Map<string, Set<Token>>()
  const take = (key: string, by?: string): Token => {
    const token = { by, live: true }
    tokens.set(key, (tokens.get(key) ?? new Set()).add(token))
    return token
  }
  const changed = (keys: readonly string[], by?: string): void => {
    for (const key of keys) {
      kept.delete(key)
      for (const token of tokens.get(key) ?? []) if (by === undefined || token.by !== by) token.live = false
    }
  }
  backend.push.watch({
    changed: (keys) => changed(keys),
    writing: changed,
    written: changed,
    changedAll: () => {
      kept.clear()
      for (const all of tokens.values()) for (const token of all) token.live = false
    },
    tagsChanged: () => {},
    heard: () => {},
  })
  return {
    kept,
    async read(key: string): Promise<void> {
      const token = take(key)
      const text = await backend.get(key)
      if (token.live) kept.set(key, text)
    },
    async load(key: string, by: string, value: string, despite: 'nothing' | 'anyone'): Promise<void> {
      const seen = (await backend.get(key)) ?? undefined
      const answer = await backend.leases.acquire(key, {
        token: by,
        leaseMs: 60_000,
        seen: seen?.slice(0, 20),
        despite,
      })
      if (answer.kind !== 'granted') return
      const token = take(key, by)
      const filled = await backend.leases.fill(key, value, 100, by)
      if (filled === 'followed' && token.live) kept.set(key, value)
    },
  }
}

test.each(['as it comes', 'merged', 'split'])(
  'what two processes keep is what is stored, whatever they and others do (answers %s)',
  async (how) => {
    await using redis = await startRedis()
    await using proxy = await startFaultProxy(redis)
    await using one = await openWitness({ url: proxy.url })
    await using two = await openWitness({ url: proxy.url })
    await using foreigner = await openForeigner(redis)
    const keepers = [keeperOf(one), keeperOf(two)]
    if (how === 'merged') proxy.merge(1)
    if (how === 'split') proxy.split(2000)
    let state = 7
    // A linear congruential generator, constants of Numerical Recipes.
    const random = (below: number): number => {
      state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
      return Math.floor((state / 2 ** 32) * below)
    }
    let kept = 0
    for (let round = 0; round < 60; round++) {
      const work: Promise<unknown>[] = []
      for (let step = 0; step < 40; step++) {
        const key = `k${random(4)}`
        const which = random(2)
        const { backend } = which === 0 ? one : two
        const keeper = keepers[which]
        const name = `${round}.${step}`
        // The first line is as long as what is compared, or longer.
        const value = random(3) === 0 ? large(name) : name
        const kind = random(11)
        if (kind < 4) work.push(keeper?.read(key) ?? Promise.resolve())
        else if (kind < 7)
          work.push(keeper?.load(key, name, value, kind === 6 ? 'anyone' : 'nothing') ?? Promise.resolve())
        else if (kind === 7) work.push(backend.set(key, value, 100))
        else if (kind === 8) work.push(backend.delete(key))
        else if (kind === 9) work.push(foreigner.send('SET', key, value))
        else work.push(foreigner.send('DEL', key))
        if (random(3) === 0) await Promise.race(work)
      }
      await Promise.all(work)
      await Promise.all([one.settled(), two.settled()])
      for (const [index, keeper] of keepers.entries()) {
        for (const [key, text] of keeper.kept) {
          kept++
          const stored = await foreigner.send('GET', key)
          expect([round, index, key, text?.slice(0, 12)]).toEqual([
            round,
            index,
            key,
            stored === null ? undefined : String(stored).slice(0, 12),
          ])
        }
      }
    }
    expect(kept).toBeGreaterThan(60)
  },
)
