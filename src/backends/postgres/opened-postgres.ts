import type { LeaseCapability, TagCapability } from '../../contracts/backend.ts'

/** What the shell needs of an open connection. */
export interface OpenedPostgres {
  readonly tags: Required<TagCapability>
  readonly leases: LeaseCapability
  /** See `PushCapability.isOn`. */
  readonly follows: boolean
  /** See `LinkCapability`. */
  readonly history: string | undefined
  readonly limits: readonly string[]
  /** Waits for the present attempt to connect; rejects when it fails, while further attempts go on. */
  start(): Promise<void>
  stop(): Promise<void>
  get(keys: readonly string[]): Promise<ReadonlyArray<string | null>>
  set(key: string, value: string, ttl: number): Promise<boolean>
  /** @returns how many existed */
  delete(keys: readonly string[]): Promise<number>
  exists(key: string): Promise<boolean>
  /** Pages of keys that begin with `prefix`. */
  scan(prefix: string): AsyncIterable<readonly string[]>
  ping(): Promise<boolean>
}
