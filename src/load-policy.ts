import { jsonCodec } from './codecs/json.ts'
import { operationKey } from './config.ts'
import type { LoadPolicy } from './contracts/load-policy.ts'
import type { Codec, StandardSchema } from './contracts/codec.ts'
import type { Duration } from './contracts/duration.ts'
import type { Engine } from './core/engine.ts'
import type { Policy } from './core/policy.ts'
import { toMs } from './support/duration.ts'
import { describe, misuse, outOfRange, quote } from './support/errors.ts'

// Options become a policy: numbers, plain functions, nothing left to check in a call.

/** The options of a load whatever asked for it, with callbacks in the one form `(result, args)`. */
export interface PolicySource extends LoadPolicy<never> {
  readonly ttl: Duration | ((result: unknown, args: readonly unknown[]) => Duration) | undefined
  readonly operation: string | undefined
  /** Labels statistics and events when there is no operation. */
  readonly label: string
  readonly tags: Policy['tags']
  readonly shouldCache: Policy['shouldCache']
}

/** Everything of a policy that can be wrong is found here, at definition, whether or not there is a cache yet. */
export function checkLoadPolicy(options: LoadPolicy<never>): void {
  const { jitter, hardTimeout, schema, codec, isolation } = options
  if (hardTimeout !== undefined) toMs(hardTimeout, 'hardTimeout', 'zero-is-off')
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
  const { ttl, hardTimeout } = source
  const hardTimeoutMs = hardTimeout === undefined ? 0 : toMs(hardTimeout, 'hardTimeout', 'zero-is-off')
  return {
    operation,
    counters: engine.statistics.of(operation),
    ttlMs:
      typeof ttl === 'function'
        ? (result, args) => toMs(ttl(result, args), 'The result of ttl')
        : ttl === undefined
          ? engine.ttlMsOf(source.operation === undefined ? undefined : operationKey(source.operation))
          : toMs(ttl, 'ttl'),
    jitter: source.jitter ?? 0,
    hardTimeoutMs: hardTimeoutMs === 0 ? Infinity : hardTimeoutMs,
    tags: source.tags,
    shouldCache: source.shouldCache,
    schema: source.schema as StandardSchema | undefined,
    codec: (source.codec as Codec | undefined) ?? jsonCodec,
    customCodec: source.codec !== undefined,
    isolation: source.isolation ?? 'copy',
  }
}
