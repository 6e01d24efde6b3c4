import type { LeaseCapability, TagCapability } from '../../contracts/backend.ts'

/** What the shell needs of what `connect` opened. */
export interface MemcachedOperations {
  readonly leases: LeaseCapability
  readonly tags: TagCapability
  /** See `LinkCapability`. */
  readonly history: string | undefined
  /** Waits for the present attempt to connect; rejects when it fails, while further attempts go on. */
  start(): Promise<void>
  stop(): void
  get(keys: readonly string[]): Promise<ReadonlyArray<string | null>>
  set(key: string, value: string, ttl: number): Promise<boolean>
  /** @returns how many existed */
  delete(keys: readonly string[]): Promise<number>
  exists(key: string): Promise<boolean>
  ping(): Promise<boolean>
}
