// Storage adapters of Keyv as they are found: some reject when they fail, some tell of it and answer as if nothing were there.
import { EventEmitter } from 'node:events'

export interface BreakableStore {
  /** From now on every call fails. */
  broken: boolean
  readonly texts: Map<string, unknown>
}

const away = new Error('the store is away')

/** Many methods, a namespace left to Keyv, no expiry. What fails rejects, or only emits 'error', as @keyv/redis does by default. */
export class ManyStore extends EventEmitter implements BreakableStore {
  readonly opts = { dialect: 'sqlite', url: 'sqlite://' }
  namespace: string | undefined
  broken = false
  readonly texts = new Map<string, unknown>()
  disconnected = 0
  readonly #isQuiet: boolean

  constructor(isQuiet: boolean) {
    super()
    this.#isQuiet = isQuiet
  }

  async get(key: string): Promise<unknown> {
    return this.#do(undefined, () => this.texts.get(key))
  }
  async getMany(keys: string[]): Promise<unknown[]> {
    return this.#do(
      keys.map(() => undefined),
      () => keys.map((key) => this.texts.get(key)),
    )
  }
  async set(key: string, value: unknown): Promise<unknown> {
    return this.#do(undefined, () => void this.texts.set(key, value))
  }
  async delete(key: string): Promise<boolean> {
    return this.#do(false, () => this.texts.delete(key))
  }
  async deleteMany(keys: string[]): Promise<boolean> {
    return this.#do(false, () => keys.map((key) => this.texts.delete(key)).some(Boolean))
  }
  async has(key: string): Promise<boolean> {
    return this.#do(false, () => this.texts.has(key))
  }
  async hasMany(keys: string[]): Promise<boolean[]> {
    return this.#do(
      keys.map(() => false),
      () => keys.map((key) => this.texts.has(key)),
    )
  }
  async clear(): Promise<void> {
    this.#do(undefined, () => this.texts.clear())
  }
  async *iterator(namespace?: string): AsyncGenerator<[string, unknown], void> {
    const pairs = this.#do([], () => [...this.texts])
    for (const pair of pairs) if (namespace === undefined || pair[0].startsWith(`${namespace}:`)) yield pair
  }
  async disconnect(): Promise<void> {
    this.disconnected++
  }

  #do<T>(nothing: T, work: () => T): T {
    if (!this.broken) return work()
    if (!this.#isQuiet) throw away
    this.emit('error', away)
    return nothing
  }
}

/** The four methods that Keyv insists on, and what they do when they fail. */
export function smallStore(): BreakableStore & {
  get(key: string): unknown
  set(key: string, value: unknown): unknown
  delete(key: string): unknown
  clear(): void
} {
  const texts = new Map<string, unknown>()
  const store = {
    texts,
    broken: false,
    get: (key: string) => work(() => texts.get(key)),
    set: (key: string, value: unknown) => work(() => void texts.set(key, value)),
    delete: (key: string) => work(() => texts.delete(key)),
    clear: () => texts.clear(),
  }
  const work = <T>(task: () => T): T => {
    if (store.broken) throw away
    return task()
  }
  return store
}
