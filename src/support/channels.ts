import { channel } from 'node:diagnostics_channel'
import type { CacheEvents } from '../contracts/events.ts'

// The events of all caches of the process on Node's diagnostics channels, for tools that no code of the application knows of:
// `speedrun-cache:hit`, `speedrun-cache:miss` and so on. Nothing is built unless somebody subscribed.
// https://nodejs.org/api/diagnostics_channel.html

interface EventChannel<T> {
  readonly hasSubscribers: boolean
  publish(event: T): void
}

export const channels: { readonly [E in keyof CacheEvents]: EventChannel<CacheEvents[E]> } = {
  hit: channel('speedrun-cache:hit'),
  miss: channel('speedrun-cache:miss'),
  load: channel('speedrun-cache:load'),
  invalidate: channel('speedrun-cache:invalidate'),
  state: channel('speedrun-cache:state'),
  problem: channel('speedrun-cache:problem'),
  limit: channel('speedrun-cache:limit'),
}
