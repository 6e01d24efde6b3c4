// The words of the harness. A suite is a list of cases; a case has one floor (the least work any cache must do there) and
// several subjects; a subject opens one trial, in a process of its own. A drill is a case that is no loop: a few single calls
// around a failure of the store. A fleet is a case of several processes of one subject, which do what they are told. Only data and functions, so that the parent process can list everything without loading one
// measured package: a subject imports its package inside `open`.

/** Something that is measured: one way to call one package. */
export interface Subject {
  /** `speedrun ...` for ours, `floor` for a floor, else the name of the package. */
  readonly name: string
  /** Builds, fills and returns what is measured. Runs in the subject's own process. */
  readonly open: () => Trial | Promise<Trial>
}

/** A subject made ready. Made with `trial`. */
export interface Trial {
  /** At least `count` inputs, one for each call. Not timed, and made anew before each measurement. */
  readonly inputs: (count: number) => readonly unknown[]
  /** What is timed, once per input. */
  readonly call: (input: never) => unknown
  /** `true`: each call is awaited. */
  readonly awaits: boolean
  /** So many calls are under way at a time, all of different inputs as far as `inputs` sees to it. Default: 1. */
  readonly concurrency?: number
  /** At most this many calls in one measurement. Default: 100,000. */
  readonly most?: number
  /** `false`: bytes per operation are not measured, for work that always outgrows the young generation. */
  readonly bytes?: boolean
  /** Called before the first and after the last measurement. @throws when the subject answered wrong. */
  readonly check: () => void | Promise<void>
  /** Other quantities, observed once per round. */
  readonly observe?: () => Promise<readonly Observation[]>
  readonly close?: () => unknown
}

/** Keeps the type of the inputs inside one trial. */
export function trial<I>(parts: {
  readonly inputs: (count: number) => readonly I[]
  readonly call: (input: I) => unknown
  readonly awaits: boolean
  readonly concurrency?: number
  readonly most?: number
  readonly bytes?: boolean
  readonly check: () => void | Promise<void>
  readonly observe?: () => Promise<readonly Observation[]>
  readonly close?: () => unknown
}): Trial {
  return parts
}

export interface Observation {
  readonly unit: string
  readonly value: number
  /** Of the floor, for the ratio. */
  readonly floor?: number
  /** Appended to the name of the case. */
  readonly of?: string
}

export interface Case {
  readonly name: string
  readonly floor: Subject
  readonly subjects: readonly Subject[]
}

export type Fault = 'killed' | 'frozen' | 'black hole'

/** What a call costs beyond its loader while the store is away, or how long the cache goes without a store that is back. */
export interface Drill {
  readonly name: string
  readonly fault: Fault
  /**
   * `first`: of each outage only the first call, with a new cache for each. `later`: of one outage all calls but the first. `back`: calls
   * from the end of each outage on, until the store holds what one brought; that time is the row.
   */
  readonly calls: 'first' | 'later' | 'back'
  readonly subjects: readonly DrillSubject[]
}

export interface DrillSubject {
  readonly name: string
  /** Opens a new cache on the store, which is healthy, and uses it. @throws when it answers wrong or does not use the store. */
  readonly open: () => Promise<Drilled>
}

export interface Drilled {
  /** The key of a call that went to the store, as the caller wrote it. */
  readonly usedKey: string
  /** One call of a cold key, then one of the bare loader. @throws when the answer was wrong. */
  readonly call: (limitMs: number) => Promise<ColdCall>
  /** Called when the store is healthy again. */
  readonly close: () => Promise<void>
}

export interface ColdCall {
  readonly key: string
  /** `capped`: there was no answer within the limit, which is then its time. `rejected`: there will never be one. */
  readonly outcome: 'answered' | 'capped' | 'rejected'
  /** Nanoseconds beyond the loader. */
  readonly wall: number
  /** The same of the bare loader. */
  readonly floor: number
  /** Why it was rejected. */
  readonly error?: string
}

/** What several processes of one subject do together, told by `conduct`, which runs in the process that prints the report. */
export interface Fleet {
  readonly name: string
  readonly processes: number
  /** How often `conduct` repeats what it measures. 0: the case is left out. */
  readonly rounds: { readonly full: number; readonly quick: number }
  readonly subjects: readonly FleetSubject[]
  /** @throws when a subject answered wrong */
  readonly conduct: (members: ReadonlyArray<Member<Orders>>, rounds: number) => Promise<readonly Quantity[]>
}

export interface FleetSubject<O extends Orders = Orders> {
  readonly name: string
  /** Runs once in each process of the fleet. @returns what it can be told to do. */
  readonly open: () => Promise<O>
}

export type Orders = Readonly<Record<string, (input: never) => unknown>>

/** A process of a fleet, at the other end: tells it what to do. */
export type Member<O extends Orders> = <K extends keyof O & string>(
  order: K,
  input: Parameters<O[K]>[0],
) => Promise<Awaited<ReturnType<O[K]>>>

/** Knows inside one fleet what can be told to its members. */
export function fleet<O extends Orders>(parts: {
  readonly name: string
  readonly processes: number
  readonly rounds: { readonly full: number; readonly quick: number }
  readonly subjects: ReadonlyArray<FleetSubject<O>>
  readonly conduct: (members: ReadonlyArray<Member<O>>, rounds: number) => Promise<readonly Quantity[]>
}): Fleet {
  return parts as unknown as Fleet
}

/** What a fleet found out, over all rounds. */
export interface Quantity {
  readonly unit: string
  readonly value: number
  readonly ratio?: number
  /** Of the floor; it has a row of its own. */
  readonly floor?: number
  /** Appended to the name of the case. */
  readonly of?: string
}

/** What one of our rows has to reach. */
export interface Target {
  readonly subject: RegExp
  readonly case: RegExp
  readonly unit: string
  /** Upper bound of the ratio to the floor. */
  readonly ratio?: number
  /** Upper bound of the value itself. */
  readonly value?: number
}

export interface Suite {
  readonly name: string
  readonly summary: string
  /** Started before the suite, when one can be found, and given to `cases`. */
  readonly needsRedis?: boolean
  /** The same list in each process of a run: cases and subjects are known by their positions. */
  readonly cases: (redisUrl: string | undefined) => ReadonlyArray<Case | Drill | Fleet>
  readonly targets: readonly Target[]
}

export interface Row {
  readonly subject: string
  readonly case: string
  readonly value: number
  /** `ns` of wall time, `cpu ns` of process CPU time, `bytes` allocated: each per operation; or what was counted. */
  readonly unit: string
  /** To the floor of the same round; `null` where there is none. */
  readonly ratio: number | null
}
