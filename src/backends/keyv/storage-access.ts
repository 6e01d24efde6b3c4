import type { Awaitable } from '../../contracts/backend.ts'
import type { KeyvStorage } from './keyv-shapes.ts'

// A store without a Keyv around it, used as a Keyv would: the same keys (`<namespace>:<key>`) and the same text, `{"value":…,"expires":…}`,
// so that an adapter finds what it was made for, and a Keyv on the same store can read it. The time is in the text: many stores know of no
// expiry, and none knows it to the millisecond.

/** A text and when its time is over, wall-clock milliseconds; `undefined`: never. */
export interface Found {
  readonly text: string
  readonly expires: number | undefined
}

/** The little that the backend needs, of a store or of a Keyv. */
export interface Access {
  get(key: string): Awaitable<Found | undefined>
  readonly getMany: ((keys: readonly string[]) => Promise<ReadonlyArray<Found | undefined>>) | undefined
  set(key: string, found: Found, ttlMs: number): unknown
  delete(key: string): unknown
  readonly deleteMany: ((keys: readonly string[]) => Promise<unknown>) | undefined
  readonly hasMany: ((keys: readonly string[]) => Promise<boolean[]>) | undefined
  /** The keys that are there, whether or not their time is over. */
  readonly keys: (() => AsyncIterable<string>) | undefined
  disconnect(): unknown
}

export function storageAccess(storage: KeyvStorage): Access {
  const full = (key: string): string => (storage.namespace ? `${storage.namespace}:${key}` : key)
  const allFull = (keys: readonly string[]): string[] => keys.map(full)
  return {
    async get(key) {
      return readStored(await storage.get(full(key)))
    },
    getMany:
      storage.getMany === undefined
        ? undefined
        : async (keys) => ((await storage.getMany?.(allFull(keys))) ?? []).map(readStored),
    set: (key, found, ttlMs) => storage.set(full(key), writeStored(found) as never, ttlMs),
    delete: (key) => storage.delete(full(key)),
    deleteMany: storage.deleteMany === undefined ? undefined : async (keys) => storage.deleteMany?.(allFull(keys)),
    hasMany: storage.hasMany === undefined ? undefined : async (keys) => (await storage.hasMany?.(allFull(keys))) ?? [],
    keys: canIterate(storage) ? () => keysUnder(storage, storage.namespace) : undefined,
    disconnect: () => storage.disconnect?.(),
  }
}

export function canIterate(storage: KeyvStorage): boolean {
  return storage instanceof Map || typeof storage.iterator === 'function'
}

/** The keys of a namespace, without it; of none: all. */
export async function* keysUnder(storage: KeyvStorage, namespace: string | undefined): AsyncGenerator<string> {
  const prefix = namespace ? `${namespace}:` : ''
  const pairs = storage instanceof Map ? [...storage] : storage.iterator?.(storage.namespace)
  for await (const [key] of pairs ?? []) {
    if (typeof key === 'string' && key.startsWith(prefix)) yield key.slice(prefix.length)
  }
}

/** As Keyv's serializer writes it: a `:` is put before a text that begins with one, for `:base64:` begins what are bytes there. */
function writeStored({ text, expires }: Found): string {
  return JSON.stringify({ value: text.startsWith(':') ? `:${text}` : text, expires })
}

/** What is unreadable, or no text, is not ours: a miss. (An error would count against the store, and one bad entry would take it down.) */
function readStored(stored: unknown): Found | undefined {
  const data = typeof stored === 'string' ? parse(stored) : stored
  const found = readRaw(data)
  if (found === undefined || typeof stored !== 'string' || !found.text.startsWith(':')) return found
  return found.text.startsWith(':base64:') ? undefined : { ...found, text: found.text.slice(1) }
}

/** Of what Keyv calls raw data: `{ value, expires }`. */
export function readRaw(data: unknown): Found | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { value, expires } = data as { readonly value?: unknown; readonly expires?: unknown }
  if (typeof value !== 'string') return undefined
  return { text: value, expires: typeof expires === 'number' ? expires : undefined }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
