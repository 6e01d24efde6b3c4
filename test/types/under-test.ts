// What the type tests test, and how they compare types, in one place.
export { cached } from '../../src/cached.ts'
export { cacheOf } from '../../src/cache-of.ts'
export { cacheManager } from '../../src/default-cache.ts'
export { withCache } from '../../src/with-cache.ts'
export type { CacheManager, CacheNamespace } from '../../src/contracts/cache-manager.ts'

/** True only for the very same type: `any` equals nothing but itself. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** `expectType<Same<A, B>>()` compiles when the types are the same. */
export declare function expectType<_Holds extends true>(): void

export interface Parsed {
  readonly pages: number
  readonly text: string
}
