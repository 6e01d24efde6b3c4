// The Redis server that all test files share. Use keys or a namespace of your own: others read and write beside you.
// A test that stops, freezes or fills a server starts its own: redis-server.ts.

/** The server's URL: the developer's REDIS_URL, else one started for this run. */
export function sharedRedisUrl(): string {
  const url = process.env['TEST_REDIS_URL']
  if (url === undefined) throw new Error('TEST_REDIS_URL is not set: the global set-up of the tests has not run')
  return url
}
