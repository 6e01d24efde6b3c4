// One run's world: processes, a server, a network, and a source with a version per key that loaders read somewhere in the midst of their time.
// What the processes do is the production code; everything they touch is here.
import type { CacheManager } from '../../src/index.ts'
import { epoch, runtimeOf, WorldClock } from './clock.ts'
import type { History } from './history.ts'
import type { Library } from './library.ts'
import { Network } from './network.ts'
import type { Programs } from './programs.ts'
import { at, questions, streamOf } from './random.ts'
import { readersOf } from './readers.ts'
import type { Readers } from './readers.ts'
import type { Schedule } from './schedule.ts'
import { answerAt } from './schedule.ts'
import { SimulatedRedis } from './server.ts'
import type { Value } from './source.ts'
import { keys, LoaderFailed, rawKey, valueOf } from './source.ts'

export interface Node {
  readonly index: number
  readonly life: number
  readonly manager: CacheManager
  readonly readers: Readers
  /** Whether its cache says that it is connected. */
  isConnected: boolean
  /** Since when; `Infinity`: it is not. */
  connectedAt: number
  /** A process that is stopped runs nothing, and its clock goes on. */
  isFrozen: boolean
  /** When it was stopped, or went on, last. */
  stirredAt: number
  isDead: boolean
  /** How far its clock is off. */
  readonly wall: { skewMs: number }
}

export class World {
  readonly schedule: Schedule
  readonly history: History
  readonly clock: WorldClock = new WorldClock()
  readonly network: Network
  readonly nodes: Node[] = []
  readonly truth: Map<string, number> = new Map([...keys, rawKey].map((key) => [key, 1]))
  server: SimulatedRedis
  /** Masters that are none any more, and answer those who have not noticed. */
  readonly deposed: SimulatedRedis[] = []
  isServerUp = true
  isServerFrozen = false
  /** A server finds some of what has ended by itself, in its own time; here all of it at once, or only what somebody asks for. */
  readonly #expiresLazily: boolean
  serverSkewMs = 0
  /** Of loads begun from here on. */
  failing = 0
  turn = 0
  loads = 0
  readonly #library: Library
  readonly #loadsOf: Map<string, number> = new Map()
  #lives = 0

  constructor(schedule: Schedule, library: Library, history: History, programs?: Programs) {
    this.schedule = schedule
    this.history = history
    this.#library = library
    this.network = new Network(library)
    this.#expiresLazily = at(schedule.seed, questions.tidies, 0) < 0.3
    const now = (): number => epoch + this.clock.elapsed + this.serverSkewMs
    this.server = new SimulatedRedis(now, streamOf(schedule.seed, questions.server), programs)
    history.time = () => this.clock.elapsed
  }

  start(index: number): Node {
    const life = ++this.#lives
    const { schedule, clock } = this
    const { createCache, RedisBackend } = this.#library
    const random = streamOf(schedule.seed, questions.lives + life)
    const wall = { skewMs: 0 }
    const runtime = runtimeOf(clock, life, random, () => wall.skewMs)
    const backend = new RedisBackend({ runtime, openTransport: this.network.opener(life) })
    const manager = createCache({
      backend,
      runtime,
      env: {},
      logLevel: 'silent',
      fallbackTtl: '5s',
      journalLimit: schedule.journalLimit,
      l1: schedule.isRegister ? false : { maxBytes: 100_000 },
    })
    const readers = readersOf(this.#library, manager, (key) => this.#load(node, key), schedule.policy)
    const node: Node = {
      index,
      life,
      manager,
      readers,
      isConnected: false,
      connectedAt: Infinity,
      isFrozen: false,
      stirredAt: -Infinity,
      isDead: false,
      wall,
    }
    manager.on('state', ({ to }) => {
      node.isConnected = to === 'connected'
      node.connectedAt = node.isConnected ? this.clock.elapsed : Infinity
      if (this.history.isTold) this.history.note(`node ${life} is ${to}`)
    })
    this.nodes[index] = node
    void manager.init()
    return node
  }

  /** The process ends at once: nothing of it runs any more, what it has sent may still arrive. */
  crash(node: Node): void {
    node.isDead = true
    this.clock.clearOf(node.life)
    for (const wire of this.network.wires) if (wire.life === node.life) wire.drop()
    this.clock.clearOf(node.life)
  }

  /** What every loader does. */
  async #load(node: Node, key: string): Promise<Value> {
    const { history, schedule } = this
    const count = this.#loadsOf.get(key) ?? 0
    this.#loadsOf.set(key, count + 1)
    this.loads++
    const draw = (index: number): number => at(schedule.seed, questions.loads + count, key.charCodeAt(1) * 8 + index)
    const isSlow = draw(0) < 0.1
    const fails = draw(1) < this.failing
    const load = history.loadBegan(key, node.life, this.#canAsk(node), () => node.stirredAt)
    try {
      await this.sleep(node, draw(2) < 0.3 ? 0 : draw(3) * (isSlow ? 3000 : 20))
      const version = this.truth.get(key) as number
      await this.sleep(node, draw(4) < 0.3 ? 0 : draw(5) * (isSlow ? 7000 : 20))
      if (fails) throw new LoaderFailed('the loader failed')
      history.loadBrought(load, version)
      return valueOf(key, version)
    } finally {
      history.loadEnded(load)
    }
  }

  /** Who has just connected, or has just been woken with all its deadlines passed, loads for itself. */
  #canAsk({ connectedAt, stirredAt }: Node): boolean {
    return this.clock.elapsed > Math.max(connectedAt + 100, stirredAt + 3000)
  }

  sleep(node: Node, ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.set(resolve, ms, node.life, true))
  }

  isAwake = (life: number): boolean => {
    for (const node of this.nodes) if (node.life === life) return !node.isFrozen
    return false
  }

  /** One thing happens in the network or in time, if anything can. */
  async step(): Promise<void> {
    const turn = this.turn++
    const { network, schedule } = this
    if (!this.#expiresLazily) this.server.expire()
    const carried = []
    const delivered = []
    for (const wire of network.wires) {
      if (wire.isHole) continue
      if (!this.isServerFrozen && (wire.isConnecting || (wire.outbox.length > 0 && (this.isServerUp || wire.isEnded))))
        carried.push(wire)
      if (wire.inbox.length > 0 && this.isAwake(wire.life)) delivered.push(wire)
    }
    const busy = carried.length + delivered.length
    if (busy === 0 || answerAt(schedule, questions.isTime, turn) < 0.12) this.#pass(busy > 0, turn)
    else {
      const chosen = Math.floor(answerAt(schedule, questions.wire, turn) * busy)
      const amount = answerAt(schedule, questions.amount, turn)
      const wire = carried[chosen]
      if (wire === undefined) {
        const other = delivered[chosen - carried.length]
        other?.deliver(amount < 0.45 ? other.inbox.length : 1)
      } else if (wire.isConnecting) wire.connect(this.isServerUp ? this.server : undefined)
      else for (let count = amount < 0.5 ? 1 : wire.outbox.length; count > 0; count--) wire.carry()
    }
    await this.clock.settled()
    if (turn % 16 === 0) network.tidy()
  }

  /** Time passes: a little while something is on its way, else to the next timer. */
  #pass(isBusy: boolean, turn: number): void {
    const { clock, schedule } = this
    const next = clock.next(this.isAwake)
    const little = answerAt(schedule, questions.little, turn) * 2
    const jumps = !isBusy || (!schedule.isCalm && answerAt(schedule, questions.jumps, turn) < 0.02)
    if (next !== undefined && (jumps || next - clock.elapsed <= little)) clock.fire(this.isAwake)
    else clock.elapsed += little
  }
}
