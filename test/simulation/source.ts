// What is cached: keys, their tags, and values that say which version of their source they were made from.

export interface Value {
  readonly key: string
  version: number
  readonly kinds: { readonly at: Date; readonly all: ReadonlySet<number>; readonly big: bigint } | undefined
}

export interface Outer {
  readonly parts: readonly Value[]
}

/** Tagged, tagged otherwise, not tagged and written by other programs too, and one that one process sets. */
export const keys = ['k0', 'k1', 'p', 'w'] as const
/** A text that all read and write. */
export const rawKey = 'r'
/** What is made from others. */
export const outerKey = 'o'

export const tagsOf: Readonly<Record<string, readonly string[]>> = {
  k0: ['all', 'even'],
  k1: ['all'],
  p: [],
  w: ['all'],
}

/** Every other one with what a plain encoding would lose, so that a hit that differs from its miss is seen. */
export function valueOf(key: string, version: number): Value {
  return version % 2 === 0
    ? { key, version, kinds: undefined }
    : { key, version, kinds: { at: new Date(version), all: new Set([version]), big: BigInt(version) } }
}

export class LoaderFailed extends Error {}
