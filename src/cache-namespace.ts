import type { CacheNamespace as CacheNamespaceInterface } from './contracts/cache-manager.ts'
import type {
  GetOrSetOptions,
  EntryInfo,
  InvalidateOptions,
  LoadContext,
  WriteOptions,
} from './contracts/cache-manager.ts'
import { currentAmbient } from './ambient-call.ts'
import type { View } from './cache-view.ts'
import { fullKey, narrowed, viewSymbol } from './cache-view.ts'
import { jsonCodec } from './codecs/json.ts'
import type { Codec, StandardSchema } from './contracts/codec.ts'
import type { Duration } from './contracts/duration.ts'
import type { Entry } from './contracts/entry.ts'
import type { CacheEvents, Invalidation } from './contracts/events.ts'
import type { CacheStats } from './contracts/statistics.ts'
import { payloadOf } from './core/envelope.ts'
import type { Kept } from './core/isolation.ts'
import { give, keep, textBytes } from './core/isolation.ts'
import { checkIdentityPart, checkKey } from './core/key-encoding.ts'
import { marksOf, newEntry } from './core/new-entry.ts'
import { foreignTags } from './core/lookups.ts'
import type { Store } from './core/store.ts'
import { checkTags } from './core/tags.ts'
import { deleteKeys } from './delete-keys.ts'
import type { Loading } from './get-or-set.ts'
import { GetOrSet } from './get-or-set.ts'
import { checkLoadPolicy } from './load-policy.ts'
import type { GivenOptions } from './option-policies.ts'
import { OptionPolicies } from './option-policies.ts'
import { statsOf } from './report.ts'
import { ambience } from './support/ambient.ts'
import { CacheError, describe, misuse } from './support/errors.ts'
import { checkedWriteOptions, severalOf } from './write-options.ts'

// The manual operations, of a whole cache or of a part of it.

/** Raw strings know no codec: their text is read whoever wrote it. */
const anyCodec = (name: string): Codec => ({ name, encode: String, decode: (text) => text })
const jsonOnly = (name: string): Codec | undefined => (name === jsonCodec.name ? jsonCodec : undefined)

export class Namespace implements CacheNamespaceInterface {
  readonly #view: View
  readonly #policies: OptionPolicies
  readonly #getOrSet: GetOrSet

  constructor(view: View) {
    this.#view = view
    Object.defineProperty(this, viewSymbol, { value: view })
    this.#policies = new OptionPolicies(view.engine)
    this.#getOrSet = new GetOrSet(view, this.#policies)
  }

  namespace(name: string): CacheNamespaceInterface {
    checkIdentityPart(name, 'The name of a namespace')
    return new Namespace(narrowed(this.#view, name))
  }

  async get(key: string): Promise<string | null> {
    const entry = await this.#find(key, anyCodec)
    return entry === undefined ? null : payloadOf(entry)
  }

  async set(key: string, value: string, ttl?: Duration | WriteOptions): Promise<boolean> {
    if (typeof value !== 'string')
      throw misuse('CACHE_MISUSE', `set() stores strings, got ${describe(value)}: use setValue()`)
    const text: Kept = {
      value,
      form: 'text',
      immutable: true,
      frozen: false,
      plan: undefined,
      json: false,
      bytes: textBytes(value),
    }
    return await this.#write(key, text, undefined, ttl)
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
    const engine = this.#view.engine
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
    return await this.#write(key, keep(value, this.#policies.manual()), jsonCodec, ttl)
  }

  getOrSet<R>(
    key: string,
    loader: (load: LoadContext) => R | Promise<R>,
    options?: Duration | GetOrSetOptions<NoInfer<R>>,
  ): Promise<R> {
    try {
      return this.#getOrSet.read(key, loader as Loading, options as GivenOptions) as Promise<R>
    } catch (error) {
      // An async function rejects, it does not throw.
      return Promise.reject(error as Error)
    }
  }

  async delete(key: string, options?: InvalidateOptions): Promise<Invalidation> {
    return await this.deleteMany([key], options)
  }

  async deleteMany(keys: Iterable<string>, options?: InvalidateOptions): Promise<Invalidation> {
    const unique = [...new Set(severalOf(keys, 'deleteMany'))]
    unique.forEach(checkKey)
    const engine = this.#view.engine
    await engine.ready()
    return honest(await deleteKeys(this.#view, unique), options)
  }

  async invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<Invalidation> {
    checkTags(tags, 'tags')
    const engine = this.#view.engine
    await engine.ready()
    const { flights, order } = engine.reads
    order.changedAll()
    flights.tagsInvalidated()
    const outcome =
      engine.store === undefined ? 'disabled' : tags.length === 0 ? 'applied' : await engine.store.invalidateTags(tags)
    if (outcome === 'applied') flights.tagsInvalidated()
    // Nothing here knows yet which entries it has made void.
    else flights.detach()
    this.#announce({ tags }, outcome)
    return honest(outcome, options)
  }

  async clear(options?: InvalidateOptions): Promise<Invalidation> {
    const { engine, prefix } = this.#view
    await engine.ready()
    const { flights } = engine.reads
    engine.reads.order.changedAll()
    if (prefix === '') flights.fence.voidAll()
    flights.detach()
    const outcome = engine.store === undefined ? 'disabled' : await this.#clear(engine.store)
    flights.detach()
    this.#announce(prefix === '' ? 'all' : { namespace: prefix.slice(0, -1) }, outcome)
    return honest(outcome, options)
  }

  async inspect(key: string): Promise<EntryInfo | null> {
    checkKey(key)
    const view = this.#view
    await view.engine.ready()
    const tags = foreignTags({ policy: this.#policies.manual(), impliedTags: view.impliedTags })
    const read = await view.engine.store?.read(fullKey(view, key), anyCodec, tags)
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

  stats(): CacheStats {
    return statsOf(this.#view.engine)
  }

  on<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => void): () => void {
    if (!eventNames.has(event))
      throw misuse('CACHE_BAD_OPTION', `Events are ${[...eventNames].join(', ')}; got ${describe(event)}`)
    if (typeof listener !== 'function')
      throw misuse('CACHE_MISUSE', `A listener must be a function, got ${describe(listener)}`)
    return this.#view.engine.emitter.on(event, listener)
  }

  async #clear(store: Store): Promise<Invalidation> {
    const { engine, prefix, impliedTags } = this.#view
    const own = impliedTags.slice(-1)
    if (!engine.writesPlain || store.isEmbedded) return prefix === '' ? store.clear() : store.invalidateTags(own)
    const full = fullKey(this.#view, '')
    if (full === '') {
      throw misuse(
        'CACHE_MISUSE',
        "clear() of values written with wire: 'plain' needs a namespace: without one it would have to delete every key of the database",
      )
    }
    return await store.clearPrefix(full, own)
  }

  async #find(key: string, codecFor: (name: string) => Codec | undefined): Promise<Entry | undefined> {
    checkKey(key)
    const view = this.#view
    const { engine, impliedTags } = view
    await engine.ready()
    const lookup = { key: fullKey(view, key), policy: this.#policies.manual(), impliedTags }
    const entry = await engine.reads.lookups.find(lookup, codecFor)
    if (entry !== undefined && ambience.inUse) currentAmbient()?.collector?.add({ ...entry, stale: false })
    return entry
  }

  async #write(
    key: string,
    kept: Kept,
    codec: Codec | undefined,
    options: Duration | WriteOptions | undefined,
  ): Promise<boolean> {
    checkKey(key)
    const { ttl, tags } = checkedWriteOptions(options)
    const view = this.#view
    const { engine } = view
    await engine.ready()
    const { store } = engine
    const full = fullKey(view, key)
    const { fence } = engine.reads.flights
    engine.reads.order.changed(full)
    fence.void(full)
    if (store === undefined) return false
    const policy = this.#policies.ofWrite(ttl, tags)
    const written = { value: undefined, computeMs: 0, cost: 0, position: store.clockPosition, inherited: undefined }
    const marks = marksOf(written, policy, [], [...store.impliedTags, ...view.impliedTags])
    const entry = { ...newEntry(kept, policy, [], written, marks, engine.runtime), codec }
    const stored = await store.write(full, { entry, bytes: kept.bytes, plain: policy.wire === 'plain' })
    // Loads begun before the store had the value are older than it.
    fence.void(full)
    return stored
  }

  #announce(target: CacheEvents['invalidate']['target'], outcome: Invalidation): void {
    const { emitter } = this.#view.engine
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
  'limit',
])
