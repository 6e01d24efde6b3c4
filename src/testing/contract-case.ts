import type { Awaitable, CacheBackend } from '../contracts/backend.ts'

// What the contract suite is told of a backend, and what one outcome of it is.

/** What a backend may have beyond its six methods; see `CacheBackend`. */
export type ContractCapability = 'batch' | 'tags' | 'scan' | 'leases' | 'push' | 'link' | 'embedded' | 'ordered'

/** A backend that is open, and what the suite may do to it. */
export interface OpenedBackend {
  /** Connected, and nobody else's. The store behind it may be shared: the suite uses keys and tags of its own, and gives the tag clock new ids. */
  readonly backend: CacheBackend
  /**
   * Opens a second, connected backend of the same store, as another process would. Closed by the suite. Outcomes about several processes
   * are skipped without it, and a backend with `push` fails.
   */
  readonly another?: (() => Awaitable<CacheBackend>) | undefined
  /** Makes the store fail from now on: killed, unreachable, refusing. Outcomes about failures are skipped without it. */
  readonly breakStore?: (() => Awaitable<void>) | undefined
  /**
   * Moves the store's clock on, milliseconds, and lets happen what becomes due. With it times are held to the millisecond and nothing waits; without
   * it the suite waits real seconds, and allows a store that counts whole ones.
   */
  readonly advance?: ((ms: number) => Awaitable<void>) | undefined
  /** `Runtime.monotonic` of that clock, which `push` tells times of. Default, with `advance`: what it was moved by. */
  readonly monotonic?: (() => number) | undefined
  /** Called last, after `close()` of the backend. */
  readonly end?: (() => Awaitable<void>) | undefined
}

/** Called once per outcome. A backend alone stands for `{ backend }`. */
export type OpenBackend = () => Awaitable<OpenedBackend | CacheBackend>

/** What an outcome has to work with. */
export interface ContractBench {
  readonly backend: CacheBackend
  /** A key that nobody else uses; it ends with `name`. */
  readonly key: (name?: string) => string
  /** A capability that the outcome needs, so it is there. */
  readonly capability: <K extends Exclude<ContractCapability, 'ordered'>>(name: K) => NonNullable<CacheBackend[K]>
  /** Whether the store's clock can be moved. */
  readonly hasClock: boolean
  /** Lets time pass: at once where the clock can be moved. */
  readonly pass: (ms: number) => Promise<void>
  /** Lets time pass in small steps until `condition` holds; a violation after `limitMs` (default 12 s). */
  readonly until: (what: string, condition: () => Awaitable<boolean>, limitMs?: number) => Promise<void>
  /** See `OpenedBackend.another`. @throws the signal to skip, without it */
  readonly another: () => Promise<CacheBackend>
  /** See `OpenedBackend.breakStore`. @throws the signal to skip, without it */
  readonly breakStore: () => Promise<void>
  /** In [0, 1). */
  readonly random: () => number
  /** Milliseconds of the clock that `PushEvents.heard` counts in. */
  readonly monotonic: () => number
}

/** One thing that every backend does, or every backend with a capability. */
export interface ContractOutcome {
  /** `B-01` and so on. It never changes its meaning. */
  readonly id: string
  /** A sentence about the backend. */
  readonly title: string
  /** Checked only of backends that have it. */
  readonly needs: ContractCapability | undefined
  /** Waits for seconds, so it is run beside the others that do. */
  readonly isTimed: boolean
  /** @throws `ContractViolation` */
  readonly check: (bench: ContractBench) => Promise<void>
}

export interface OutcomeOptions {
  readonly needs?: ContractCapability
  readonly isTimed?: boolean
}

export function outcome(
  id: string,
  title: string,
  options: OutcomeOptions,
  check: (bench: ContractBench) => Promise<void>,
): ContractOutcome {
  return { id, title, needs: options.needs, isTimed: options.isTimed ?? false, check }
}
