// What turns a value into text or bytes and back, and what copies one: ours, the platform's, and that of packages.
import { deserialize, serialize } from 'node:v8'
import { builtCodec, builtCopy } from './built-files.ts'

export interface Transform {
  readonly name: string
  readonly open: () => Promise<{ encode: (value: unknown) => unknown; decode: (encoded: never) => unknown }>
}

/** For a document, what makes one copy of it. */
export interface Copier {
  readonly name: string
  readonly open: () => Promise<(document: unknown) => () => unknown>
}

export const transforms: readonly Transform[] = [
  {
    name: 'speedrun',
    open: async () => {
      const codec = await builtCodec()
      return { encode: (value) => codec.encode(value), decode: (text: string) => codec.decode(text) }
    },
  },
  {
    name: 'superjson',
    open: async () => {
      const { default: superjson } = await import('superjson')
      return { encode: (value) => superjson.stringify(value), decode: (text: string) => superjson.parse(text) }
    },
  },
  {
    name: '@keyv/serialize',
    open: async () => {
      const { defaultDeserialize, defaultSerialize } = await import('@keyv/serialize')
      return { encode: defaultSerialize, decode: (text: string) => defaultDeserialize<unknown>(text) }
    },
  },
  {
    name: 'node:v8',
    open: async () => ({ encode: serialize, decode: (bytes: Buffer) => deserialize(bytes) as unknown }),
  },
]

export const copiers: readonly Copier[] = [
  { name: 'speedrun', open: builtCopy },
  { name: 'structuredClone', open: async () => (document) => () => structuredClone(document) },
  { name: 'node:v8', open: async () => (document) => () => deserialize(serialize(document)) as unknown },
]
