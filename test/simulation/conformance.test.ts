// The programs and the server of the simulation beside a real one: the same commands in the same order get the same answers, and whoever the
// simulated server tells of a change the real one tells too. What the schedules prove they prove of this.
import { expect, test } from 'vitest'
import {
  acquireLease,
  confirmFill,
  deleteKeys,
  fillBeside,
  fillKey,
  releaseLease,
  renewLease,
  setKey,
} from '../../src/backends/redis/lease-scripts.ts'
import { openNodeRedisTransport } from '../../src/backends/redis/node-redis-transport.ts'
import type { Script } from '../../src/backends/redis/scripts.ts'
import { enterClock, readClock, renewClock, stampTags } from '../../src/backends/redis/scripts.ts'
import type { Transport } from '../../src/backends/redis/transport.ts'
import { startRedis } from '../support/redis-server.ts'
import { streamOf } from './random.ts'
import type { Client } from './server.ts'
import { SimulatedRedis } from './server.ts'

const steps = 600
const keys = ['{a}', '{b}'] as const
const clock = 'clock#t'
const tokens = ['t1', 't2', 't3'] as const
const texts = ['short', '#sc1 json 1 - - 1 0-x 0 -\n{"a":1}', 'x'.repeat(300), ''] as const
const despites = ['nothing', 'failure', 'anyone'] as const

type Command = readonly string[]

const run = ({ source }: Script, names: Command, args: Command): Command => [
  'EVAL',
  source,
  String(names.length),
  ...names,
  ...args,
]

function commandFrom(random: () => number): Command {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const key = pick(keys)
  const both = [key, `${key}#l`]
  const seen = random() < 0.5 ? [] : [pick(texts).slice(0, 200)]
  return pick<() => Command>([
    () => ['MGET', ...keys],
    () => ['EXISTS', key],
    () => ['SET', key, pick(texts), 'EX', '1000'],
    () => ['DEL', key],
    () => ['UNLINK', ...keys],
    () => run(acquireLease, both, [pick(tokens), '60000', pick(despites), ...seen]),
    () => run(acquireLease, both, [pick(tokens), '60000', 'nothing', ...seen]),
    () => run(fillKey, both, [pick(tokens), pick(texts), '1000']),
    () => run(fillKey, both, [pick(tokens), pick(texts), '1000']),
    () => run(fillBeside, both, [pick(tokens), pick(texts), '1000', '60000']),
    () => run(confirmFill, both, [pick(tokens), pick(texts).slice(0, 20), String(pick(texts).length)]),
    () => run(renewLease, both, [pick(tokens), '60000']),
    () => run(releaseLease, both, [pick(tokens), ...(random() < 0.5 ? ['60000'] : [])]),
    () => run(setKey, both, [pick(texts), '1000']),
    () => run(deleteKeys, both, []),
    () =>
      run(
        deleteKeys,
        keys.flatMap((one) => [one, `${one}#l`]),
        [],
      ),
    () => run(readClock, [clock], ['0-read', 'h1', '-inf']),
    () => run(enterClock, [clock], ['0-enter', pick(['h1', 'h2']), '2-other']),
    () => run(stampTags, [clock], ['0-stamp', 'h1', '-inf', '50000', pick(['x', 'y'])]),
    () => run(renewClock, [clock], ['1-renew', 'h1']),
    () => ['ZRANGEBYSCORE', clock, '-inf', '+inf', 'WITHSCORES'],
  ])()
}

/** Times and stamps are each server's own. */
function comparable(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.flat().map(comparable)
  const number = typeof reply === 'string' && reply.trim() !== '' ? Number(reply) : reply
  if (number === Infinity || number === null || number === 'inf') return 'inf'
  return typeof number === 'number' && number > 50_000 ? 'later' : reply instanceof Error ? 'an error' : reply
}

interface Side {
  send(who: number, command: Command): Promise<unknown>
  /** What has been told since, to whom. */
  told(): Promise<string[]>
}

async function realSide(url: string): Promise<Side & AsyncDisposable> {
  const told: string[] = []
  const all: Transport[] = []
  for (const who of [0, 1]) {
    const transport = await openNodeRedisTransport(url)({
      connectTimeoutMs: 5000,
      lost: () => {},
      invalidated: (names) => void told.push(...(names ?? ['all']).map((name) => `${who} ${name}`)),
    })
    await transport.ready
    await transport.send(['CLIENT', 'TRACKING', 'ON', 'NOLOOP'])
    all.push(transport)
  }
  return {
    send: async (who, command) => await all[who]?.send(command).catch((error: unknown) => error),
    async told() {
      // Its answer comes after whatever was told before.
      for (const transport of all) await transport.send(['PING'])
      return told.splice(0)
    },
    [Symbol.asyncDispose]: async () => void all.map((transport) => transport.destroy()),
  }
}

function simulatedSide(): Side {
  const told: string[] = []
  let answer: unknown
  const server = new SimulatedRedis(() => Date.now(), streamOf(1, 1))
  const clients: Client[] = [0, 1].map((who) =>
    server.welcome({
      end: () => {},
      tell: (message) => {
        if (message.kind === 'push') told.push(...(message.keys ?? ['all']).map((name) => `${who} ${name}`))
        else answer = message.kind === 'reply' ? message.reply : new Error(message.text)
      },
    }),
  )
  for (const client of clients) server.run(client, ['CLIENT', 'TRACKING', 'ON', 'NOLOOP'])
  return {
    send: (who, command) => {
      server.run(clients[who] as Client, command)
      return Promise.resolve(answer)
    },
    told: () => Promise.resolve(told.splice(0)),
  }
}

test.each([1, 2, 3])(
  'the same answers, and nothing told that the real server does not tell: seed %i',
  { timeout: 120_000 },
  async (seed) => {
    await using redis = await startRedis()
    await using real = await realSide(redis.url)
    const simulated = simulatedSide()
    const random = streamOf(seed, 77)
    const done: string[] = []
    let pushes = 0
    for (let step = 0; step < steps; step++) {
      const who = random() < 0.5 ? 0 : 1
      const command = commandFrom(random)
      done.push(`${who} ${command.join(' ').replaceAll(/\s+/g, ' ').slice(-80)}`)
      const [expected, answered] = [await real.send(who, command), await simulated.send(who, command)]
      expect(comparable(answered), done.slice(-8).join('\n')).toEqual(comparable(expected))
      const [toldReal, toldSimulated] = [await real.told(), await simulated.told()]
      pushes += toldSimulated.length
      for (const one of toldSimulated) expect(toldReal, done.slice(-8).join('\n')).toContain(one)
    }
    expect(pushes).toBeGreaterThan(steps / 10)
  },
)
