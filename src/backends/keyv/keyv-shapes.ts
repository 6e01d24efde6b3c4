import { describe, misuse } from '../../support/errors.ts'

// What is asked of a Keyv and of the stores it takes, by shape: the package is the application's, in whatever version it has.

/** Whatever tells of errors by an event. */
export interface Emitting {
  on?(event: 'error', listener: (error: unknown) => void): unknown
}

/** A storage adapter of Keyv, or a `Map`. Times are milliseconds. */
export interface KeyvStorage extends Emitting {
  readonly namespace?: string | undefined
  get(key: string): unknown
  set(key: string, value: never, ttl?: number): unknown
  delete(key: string): unknown
  getMany?(keys: string[]): Promise<readonly unknown[]>
  deleteMany?(keys: string[]): Promise<unknown>
  hasMany?(keys: string[]): Promise<boolean[]>
  /** Of an adapter: pairs of key and stored value. */
  iterator?(namespace?: string): AsyncIterable<readonly unknown[]>
  disconnect?(): unknown
}

/** A `Keyv`, 4 or 5. */
export interface KeyvInstance extends Emitting {
  readonly opts: object
  readonly namespace?: string | undefined
  /** Default: `true`. */
  readonly useKeyPrefix?: boolean | undefined
  throwOnErrors?: boolean
  get(key: string, options: { readonly raw: true }): Promise<unknown>
  /** From 5.3. */
  getRaw?(key: string): Promise<unknown>
  getMany?(keys: string[], options: { readonly raw: true }): Promise<readonly unknown[]>
  set(key: string, value: string, ttl?: number): Promise<unknown>
  delete(key: string): Promise<unknown>
  deleteMany?(keys: string[]): Promise<unknown>
  hasMany?(keys: string[]): Promise<boolean[]>
  deserializeData?(data: never): Promise<unknown>
  disconnect?(): Promise<void>
}

/** What a `Keyv` keeps of its options. */
interface KeyvState {
  readonly store: KeyvStorage
  readonly emitErrors?: boolean | undefined
  readonly namespace?: string | undefined
}

export function stateOf(keyv: KeyvInstance): KeyvState {
  return keyv.opts as KeyvState
}

const needed = ['get', 'set', 'delete'] as const

/** @throws {TypeError} `CACHE_BAD_OPTION` for what has not the three methods */
export function checkStorage(storage: unknown): asserts storage is KeyvStorage | KeyvInstance {
  const missing = isObject(storage) ? needed.filter((method) => typeof storage[method] !== 'function') : needed
  if (missing.length === 0) return
  throw misuse(
    'CACHE_BAD_OPTION',
    `keyvBackend() takes a Keyv, a storage adapter of Keyv or a Map, got ${describe(storage)} without ${missing.join(', ')}`,
  )
}

/** A `Keyv` has its store among its options; a store has none. */
export function isKeyv(storage: KeyvStorage | KeyvInstance): storage is KeyvInstance {
  const { opts } = storage as { readonly opts?: unknown }
  return isObject(opts) && isObject(opts['store']) && typeof opts['store']['get'] === 'function'
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
