// Runs once before all test files: finds the Redis server binary, starts one server that all tests may share, and keeps
// the developer's own settings (REDIS_URL, CACHE_TTL_OCR, …) from changing what the tests see.
import { type RedisServer, startRedis } from './redis-server.ts'
import { findRedis } from '../../scripts/find-redis.mjs'

export default async function setUp(): Promise<() => Promise<void>> {
  const given = process.env['REDIS_URL']
  for (const name of Object.keys(process.env)) {
    if (/^(?:REDIS|CACHE)_/.test(name)) delete process.env[name]
  }

  let own: RedisServer | undefined
  if (given) {
    process.env['TEST_REDIS_URL'] = given
    // Tests that kill or freeze a server start their own and say themselves when there is no binary for it.
    const binaries = await findRedis().catch(() => undefined)
    console.log(
      `Redis: the server of REDIS_URL; tests that kill servers use ${binaries?.server ?? 'none: they will fail'}`,
    )
  } else {
    const binaries = await findRedis()
    own = await startRedis()
    process.env['TEST_REDIS_URL'] = own.url
    console.log(`Redis: ${binaries.server} (${binaries.source}), own server on port ${own.port}`)
  }
  return async () => own?.stop()
}
