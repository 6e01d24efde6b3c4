// How `values` measures: documents of one size, one after the other, through encode, decode or copy. The floors are the native
// JSON functions on the same documents.
import { isDeepStrictEqual } from 'node:util'
import { type Document, makeDocument } from '../documents.ts'
import { type Subject, type Trial, trial } from '../harness/suite.ts'
import type { Copier, Transform } from './transforms.ts'

export type Size = '1 KB' | '100 KB' | '5 MB'

const sizes: Readonly<Record<Size, { readonly bytes: number; readonly documents: number }>> = {
  '1 KB': { bytes: 1000, documents: 64 },
  '100 KB': { bytes: 100_000, documents: 4 },
  '5 MB': { bytes: 5_000_000, documents: 1 },
}

export function documentsOf(size: Size): readonly Document[] {
  const { bytes, documents } = sizes[size]
  return Array.from({ length: documents }, (_, index) => makeDocument(bytes, index + 1))
}

/** Flat, whatever `JSON.stringify` builds it from. */
export function jsonOf(document: Document): string {
  return Buffer.from(JSON.stringify(document)).toString()
}

/** The trial of a function of one input; `back` of what it returns is the document again. */
function overDocuments<I>(
  size: Size,
  inputOf: (document: Document) => I,
  call: (input: I) => unknown,
  back: (result: unknown) => unknown,
): Trial {
  const documents = documentsOf(size)
  const made = documents.map(inputOf)
  return trial<I>({
    awaits: false,
    inputs: (count) => Array.from({ length: count }, (_, index) => made[index % made.length] as I),
    call,
    check: () => {
      for (const [index, document] of documents.entries()) {
        const result = call(made[index] as I)
        if (result === document || !isDeepStrictEqual(back(result), document)) throw new Error('wrong result')
      }
    },
  })
}

const same = (value: unknown): unknown => value
const native = {
  encode: (value: unknown) => JSON.stringify(value),
  decode: (text: string) => JSON.parse(text) as unknown,
}

export function encodeSubject(size: Size, { name, open }: Transform): Subject {
  return {
    name,
    open: async () => {
      const { encode, decode } = await open()
      return overDocuments<Document>(size, (document) => document, encode, decode as (text: unknown) => unknown)
    },
  }
}

export function decodeSubject(size: Size, { name, open }: Transform): Subject {
  return {
    name,
    open: async () => {
      const { encode, decode } = await open()
      return overDocuments(size, encode as (document: Document) => never, decode, same)
    },
  }
}

export function copySubject(size: Size, { name, open }: Copier): Subject {
  return {
    name,
    open: async () => {
      const copierOf = await open()
      return overDocuments<() => unknown>(size, copierOf, (copy) => copy(), same)
    },
  }
}

export function encodeFloor(size: Size): Subject {
  return encodeSubject(size, { name: 'floor', open: async () => native })
}

export function decodeFloor(size: Size): Subject {
  return {
    name: 'floor',
    open: () => overDocuments<string>(size, jsonOf, native.decode, same),
  }
}
