// Backends behind a call, whose every way there and back is a task of the scheduler: `six` answers in any order and knows nothing but six
// methods; `link` is one ordered connection with batches and a tag clock of its own. With faults on, operations are refused, lost, or
// done without an answer.
//
// One thing no cache can mend is left out: a write that lands long after everybody gave it up, on a store that then says nothing of
// it. Here such a write answers in the moment it lands.
import type { Scheduler } from 'fast-check'
import type { CacheBackend, TagCapability, TagDelta } from '../../src/index.ts'
import type { ModelRuntime } from './runtime.ts'
import { randomFrom } from './runtime.ts'

export interface ModelBackend extends CacheBackend {
  faults: boolean
}

export interface BackendOptions {
  readonly scheduler: Scheduler
  readonly runtime: ModelRuntime
  readonly seed: number
}

type Fate = 'done' | 'refused' | 'away' | 'lost' | 'unanswered'

/** What nobody waits for any more: the smallest deadline of the cache. */
const givenUpMs = 200
const never = new Promise<never>(() => {})

interface Row {
  readonly text: string
  readonly until: number
}

/** A line on which operations travel. */
type Line = <T>(what: string, apply: () => T, isWrite: boolean) => Promise<T>

function fates(seed: number, isFaulty: () => boolean): () => Fate {
  const random = randomFrom(seed)
  return () => {
    if (!isFaulty()) return 'done'
    const drawn = random()
    return drawn < 0.5 ? 'done' : drawn < 0.65 ? 'refused' : drawn < 0.8 ? 'away' : drawn < 0.9 ? 'lost' : 'unanswered'
  }
}

function failureOf(fate: Fate): Error {
  return fate === 'away'
    ? Object.assign(new Error('connection lost'), { code: 'ECONNRESET' })
    : new Error('refused by the store')
}

/** Each operation goes its own way. */
function freeLine({ scheduler, runtime, seed }: BackendOptions, fateOf: () => Fate): Line {
  const random = randomFrom(seed + 1)
  const step = (what: string): Promise<unknown> | undefined =>
    random() < 0.35 ? undefined : scheduler.schedule(Promise.resolve(), what)
  return async (what, apply, isWrite) => {
    const sentAt = runtime.now()
    const fate = fateOf()
    if (fate === 'lost') return await never
    await step(`${what} is sent`)
    if (fate === 'refused' || fate === 'away') throw failureOf(fate)
    const isLate = isWrite && runtime.now() - sentAt >= givenUpMs
    if (isLate && fate === 'unanswered') return await never
    const answer = apply()
    if (fate === 'unanswered') return await never
    if (!isLate) await step(`${what} is answered`)
    return answer
  }
}

/** What is sent first is done first and answered first. */
function orderedLine({ scheduler, seed }: BackendOptions, fateOf: () => Fate): Line {
  const random = randomFrom(seed + 1)
  let done: Promise<unknown> = Promise.resolve()
  let answered: Promise<unknown> = Promise.resolve()
  const step = (what: string): Promise<unknown> | undefined =>
    random() < 0.35 ? undefined : scheduler.schedule(Promise.resolve(), what)
  return async (what, apply) => {
    const fate = fateOf()
    const mine = done.then(async () => {
      await step(`${what} is sent`)
      return fate === 'done' || fate === 'unanswered' ? apply() : undefined
    })
    done = mine
    const mineAnswered = Promise.all([answered, mine]).then(() => step(`${what} is answered`))
    answered = mineAnswered
    await mineAnswered
    if (fate === 'lost' || fate === 'unanswered') return await never
    if (fate !== 'done') throw failureOf(fate)
    return (await mine) as Awaited<ReturnType<typeof apply>>
  }
}

function sixMethods(line: Line, runtime: ModelRuntime): CacheBackend & { readonly rows: Map<string, Row> } {
  const rows = new Map<string, Row>()
  const find = (key: string): string | null => {
    const row = rows.get(key)
    return row === undefined || row.until <= runtime.now() ? null : row.text
  }
  return {
    rows,
    get: (key) => line('get', () => find(key), false),
    set: (key, text, ttl) =>
      line('set', () => rows.set(key, { text, until: runtime.now() + ttl * 1000 }) !== undefined, true),
    delete: (key) => line('delete', () => rows.delete(key), false),
    exists: (key) => line('exists', () => find(key) !== null, false),
    ping: () => line('ping', () => true, false),
    close: () => {},
  }
}

export function sixBackend(options: BackendOptions): ModelBackend {
  const backend: ModelBackend = {
    ...sixMethods(
      freeLine(
        options,
        fates(options.seed, () => backend.faults),
      ),
      options.runtime,
    ),
    faults: false,
  }
  return backend
}

export function linkBackend(options: BackendOptions): ModelBackend {
  const line = orderedLine(
    options,
    fates(options.seed, () => backend.faults),
  )
  const { rows, ...methods } = sixMethods(line, options.runtime)
  const backend: ModelBackend = {
    ...methods,
    faults: false,
    batch: {
      get: (keys) =>
        line(
          'batch get',
          () => keys.map((key) => ((rows.get(key)?.until ?? 0) > options.runtime.now() ? rows.get(key)?.text : null)),
          false,
        ),
      delete: (keys) => line('batch delete', () => keys.filter((key) => rows.delete(key)).length, false),
    },
    tags: tagClock(line, options.runtime),
  }
  return backend
}

function tagClock(line: Line, runtime: ModelRuntime): TagCapability {
  let id = '0-first'
  let highest = 0
  let renewals = 0
  let stamps = new Map<string, number>()
  const since = (position: { readonly id: string; readonly mark: number } | undefined): TagDelta => {
    const from = position?.id === id ? position.mark : -1
    return { id, floor: 0, stamps: [...stamps].filter(([, stamp]) => stamp > from) }
  }
  return {
    read: (position) => line('read tags', () => since(position), false),
    stamp: (tags, position) =>
      line(
        'stamp',
        () => {
          highest = Math.max(highest + 1, runtime.now() * 1000)
          for (const tag of tags) stamps.set(tag, highest)
          return since(position)
        },
        false,
      ),
    renew: () =>
      line(
        'renew',
        () => {
          id = `1-renewed-${++renewals}`
          stamps = new Map()
          return since(undefined)
        },
        false,
      ),
  }
}
