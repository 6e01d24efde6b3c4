// One run of the fuzz: a fleet at work in rounds. In each, the network of every process does what it likes; then it is healed, writers stop,
// and whatever is served anywhere, by any way, must be what is true. Then somebody deletes entries behind everybody's back.
import { setTimeout as sleep } from 'node:timers/promises'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { until } from '../support/gate.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type Random, seeded } from '../soak/random.ts'
import type { Edit } from '../support/broken-source.ts'
import { compileFleet, type CompiledFleet } from './compiled-fleet.ts'
import { type FleetProcess, startProcess } from './fleet-process.ts'
import type { FuzzReport, FuzzSettings, fuzzNode } from './fuzz-node.ts'
import { flushAfterChange, meddle } from './outsider.ts'
import { keys, sourceOf, type Subject } from './subjects.ts'
import { Opened } from './opened.ts'
import { HangsError, settles } from './settles.ts'
import { openTruth, type Truth } from './truth.ts'
import { rage, type Weather } from './weather.ts'
import type { Found } from './workload.ts'

export interface FuzzOptions {
  readonly seed: number
  /** Ends with the round in which it has made as many checks. */
  readonly checks: number
  readonly rounds?: number
  /** Ends with the round in which so much time has passed, seconds. */
  readonly seconds?: number | undefined
  /** How long the network rages, in one round. */
  readonly roundMs?: number
  /** Ends with the first violation. */
  readonly impatient?: boolean
  /** Of the library: a rule less. */
  readonly edits?: readonly Edit[]
  /**
   * One process alone runs loaders and deletes single keys, the others read what it stored and invalidate tags. That is all that a library
   * can promise whose fills are not fenced in the store, and so a state of the harness in which such a one is without fault.
   */
  readonly oneLoads?: boolean
  readonly log?: (line: string) => void
}

export interface FuzzResult {
  readonly rounds: number
  /** Reads after an invalidation of the same process, reads after one of another. */
  readonly own: number
  readonly bound: number
  /** Reads at rest, by processes of the fleet and by those that had just started. */
  readonly rest: number
  readonly fresh: number
  readonly checks: number
  readonly violations: readonly string[]
  readonly violated: number
  /** How long after it was confirmed a remote invalidation was still not seen, ms. */
  readonly delays: readonly number[]
  readonly reports: readonly FuzzReport[]
}

type Node = FleetProcess<typeof fuzzNode>

const weathers: readonly Weather[] = ['calm', 'gusty', 'storm', 'gusty']
const budgets: ReadonlyArray<Pick<FuzzSettings, 'budget' | 'onUnavailable'>> = [
  { budget: '1s', onUnavailable: 'memory' },
  { budget: '500ms', onUnavailable: 'none' },
  { budget: '2s', onUnavailable: 'none' },
  { budget: '700ms', onUnavailable: 'memory' },
]
/** For what comes to an end of itself once the network is healed; only what hangs takes as long. */
const generousMs = 60_000
/** Much longer than a bound of half a second, and as much for a busy machine. */
const deafMs = 3000

export async function runFuzz(options: FuzzOptions): Promise<FuzzResult> {
  using program = await compileFleet(['fuzz-node'], options.edits)
  await using redis = await startRedis()
  await using truthServer = await startRedis()
  await using opened = new Opened()
  const random = seeded(options.seed)
  const truth = await openTruth(truthServer.url, -1, {}, sourceOf)
  opened.add({ [Symbol.asyncDispose]: async () => truth.close() })
  const proxies = await Promise.all(budgets.map(async () => opened.add(await startFaultProxy(redis))))
  const nodes = await Promise.all(
    budgets.map(async (kind, index) => {
      const seed = random.below(2 ** 31)
      const url = proxies[index]?.url ?? ''
      const isFirst = options.oneLoads !== true || index === 0
      return opened.add(
        await start(program, {
          index,
          seed,
          url,
          truthUrl: truthServer.url,
          ...kind,
          loads: isFirst,
          deletes: isFirst,
        }),
      )
    }),
  )
  const run = new Run(options, { program, redis, truthUrl: truthServer.url, truth, nodes, random })
  const total = options.rounds ?? Infinity
  const endsAt = performance.now() + (options.seconds ?? Infinity) * 1000
  for (let round = 0; round < total; round++) {
    const weather = weathers[round % weathers.length] as Weather
    let isOver = false
    const over = (): boolean => isOver
    const raging = proxies.map((proxy, index) =>
      rage({ proxy, node: nodes[index] as Node }, seeded(random.below(2 ** 31)), weather, over),
    )
    const meddling = meddle({ redis, truth, random: seeded(random.below(2 ** 31)) }, over)
    await Promise.all(nodes.map((node) => node.call('work')))
    await sleep(options.roundMs ?? 5000)
    isOver = true
    await settles('the network is healed', Promise.all([...raging, meddling]))
    await run.rest()
    await run.atRest()
    await run.behindTheirBacks()
    await run.measureDelays()
    await run.deafen(proxies)
    const { checks, violated } = await run.sum(round + 1)
    options.log?.(`round ${round + 1}, ${weather}: ${checks} checks so far, ${violated} violations`)
    if (checks >= options.checks || performance.now() >= endsAt || (options.impatient === true && violated > 0))
      return await run.sum(round + 1)
  }
  return await run.sum(total)
}

async function start(program: CompiledFleet, settings: FuzzSettings): Promise<Node> {
  return await startProcess<typeof fuzzNode>(program.file('fuzz-node'), settings)
}

interface Parts {
  readonly program: CompiledFleet
  readonly redis: RedisServer
  readonly truthUrl: string
  readonly truth: Truth
  readonly nodes: readonly Node[]
  readonly random: Random
}

class Run {
  readonly #options: FuzzOptions
  readonly #parts: Parts
  readonly #violations: string[] = []
  readonly #delays: number[] = []
  #rest = 0
  #fresh = 0

  constructor(options: FuzzOptions, parts: Parts) {
    this.#options = options
    this.#parts = parts
  }

  /** Nothing is under way anywhere, not even behind what was served. @throws {HangsError} saying what is */
  async rest(): Promise<void> {
    for (const [index, node] of this.#parts.nodes.entries()) {
      await settles(`process ${index} comes to rest`, node.call('rest')).catch(async (error: unknown) => {
        if (!(error instanceof HangsError)) throw error
        const waiting = await settles('asking why', node.call('waiting'))
        const { violations } = await this.sum(0)
        throw new HangsError([error.message, ...waiting, ...(await this.#leases()), ...violations].join('\n'))
      })
    }
  }

  /** Who holds the right to load, and what was asked of Redis in two seconds: for whoever wonders why nobody loads. */
  async #leases(): Promise<string[]> {
    const { redis } = this.#parts
    const names = (await redis.cli('KEYS', '*#l')).split('\n').filter((name) => name !== '')
    const leases = names.map(
      async (name) => `lease ${name}: ${await redis.cli('GET', name)}, ${await redis.cli('PTTL', name)} ms left`,
    )
    const lines = await Promise.all(leases)
    await redis.cli('CONFIG', 'RESETSTAT')
    await sleep(2000)
    const stats = (await redis.cli('INFO', 'commandstats')).split('\n').map((line) => line.split(',')[0] ?? '')
    return [...lines, `in two seconds: ${stats.slice(1).join(' ')}`, `then: ${await redis.cli('KEYS', '*#l')}`]
  }

  /** Everybody reads everything, until all of it is true; and so does a process that knows nothing but the store. */
  async atRest(): Promise<void> {
    const { nodes, truth } = this.#parts
    const floors = await truth.floors()
    await this.#agree('at rest', floors)
    await using fresh = await this.#startFresh()
    const found = await settles('a new process reads', fresh.call('readStored'))
    this.#fresh += found.filter(({ version }) => version !== undefined).length
    this.#note('read by a new process', tooOld(found, floors))
    // Now all of them have everything in memory, whatever memory they have.
    await settles('all is read again', Promise.all(nodes.map((node) => node.call('readAll'))))
    await this.rest()
  }

  /**
   * Entries that are there, and that nobody is loading, are deleted by a plain client: everybody has to hear of it. A key that is not there
   * changes nothing, so nobody can hear of it: it does not count.
   */
  async behindTheirBacks(): Promise<void> {
    const { nodes, truth, redis, random } = this.#parts
    if (random.next() < 0.4) {
      await flushAfterChange(redis, truth)
      await this.#agree('after FLUSHALL', await truth.floors())
      return
    }
    for (const { name } of keys.filter(() => random.next() < 0.4)) {
      const key = (await nodes[0]?.call('keyOf', name)) ?? ''
      const versions = Object.fromEntries(await truth.change([name]))
      if ((await redis.cli('DEL', key)) === '1') await truth.notify({ applied: true, how: 'DEL', versions })
    }
    await this.#agree('after DEL', await truth.floors())
  }

  /** One process deletes, the others read without pause. Only told, never judged: how long that takes is the machine's business. */
  async measureDelays(): Promise<void> {
    const { nodes, truth, random } = this.#parts
    // Where only one process loads, nobody else finds the newer value by himself.
    if (this.#options.oneLoads === true) return
    for (let left = 6; left > 0; left--) {
      const { name } = keys[random.below(8)] as Subject
      const by = nodes[random.below(nodes.length)] as Node
      const others = nodes.filter((node) => node !== by)
      const version = (await truth.change([name])).get(name) ?? 0
      const watching = Promise.all(others.map((node) => node.call('watch', name, version)))
      await sleep(20)
      const confirmed = await by.call('deleteOne', name, version)
      const lastOld = await settles(`version ${version} of ${name} is seen`, watching)
      if (confirmed === undefined) continue
      this.#delays.push(...lastOld.map((at) => Math.max(0, at - confirmed)))
    }
  }

  /**
   * One process goes deaf, or is frozen, while its memory is full: what others delete must not be served there for longer than the bound.
   * Those where no memory stands in for the store are held to it whatever they find out.
   */
  async deafen(proxies: readonly FaultProxy[]): Promise<void> {
    const { nodes, truth, random } = this.#parts
    const index = random.next() < 0.8 ? 1 + random.below(2) : 3
    // The first one may delete in all modes.
    const [by, deaf, proxy] = [nodes[0] as Node, nodes[index] as Node, proxies[index] as FaultProxy]
    await settles('all is read', Promise.all(nodes.map((node) => node.call('readAll'))))
    const names = keys.filter(() => random.next() < 0.3).map(({ name }) => name)
    const reading = deaf.call('readFor', names, deafMs)
    // It reads by now, or nothing of this round counts.
    await sleep(100)
    const draw = random.next()
    if (draw < 0.4) proxy.halfOpen()
    else if (draw < 0.6) proxy.blackHole()
    else deaf.freeze()
    await sleep(random.between(0, 200))
    for (const [name, version] of await truth.change(names)) await by.call('deleteOne', name, version)
    await sleep(deafMs - 500)
    deaf.thaw()
    await settles('a deaf process reads', reading)
    await proxy.heal()
    await this.rest()
  }

  async sum(rounds: number): Promise<FuzzResult> {
    const reports = await Promise.all(this.#parts.nodes.map((node) => node.call('report')))
    const own = reports.reduce((all, { checks }) => all + checks.own, 0)
    const bound = reports.reduce((all, { checks }) => all + checks.bound, 0)
    const [rest, fresh] = [this.#rest, this.#fresh]
    return {
      rounds,
      own,
      bound,
      rest,
      fresh,
      checks: own + bound + rest + fresh,
      violations: [...reports.flatMap(({ violations }) => violations), ...this.#violations],
      violated: reports.reduce((all, { violated }) => all + violated, this.#violations.length),
      delays: this.#delays.toSorted((a, b) => a - b),
      reports,
    }
  }

  /** Reads until nothing is older than its floor, for as long as only something that stays wrong would need. */
  async #agree(when: string, floors: ReadonlyMap<string, number>): Promise<void> {
    const { nodes } = this.#parts
    const limitMs = this.#options.impatient === true ? 10_000 : generousMs
    let wrong: string[] = []
    let found: Found[][] = []
    await until(
      when,
      async () => {
        found = await settles('all is read', Promise.all(nodes.map((node) => node.call('readAll'))))
        wrong = found.flatMap((one, index) => tooOld(one, floors).map((text) => `process ${index}: ${text}`))
        return wrong.length === 0
      },
      limitMs,
    ).catch(() => this.#note(when, wrong))
    this.#rest += found.flat().filter(({ version }) => version !== undefined).length
  }

  async #startFresh(): Promise<Node> {
    const { program, redis, truthUrl } = this.#parts
    const settings = { budget: '20s', onUnavailable: 'none', loads: true, deletes: false } as const
    return await start(program, { index: 99, seed: 1, url: redis.url, truthUrl, ...settings })
  }

  #note(when: string, wrong: readonly string[]): void {
    this.#violations.push(...wrong.map((text) => `${when}: ${text}`))
  }
}

function tooOld(found: readonly Found[], floors: ReadonlyMap<string, number>): string[] {
  return found.flatMap(({ subject, way, version }) => {
    const floor = floors.get(subject) ?? 0
    return version === undefined || version >= floor ? [] : [`${way} of ${subject}: version ${version}, not ${floor}`]
  })
}
