// What is to happen, made from a seed: a list of actions, each at a turn, that can be read, shortened and kept. What the network and time do in
// between is looked up by turn (random.ts).
import { at, questions, streamOf } from './random.ts'

export interface Action {
  /** The turn at which it happens. */
  readonly at: number
  readonly do: Operation | Fault
  /** Which process, by position. */
  readonly node: number
  /** Which key, by position among those the action is for. */
  readonly key: number
  /** Whatever else it has to choose, in [0, 1). */
  readonly pick: number
}

export type Operation =
  | 'read'
  | 'burst'
  | 'delete'
  | 'tag'
  | 'clear'
  | 'refresh'
  | 'prime'
  | 'abort'
  | 'set'
  | 'outer'
  | 'raw set'
  | 'raw get'
  | 'raw delete'
  | 'another deletes'
  | 'another writes'

export type Fault =
  | 'save'
  | 'lose'
  | 'hole'
  | 'server freezes'
  | 'server stops'
  | 'heal'
  | 'restart'
  | 'failover'
  | 'FLUSHALL'
  | 'evict'
  | 'node freezes'
  | 'crash'
  | 'full'
  | 'loaders fail'
  | 'clock jumps'
  | 'server clock jumps'

export interface Schedule {
  readonly seed: number
  readonly nodes: number
  readonly turns: number
  /** Nothing goes wrong but that a process stops for a while: what must hold of work done twice is judged then. */
  readonly isCalm: boolean
  /** How many invalidations a process remembers that it could not apply. */
  readonly journalLimit: number
  /** Texts are read and written beside the keys, without memory in front, and must look as if they were in one place. */
  readonly isRegister: boolean
  /** Cached calls within cached calls. Switches AsyncLocalStorage on for the rest of the process. */
  readonly isNested: boolean
  /** How the functions are cached: see `policies`. */
  readonly policy: number
  readonly actions: readonly Action[]
}

export const policies: number = 4

/** How often each of them is drawn. */
const operations: ReadonlyArray<readonly [Operation, number]> = [
  ['read', 60],
  ['burst', 6],
  ['delete', 10],
  ['tag', 6],
  ['clear', 2],
  ['refresh', 3],
  ['prime', 2],
  ['abort', 3],
  ['set', 4],
  ['another deletes', 3],
  ['another writes', 2],
]
const faults: ReadonlyArray<readonly [Fault, number]> = [
  ['save', 6],
  ['lose', 12],
  ['hole', 9],
  ['server freezes', 4],
  ['server stops', 3],
  ['heal', 9],
  ['restart', 4],
  ['failover', 4],
  ['FLUSHALL', 3],
  ['evict', 5],
  ['node freezes', 6],
  ['crash', 3],
  ['full', 3],
  ['loaders fail', 3],
  ['clock jumps', 2],
  ['server clock jumps', 2],
]
const freezes: ReadonlyArray<readonly [Fault, number]> = [['node freezes', 1]]
const nested: ReadonlyArray<readonly [Operation, number]> = [...operations, ['outer', 40]]
const register: ReadonlyArray<readonly [Operation, number]> = [
  ['raw get', 50],
  ['raw set', 20],
  ['raw delete', 10],
  ['read', 10],
  ['delete', 4],
]

export function scheduleOf(seed: number): Schedule {
  const random = streamOf(seed, questions.schedule)
  const isCalm = seed % 4 === 0
  const isRegister = seed % 8 === 5
  const isNested = seed % 8 === 6
  const turns = 200 + Math.floor(random() * 300)
  const choices = isRegister ? register : isNested ? nested : operations
  const actions: Action[] = []
  const add = (choose: readonly (readonly [Operation | Fault, number])[]): void => {
    const turn = Math.floor(random() * turns)
    actions.push({ at: turn, do: drawn(choose, random()), node: random(), key: random(), pick: random() } as Action)
  }
  const many = 20 + Math.floor(random() * 50)
  for (let count = 0; count < many; count++) add(choices)
  const wrong = isCalm ? (seed % 8 === 4 ? 2 : 0) : 1 + Math.floor(random() * 6)
  for (let count = 0; count < wrong; count++) add(isCalm ? freezes : faults)
  const nodes = 2 + Math.floor(random() * 2)
  const policy = Math.floor(random() * policies)
  const settled = actions
    .map((action) => ({ ...action, node: Math.floor(action.node * nodes), key: Math.floor(action.key * 12) }))
    .sort((one, other) => one.at - other.at)
  return {
    seed,
    nodes,
    turns,
    isCalm,
    journalLimit: seed % 5 === 1 ? 2 : 1000,
    isRegister,
    isNested,
    policy,
    actions: settled,
  }
}

function drawn<T>(choices: ReadonlyArray<readonly [T, number]>, dice: number): T {
  let left = dice * choices.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [choice, weight] of choices) {
    left -= weight
    if (left < 0) return choice
  }
  return choices[0]?.[0] as T
}

/** How one turn goes. */
export function answerAt({ seed }: Schedule, question: number, turn: number): number {
  return at(seed, question, turn)
}
