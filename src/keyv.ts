// What a user of `@speedrun/cache/keyv` imports: the stores of Keyv as a backend, a cache as a store of Keyv, and a cache in the shape of
// cache-manager.

export { keyvBackend } from './backends/keyv/keyv-backend.ts'
export { keyvStore } from './plugins/keyv-store.ts'
export { compatibleCache } from './plugins/compatible-cache.ts'

export type { KeyvBackendOptions } from './backends/keyv/keyv-backend.ts'
export type { KeyvInstance, KeyvStorage } from './backends/keyv/keyv-shapes.ts'
export type { KeyvStore, KeyvStoreOptions } from './plugins/keyv-store.ts'
export type { CompatibleCacheOptions } from './plugins/compatible-cache.ts'
export type {
  CompatibleCache,
  CompatibleEvents,
  EntryToSet,
  LifeOption,
  RawEntry,
  WrapOptions,
} from './plugins/compatible-shape.ts'
