// What a store that is away costs: nothing. Once it is known, no call sends it a command or arms a timer for it; who meets it
// first waits for one deadline, however many they are. The clock stands still, so that nothing but the calls themselves can
// arm a timer: no probe, no heartbeat, no attempt to connect begins by itself.
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { CachedFunction } from '../../src/index.ts'
import { cached } from '../../src/index.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { until } from '../support/gate.ts'
import { manualRuntime, type ManualRuntime } from '../support/manual-runtime.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { degraded, type FleetNode, makeNode, settles } from './fleet.ts'

const budgetMs = 200
const calls = 1000

interface Scene extends AsyncDisposable {
  readonly redis: RedisServer
  readonly proxy: FaultProxy
  readonly runtime: ManualRuntime
  /** Commands that the client sends by itself before it is ready. */
  greetings: number
}

type EchoFunction = CachedFunction<(id: string) => Promise<string>>

interface Cost {
  readonly timers: number
  readonly sent: number
  /** As the proxy counts them. */
  readonly commands: number
}

const nothing: Cost = { timers: 0, sent: 0, commands: 0 }

interface Fault {
  readonly name: string
  strike(scene: Scene): void
  /** Lets time pass until those who wait for an answer give up, where nothing else tells them. */
  tell(scene: Scene): void
  /** Resolves when the network has carried all that it will carry while the clock stands still. */
  rest(scene: Scene, node: FleetNode): Promise<void>
}

const silent: Pick<Fault, 'tell' | 'rest'> = {
  tell: ({ runtime }) => runtime.advance(budgetMs),
  rest: async (scene, { transports }) => {
    await until('the proxy has all that was sent', () => commandsOf(scene) === transports.sent + scene.greetings)
  },
}

const faults: readonly Fault[] = [
  { ...silent, name: 'frozen', strike: ({ redis }) => redis.pause() },
  { ...silent, name: 'in a black hole', strike: ({ proxy }) => proxy.blackHole() },
  {
    name: 'killed',
    // By its id and at once: who calls in the same turn cannot have heard of it.
    strike: ({ redis }) => void process.kill(redis.pid, 'SIGKILL'),
    tell: () => undefined,
    rest: (_, { transports }) => until('it has no connection', () => transports.open === 0),
  },
]

describe.each(faults.map((fault) => [fault.name, fault] as const))('a store that is %s', (_, fault) => {
  test('costs nothing once it is known', async () => {
    await using scene = await makeScene()
    await using node = await openOnManualClock(scene)
    const fn = makeFunction(node)
    const meter = meterOf(scene, node)
    // What is measured here can be seen where there is something to see.
    const before = await meter(() => fn('before'))
    expect([before.timers > 0, before.sent > 0, before.commands > 0]).toEqual([true, true, true])

    fault.strike(scene)
    const first = fn('finds out')
    await beforeAnyAnswer()
    fault.tell(scene)
    expect(await settles('the first call', first)).toBe('finds out')
    await degraded(node)
    await fault.rest(scene, node)
    await isQuiet(scene, node, fn)

    // A probe costs what it costs; who calls meanwhile still pays nothing.
    const probed = await meter(async () => {
      scene.runtime.advance(100)
      await fault.rest(scene, node)
    })
    expect(probed.timers).toBeGreaterThan(0)
    await isQuiet(scene, node, fn)
    // Who asks how it is does ask.
    const asked = await meter(async () => {
      const healthy = node.manager.healthCheck()
      await beforeAnyAnswer()
      fault.tell(scene)
      expect(await settles('healthCheck', healthy)).toBe(false)
      await fault.rest(scene, node)
    })
    expect(asked.timers).toBeGreaterThan(0)
    await isQuiet(scene, node, fn)
  })

  test('costs those who find out one deadline, not one each', async () => {
    await using scene = await makeScene()
    await using one = await openOnManualClock(scene)
    await using many = await openOnManualClock(scene)
    const [fnOfOne, fnOfMany] = [makeFunction(one), makeFunction(many)]
    const before = [one, many].map(({ timers, transports }) => [timers.total, transports.sent] as const)
    fault.strike(scene)
    const ids = Array.from({ length: calls }, (__, index) => `cold-${index}`)
    // In one turn: nothing is awaited before all have called.
    const called = [fnOfOne('cold'), ...ids.map((id) => fnOfMany(id))]
    await beforeAnyAnswer()
    const costs = [one, many].map(({ timers, transports }, index) => ({
      timers: timers.total - (before[index]?.[0] ?? 0),
      sent: transports.sent - (before[index]?.[1] ?? 0),
    }))
    expect(costs).toEqual([
      // One deadline in the store and one in its backend, which can be used without it; a read, of a store that tells when its tag clock
      // has changed.
      { timers: 2, sent: 1 },
      // A read takes 128 keys.
      { timers: 2, sent: Math.ceil(calls / 128) },
    ])
    fault.tell(scene)
    expect(await settles('the calls', Promise.all(called))).toEqual(['cold', ...ids])
    await degraded(one)
    await degraded(many)
  })
})

test('a store that is frozen at boot costs nothing once it is known', async () => {
  await using scene = await makeScene()
  scene.redis.pause()
  await using node = makeNode({ url: scene.proxy.url, runtime: scene.runtime })
  const fn = makeFunction(node)
  const opening = node.manager.init()
  await until('the handshake is under way', () => (scene.proxy.commands.get('HELLO') ?? 0) > 0)
  scene.runtime.advance(1500)
  await settles('init', opening)
  await degraded(node)
  await isQuiet(scene, node, fn)
  // The handshake is given up as well, and the next attempt waits for its time.
  scene.runtime.advance(500)
  await until('it has no connection', () => node.transports.open === 0)
  await isQuiet(scene, node, fn)
})

async function makeScene(): Promise<Scene> {
  const redis = await startRedis()
  const proxy = await startFaultProxy(redis)
  const dispose = async (): Promise<void> => {
    await proxy.close()
    await redis.stop()
  }
  return { redis, proxy, runtime: manualRuntime(), greetings: 0, [Symbol.asyncDispose]: dispose }
}

/** Whose time is the scene's; what is real is the network. */
async function openOnManualClock(scene: Scene): Promise<FleetNode> {
  const { proxy, runtime } = scene
  const node = makeNode({ url: proxy.url, runtime, budget: budgetMs / 1000 })
  await settles('init', node.manager.init())
  expect(node.manager.stats().state).toBe('connected')
  scene.greetings = commandsOf(scene) - node.transports.sent
  // Closing asks a store that is owed invalidations once more, and gives up by the clock.
  const close = async (): Promise<void> => {
    let isClosed = false
    const closing = node.manager.close().finally(() => (isClosed = true))
    await until('it is closed', () => {
      runtime.advance(budgetMs)
      return isClosed
    })
    await closing
  }
  return { ...node, [Symbol.asyncDispose]: close }
}

let functions = 0
let serial = 0

function makeFunction({ manager }: FleetNode): EchoFunction {
  return cached(async (id: string) => id, { name: `fn${++functions}`, manager, tags: (id) => [id] })
}

const commandsOf = ({ proxy }: Scene): number => [...proxy.commands.values()].reduce((sum, count) => sum + count, 0)

/** What `work` costs until it has settled. */
function meterOf(scene: Scene, { timers, transports }: FleetNode): (work: () => Promise<unknown>) => Promise<Cost> {
  return async (work) => {
    const before = { timers: timers.total, sent: transports.sent, commands: commandsOf(scene) }
    await work()
    // What was sent, if anything was, has the time to come to the proxy.
    await sleep(20)
    return {
      timers: timers.total - before.timers,
      sent: transports.sent - before.sent,
      commands: commandsOf(scene) - before.commands,
    }
  }
}

async function isQuiet(scene: Scene, node: FleetNode, fn: EchoFunction): Promise<void> {
  const { manager } = node
  const meter = meterOf(scene, node)
  const manyCalls = async (): Promise<void> => {
    const ids = Array.from({ length: calls }, () => `quiet-${serial++}`)
    expect(await Promise.all(ids.map((id) => fn(id)))).toEqual(ids)
  }
  expect(await meter(manyCalls)).toEqual(nothing)
  const operations: Record<string, () => Promise<unknown>> = {
    get: () => manager.get('absent'),
    getMany: () => manager.getMany(['absent', 'other']),
    exists: () => manager.exists('absent'),
    inspect: () => manager.inspect('absent'),
    getOrSet: () => manager.getOrSet('cold', () => 'loaded'),
    set: () => manager.set('k', 'v'),
    setValue: () => manager.setValue('k', { v: 1 }),
    delete: () => manager.delete('k'),
    deleteMany: () => manager.deleteMany(['k', 'other']),
    invalidateTags: () => manager.invalidateTags(['t']),
    clear: () => manager.clear(),
    refresh: () => fn.refresh('quiet-0'),
    prime: () => fn.prime('primed', 'quiet-0'),
    invalidate: () => fn.invalidate('quiet-0'),
  }
  for (const [name, operation] of Object.entries(operations))
    expect([name, await meter(operation)]).toEqual([name, nothing])
}

/** Everything that was begun is on its way, and the network has had no turn yet. */
async function beforeAnyAnswer(): Promise<void> {
  for (let tick = 0; tick < 20; tick++) await new Promise<void>((resolve) => process.nextTick(resolve))
}
