// What processes and other programs do in a world, and what is promised to whom by it.
import type { Oracle } from './oracle.ts'
import type { Step } from './register.ts'
import type { Action } from './schedule.ts'
import type { Outer, Value } from './source.ts'
import { keys, outerKey, rawKey, tagsOf, valueOf } from './source.ts'
import type { Node, World } from './world.ts'

/** An outer value is as new as its parts; only tags reach it. */
const partOf = (key: string): string => `${outerKey}/${key}`
const parts = ['k0', 'k1'] as const
/** From the turn of a load to its fill. */
const longestLoadMs = 12_000
/** From the end of a load until its fill has been answered. */
const fillMs = 500
/** Whether an invalidated tag is one of theirs is known when they are loaded. */
const tagsLate = ['k1', 'w'] as const

export class Workload {
  /** What was done to the text under the one key that all write. */
  readonly steps: Step[] = []
  reads = 0
  /** When another program wrote last what was not there. */
  readonly #cameAt: Map<string, number> = new Map()
  readonly #world: World
  readonly #oracle: Oracle

  constructor(world: World, oracle: Oracle) {
    this.#world = world
    this.#oracle = oracle
  }

  do(action: Action): void {
    const { nodes } = this.#world
    const node = nodes[action.node % nodes.length] as Node
    const key = keys[action.key % keys.length] as string
    switch (action.do) {
      case 'another deletes':
        return this.#anotherDeletes(key)
      case 'another writes':
        return this.#anotherWrites()
      case 'FLUSHALL':
        return this.#flushAll()
      default:
    }
    if (node.isFrozen) return
    switch (action.do) {
      case 'read':
        for (let count = action.pick < 0.3 ? 3 : 1; count > 0; count--) this.read(node, key)
        return
      case 'burst':
        return this.#burst(node, key)
      case 'delete':
        return this.#delete(node, key)
      case 'tag':
        return this.#invalidateTag(node, action.pick < 0.5 ? 'even' : 'all')
      case 'clear':
        return this.#clear(node)
      case 'refresh':
        return this.#refresh(node, key)
      case 'prime':
        return this.#prime()
      case 'abort':
        return this.#abort(node, key, action.pick)
      case 'set':
        return this.#set()
      case 'outer':
        return this.readOuter(node)
      case 'raw get':
        return this.#rawGet(node)
      case 'raw set':
        return this.#rawSet(node)
      case 'raw delete':
        return this.#rawDelete(node)
      default:
    }
  }

  read(node: Node, key: string, signal?: AbortSignal, text = 'read'): void {
    this.reads++
    const reading = this.#oracle.reads(`${text} ${key}`, node, [key])
    const call = node.readers.of.get(key)?.(key, ...(signal === undefined ? [] : [signal]))
    call?.then(
      (value) => this.#got(reading, value),
      (error: unknown) => this.#oracle.fails(reading, error),
    )
  }

  readOuter(node: Node): void {
    this.reads++
    const reading = this.#oracle.reads(`read ${outerKey}`, node, parts.map(partOf))
    node.readers.outer().then(
      (outer: Outer) => this.#oracle.gets(reading, outer.parts),
      (error: unknown) => this.#oracle.fails(reading, error),
    )
  }

  #got(reading: ReturnType<Oracle['reads']>, value: Value): void {
    this.#oracle.gets(reading, [value])
    // Where each reader has its own, nobody else may see this.
    if (!Object.isFrozen(value)) value.version = -1
  }

  /** The source has something newer. */
  #bump(changed: readonly string[]): ReadonlyMap<string, number> {
    const { truth } = this.#world
    for (const key of changed) truth.set(key, (truth.get(key) as number) + 1)
    return new Map(changed.map((key) => [key, truth.get(key) as number]))
  }

  /** @param names what nobody may read an older version of when it is done, with what has the version */
  #invalidate(node: Node, what: string, names: ReadonlyMap<string, string>, send: () => Promise<unknown>): void {
    const versions = this.#bump([...new Set(names.values())])
    // What is being set may come after it, and is older.
    const isSet = this.#oracle.isOpen('set w', 'prime w')
    const call = this.#oracle.begins(`${what} ${[...versions].map((one) => one.join('=')).join(' ')}`, node)
    const over = this.#oracle.voids([...names.keys()])
    send().then(
      (outcome) => {
        this.#oracle.ends(call, String(outcome))
        if (node.isDead) return
        over()
        for (const [name, source] of names) {
          if (name === 'w' && isSet) continue
          const version = versions.get(source) as number
          this.#oracle.promises(node, name, version)
          if (outcome === 'applied') this.#oracle.confirms(node.life, name, version)
          else this.#oracle.owes(node, name, version)
        }
      },
      (error: unknown) => this.#oracle.violate(`C5: ${what} on ${node.life} failed: ${String(error)}`),
    )
  }

  #delete(node: Node, key: string): void {
    // Who deletes what another sets at the same time may be overtaken by it: the last write wins.
    const by = key === 'w' ? this.#writer : node
    if (by.isFrozen) return
    const reader = by.readers.of.get(key)
    this.#invalidate(by, 'delete', new Map([[key, key]]), () => reader?.invalidate(key) ?? Promise.resolve())
  }

  #invalidateTag(node: Node, tag: string): void {
    const reached = keys.filter((key) => tagsOf[key]?.includes(tag))
    const names = new Map<string, string>(reached.map((key) => [key, key]))
    for (const key of parts) if (reached.includes(key)) names.set(partOf(key), key)
    const over = this.#oracle.voids(tagsLate)
    this.#invalidate(node, `tag ${tag}`, names, () => node.manager.invalidateTags([tag]).finally(over))
  }

  #clear(node: Node): void {
    const names = new Map<string, string>(keys.map((key) => [key, key]))
    for (const key of parts) names.set(partOf(key), key)
    this.#invalidate(node, 'clear', names, () => node.manager.clear())
  }

  #refresh(node: Node, key: string): void {
    const reading = this.#oracle.reads(`refresh ${key}`, node, [key])
    const over = this.#oracle.voids([key])
    node.readers.of
      .get(key)
      ?.refresh(key)
      .finally(over)
      .then(
        (value) => this.#got(reading, value),
        (error: unknown) => this.#oracle.fails(reading, error),
      )
  }

  /** Of what others may delete meanwhile it is not known which of the two is newer. */
  #prime(): void {
    const node = this.#writer
    if (node.isFrozen) return
    const key = 'w'
    const version = this.#world.truth.get(key) as number
    const call = this.#oracle.begins(`prime ${key}=${version}`, node)
    const over = this.#oracle.voids([key])
    this.#world.history.brought(key, version)
    node.readers.of
      .get(key)
      ?.prime(valueOf(key, version), key)
      .finally(over)
      .then(
        (stored) => this.#oracle.ends(call, String(stored)),
        (error: unknown) => this.#oracle.violate(`C5: prime failed: ${String(error)}`),
      )
  }

  #abort(node: Node, key: string, pick: number): void {
    const control = new AbortController()
    const over = this.#oracle.voids([key])
    this.read(node, key, control.signal, 'abortable read')
    const abort = (): void => {
      over()
      control.abort()
    }
    this.#world.clock.set(abort, pick * 40, node.life, true)
  }

  get #writer(): Node {
    const { nodes, schedule } = this.#world
    return nodes[schedule.seed % nodes.length] as Node
  }

  #set(): void {
    const node = this.#writer
    if (node.isFrozen) return
    const key = 'w'
    const version = this.#bump([key]).get(key) as number
    const call = this.#oracle.begins(`set ${key}=${version}`, node)
    const over = this.#oracle.voids([key])
    this.#world.history.brought(key, version)
    const full = node.readers.of.get(key)?.keyFor(key) ?? ''
    node.manager.setValue(full, valueOf(key, version), { ttl: '10m', tags: tagsOf[key] ?? [] }).then(
      (stored) => {
        this.#oracle.ends(call, String(stored))
        over()
        // Stored or not, what was there before is not served.
        if (!node.isDead) this.#oracle.promises(node, key, version)
      },
      (error: unknown) => this.#oracle.violate(`C5: set failed: ${String(error)}`),
    )
  }

  /** The keys as the store has them. */
  #full(key: string): string {
    return this.#world.nodes[0]?.readers.of.get(key)?.keyFor(key) ?? key
  }

  #anotherDeletes(key: string): void {
    const world = this.#world
    const full = this.#full(key)
    if (!world.isServerUp || world.isServerFrozen || key === 'w' || !world.server.data.has(full)) return
    const version = this.#bump([key]).get(key) as number
    this.#oracle.voids([key])()
    const left = endlessly(Number(world.server.outside('PTTL', full)))
    world.server.outside('DEL', full)
    world.history.note(`another program deletes ${key}=${version}`)
    if (this.#isTold(key, left)) this.#oracle.confirms(0, key, version)
  }

  /** Plain JSON, without a header of ours. */
  #anotherWrites(): void {
    const world = this.#world
    const key = 'p'
    const full = this.#full(key)
    if (!world.isServerUp || world.isServerFrozen || world.server.isFull) return
    const { truth } = world
    // Even versions have nothing that JSON cannot say.
    truth.set(key, Math.floor((truth.get(key) as number) / 2) * 2 + 2)
    const version = truth.get(key) as number
    const existed = world.server.data.has(full)
    this.#oracle.voids([key])()
    world.server.outside('SET', full, JSON.stringify({ key, version }))
    world.history.note(`another program writes ${key}=${version}`)
    // What did not exist nobody can be told of.
    if (!existed) this.#cameAt.set(key, world.clock.elapsed)
    else if (this.#isTold(key, Infinity)) this.#oracle.confirms(0, key, version)
  }

  /** Leases go with everything else, so no load under way is stored. */
  #flushAll(): void {
    const world = this.#world
    if (!world.isServerUp || world.isServerFrozen) return
    // What is being set may come after it.
    const reached = keys.filter((key) => key !== 'w')
    const versions = this.#bump(reached)
    this.#oracle.voids([...keys])()
    world.server.outside('FLUSHALL')
    if (world.history.isTold) world.history.note(`FLUSHALL ${[...versions].map((one) => one.join('=')).join(' ')}`)
    for (const [key, version] of versions) this.#oracle.confirms(0, key, version)
    for (const key of parts) this.#oracle.confirms(0, partOf(key), versions.get(key) as number)
  }

  /**
   * Whether loads under way are void by what another program does to what is there. Of a load that ends after the life of that the store cannot
   * tell whether it was deleted or has ended; and of what came and went while a fill was on its way there is nothing left to tell by.
   */
  #isTold(key: string, leftMs: number): boolean {
    const { history, clock } = this.#world
    const came = this.#cameAt.get(key) ?? -Infinity
    return !history.loads.some(
      (load) =>
        load.key === key &&
        load.endedAt > clock.elapsed - fillMs &&
        (leftMs <= longestLoadMs || load.beganAt < came + fillMs),
    )
  }

  /** What comes of reads that cross an invalidation. */
  #burst(node: Node, key: string): void {
    for (const other of this.#world.nodes) if (!other.isFrozen) this.read(other, key)
    this.#delete(node, key)
    for (const other of this.#world.nodes) if (!other.isFrozen) this.read(other, key)
  }

  #rawGet(node: Node): void {
    const call = this.#oracle.begins(`get ${rawKey}`, node)
    const { isConnected } = node
    const { elapsed: from } = this.#world.clock
    void node.manager.get(rawKey).then((text) => {
      this.#oracle.ends(call, `gets ${text}`)
      // What stands in for the store while that is away is nobody else's.
      if (text === null || node.isDead || !isConnected || !node.isConnected) return
      this.steps.push({ kind: 'read', value: Number(text), from, to: this.#world.clock.elapsed })
    })
  }

  #rawSet(node: Node): void {
    const version = this.#bump([rawKey]).get(rawKey) as number
    this.#rawWrite(node, `set ${rawKey}=${version}`, version, () => node.manager.set(rawKey, String(version), 600))
  }

  #rawDelete(node: Node): void {
    this.#rawWrite(node, `delete ${rawKey}`, 0, async () => (await node.manager.delete(rawKey)) === 'applied')
  }

  #rawWrite(node: Node, text: string, value: number, send: () => Promise<boolean>): void {
    const call = this.#oracle.begins(text, node)
    const { isConnected } = node
    const { elapsed: from } = this.#world.clock
    const step = { kind: 'write' as const, value, from, to: Infinity }
    this.steps.push(step)
    void send().then((done) => {
      this.#oracle.ends(call, String(done))
      // What was not confirmed is deleted later.
      if (!done || node.isDead || !isConnected || !node.isConnected) this.steps.push({ ...step, value: 0 })
      else step.to = this.#world.clock.elapsed
    })
  }
}

/** What has no end is told by -1. */
function endlessly(left: number): number {
  return left < 0 ? Infinity : left
}
