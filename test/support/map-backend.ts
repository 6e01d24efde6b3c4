// The smallest backend there is: six methods over a Map. In three kinds, because a manager must not care: synchronous, asynchronous, and
// asynchronous with answers that a test releases by hand.
import type { CacheBackend } from '../../src/index.ts'

export function mapBackend(): CacheBackend & { readonly texts: Map<string, string> } {
  const texts = new Map<string, string>()
  return {
    texts,
    get: (key) => texts.get(key),
    set: (key, value) => {
      texts.set(key, value)
      return true
    },
    delete: (key) => texts.delete(key),
    exists: (key) => texts.has(key),
    ping: () => true,
    close: () => {},
  }
}

export function asyncMapBackend(): CacheBackend & { readonly texts: Map<string, string> } {
  const { texts } = mapBackend()
  return {
    texts,
    get: async (key) => texts.get(key) ?? null,
    set: async (key, value) => {
      texts.set(key, value)
      return true
    },
    delete: async (key) => texts.delete(key),
    exists: async (key) => texts.has(key),
    ping: async () => true,
    close: async () => {},
  }
}
