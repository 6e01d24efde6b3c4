// What a process of the fuzz reads and changes: each subject by every way there is, each change followed by one of the calls that make the
// old value void.
import { setTimeout as sleep } from 'node:timers/promises'
import { type CacheManager, cached, type GetOrSetOptions } from '../../src/index.ts'
import type { Random } from '../soak/random.ts'
import { sharedNow } from './clock.ts'
import type { Judge, Read, Versioned } from './judge.ts'
import { keys, keysWith, type Kind, reachedBy, type Subject, subjects, tags } from './subjects.ts'
import type { Truth } from './truth.ts'

/** A loader that fails on purpose. */
class PlannedError extends Error {}

type Value = Versioned & { readonly pad?: string }
type Policy = Pick<GetOrSetOptions<Value>, 'ttl' | 'swr' | 'staleIfError' | 'softTimeout' | 'isolation'>

const policies: Readonly<Record<Kind, Policy>> = {
  plain: { ttl: '1h' },
  swr: { ttl: '300ms', swr: '1h' },
  error: { ttl: '300ms', staleIfError: '1h', softTimeout: '20ms' },
  short: { ttl: '150ms' },
  frozen: { ttl: '1h', isolation: 'frozen' },
  large: { ttl: '1h' },
  digest: { ttl: '1h' },
}

const ways = ['cached', 'withStatus', 'getOrSet', 'getValue', 'peek'] as const
export type Way = (typeof ways)[number]

export interface WorkloadOptions {
  readonly manager: CacheManager
  readonly truth: Truth
  readonly judge: Judge
  readonly random: Random
  /** Whether this process runs loaders: see `FuzzOptions.oneLoads`. */
  readonly loads: boolean
  /** Whether it invalidates single keys, or by tag and `clear` only. */
  readonly deletes: boolean
  /** Derived values switch AsyncLocalStorage on, which is another way through every call: not in all processes. */
  readonly digests: boolean
}

export interface Found {
  readonly subject: string
  readonly way: Way
  readonly version: number | undefined
}

export class Workload {
  readonly #options: WorkloadOptions
  readonly #calls: ReturnType<typeof wrap>
  readonly subjects: readonly Subject[]
  /** Whether loaders may fail, and writers write. */
  isStormy = false
  readonly counts: Record<string, number> = {}
  slowestMs = 0
  readonly #underWay: Map<Read, Way> = new Map()
  /** Loaders that run, each with what it is doing. */
  readonly #loading: Set<{ readonly name: string; readonly doing: string }> = new Set()

  constructor(options: WorkloadOptions) {
    this.#options = options
    this.#calls = wrap(options.manager, (name) => this.#load(name), options.digests)
    this.subjects = subjects.filter(({ kind }) => options.digests || kind !== 'digest')
  }

  keyOf({ name, kind }: Subject): string {
    return this.#calls[kind].keyFor(name)
  }

  /** One read by any way; what it is served is judged. @returns the version */
  async read(subject: Subject, way: Way = this.#anyWay()): Promise<number | undefined> {
    const { judge, loads } = this.#options
    const allowed = loads ? way : way === 'peek' ? way : 'getValue'
    const read = judge.begin(subject.name)
    this.#underWay.set(read, allowed)
    try {
      const value = await this.#by(allowed, subject)
      judge.end(read, allowed, value)
      this.#count(value === undefined ? 'reads of nothing' : 'reads')
      return value?.version
    } catch (error) {
      if (!(error instanceof PlannedError)) judge.violation(`${allowed} of ${subject.name} rejects: ${String(error)}`)
      return undefined
    } finally {
      this.#underWay.delete(read)
      this.slowestMs = Math.max(this.slowestMs, sharedNow() - read.at)
    }
  }

  /** What has not been answered for seconds. */
  get waiting(): string[] {
    const now = sharedNow()
    const reads = [...this.#underWay]
      .filter(([{ at }]) => at < now - 5000)
      .map(([{ subject, at }, way]) => `${way} of ${subject} for ${((now - at) / 1000).toFixed(0)} s`)
    return [...reads.slice(0, 8), ...[...this.#loading].map(({ name, doing }) => `a loader of ${name} ${doing}`)]
  }

  async readAny(): Promise<void> {
    const { random } = this.#options
    await this.read(this.subjects[random.below(this.subjects.length)] as Subject)
  }

  /** Many reads at once and a moment later, of what changes just now. */
  burst(names: readonly string[]): void {
    const { random } = this.#options
    const some = this.subjects.filter(({ name, source }) => names.includes(name) || names.includes(source)).slice(0, 3)
    for (const subject of some) {
      for (let left = 4; left > 0; left--) {
        const wait = random.next() < 0.4 ? 0 : random.between(0, 25)
        void (wait === 0 ? this.read(subject) : sleep(wait).then(() => this.read(subject)))
      }
    }
  }

  /** Every subject by every way, and what the ways agree on is not asked: only what each is served. */
  async readAll(): Promise<Found[]> {
    const found = this.subjects.flatMap((subject) =>
      ways.map(async (way) => ({ subject: subject.name, way, version: await this.read(subject, way) })),
    )
    return await Promise.all(found)
  }

  /** What the store holds and this process would serve; nothing is loaded. */
  async readStored(): Promise<Found[]> {
    const { manager } = this.#options
    const found = this.subjects.map(async (subject) => {
      const value = await manager.getValue<Value>(this.keyOf(subject))
      return { subject: subject.name, way: 'getValue' as const, version: value?.version }
    })
    return await Promise.all(found)
  }

  /** One change of the source and the call that makes the old value void. */
  async write(): Promise<void> {
    const { manager, random, deletes } = this.#options
    const draw = random.next()
    const key = keys[random.below(keys.length)] as Subject
    const tag = tags[random.below(tags.length)] as string
    if (draw < 0.01) await this.#many('clear', undefined, () => manager.clear())
    else if (draw < 0.22 || !deletes) await this.#many('invalidateTags', tag, () => manager.invalidateTags([tag]))
    else if (draw < 0.5) await this.#one('delete', key, () => manager.delete(this.keyOf(key)))
    else if (draw < 0.75) await this.#one('invalidate', key, () => this.#calls[key.kind].invalidate(key.name))
    else if (draw < 0.8) await this.#few()
    else await this.#set(key)
  }

  async #one(how: string, key: Subject, work: () => Promise<string>): Promise<void> {
    this.#announce([key.name])
    const versions = await this.#options.truth.change([key.name])
    if (versions.size > 0) await this.#invalidate(how, Object.fromEntries(versions), work)
  }

  async #few(): Promise<void> {
    const { manager, random, truth } = this.#options
    const some = keys.filter(() => random.next() < 0.2)
    this.#announce(some.map(({ name }) => name))
    const versions = await truth.change(some.map(({ name }) => name))
    const full = some.filter(({ name }) => versions.has(name)).map((key) => this.keyOf(key))
    await this.#invalidate('deleteMany', Object.fromEntries(versions), () => manager.deleteMany(full))
  }

  async #many(how: string, tag: string | undefined, work: () => Promise<string>): Promise<void> {
    const names = keysWith(tag)
    this.#announce(names)
    const versions = await this.#options.truth.change(names)
    await this.#invalidate(how, reachedBy(tag, versions), work)
  }

  async #invalidate(
    how: string,
    versions: Readonly<Record<string, number>>,
    work: () => Promise<string>,
  ): Promise<void> {
    const { judge, truth } = this.#options
    this.burst(Object.keys(versions))
    const outcome = await work()
    judge.invalidated(versions, `${how} (${outcome})`)
    this.burst(Object.keys(versions))
    this.#count(`${how} ${outcome}`)
    await truth.notify({ applied: outcome === 'applied', how, versions })
  }

  /** `set` is no word on what was written before and after it, so nobody else may change this key meanwhile. */
  async #set(key: Subject): Promise<void> {
    const { manager, judge, truth } = this.#options
    this.#announce([key.name])
    const version = await truth.lock(key.name)
    if (version === undefined) return
    try {
      const { ttl } = policies[key.kind]
      const value = valueOf(key.name, version)
      this.burst([key.name])
      const stored = await manager.setValue(this.keyOf(key), value, { ttl, tags: [...key.tags] })
      judge.invalidated({ [key.name]: version }, `setValue (${stored})`)
      this.burst([key.name])
      const { state, journal } = manager.stats()
      const applied = stored && state === 'connected' && journal === 0
      this.#count(applied ? 'setValue applied' : 'setValue not applied')
      // What was not taken may be under way still, and its journaled delete is.
      if (!applied) await this.caughtUp()
      await truth.notify({ applied, how: 'setValue', versions: { [key.name]: version } })
    } finally {
      await truth.unlock(key.name)
    }
  }

  /** Uses its store, and owes it nothing. */
  async caughtUp(): Promise<void> {
    const { manager } = this.#options
    for (;;) {
      await manager.drain()
      const { state, journal } = manager.stats()
      if (state === 'connected' && journal === 0) return
      await sleep(20)
    }
  }

  async #load(name: string): Promise<Value> {
    const { random, truth } = this.#options
    const mark = { name, doing: 'begins' }
    this.#loading.add(mark)
    try {
      await this.#pause()
      mark.doing = 'asks'
      const version = await truth.version(name)
      mark.doing = 'ends'
      await this.#pause()
      this.#count('loads')
      const kind = subjects.find((subject) => subject.name === name)?.kind
      if (this.isStormy && kind === 'error' && random.next() < 0.3) throw new PlannedError(name)
      return valueOf(name, version)
    } finally {
      this.#loading.delete(mark)
    }
  }

  /** A quarter of the phases of a load take no time at all. */
  async #pause(): Promise<void> {
    const { random } = this.#options
    const draw = random.next()
    if (draw > 0.25) await sleep(draw > 0.95 ? 60 : random.between(0, 12))
  }

  async #by(way: Way, subject: Subject): Promise<Value | undefined> {
    const { manager } = this.#options
    const { name, kind, tags: own } = subject
    const call = this.#calls[kind]
    if (way === 'cached') return await call(name)
    if (way === 'peek') return call.peek(name)
    if (way === 'getValue') return await manager.getValue<Value>(this.keyOf(subject))
    // Its tags come from within, which only the function itself can collect.
    if (way === 'withStatus' || kind === 'digest') return (await call.withStatus(name)).value
    const options = { ...policies[kind], tags: own }
    return await manager.getOrSet<Value>(this.keyOf(subject), () => this.#load(name), options)
  }

  #anyWay(): Way {
    const draw = this.#options.random.next()
    return draw < 0.45
      ? 'cached'
      : draw < 0.55
        ? 'withStatus'
        : draw < 0.75
          ? 'getOrSet'
          : draw < 0.92
            ? 'getValue'
            : 'peek'
  }

  #announce(names: readonly string[]): void {
    this.#options.truth.announce(names.slice(0, 3))
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }
}

function wrap(manager: CacheManager, load: (name: string) => Promise<Value>, digests: boolean) {
  const tagsOf = (_value: unknown, name: string): readonly string[] =>
    subjects.find((subject) => subject.name === name)?.tags ?? []
  const make = (kind: Kind) =>
    cached((name: string) => load(name), { keyPrefix: 'fleet', name: kind, manager, tags: tagsOf, ...policies[kind] })
  const plain = make('plain')
  const digest = cached(
    async (name: string): Promise<Value> => valueOf(name, (await plain(name.replace(/^d-/, ''))).version),
    { keyPrefix: 'fleet', name: 'digest', manager, ttl: '1h', inheritTags: digests },
  )
  return {
    plain,
    swr: make('swr'),
    error: make('error'),
    short: make('short'),
    frozen: make('frozen'),
    large: make('large'),
    digest,
  }
}

function valueOf(subject: string, version: number): Value {
  const isLarge = subjects.find(({ name }) => name === subject)?.kind === 'large'
  return isLarge ? { subject, version, pad: 'x'.repeat(70_000) } : { subject, version }
}
