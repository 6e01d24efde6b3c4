// `@speedrun/cache/memcached`: the Memcached backend.

export { MemcachedBackend } from './backends/memcached/memcached-backend.ts'

export type { MemcachedBackendOptions } from './backends/memcached/options.ts'
