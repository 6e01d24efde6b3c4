import { jsonCodec } from './codecs/json.ts'
import { operationKey } from './config.ts'
import type { LoadPolicy, WireFormat } from './contracts/load-policy.ts'
import type { Codec, StandardSchema } from './contracts/codec.ts'
import type { Duration } from './contracts/duration.ts'
import type { Engine } from './core/engine.ts'
import type { Policy } from './core/policy.ts'
import { toMs } from './support/duration.ts'
import { describe, misuse, outOfRange, quote } from './support/errors.ts'
import { checkOptionNames } from './support/options.ts'

// Options become a policy: numbers, plain functions, nothing left to check in a call.

/** The options of a load whatever asked for it, with callbacks in the one form `(result, args)`. */
export interface PolicySource extends LoadPolicy<never> {
  readonly ttl: Duration | ((result: unknown, args: readonly unknown[]) => Duration) | undefined
  readonly operation: string | undefined
  /** Labels statistics and events when there is no operation. */
  readonly label: string
  readonly tags: Policy['tags']
  readonly shouldCache: Policy['shouldCache']
  readonly cost: Policy['cost']
}

/** What `cached` and `getOrSet` both take. */
export const loadPolicyNames: ReadonlyArray<keyof LoadPolicy<unknown>> = [
  'swr',
  'staleIfError',
  'softTimeout',
  'hardTimeout',
  'refreshAhead',
  'jitter',
  'cacheErrors',
  'schema',
  'codec',
  'isolation',
  'wire',
  'expectMiss',
  'deafFor',
]
const errorPolicyNames: ReadonlySet<string> = new Set(['ttl', 'when'])
/** What bare JSON has no place for. */
const envelopeOnly = ['swr', 'staleIfError', 'softTimeout', 'refreshAhead'] as const

/** Everything of a policy that can be wrong is found here, at definition, whether or not there is a cache yet. */
export function checkLoadPolicy(options: LoadPolicy<never>): void {
  const { jitter, hardTimeout, swr, staleIfError, softTimeout, refreshAhead } = options
  const { schema, codec, isolation, cacheErrors, wire, expectMiss, deafFor } = options
  const windows = { swr, staleIfError, softTimeout, hardTimeout, deafFor }
  for (const [name, value] of Object.entries(windows)) if (value !== undefined) toMs(value, name, 'zero-is-off')
  // Within swr nobody waits for a load.
  const waits = toMs(staleIfError ?? 0, 'staleIfError', 'zero-is-off') > toMs(swr ?? 0, 'swr', 'zero-is-off')
  if (toMs(softTimeout ?? 0, 'softTimeout', 'zero-is-off') > 0 && !waits) {
    throw misuse(
      'CACHE_BAD_OPTION',
      'softTimeout needs a staleIfError that is longer than swr: without a stale value there is nothing to answer with',
    )
  }
  for (const [name, value] of Object.entries({ refreshAhead, expectMiss })) {
    if (value !== undefined && typeof value !== 'boolean') {
      throw misuse('CACHE_BAD_OPTION', `${name} must be true or false, got ${quote(value)}`)
    }
  }
  if (jitter !== undefined && !(typeof jitter === 'number' && jitter >= 0 && jitter <= 1)) {
    throw outOfRange('CACHE_BAD_OPTION', `jitter must be a number from 0 to 1, got ${quote(jitter)}`)
  }
  if (isolation !== undefined && isolation !== 'copy' && isolation !== 'frozen') {
    throw misuse('CACHE_BAD_OPTION', `isolation must be 'copy' or 'frozen', got ${quote(isolation)}`)
  }
  if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function') {
    throw misuse(
      'CACHE_BAD_OPTION',
      `schema must be a Standard Schema (zod, valibot, arktype, ...), got ${describe(schema)}`,
    )
  }
  if (codec !== undefined) checkCodec(codec)
  if (cacheErrors !== undefined) checkErrorPolicy(cacheErrors)
  checkWire(wire, options)
}

export function checkCost(cost: unknown): void {
  if (typeof cost !== 'function' && !(typeof cost === 'number' && cost >= 0 && cost < Infinity)) {
    throw misuse('CACHE_BAD_OPTION', `cost must be a number, zero or more, or a function, got ${quote(cost)}`)
  }
}

function checkErrorPolicy(cacheErrors: NonNullable<LoadPolicy<never>['cacheErrors']>): void {
  checkOptionNames(cacheErrors, errorPolicyNames, 'cacheErrors')
  toMs(cacheErrors.ttl, 'cacheErrors.ttl')
  if (typeof cacheErrors.when !== 'function') {
    throw misuse(
      'CACHE_BAD_OPTION',
      `cacheErrors.when must be a function that says which errors are remembered, got ${quote(cacheErrors.when)}`,
    )
  }
}

function checkWire(wire: unknown, options: LoadPolicy<never>): void {
  if (wire !== undefined && wire !== 'envelope' && wire !== 'plain') {
    throw misuse('CACHE_BAD_OPTION', `wire must be 'envelope' or 'plain', got ${quote(wire)}`)
  }
  const lost = wire === 'plain' ? envelopeOnly.find((name) => Boolean(options[name])) : undefined
  if (lost !== undefined) {
    throw misuse('CACHE_BAD_OPTION', `wire: 'plain' keeps nothing but the ttl: ${lost} cannot go with it`)
  }
}

function checkCodec(codec: Partial<Codec<never>>): void {
  if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function') {
    throw misuse('CACHE_BAD_OPTION', `codec must have the methods encode and decode, got ${describe(codec)}`)
  }
  if (
    typeof codec.name !== 'string' ||
    !/^[\w./+-]{1,64}$/.test(codec.name) ||
    codec.name === 'raw' ||
    codec.name === jsonCodec.name
  ) {
    throw misuse(
      'CACHE_BAD_OPTION',
      `codec must have a name of 1 to 64 letters, digits and . _ - / + that is not 'raw' or 'json', got ${quote(codec.name)}`,
    )
  }
}

export function resolvePolicy(source: PolicySource, engine: Engine): Policy {
  const operation = source.operation ?? source.label
  const { ttl, cacheErrors } = source
  const codec = (source.codec as Codec | undefined) ?? jsonCodec
  return {
    operation,
    counters: engine.statistics.of(operation),
    ttlMs:
      typeof ttl === 'function'
        ? (result, args) => toMs(ttl(result, args), 'The result of ttl')
        : ttl === undefined
          ? engine.ttlMsOf(source.operation === undefined ? undefined : operationKey(source.operation))
          : toMs(ttl, 'ttl'),
    swrMs: toMs(source.swr ?? 0, 'swr', 'zero-is-off'),
    staleIfErrorMs: toMs(source.staleIfError ?? 0, 'staleIfError', 'zero-is-off'),
    softTimeoutMs: timeoutMs(source.softTimeout, 'softTimeout'),
    hardTimeoutMs: timeoutMs(source.hardTimeout, 'hardTimeout'),
    refreshAhead: source.refreshAhead ?? false,
    jitter: source.jitter ?? 0,
    cacheErrors:
      cacheErrors === undefined
        ? undefined
        : { ttlMs: toMs(cacheErrors.ttl, 'cacheErrors.ttl'), when: (error) => cacheErrors.when(error) },
    tags: source.tags,
    shouldCache: source.shouldCache,
    cost: source.cost,
    schema: source.schema as StandardSchema | undefined,
    codec,
    codecFor: (name) => (name === codec.name ? codec : undefined),
    customCodec: source.codec !== undefined,
    isolation: source.isolation ?? 'copy',
    wire: wireOf(source, engine, operation),
    expectMiss: source.expectMiss ?? false,
    deafForMs: toMs(source.deafFor ?? 0, 'deafFor', 'zero-is-off'),
  }
}

/** What needs more than a ttl keeps its header even where plain is the rule: a tag that is nowhere could not be invalidated. */
function wireOf(source: PolicySource, engine: Engine, operation: string): WireFormat {
  if (source.wire === undefined && engine.settings?.wire !== 'plain') return 'envelope'
  if (source.wire === 'envelope') return 'envelope'
  const tagged = typeof source.tags === 'function' || source.tags.length > 0
  const needsHeader = tagged || envelopeOnly.some((name) => Boolean(source[name]))
  if (needsHeader) {
    engine.emitter.log.warn(
      'cache',
      `Entries of '${operation}' are written with a header: plain JSON keeps no tags and windows`,
    )
    return 'envelope'
  }
  engine.writesPlain = true
  return 'plain'
}

function timeoutMs(duration: Duration | undefined, what: string): number {
  const ms = toMs(duration ?? 0, what, 'zero-is-off')
  return ms === 0 ? Infinity : ms
}
