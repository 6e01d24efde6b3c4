import type { Entry } from '../contracts/entry.ts'
import type { Runtime } from '../contracts/runtime.ts'
import type { Account } from './account.ts'
import type { Call } from './call.ts'
import type { Fence } from './fence.ts'
import type { Read } from './found.ts'
import { freshnessOf } from './freshness.ts'
import { readable, textBytes } from './isolation.ts'
import type { CodecLookup } from './judge.ts'
import type { Serving } from './serving.ts'
import type { Store } from './store.ts'

// Reads that load nothing.

/** A call that loads nothing. */
export type Lookup = Pick<Call, 'key' | 'policy' | 'impliedTags'>

export interface LookupsOptions {
  readonly runtime: Runtime
  readonly account: Account
  readonly serving: Serving
  readonly fence: Fence
  readonly store: () => Store | undefined
}

export class Lookups {
  readonly #options: LookupsOptions

  constructor(options: LookupsOptions) {
    this.#options = options
  }

  /** What the store has under a key, whatever its freshness. */
  async find(call: Lookup, codecFor: CodecLookup): Promise<Entry | undefined> {
    const { account } = this.#options
    const store = this.#options.store()
    if (store === undefined) return undefined
    const { key } = call
    const tags = foreignTags(call)
    const read = store.readNow(key, codecFor, tags) ?? (await this.#readAndKeep(call, store, codecFor))
    if (read.entry === undefined) return account.miss(call, read.reason)
    const now = this.#options.runtime.now()
    // A manual read knows no windows: what is past its ttl is not there.
    if (now >= read.entry.staleAt) return account.miss(call, 'expired')
    account.hit(call, { ...read.entry, source: read.source, stale: false })
    return read.entry
  }

  async #readAndKeep(call: Lookup, store: Store, codecFor: CodecLookup): Promise<Read> {
    const { fence } = this.#options
    const token = fence.take(call.key)
    const read = await store.read(call.key, codecFor, foreignTags(call))
    fence.release(token)
    // As the text it came as: who asks in this way takes it as that. A value of another program ends when only the store knows.
    const { entry } = read
    if (entry?.clockId !== undefined) store.keep(call.key, { entry, bytes: textBytes(entry.value as string) }, token)
    return read
  }

  /** The value if this process' memory could serve it now. */
  peek(call: Lookup): unknown {
    const { policy, key } = call
    const here = this.#options.store()?.readNow(key, policy.codecFor, foreignTags(call))
    if (here?.entry === undefined || !this.#options.serving.isGuarded(here.entry, policy)) return undefined
    const { runtime } = this.#options
    // 0: peeking begins no load, so it draws for none.
    const freshness = freshnessOf(here.entry, policy, runtime.now(), () => 0)
    return freshness === 'fresh' || freshness === 'stale' ? readable(here.entry, policy)?.value : undefined
  }
}

/** What a value without our header counts as tagged with. Where they are the rule, `clear` deletes them, and stamps nothing they carry. */
export function foreignTags({ policy, impliedTags }: Omit<Lookup, 'key'>): readonly string[] | undefined {
  return policy.wire === 'plain' ? undefined : impliedTags
}
