// Peers whose hits are answered by Redis and by nothing in this process: those of redis-peers.ts, but cacheable has Redis in the place of its
// memory; and keyv, for which users write the two lines themselves.
import { type Peer, ttlMs } from './peer.ts'
import { redisPeers } from './redis-peers.ts'

const withMemoryInFront = 'cacheable'

export function remoteHitPeers(url: string): readonly Peer[] {
  return [
    ...redisPeers(url).filter(({ name }) => name !== withMemoryInFront),
    {
      name: 'cacheable',
      shapes: ['cached'],
      copies: true,
      open: async () => {
        const { Cacheable } = await import('cacheable')
        const { createKeyv } = await import('@keyv/redis')
        const cache = new Cacheable({ ttl: '1h', primary: createKeyv(url) })
        return {
          wrap: (load, name) => cache.wrap(load, { ttl: '1h', keyPrefix: name }),
          close: () => cache.disconnect(),
        }
      },
    },
    {
      name: 'keyv',
      shapes: ['cached'],
      copies: true,
      open: async () => {
        const { createKeyv } = await import('@keyv/redis')
        const cache = createKeyv(url)
        return {
          wrap: (load, name) => async (id) => {
            const found: unknown = await cache.get(`${name}:${id}`)
            if (found !== undefined) return found
            const value = await load(id)
            await cache.set(`${name}:${id}`, value, ttlMs)
            return value
          },
          close: () => cache.disconnect(),
        }
      },
    },
  ]
}
