// What happens in a world, and what must hold of it.
import type { Invalidation } from '../../src/index.ts'
import { settled } from '../model/runtime.ts'
import type { Library } from './library.ts'
import type { Programs } from './programs.ts'
import type { Node, Plan, Value } from './world.ts'
import { tagsOf, World } from './world.ts'

export interface Verdict {
  readonly violations: readonly string[]
  readonly log: readonly string[]
  readonly reads: number
  readonly loads: number
  readonly commands: number
}

/** An invalidation that the store has confirmed. */
interface Confirmed {
  readonly key: string
  readonly version: number
  readonly at: number
}

const boundMs = 500

/** A quarter of all schedules are without any trouble. */
export function planOf(seed: number): Plan {
  return { seed, nodes: 3, keys: 3, steps: 1500, trouble: seed % 4 === 0 ? 0 : 1 }
}

/** @param programs what the server does when it is sent a script; default: what the script says */
export async function run(plan: Plan, library: Library, programs?: Programs): Promise<Verdict> {
  return await new Run(new World(plan, library, programs)).go()
}

class Run {
  readonly #world: World
  readonly #violations: string[] = []
  readonly #open: Set<string> = new Set()
  readonly #confirmed: Confirmed[] = []
  readonly #promised: Map<string, number> = new Map()
  readonly #owed: Array<{ readonly life: number; readonly key: string; readonly version: number }> = []
  #reads = 0

  constructor(world: World) {
    this.#world = world
  }

  async go(): Promise<Verdict> {
    const world = this.#world
    const { plan } = world
    for (let index = 0; index < plan.nodes; index++) world.start(index)
    for (let step = 0; step < plan.steps && this.#violations.length === 0; step++) {
      if (world.chance(0.12)) this.#act()
      if (world.chance(0.005)) world.server.save()
      if (world.chance(0.004 * plan.trouble)) this.#disturb()
      await world.turn()
    }
    await this.#quiesce()
    for (const node of world.nodes) void node.manager.close()
    for (let turn = 0; turn < 500; turn++) await world.turn()
    for (const { life, index } of world.nodes) {
      if (world.clock.armed(life) > 0)
        this.#violate(`${world.clock.armed(life)} timers are left after close on ${index}`)
    }
    return {
      violations: this.#violations,
      log: world.log,
      reads: this.#reads,
      loads: world.loads.length,
      commands: world.server.commands,
    }
  }

  #violate(text: string): void {
    this.#world.note(`VIOLATION ${text}`)
    this.#violations.push(text)
  }

  #act(): void {
    const world = this.#world
    const node = world.pick(world.nodes)
    if (node.isFrozen) return
    const key = world.pick(world.keys)
    const dice = world.random()
    if (dice < 0.72) {
      const readers = world.chance(0.3) ? 3 : 1
      for (let reader = 0; reader < readers; reader++) this.#read(node, key)
    } else if (dice < 0.84) this.#invalidate(node, 'delete', [key], () => node.manager.delete(key))
    else if (dice < 0.9) {
      const tag = world.pick(['even', 'all'])
      const keys = world.keys.filter((one) => tagsOf(one).includes(tag))
      this.#invalidate(node, `tag ${tag}`, keys, () => node.manager.invalidateTags([tag]))
    } else if (dice < 0.92) this.#invalidate(node, 'clear', world.keys, () => node.manager.clear())
    else if (dice < 0.97) this.#outside(key)
    else this.#bumpAndRead(node, key)
  }

  #read(node: Node, key: string): void {
    const world = this.#world
    const floor = node.floors.get(key) ?? 0
    const startedAt = world.clock.elapsed
    const isConnected = (): boolean => node.manager.stats().state === 'connected'
    const wasConnected = isConnected()
    const told = Math.max(
      0,
      ...this.#confirmed.filter((one) => one.key === key && one.at + boundMs < startedAt).map(({ version }) => version),
    )
    const name = `read ${key} on ${node.life} #${++this.#reads}`
    this.#open.add(name)
    world.note(`${name} begins, at least ${floor}`)
    node.read(key).then(
      ({ version }: Value) => {
        this.#open.delete(name)
        world.note(`${name} gets ${version}`)
        if (version < floor) this.#violate(`C1: ${name} got ${version}, older than its own invalidation of ${floor}`)
        if (version < told && wasConnected && isConnected())
          this.#violate(`C2: ${name} got ${version} more than ${boundMs} ms after ${told} was confirmed`)
      },
      (error: unknown) => {
        this.#open.delete(name)
        world.note(`${name} fails`)
        if (!(error instanceof Error) || error.message !== 'the loader failed')
          this.#violate(`C5: ${name}: ${String(error)}`)
      },
    )
  }

  #bump(keys: readonly string[]): ReadonlyMap<string, number> {
    const { truth } = this.#world
    for (const key of keys) truth.set(key, (truth.get(key) as number) + 1)
    return new Map(keys.map((key) => [key, truth.get(key) as number]))
  }

  #invalidate(node: Node, what: string, keys: readonly string[], send: () => Promise<Invalidation>): void {
    const world = this.#world
    const versions = this.#bump(keys)
    const name = `${what} ${[...versions].map(([key, version]) => `${key}=${version}`).join(' ')} on ${node.life}`
    this.#open.add(name)
    world.note(`${name} begins`)
    void send().then((outcome) => {
      this.#open.delete(name)
      world.note(`${name}: ${outcome}`)
      for (const [key, version] of versions) {
        node.floors.set(key, Math.max(node.floors.get(key) ?? 0, version))
        if (outcome === 'applied') this.#confirm(key, version)
        else this.#owe(node, key, version)
      }
    })
  }

  #confirm(key: string, version: number): void {
    this.#confirmed.push({ key, version, at: this.#world.clock.elapsed })
    this.#promised.set(key, Math.max(this.#promised.get(key) ?? 0, version))
  }

  /** Journaled: true in the end, unless the process that knows of it dies. */
  #owe(node: Node, key: string, version: number): void {
    this.#owed.push({ life: node.life, key, version })
  }
  #outside(key: string): void {
    const world = this.#world
    if (!world.isServerUp || world.isServerFrozen || !world.server.data.has(key)) return
    const version = this.#bump([key]).get(key) as number
    world.server.outside('DEL', key)
    world.note(`another program deletes ${key}=${version}`)
    this.#confirm(key, version)
  }

  #flushAll(): void {
    const world = this.#world
    if (!world.isServerUp || world.isServerFrozen) return
    const versions = this.#bump(world.keys)
    world.server.outside('FLUSHALL')
    world.note(`FLUSHALL ${[...versions].map(([key, version]) => `${key}=${version}`).join(' ')}`)
    for (const [key, version] of versions) this.#confirm(key, version)
  }

  /** A burst around a write: what comes of a read that crosses an invalidation. */
  #bumpAndRead(node: Node, key: string): void {
    for (const other of this.#world.nodes) if (!other.isFrozen) this.#read(other, key)
    this.#invalidate(node, 'delete', [key], () => node.manager.delete(key))
    for (const other of this.#world.nodes) if (!other.isFrozen) this.#read(other, key)
  }

  #disturb(): void {
    const world = this.#world
    const dice = world.random()
    const live = world.network.wires.filter(
      (wire) => !wire.isDropped && !wire.isConnecting && wire.client !== undefined,
    )
    const node = world.pick(world.nodes)
    if (dice < 0.24 && live.length > 0) {
      const wire = world.pick(live)
      world.note(`the connection of ${wire.node} is lost`)
      // What is on its way to the server may arrive late.
      wire.lose()
    } else if (dice < 0.42 && live.length > 0) {
      const wire = world.pick(live)
      world.note(`the connection of ${wire.node} becomes a hole`)
      wire.isHole = true
    } else if (dice < 0.5) {
      world.note('the server freezes')
      world.isServerFrozen = true
    } else if (dice < 0.62) {
      world.note('what was wrong is right again')
      this.#heal()
    } else if (dice < 0.7) {
      const keeps = world.pick(['all', 'what was saved', 'nothing'] as const)
      world.note(`the server restarts and has ${keeps}`)
      world.server.restart(keeps)
    } else if (dice < 0.76) {
      this.#flushAll()
    } else if (dice < 0.82) {
      const key = world.pick([...world.server.data.keys()])
      if (key !== undefined) {
        world.note(`${key} is evicted`)
        world.server.evict(key)
      }
    } else if (dice < 0.88) {
      world.note(`node ${node.life} ${node.isFrozen ? 'thaws' : 'freezes'}`)
      node.isFrozen = !node.isFrozen
    } else if (dice < 0.92) {
      world.note(`node ${node.life} crashes`)
      this.#crash(node)
    } else if (dice < 0.96) {
      world.server.isFull = !world.server.isFull
      world.note(`the server ${world.server.isFull ? 'is full' : 'has room'}`)
    } else {
      world.failing = world.failing > 0 ? 0 : 0.5
      world.note(`loaders fail: ${world.failing}`)
    }
  }

  #crash(node: Node): void {
    const { index, life } = node
    this.#world.crash(index)
    for (const name of this.#open) if (name.includes(` on ${life}`)) this.#open.delete(name)
    for (let at = this.#owed.length - 1; at >= 0; at--) if (this.#owed[at]?.life === life) this.#owed.splice(at, 1)
    this.#world.start(index)
  }

  #heal(): void {
    const world = this.#world
    world.isServerFrozen = false
    world.isServerUp = true
    world.server.isFull = false
    world.failing = 0
    for (const node of world.nodes) node.isFrozen = false
    for (const wire of world.network.wires) {
      if (!wire.isHole) continue
      wire.isHole = false
    }
  }

  async #quiesce(): Promise<void> {
    if (this.#violations.length > 0) return
    const world = this.#world
    world.note('the end: everything heals')
    this.#heal()
    const isQuiet = (): boolean =>
      this.#open.size === 0 &&
      world.nodes.every(({ manager }) => manager.stats().state === 'connected' && manager.stats().journal === 0)
    for (let turn = 0; turn < 20_000 && !isQuiet(); turn++) await world.turn()
    if (!isQuiet()) {
      const states = world.nodes.map(({ manager }) => `${manager.stats().state} ${manager.stats().journal}`)
      this.#violate(`it does not come to rest: ${[...this.#open].slice(0, 5).join(', ')} · ${states.join(', ')}`)
      return
    }
    // Heartbeats and what is behind them.
    const until = world.clock.elapsed + 3000
    for (let turn = 0; world.clock.elapsed < until && turn < 20_000; turn++) await world.turn()
    for (const { key, version } of this.#owed) this.#promised.set(key, Math.max(this.#promised.get(key) ?? 0, version))
    for (let round = 0; round < 2; round++) {
      const last: Array<Promise<void>> = []
      let settledReads = 0
      for (const node of world.nodes)
        for (const key of world.keys) {
          const due = this.#promised.get(key) ?? 0
          last.push(
            node.read(key).then(({ version }) => {
              settledReads++
              if (version < due) this.#violate(`END: ${key} on ${node.life} is ${version}, ${due} was promised`)
            }),
          )
        }
      for (let turn = 0; turn < 20_000 && settledReads < last.length; turn++) await world.turn()
      if (settledReads < last.length) this.#violate('reads at the end do not settle')
      await settled()
    }
  }
}
