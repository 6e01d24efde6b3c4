// One run: nodes, a server, a network, and a schedule made from a seed. What nodes do is the production code; everything they touch is here.
import type { CacheManager } from '../../src/index.ts'
import type { Library } from './library.ts'
import { randomFrom, settled } from '../model/runtime.ts'
import { epoch, runtimeOf, WorldClock } from './clock.ts'
import { Network } from './network.ts'
import type { Programs } from './programs.ts'
import { SimulatedRedis } from './server.ts'

export interface Value {
  readonly key: string
  readonly version: number
}

export interface Node {
  readonly index: number
  readonly life: number
  readonly manager: CacheManager
  /** The same keys, by the way of a cached function. */
  readonly read: (name: string) => Promise<Value>
  /** What its own invalidations promise: no older version is read here. */
  readonly floors: Map<string, number>
  /** A process that is stopped runs nothing, and its clock goes on. */
  isFrozen: boolean
}

export interface Plan {
  readonly seed: number
  readonly nodes: number
  readonly keys: number
  readonly steps: number
  /** How much goes wrong, 0 to 1. */
  readonly trouble: number
}

export const tagsOf = (key: string): string[] => (Number(key.slice(1)) % 2 === 0 ? ['even', 'all'] : ['all'])

export class World {
  readonly plan: Plan
  readonly random: () => number
  readonly clock: WorldClock = new WorldClock()
  readonly network: Network
  readonly #library: Library
  readonly server: SimulatedRedis
  readonly nodes: Node[] = []
  readonly truth: Map<string, number> = new Map()
  readonly loads: Array<{ readonly key: string; readonly node: number }> = []
  readonly keys: readonly string[]
  readonly log: string[] = []
  readonly running: Map<string, number> = new Map()
  isServerUp = true
  isServerFrozen = false
  /** Of loads begun from here on. */
  failing = 0
  #lives = 0

  constructor(plan: Plan, library: Library, programs?: Programs) {
    this.plan = plan
    this.#library = library
    this.network = new Network(library)
    this.random = randomFrom(plan.seed)
    this.server = new SimulatedRedis(() => epoch + this.clock.elapsed, this.random, programs)
    this.keys = Array.from({ length: plan.keys }, (_, index) => `k${index}`)
    for (const key of this.keys) this.truth.set(key, 1)
  }

  note(text: string): void {
    this.log.push(`${this.clock.elapsed.toFixed(1).padStart(9)}  ${text}`)
  }

  chance(probability: number): boolean {
    return this.random() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)] as T
  }

  start(index: number): Node {
    const life = ++this.#lives
    const { cached, createCache, RedisBackend } = this.#library
    const runtime = runtimeOf(this.clock, life, this.random, () => 0)
    const backend = new RedisBackend({ runtime, openTransport: this.network.opener(life) })
    const manager = createCache({ backend, runtime, env: {}, logLevel: 'silent', fallbackTtl: '5s' })
    const windows = this.plan.seed % 3 === 0 ? ({ swr: '2s', staleIfError: '10s', refreshAhead: true } as const) : {}
    const ofKey = new Map(
      this.keys.map((key) => [
        key,
        cached(async () => await this.#load(life, key), {
          manager,
          key: () => key,
          name: `sim ${key} ${life} ${this.plan.seed}`.replaceAll(' ', '-'),
          ttl: this.plan.seed % 3 === 0 ? '5s' : '10m',
          tags: tagsOf(key),
          isolation: 'frozen',
          ...windows,
        }),
      ]),
    )
    const read = async (key: string): Promise<Value> => await (ofKey.get(key) as () => Promise<Value>)()
    const node: Node = { index, life, manager, read, floors: new Map(), isFrozen: false }
    this.nodes[index] = node
    void manager.init()
    return node
  }

  /** The process ends at once: nothing of it runs any more, what it has sent may still arrive. */
  crash(index: number): void {
    const { life } = this.nodes[index] as Node
    this.clock.clearOf(life)
    for (const wire of this.network.wires) if (wire.node === life) wire.drop()
    this.clock.clearOf(life)
  }

  async #load(life: number, key: string): Promise<Value> {
    const isSlow = this.chance(0.2)
    this.loads.push({ key, node: life })
    this.running.set(key, (this.running.get(key) ?? 0) + 1)
    this.note(`load ${key} begins on ${life}`)
    try {
      await this.#sleep(life, this.chance(0.3) ? 0 : this.random() * (isSlow ? 3000 : 20))
      const version = this.truth.get(key) as number
      const fails = this.chance(this.failing)
      await this.#sleep(life, this.chance(0.3) ? 0 : this.random() * (isSlow ? 7000 : 20))
      this.note(`load ${key} ends on ${life}: ${fails ? 'fails' : version}`)
      if (fails) throw new Error('the loader failed')
      return { key, version }
    } finally {
      this.running.set(key, (this.running.get(key) as number) - 1)
    }
  }

  #sleep(owner: number, ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.set(resolve, ms, owner))
  }

  isAwake = (owner: number): boolean => {
    const node = this.nodes.find(({ life }) => life === owner)
    return node !== undefined && !node.isFrozen
  }

  /** One thing happens in the network or in time, if anything can. */
  async turn(): Promise<void> {
    this.server.expire()
    const server = this.isServerUp && !this.isServerFrozen ? this.server : undefined
    const carried = this.network.wires.filter(
      (wire) =>
        !wire.isHole && !this.isServerFrozen && (wire.isConnecting || (wire.outbox.length > 0 && server !== undefined)),
    )
    const delivered = this.network.wires.filter(
      (wire) => !wire.isHole && wire.inbox.length > 0 && this.isAwake(wire.node),
    )
    const busy = carried.length + delivered.length
    const isTime = busy === 0 || this.chance(0.12)
    if (!isTime && this.chance(carried.length / busy)) {
      const wire = this.pick(carried)
      if (wire.isConnecting) wire.connect(server)
      else {
        const count = this.chance(0.5) ? 1 : wire.outbox.length
        for (let sent = 0; sent < count; sent++) wire.carry(this.server)
      }
    } else if (!isTime && delivered.length > 0) {
      const wire = this.pick(delivered)
      wire.deliver(this.chance(0.45) ? wire.inbox.length : 1)
    } else this.#pass(busy > 0)
    await settled()
    if (this.chance(0.05)) this.network.tidy(this.server)
  }

  /** Time passes: a little while something is on its way, else to the next timer. */
  #pass(isBusy: boolean): void {
    const next = this.clock.next(this.isAwake)
    const little = this.random() * 2
    const jumps = !isBusy || this.chance(0.02 * this.plan.trouble)
    if (next !== undefined && (jumps || next - this.clock.elapsed <= little)) this.clock.fire(this.isAwake)
    else this.clock.elapsed += little
  }
}
