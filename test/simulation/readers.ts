// The functions that a process calls, cached in one of several ways.
import type { CachedFunction, CacheManager } from '../../src/index.ts'
import type { Library } from './library.ts'
import type { Outer, Value } from './source.ts'
import { outerKey, tagsOf } from './source.ts'

export type Reader = CachedFunction<(key: string, signal?: AbortSignal) => Promise<Value>>

export interface Readers {
  readonly of: ReadonlyMap<string, Reader>
  /** Made by the schedules that call it: it switches something on for the whole process. */
  readonly outer: () => Promise<Outer>
  readonly invalidateOuter: () => Promise<unknown>
}

export interface Policy {
  /** Of a value, from its load to its end, whatever stands in for whom; milliseconds. */
  readonly longestMs: number
  readonly mayTimeOut: boolean
}

const options = [
  { ttl: '10m', isolation: 'frozen' },
  { ttl: '5s', isolation: 'copy', swr: '2s', staleIfError: '10s', refreshAhead: true },
  { ttl: '10m', isolation: 'copy', hardTimeout: '4s', expectMiss: true },
  { ttl: '5s', isolation: 'frozen', staleIfError: '10s', softTimeout: '50ms' },
] as const

export const policyOf = (index: number): Policy =>
  index === 0 || index === 2
    ? { longestMs: 600_000, mayTimeOut: index === 2 }
    : { longestMs: 15_000, mayTimeOut: false }

export function readersOf(
  { cached }: Pick<Library, 'cached'>,
  manager: CacheManager,
  load: (key: string) => Promise<Value>,
  index: number,
): Readers {
  const policy = { ...options[index], manager }
  const reader = (name: string, tags: readonly string[] | ((value: Value) => readonly string[])): Reader =>
    cached(async (key: string, _signal?: AbortSignal): Promise<Value> => await load(key), {
      ...policy,
      keyPrefix: 'simulated',
      name,
      tags,
    })
  const tagged = reader('tagged', tagsOf['k0'] ?? [])
  // Tags that are known when the value is.
  const late = reader('late', ({ key }) => tagsOf[key] ?? [])
  let outer: CachedFunction<() => Promise<Outer>> | undefined
  const outerOf = (): CachedFunction<() => Promise<Outer>> =>
    (outer ??= cached(async (): Promise<Outer> => ({ parts: [await tagged('k0'), await late('k1')] }), {
      ttl: '10m',
      manager,
      name: 'simulated-outer',
      key: () => outerKey,
      inheritTags: true,
    }))
  return {
    of: new Map([
      ['k0', tagged],
      ['k1', late],
      ['p', reader('plain', [])],
      ['w', late],
    ]),
    outer: () => outerOf()(),
    invalidateOuter: () => outerOf().invalidate(),
  }
}
