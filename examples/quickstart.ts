// Twenty lines: an expensive function, cached. Run it with `npm run quickstart`.
import { cached, cacheManager, closeCache, initCache } from '@speedrun/cache'

await initCache() // Redis at REDIS_URL, else memory until Redis answers

async function parseDocument(hash: string): Promise<{ hash: string; pages: number }> {
  console.log(`parsing ${hash} ...`)
  await new Promise((resolve) => setTimeout(resolve, 500))
  return { hash, pages: 12 }
}

const parse = cached(parseDocument, {
  keyPrefix: 'document',
  ttl: '24h',
  tags: (_result, hash) => [`document:${hash}`],
})

console.log(await parse('abc123')) // runs
console.log(await parse('abc123')) // does not
console.log(await cacheManager.invalidateTags(['document:abc123']))
console.log(await parse('abc123')) // runs again
await closeCache()
