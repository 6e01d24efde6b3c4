import { jsonCodec } from './codecs/json.ts'
import type { CacheBackend } from './contracts/backend.ts'
import type {
  GetOrSetOptions,
  EntryInfo,
  InvalidateOptions,
  LoadContext,
  WriteOptions,
} from './contracts/cache-manager.ts'
import type { CacheManager as CacheManagerInterface, CacheManagerConstructor } from './contracts/cache-manager.ts'
import type { CacheOptions } from './contracts/cache-options.ts'
import type { Codec, StandardSchema } from './contracts/codec.ts'
import type { Duration } from './contracts/duration.ts'
import type { Entry } from './contracts/entry.ts'
import type { CacheEvents, Invalidation } from './contracts/events.ts'
import type { HealthReport } from './contracts/health.ts'
import type { CacheStats } from './contracts/statistics.ts'
import { Engine } from './core/engine.ts'
import { payloadOf } from './core/envelope.ts'
import { give, keep } from './core/isolation.ts'
import { checkKey } from './core/key-encoding.ts'
import { newEntry } from './core/new-entry.ts'
import { checkTags } from './core/tags.ts'
import { engineInvalidate } from './invalidate.ts'
import { checkLoadPolicy } from './load-policy.ts'
import { OptionPolicies } from './option-policies.ts'
import { healthOf, statsOf } from './report.ts'
import { asOptions, resolveSettings } from './settings.ts'
import { CacheError, describe, misuse } from './support/errors.ts'
import { createLog } from './support/log.ts'
import { systemRuntime } from './support/runtime.ts'
import { checkedWriteOptions, severalOf } from './write-options.ts'

/** Where a manager keeps its engine. A symbol of the registry: another copy of the package finds it too. */
const engineSymbol: unique symbol = Symbol.for('@speedrun/cache/engine') as never

/** Raw strings know no codec: their text is read whoever wrote it. */
const anyCodec = (name: string): Codec => ({ name, encode: String, decode: (text) => text })
const jsonOnly = (name: string): Codec | undefined => (name === jsonCodec.name ? jsonCodec : undefined)

/** The engine behind a manager. @throws {TypeError} `CACHE_MISUSE` for anything that is no manager */
export function engineOf(manager: CacheManagerInterface): Engine {
  const engine = (manager as { readonly [engineSymbol]?: Engine } | undefined)?.[engineSymbol]
  if (engine === undefined) throw misuse('CACHE_MISUSE', `Expected a CacheManager, got ${describe(manager)}`)
  return engine
}

class Manager implements CacheManagerInterface {
  readonly [engineSymbol]: Engine
  readonly #policies: OptionPolicies

  constructor(backendOrOptions?: CacheBackend | CacheOptions) {
    const options = backendOrOptions === unopened ? undefined : asOptions(backendOrOptions)
    const engine = new Engine(options?.runtime ?? systemRuntime, createLog(undefined, 'warn'))
    this[engineSymbol] = engine
    this.#policies = new OptionPolicies(engine)
    Object.defineProperty(this, engineSymbol, { enumerable: false })
    if (options !== undefined) engine.prepare(resolveSettings(options))
  }

  async get(key: string): Promise<string | null> {
    const entry = await this.#find(key, anyCodec)
    return entry === undefined ? null : payloadOf(entry)
  }

  async set(key: string, value: string, ttl?: Duration | WriteOptions): Promise<boolean> {
    if (typeof value !== 'string')
      throw misuse('CACHE_MISUSE', `set() stores strings, got ${describe(value)}: use setValue()`)
    const text = { value, form: 'text', immutable: true, bytes: 16 + 2 * value.length } as const
    return await this.#write(key, { ...text, codec: undefined }, ttl)
  }

  async exists(key: string): Promise<boolean> {
    return (await this.#find(key, anyCodec)) !== undefined
  }

  async getMany(keys: Iterable<string>): Promise<Map<string, string>> {
    const unique = [...new Set(severalOf(keys, 'getMany'))]
    const texts = await Promise.all(unique.map((key) => this.get(key)))
    return new Map(unique.flatMap((key, index) => (texts[index] === null ? [] : [[key, texts[index] as string]])))
  }

  async setMany(
    entries: Iterable<readonly [key: string, value: string]>,
    ttl?: Duration | WriteOptions,
  ): Promise<boolean> {
    // The last of several values of one key wins, as it would one after the other.
    const stored = await Promise.all(
      [...new Map(severalOf(entries, 'setMany'))].map(([key, value]) => this.set(key, value, ttl)),
    )
    return stored.every(Boolean)
  }

  async getValue<T>(key: string, options?: { readonly schema: StandardSchema<unknown, T> }): Promise<T | undefined> {
    if (options !== undefined) checkLoadPolicy({ schema: options.schema as never })
    const entry = await this.#find(key, jsonOnly)
    if (entry === undefined) return undefined
    const engine = this[engineSymbol]
    try {
      const value = give(entry, this.#policies.manual())
      if (options === undefined) return value as T
      const result = await options.schema['~standard'].validate(value)
      return result.issues === undefined ? result.value : undefined
    } catch (error) {
      engine.emitter.problem({ error, during: 'decode', key })
      return undefined
    }
  }

  async setValue(key: string, value: unknown, ttl?: Duration | WriteOptions): Promise<boolean> {
    return await this.#write(key, { ...keep(value, this.#policies.manual()), codec: jsonCodec }, ttl)
  }

  async getOrSet<R>(
    key: string,
    loader: (load: LoadContext) => R | Promise<R>,
    options?: Duration | GetOrSetOptions<NoInfer<R>>,
  ): Promise<R> {
    checkKey(key)
    if (typeof loader !== 'function')
      throw misuse('CACHE_MISUSE', `getOrSet() needs a loader function, got ${describe(loader)}`)
    const engine = this[engineSymbol]
    const wait = engine.ready()
    if (wait !== undefined) await wait
    const policy = this.#policies.of(options as Duration | GetOrSetOptions<unknown> | undefined)
    const load = (signal: () => AbortSignal): unknown =>
      loader({
        key,
        reason: 'miss',
        get signal() {
          return signal()
        },
      })
    if (engine.state === 'disabled') return (await load(() => new AbortController().signal)) as R
    return (await engine.reads.read({ key: engine.fullKey(key), policy, loader: load, args: [] })) as R
  }

  async delete(key: string, options?: InvalidateOptions): Promise<Invalidation> {
    return await this.deleteMany([key], options)
  }

  async deleteMany(keys: Iterable<string>, options?: InvalidateOptions): Promise<Invalidation> {
    const unique = [...new Set(severalOf(keys, 'deleteMany'))]
    unique.forEach(checkKey)
    const engine = this[engineSymbol]
    await engine.ready()
    return honest(await engineInvalidate(engine, unique), options)
  }

  async invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<Invalidation> {
    checkTags(tags, 'tags')
    const engine = this[engineSymbol]
    await engine.ready()
    engine.reads.flights.detach()
    const outcome =
      engine.store === undefined ? 'disabled' : tags.length === 0 ? 'applied' : await engine.store.invalidateTags(tags)
    engine.reads.flights.detach()
    this.#announce({ tags }, outcome)
    return honest(outcome, options)
  }

  async clear(options?: InvalidateOptions): Promise<Invalidation> {
    const engine = this[engineSymbol]
    await engine.ready()
    const { flights } = engine.reads
    flights.fence.voidAll()
    flights.detach()
    const outcome = engine.store === undefined ? 'disabled' : await engine.store.clear()
    flights.detach()
    this.#announce('all', outcome)
    return honest(outcome, options)
  }

  async inspect(key: string): Promise<EntryInfo | null> {
    checkKey(key)
    const engine = this[engineSymbol]
    await engine.ready()
    const read = await engine.store?.read(engine.fullKey(key), anyCodec)
    if (read?.entry === undefined) return null
    const { entry, source } = read
    return {
      createdAt: new Date(entry.createdAt),
      staleAt: entry.staleAt === Infinity ? null : new Date(entry.staleAt),
      tags: entry.tags.map((mark) => mark.tag).filter((tag) => !tag.startsWith('\u0000')),
      bytes: new TextEncoder().encode(payloadOf(entry)).byteLength,
      tier: source === 'l2' ? 'l2' : 'l1',
    }
  }

  async healthCheck(): Promise<boolean> {
    const engine = this[engineSymbol]
    await engine.ready()
    return (await engine.store?.ping()) ?? false
  }

  async healthReport(): Promise<HealthReport> {
    return await healthOf(this[engineSymbol])
  }

  stats(): CacheStats {
    return statsOf(this[engineSymbol])
  }

  on<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => void): () => void {
    if (!eventNames.has(event))
      throw misuse('CACHE_BAD_OPTION', `Events are ${[...eventNames].join(', ')}; got ${describe(event)}`)
    if (typeof listener !== 'function')
      throw misuse('CACHE_MISUSE', `A listener must be a function, got ${describe(listener)}`)
    return this[engineSymbol].emitter.on(event, listener)
  }

  async init(): Promise<this> {
    await this[engineSymbol].init()
    return this
  }

  async drain(): Promise<void> {
    await this[engineSymbol].drain()
  }

  async close(): Promise<void> {
    await this[engineSymbol].close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #find(key: string, codecFor: (name: string) => Codec | undefined): Promise<Entry | undefined> {
    checkKey(key)
    const engine = this[engineSymbol]
    await engine.ready()
    return await engine.reads.find({ key: engine.fullKey(key), policy: this.#policies.manual() }, codecFor)
  }

  async #write(
    key: string,
    kept: Pick<Entry, 'value' | 'form' | 'immutable' | 'codec'> & { readonly bytes: number },
    ttl: Duration | WriteOptions | undefined,
  ): Promise<boolean> {
    checkKey(key)
    const { ttl: life, tags } = checkedWriteOptions(ttl)
    const engine = this[engineSymbol]
    await engine.ready()
    const { store } = engine
    const full = engine.fullKey(key)
    const { fence } = engine.reads.flights
    fence.void(full)
    if (store === undefined) return false
    const policy = this.#policies.ofWrite(life, tags)
    const loaded = { value: undefined, computeMs: 0, store, position: store.clockPosition, runtime: engine.runtime }
    const entry = newEntry(kept, policy, [], loaded)
    const stored = await store.write(full, { ...entry, codec: kept.codec }, kept.bytes)
    // Loads begun before the store had the value are older than it.
    fence.void(full)
    return stored
  }

  #announce(target: CacheEvents['invalidate']['target'], outcome: Invalidation): void {
    const { emitter } = this[engineSymbol]
    if (emitter.hears('invalidate')) emitter.emit('invalidate', { target, origin: 'local', outcome })
  }
}

function honest(outcome: Invalidation, options: InvalidateOptions | undefined): Invalidation {
  if (outcome === 'journaled' && options?.strict === true) {
    throw new CacheError(
      'CACHE_UNAVAILABLE',
      'The invalidation is not applied yet: the store does not answer. It will be on its return',
    )
  }
  return outcome
}

const eventNames: ReadonlySet<string> = new Set<keyof CacheEvents>([
  'hit',
  'miss',
  'load',
  'invalidate',
  'state',
  'problem',
])
/** Marks the default manager, which has no settings before `initCache`. */
export const unopened: CacheOptions = Object.freeze({})

/**
 * A cache over a backend: `new CacheManager(backend)`, or options; without either, Redis as the environment says.
 *
 * @example
 * const manager = await new CacheManager(new MemoryBackend()).init()
 */
export const CacheManager: CacheManagerConstructor = Manager
export type CacheManager = CacheManagerInterface
