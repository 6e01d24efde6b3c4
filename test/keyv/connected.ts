import type { CacheManager } from '../../src/index.ts'
import { until } from '../support/gate.ts'

/** Opens a cache and waits for its store: on a busy machine `init` may have gone on without. */
export async function connected(cache: CacheManager): Promise<CacheManager> {
  await cache.init()
  await until('the store answers', async () => (await cache.healthReport()).status === 'connected')
  return cache
}
