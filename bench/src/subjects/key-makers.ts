// What makes a key from arguments: ours, and what people use where a cache leaves that to them. A maker takes part only in cases
// in which it tells different arguments apart and equal ones not; that is checked before it is measured.
import { createHash } from 'node:crypto'

export type ArgumentKind =
  'short string' | 'number' | 'object of 5 fields' | 'nested options' | '100 KB buffer' | 'Map and Date'

export interface KeyMaker {
  readonly name: string
  readonly not?: readonly ArgumentKind[]
  readonly open: () => Promise<(argument: never) => string>
}

export const keyMakers: readonly KeyMaker[] = [
  {
    name: 'speedrun keyFor',
    open: async () => {
      const { cached, createCache, MemoryBackend } = await import('@speedrun/cache')
      const manager = createCache({ backend: new MemoryBackend(), env: {} })
      const fn = cached(async (argument: unknown) => argument, {
        manager,
        keyPrefix: 'document',
        name: 'parse',
        ttl: '1h',
      })
      return (argument: unknown) => fn.keyFor(argument)
    },
  },
  {
    name: 'ohash',
    open: async () => {
      const { hash } = await import('ohash')
      return (argument: unknown) => hash(argument)
    },
  },
  {
    name: 'ohash serialize',
    open: async () => {
      const { serialize } = await import('ohash')
      return (argument: unknown) => serialize(argument)
    },
  },
  {
    name: 'object-hash',
    open: async () => {
      const { default: hash } = await import('object-hash')
      return (argument: unknown) => hash(argument)
    },
  },
  {
    name: 'superjson',
    // Not in sorted order: only arguments written in the same order get the same key.
    open: async () => {
      const { default: superjson } = await import('superjson')
      return (argument: unknown) => superjson.stringify(argument)
    },
  },
  {
    name: 'safe-stable-stringify',
    // A Map is {} for it.
    not: ['Map and Date'],
    open: async () => {
      const { default: stringify } = await import('safe-stable-stringify')
      return (argument: unknown) => String(stringify(argument))
    },
  },
]

/** `JSON.stringify` of the arguments; for bytes, their SHA-256. */
export function floorMaker(kind: ArgumentKind): (argument: never) => string {
  if (kind === '100 KB buffer') return (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
  return (argument: unknown) => JSON.stringify([argument])
}
