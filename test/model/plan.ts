// What a run is made of, all of it drawn by fast-check: a store, a few keys with their policies, what their loaders do one run after the
// other, and a script of calls, writes, invalidations and moves of the clock. Numbers are few and meet at their limits on purpose.
import fc from 'fast-check'
import type { Kind } from './values.ts'

export type Store = 'memory' | 'six' | 'link'
export type Mode = 'normal' | 'refresh' | 'bypass' | 'readonly'
export type Door = 'call' | 'status' | 'peek' | 'refresh' | 'constant' | 'literal' | 'getValue' | 'get'
export type Way = 'invalidate' | 'delete' | 'deleteMany' | 'tag' | 'shared' | 'clear' | 'namespace'

export interface Policy {
  /** Milliseconds, as all times here; 0: off. */
  readonly ttl: number
  readonly ttlFrom: 'option' | 'result'
  readonly swr: number
  readonly staleIfError: number
  readonly softTimeout: number
  readonly hardTimeout: number
  readonly refreshAhead: boolean
  readonly jitter: number
  readonly cacheErrors: number
  readonly isolation: 'copy' | 'frozen'
  readonly guard: 'none' | 'sync' | 'async'
  readonly tags: 'none' | 'fixed' | 'result'
}

/** One run of a loader. */
export interface Behaviour {
  /** Steps of the scheduler it takes. */
  readonly steps: number
  /** `sync`: before the loader returns. `aborted`: only when its signal is aborted. */
  readonly ends: 'value' | 'sync value' | 'throws' | 'sync throws' | 'aborted'
  readonly kind: Kind
  readonly cacheable: boolean
  readonly valid: boolean
  readonly tags: number
  /** Of the key before it, how many it is made from (only where the key inherits tags). */
  readonly parts: number
}

export const calm: Behaviour = {
  steps: 0,
  ends: 'value',
  kind: 'plain',
  cacheable: true,
  valid: true,
  tags: 3,
  parts: 0,
}

export interface Key {
  /** `text` is found by its argument, `hashed` by an alias, `object` by its full key, `manual` has no function. */
  readonly shape: 'text' | 'hashed' | 'object' | 'manual'
  readonly policy: Policy
  readonly inside: boolean
  readonly inherits: boolean
  readonly behaviours: readonly Behaviour[]
}

/** Reads around a write: one before it that is let end; one at once before it and one after, and another in the moment of the answer. */
interface Chased {
  readonly warmed: boolean
  readonly chased: boolean
}

export type Command =
  | {
      readonly do: 'read'
      readonly key: number
      readonly door: Door
      readonly mode: Mode
      readonly signal: boolean
      readonly times: number
    }
  | { readonly do: 'abort'; readonly which: number }
  | (Chased & {
      readonly do: 'set'
      readonly key: number
      readonly raw: boolean
      readonly ttl: number
      readonly tagged: boolean
    })
  | (Chased & { readonly do: 'prime'; readonly key: number })
  | (Chased & { readonly do: 'invalidate'; readonly key: number; readonly way: Way; readonly other: boolean })
  | { readonly do: 'advance'; readonly ms: number; readonly rested: boolean }
  | { readonly do: 'faults'; readonly on: boolean }

/** What runs after a command: scheduler steps, and after each so many microtasks, or (-1) all of them. */
export interface Pace {
  readonly steps: number
  readonly ticks: number
}

export interface Plan {
  readonly store: Store
  readonly faulty: boolean
  readonly opened: boolean
  readonly seed: number
  readonly lag: number
  readonly keys: readonly Key[]
  readonly script: ReadonlyArray<{ readonly command: Command; readonly pace: Pace }>
}

/** Enough for what is under way to end, unless it is slow. */
export const manySteps = 20
const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)

const policies: fc.Arbitrary<Policy> = fc
  .record({
    ttl: oneOf(1000, 1000, 1000, 2000),
    ttlFrom: oneOf<Policy['ttlFrom']>('option', 'option', 'result'),
    swr: oneOf(0, 1000, 4000),
    staleIfError: oneOf(0, 3000, 8000),
    softTimeout: oneOf(0, 300),
    hardTimeout: oneOf(0, 0, 0, 700),
    refreshAhead: oneOf(false, false, false, true),
    jitter: oneOf(0, 0, 0.5),
    cacheErrors: oneOf(0, 0, 3000),
    isolation: oneOf<Policy['isolation']>('copy', 'copy', 'frozen'),
    guard: oneOf<Policy['guard']>('none', 'none', 'sync', 'async'),
    tags: oneOf<Policy['tags']>('none', 'fixed', 'result', 'result'),
  })
  // Without it nothing could stand in.
  .map((policy) => (policy.staleIfError <= policy.swr ? { ...policy, softTimeout: 0 } : policy))

const behaviours: fc.Arbitrary<Behaviour> = fc.record({
  steps: oneOf(0, 1, 1, 2, 3, 12),
  ends: oneOf<Behaviour['ends']>(
    ...([
      'value',
      'value',
      'value',
      'sync throws',
      'value',
      'value',
      'value',
      'value',
      'value',
      'value',
      'sync value',
      'throws',
      'throws',
      'aborted',
    ] as const),
  ),
  kind: oneOf<Kind>('plain', 'special', 'number'),
  cacheable: oneOf(true, true, true, true, true, true, false),
  valid: oneOf(true, true, true, true, true, true, false),
  tags: fc.nat(3),
  parts: oneOf(1, 1, 2, 2, 0),
})

const keys: fc.Arbitrary<Key> = fc
  .record({
    shape: oneOf<Key['shape']>('text', 'text', 'hashed', 'object', 'manual'),
    policy: policies,
    inside: oneOf(false, false, true),
    inherits: oneOf(false, true),
    behaviours: fc.array(behaviours, { minLength: 1, maxLength: 6 }),
  })
  // `getOrSet` inherits nothing.
  .map((drawn) => (drawn.shape === 'manual' ? { ...drawn, inherits: false } : drawn))

// Most of a script is about one key.
const key = oneOf(0, 0, 0, 1, 1, 2)
const modes = oneOf<Mode>('normal', 'normal', 'normal', 'normal', 'normal', 'normal', 'refresh', 'bypass', 'readonly')
const doors = oneOf<Door>(
  ...([
    'call',
    'call',
    'call',
    'call',
    'status',
    'status',
    'peek',
    'refresh',
    'constant',
    'constant',
    'literal',
  ] as const),
  ...(['getValue', 'get'] as const),
)
const ways = oneOf<Way>('invalidate', 'delete', 'deleteMany', 'tag', 'tag', 'shared', 'clear', 'namespace')

const reads = fc.record({
  do: fc.constant('read' as const),
  key,
  door: doors,
  mode: modes,
  signal: oneOf(false, false, false, true),
  times: oneOf(1, 1, 1, 2, 3),
})
const aborts = fc.record({ do: fc.constant('abort' as const), which: fc.nat(7) })
const sets = fc.record({
  do: fc.constant('set' as const),
  key,
  raw: oneOf(false, false, true),
  ttl: oneOf(1000, 5000),
  tagged: fc.boolean(),
  warmed: oneOf(false, false, true),
  chased: fc.boolean(),
})
const primes = fc.record({ do: fc.constant('prime' as const), key, warmed: fc.constant(false), chased: fc.boolean() })
const invalidations = fc.record({
  do: fc.constant('invalidate' as const),
  key,
  way: ways,
  other: oneOf(false, false, true),
  warmed: oneOf(false, false, true),
  chased: fc.boolean(),
})
const moves = fc.record({
  do: fc.constant('advance' as const),
  // A store that answers nothing before the clock moves is away.
  rested: oneOf(true, true, false),
  ms: oneOf(1, 50, 199, 200, 300, 300, 700, 984, 999, 1000, 1000, 1000, 1000, 1500, 2000, 6000),
})
const faults = fc.record({ do: fc.constant('faults' as const), on: fc.boolean() })

/** Where much is invalidated nothing gets old: scripts are of different kinds. */
const commands = ({ writes, moved }: { writes: number; moved: number }): fc.Arbitrary<Command> =>
  fc.oneof(
    { weight: 56, arbitrary: reads },
    { weight: moved, arbitrary: moves },
    { weight: 6 * writes, arbitrary: invalidations },
    { weight: 2 * writes, arbitrary: sets },
    { weight: writes, arbitrary: primes },
    { weight: 4, arbitrary: aborts },
    { weight: 4, arbitrary: faults },
  )

const paces: fc.Arbitrary<Pace> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ steps: 0, ticks: 0 }) },
  { weight: 3, arbitrary: fc.record({ steps: fc.constant(0), ticks: fc.integer({ min: -1, max: 20 }) }) },
  { weight: 3, arbitrary: fc.record({ steps: fc.integer({ min: 1, max: 4 }), ticks: fc.constant(-1) }) },
  { weight: 3, arbitrary: fc.record({ steps: fc.integer({ min: 1, max: 3 }), ticks: fc.nat(12) }) },
  { weight: 3, arbitrary: fc.constant({ steps: manySteps, ticks: -1 }) },
)

const script = (kind: { writes: number; moved: number }): fc.Arbitrary<Plan['script']> =>
  fc.array(fc.record({ command: commands(kind), pace: paces }), { minLength: 4, maxLength: 50, size: 'max' })

export const plans: fc.Arbitrary<Plan> = fc.record({
  store: oneOf<Store>('memory', 'memory', 'six', 'link'),
  faulty: oneOf(false, false, true),
  opened: oneOf(true, true, true, false),
  seed: fc.nat(2 ** 31 - 1),
  lag: oneOf(0, 8, 16),
  keys: fc.oneof(
    { weight: 2, arbitrary: fc.array(keys, { minLength: 1, maxLength: 1 }) },
    { weight: 3, arbitrary: fc.array(keys, { minLength: 2, maxLength: 3 }) },
  ),
  script: fc.oneof(
    script({ writes: 4, moved: 20 }),
    script({ writes: 2, moved: 16 }),
    script({ writes: 1, moved: 16 }),
  ),
})
