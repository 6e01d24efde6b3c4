import type { Reply } from './replies.ts'

/** The server is well and does not do this one thing; see `CacheBackend`. */
export class MemcachedRefusal extends Error {
  override readonly name: string = 'MemcachedRefusal'
  readonly refusal: boolean = true
}

/** @throws {MemcachedRefusal} for an error the server answered; its text may repeat what was sent, so only what is known of it is kept */
export function answered(reply: Reply): Reply {
  if (reply.code !== 'SERVER_ERROR') return reply
  const text = reply.words.join(' ')
  if (text.includes('too large')) {
    throw new MemcachedRefusal('The item is larger than the Memcached server takes (its option -I)')
  }
  if (text.includes('out of memory')) throw new MemcachedRefusal('The Memcached server has no memory left for the item')
  throw new MemcachedRefusal('The Memcached server answered SERVER_ERROR')
}

export function tooLarge(bytes: number, most: number): MemcachedRefusal {
  return new MemcachedRefusal(`The item has ${bytes} bytes, Memcached takes ${most} (maxItemBytes, or the server's -I)`)
}

/** Others changed the same item again and again. */
export function contended(what: string): MemcachedRefusal {
  return new MemcachedRefusal(`Too many others change ${what} at the same time`)
}
