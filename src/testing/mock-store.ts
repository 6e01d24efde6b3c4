import type { FillAnswer, LeaseAnswer, LeaseRequest, TagDelta, TagPosition } from '../contracts/backend.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { systemRuntime } from '../support/runtime.ts'

// A shared store in this process' memory, for tests of what happens between several processes: each mock backend that is given it is one of
// them. It does all at once, in the order of the calls, and keeps every rule of the backend contract: leases with a fence, a tag clock, and word of each
// change to those who have read.

/** Whoever reads from the store, and is told. */
export interface StoreReader {
  /** The keys it is told of: those it has read since their last change. */
  readonly follows: Set<string>
  changed(keys: readonly string[]): void
  tagsChanged(): void
}

/** What a mock backend needs of it. Make it with `createMockStore`. */
export interface MockStore {
  readonly runtime: Runtime
  readonly readers: Set<StoreReader>
  /** What is stored and has not ended. */
  readonly texts: ReadonlyMap<string, string>
  get(key: string, reader: StoreReader): string | null
  set(key: string, value: string, ttl: number, writer: StoreReader): void
  delete(key: string, writer: StoreReader): boolean
  exists(key: string): boolean
  keys(prefix: string): string[]
  acquire(key: string, request: LeaseRequest, reader: StoreReader): LeaseAnswer
  renew(key: string, token: string, leaseMs: number, reader: StoreReader): boolean
  fill(key: string, value: string, ttl: number, token: string, writer: StoreReader): FillAnswer
  release(key: string, token: string, pauseMs: number | undefined, writer: StoreReader): void
  readTags(since: TagPosition | undefined): TagDelta
  stampTags(tags: readonly string[], since: TagPosition | undefined, writer: StoreReader): TagDelta
  renewTags(emptied: boolean, writer: StoreReader): TagDelta
}

interface Kept {
  readonly text: string
  readonly endsAt: number
}

interface Lease {
  /** `undefined`: nobody holds it, a load failed. */
  readonly token: string | undefined
  readonly endsAt: number
}

/** @param runtime the store's clock. Default: the real one */
export function createMockStore(runtime: Runtime = systemRuntime): MockStore {
  const kept = new Map<string, Kept>()
  const leases = new Map<string, Lease>()
  const stamps = new Map<string, number>()
  const readers = new Set<StoreReader>()
  let highest = 0
  let clockId = newId('0')

  function newId(before: '0' | '1'): string {
    const part = (): string => Math.floor(runtime.random() * 2 ** 40).toString(36)
    return `${before}-${part()}${part()}`
  }

  const tell = (key: string, by?: StoreReader): void => {
    for (const reader of readers) if (reader !== by && reader.follows.delete(key)) reader.changed([key])
  }

  const tellTags = (by: StoreReader): void => {
    for (const reader of readers) if (reader !== by) reader.tagsChanged()
  }

  const textOf = (key: string): string | undefined => {
    const found = kept.get(key)
    if (found === undefined) return undefined
    if (runtime.now() < found.endsAt) return found.text
    kept.delete(key)
    tell(key)
    return undefined
  }

  const leaseOf = (key: string): Lease | undefined => {
    const lease = leases.get(key)
    if (lease === undefined || runtime.now() < lease.endsAt) return lease
    leases.delete(key)
    tell(key)
    return undefined
  }

  const put = (key: string, text: string, ttl: number, by: StoreReader): void => {
    kept.set(key, { text, endsAt: runtime.now() + ttl * 1000 })
    leases.delete(key)
    tell(key, by)
  }

  const delta = (since: TagPosition | undefined): TagDelta => ({
    id: clockId,
    floor: 0,
    stamps: [...stamps].filter(([, stamp]) => since?.id !== clockId || stamp > since.mark),
  })

  return {
    runtime,
    readers,
    get texts() {
      return new Map(
        [...kept.keys()].flatMap((key) => (textOf(key) === undefined ? [] : [[key, textOf(key) as string]])),
      )
    },
    get(key, reader) {
      reader.follows.add(key)
      return textOf(key) ?? null
    },
    set: put,
    delete(key, writer) {
      const existed = textOf(key) !== undefined
      kept.delete(key)
      leases.delete(key)
      // Also where nothing was: somebody may be loading.
      tell(key, writer)
      return existed
    },
    exists: (key) => textOf(key) !== undefined,
    keys: (prefix) => [...kept.keys()].filter((key) => key.startsWith(prefix) && textOf(key) !== undefined),

    acquire(key, { token, leaseMs, seen, despite }, reader) {
      reader.follows.add(key)
      const text = textOf(key)
      const lease = leaseOf(key)
      if (despite !== 'anyone') {
        const isKnown = text === undefined ? seen === undefined : seen !== undefined && text.startsWith(seen)
        if (!isKnown) return { kind: 'changed' }
        const waitMs = Math.max(1, (lease?.endsAt ?? 0) - runtime.now())
        if (lease?.token !== undefined) return { kind: 'held', waitMs, holder: lease.token }
        if (lease !== undefined && despite === 'nothing') return { kind: 'paused', waitMs }
      }
      leases.set(key, { token, endsAt: runtime.now() + leaseMs })
      tell(key, reader)
      reader.follows.add(key)
      return { kind: 'granted' }
    },
    renew(key, token, leaseMs, reader) {
      if (leaseOf(key)?.token !== token) return false
      leases.set(key, { token, endsAt: runtime.now() + leaseMs })
      tell(key, reader)
      return true
    },
    fill(key, value, ttl, token, writer) {
      if (leaseOf(key)?.token !== token) return 'fenced'
      put(key, value, ttl, writer)
      writer.follows.add(key)
      return 'followed'
    },
    release(key, token, pauseMs, writer) {
      if (leaseOf(key)?.token !== token) return
      if (pauseMs === undefined) leases.delete(key)
      else leases.set(key, { token: undefined, endsAt: runtime.now() + pauseMs })
      tell(key, writer)
    },

    readTags: delta,
    stampTags(tags, since, writer) {
      highest = Math.max(highest + 1, Math.floor(runtime.now() * 1000))
      for (const tag of tags) stamps.set(tag, highest)
      tellTags(writer)
      return delta(since)
    },
    renewTags(emptied, writer) {
      clockId = newId(emptied ? '0' : '1')
      stamps.clear()
      tellTags(writer)
      return delta(undefined)
    },
  }
}
