// What goes wrong, and how it is put right.
import type { Oracle } from './oracle.ts'
import type { Action } from './schedule.ts'
import { rawKey } from './source.ts'
import type { Node, World } from './world.ts'

export class Faults {
  readonly #world: World
  readonly #oracle: Oracle
  /** The turn at which masters that were replaced stop answering. */
  #deposeAt = Infinity
  #failedOverAt: number | undefined
  #wasClockEvicted = false

  constructor(world: World, oracle: Oracle) {
    this.#world = world
    this.#oracle = oracle
  }

  do({ do: what, node: index, key, pick }: Action): void {
    const world = this.#world
    const node = world.nodes[index % world.nodes.length] as Node
    const live = world.network.wires.filter(
      (wire) => !wire.isDropped && wire.client !== undefined && wire.life === node.life,
    )
    const wire = live[Math.floor(pick * live.length)]
    const note = (text: string): void => world.history.note(text)
    switch (what) {
      case 'save':
        world.server.save()
        return note('what the server has is saved, and reaches its replica')
      case 'lose':
        if (wire === undefined) return
        note(`a connection of ${node.life} is lost`)
        // What is on its way to the server may arrive late.
        return wire.lose()
      case 'hole':
        if (wire === undefined) return
        note(`a connection of ${node.life} becomes a hole`)
        wire.isHole = true
        return
      case 'server freezes':
        world.isServerFrozen = true
        return note('the server freezes')
      case 'server stops':
        world.isServerUp = false
        world.server.restart(pick < 0.4 ? 'all' : pick < 0.7 ? 'what was saved' : 'nothing')
        return note('the server stops')
      case 'heal':
        this.heal()
        return note('what was wrong is right again')
      case 'restart':
        world.server.restart(pick < 0.4 ? 'all' : pick < 0.7 ? 'what was saved' : 'nothing')
        return note('the server restarts')
      case 'failover':
        return this.#failOver(pick)
      case 'evict':
        return this.#evict(pick)
      case 'node freezes':
        node.isFrozen = !node.isFrozen
        node.stirredAt = world.clock.elapsed
        return note(`${node.life} ${node.isFrozen ? 'freezes' : 'thaws'}`)
      case 'crash':
        return this.#crash(node)
      case 'full':
        world.server.isFull = !world.server.isFull
        return note(`the server ${world.server.isFull ? 'is full' : 'has room'}`)
      case 'loaders fail':
        world.failing = world.failing > 0 ? 0 : 0.5
        return note(`loaders fail: ${world.failing}`)
      case 'clock jumps':
        this.#oracle.hasSkew = true
        node.wall.skewMs += (pick - 0.5) * 20_000
        return note(`the clock of ${node.life} is off by ${node.wall.skewMs.toFixed()} ms`)
      case 'server clock jumps':
        this.#oracle.hasSkew = true
        world.serverSkewMs += (key - 6) * 2000
        return note(`the clock of the server is off by ${world.serverSkewMs} ms`)
      default:
    }
  }

  /** Called at every turn. */
  tick(): void {
    const world = this.#world
    if (world.turn >= this.#deposeAt) this.#depose()
    // Whoever was with the old master has to find the new one before it can be asked what it was told.
    if (!this.#oracle.isTold && world.deposed.length === 0 && world.nodes.every((node) => this.#isWithMaster(node)))
      this.#oracle.isTold = true
  }

  #isWithMaster({ life, isConnected }: Node): boolean {
    const { network, server } = this.#world
    const own = network.wires.filter((wire) => wire.life === life && !wire.isDropped)
    return isConnected && own.length > 0 && own.every((wire) => wire.server === server && !wire.isEnded)
  }

  heal(): void {
    const world = this.#world
    this.#depose()
    world.isServerFrozen = false
    world.isServerUp = true
    world.server.isFull = false
    world.failing = 0
    for (const node of world.nodes) {
      if (node.isFrozen) node.stirredAt = world.clock.elapsed
      node.isFrozen = false
    }
    for (const wire of world.network.wires) wire.isHole = false
  }

  /** The replica has what had reached it; the old master goes on confirming to those who have not noticed. */
  #failOver(pick: number): void {
    const world = this.#world
    const old = world.server
    world.server = old.promoteReplica()
    world.deposed.push(old)
    this.#failedOverAt ??= world.clock.elapsed
    this.#deposeAt = world.turn + Math.floor(pick * 120)
    this.#oracle.isTold = false
    world.history.note('a replica becomes the master')
  }

  #depose(): void {
    const world = this.#world
    for (const old of world.deposed.splice(0)) {
      old.depose()
      world.history.note('the old master is gone')
    }
    this.#deposeAt = Infinity
  }

  #evict(pick: number): void {
    const { server, history } = this.#world
    const all = [...server.data.keys()]
    const key = all[Math.floor(pick * all.length)]
    if (key === undefined) return
    history.note(`${key} is evicted`)
    if (key.endsWith('#t')) this.#wasClockEvicted = true
    server.evict(key)
  }

  #crash(node: Node): void {
    const world = this.#world
    world.history.note(`${node.life} crashes`)
    world.crash(node)
    // A write with its last breath may land after everything that comes later.
    for (const { text, node: by } of this.#oracle.open)
      if (by === node && text.startsWith('set w')) this.#oracle.tainted.add('w')
    this.#oracle.tainted.add(rawKey)
    // A process that has seen no clock and finds none takes itself for the first: it reads what other programs left, also what a server
    // that lost its data has come back with.
    if (this.#wasClockEvicted) this.#oracle.tainted.add('p')
    this.#oracle.died(node, world.deposed.length > 0 ? this.#failedOverAt : undefined)
    world.start(node.index)
  }
}
