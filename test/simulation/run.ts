// One schedule, from its first turn to its end: everything heals, comes to rest, is read once more by everybody, and is closed.
import { Faults } from './faults.ts'
import { History } from './history.ts'
import type { Library } from './library.ts'
import { Oracle } from './oracle.ts'
import type { Programs } from './programs.ts'
import { policyOf } from './readers.ts'
import { isLinearizable } from './register.ts'
import type { Schedule } from './schedule.ts'
import { keys, outerKey } from './source.ts'
import { Workload } from './workload.ts'
import { World } from './world.ts'

export interface Verdict {
  readonly violations: readonly string[]
  readonly timeline: readonly string[]
  readonly reads: number
  readonly loads: number
  readonly commands: number
  readonly turns: number
}

export interface RunOptions {
  /** What the server does when it is sent a script; default: what the script says. */
  readonly programs?: Programs | undefined
  /** Whether a timeline is wanted. Default: `false`. */
  readonly isTold?: boolean | undefined
}

/** More than any schedule needs that comes to rest. */
const mostTurns = 20_000
/** Heartbeats, and what is behind them. */
const restMs = 1500

export async function run(schedule: Schedule, library: Library, options: RunOptions = {}): Promise<Verdict> {
  const history = new History(options.isTold === true)
  const world = new World(schedule, library, history, options.programs)
  const oracle = new Oracle(world, policyOf(schedule.policy))
  const workload = new Workload(world, oracle)
  const faults = new Faults(world, oracle)
  const { violations } = oracle

  async function act(): Promise<void> {
    for (let index = 0; index < schedule.nodes; index++) world.start(index)
    let next = 0
    while (world.turn < schedule.turns && violations.length === 0) {
      for (; (schedule.actions[next]?.at ?? Infinity) <= world.turn; next++) {
        const action = schedule.actions[next]
        if (action === undefined) break
        workload.do(action)
        faults.do(action)
      }
      faults.tick()
      await world.step()
    }
  }

  async function until(isSo: () => boolean): Promise<boolean> {
    for (let turn = 0; turn < mostTurns && violations.length === 0; turn++) {
      if (isSo()) return true
      faults.tick()
      await world.step()
    }
    return isSo()
  }

  async function comeToRest(): Promise<void> {
    history.note('the end: everything heals')
    faults.heal()
    const isQuiet = (): boolean =>
      oracle.open.size === 0 &&
      world.nodes.every(({ isConnected, manager }) => isConnected && manager.stats().journal === 0)
    if (!(await until(isQuiet))) {
      const states = world.nodes.map(({ manager }) => `${manager.stats().state} ${manager.stats().journal}`)
      const calls = [...oracle.open].slice(0, 5).map(({ text, node }) => `${text} on ${node.life}`)
      if (violations.length === 0)
        oracle.violate(`it does not come to rest: ${calls.join(', ')} · ${states.join(', ')}`)
      return
    }
    const rested = world.clock.elapsed + restMs
    await until(() => world.clock.elapsed >= rested)
  }

  /** Twice: what is in memory by then is what was read the first time. */
  async function readAll(): Promise<void> {
    for (let round = 0; round < 2 && violations.length === 0; round++) {
      for (const node of world.nodes) {
        for (const key of keys) void readLast(node.readers.of.get(key)?.(key), [key])
        if (schedule.isNested) void readLast(node.readers.outer(), [`${outerKey}/k0`, `${outerKey}/k1`])
      }
      if (!(await until(() => reading === 0)) && violations.length === 0)
        oracle.violate('reads at the end do not settle')
    }
  }
  let reading = 0
  async function readLast(read: Promise<unknown> | undefined, names: readonly string[]): Promise<void> {
    reading++
    try {
      const value = (await read) as { readonly version?: number; readonly parts?: ReadonlyArray<{ version: number }> }
      const versions = value.parts?.map(({ version }) => version) ?? [value.version as number]
      names.forEach((name, index) => {
        const due = oracle.dueAtTheEnd(name)
        if ((versions[index] as number) < due) oracle.violate(`END: ${name} is ${versions[index]}, ${due} was promised`)
      })
    } catch (error) {
      // A loader may be slower than it has time.
      if ((error as { readonly code?: unknown }).code !== 'CACHE_LOAD_TIMEOUT') oracle.violate(`END: ${String(error)}`)
    } finally {
      reading--
    }
  }

  async function close(): Promise<void> {
    const tables = world.nodes.map(({ manager }) => library.tablesOf(manager))
    const closing = world.nodes.map(({ manager }) => manager.close())
    let closed = 0
    for (const one of closing) void one.then(() => closed++)
    if (!(await until(() => closed === closing.length))) oracle.violate('it does not close')
    for (const { life } of world.nodes) {
      const left = world.clock.armed(life)
      if (left > 0) oracle.violate(`${left} timers are left after close of ${life}`)
    }
    tables.forEach((count, index) => {
      for (const [table, size] of Object.entries(count()))
        if (size > 0) oracle.violate(`C7: ${size} ${table} are left after close of ${world.nodes[index]?.life}`)
    })
  }

  await act()
  if (violations.length === 0) await comeToRest()
  if (violations.length === 0) await readAll()
  if (violations.length === 0) await close()
  if (schedule.isCalm) oracle.judgeLoads()
  const isOnePlace = !schedule.actions.some(({ do: what }) => losesWrites.has(what))
  if (isOnePlace && !isLinearizable(workload.steps))
    oracle.violate(`LINEAR: no order of these explains what was read: ${JSON.stringify(workload.steps)}`)
  const { loads, turn: turns, server } = world
  return { violations, timeline: history.timeline, reads: workload.reads, loads, commands: server.commands, turns }
}

/** After these what was confirmed may be gone, and come back in no order. */
const losesWrites: ReadonlySet<string> = new Set([
  'failover',
  'restart',
  'server stops',
  'crash',
  'clock jumps',
  'server clock jumps',
])
