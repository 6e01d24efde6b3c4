import type { Duration } from '../../contracts/duration.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { toMs } from '../../support/duration.ts'
import { describe, misuse } from '../../support/errors.ts'
import { checkOptionNames } from '../../support/options.ts'
import { systemRuntime } from '../../support/runtime.ts'
import type { TableNames } from '../sql/table-names.ts'
import { tableNames } from '../sql/table-names.ts'
import type { SupabaseClient } from './client-rest.ts'
import { checkSupabaseClient, createClientRest } from './client-rest.ts'
import type { Fetch } from './fetch-rest.ts'
import { createFetchRest } from './fetch-rest.ts'
import type { Rest } from './rest.ts'

/** Options of both backends. */
export interface SupabaseBackendOptions {
  /** Of the project: `https://<project>.supabase.co`. With `key`; or `client` in place of both. */
  readonly url?: string | undefined
  /** The secret key of the server, or the legacy `service_role` key. It passes all policies: never one that is given to browsers. */
  readonly key?: string | undefined
  /** A client of supabase-js or postgrest-js that the application has already, made with such a key. */
  readonly client?: SupabaseClient | undefined
  /** One that the REST interface shows. Default: `'public'`. */
  readonly schema?: string | undefined
  /** At most 40 bytes. Default: `'speedrun_cache'`. */
  readonly table?: string | undefined
  /** Bounds every request that has no budget. Default: 5 s. */
  readonly socketTimeout?: Duration | undefined
  /** Bounds a read. Default: 0.2 s; over the internet give more. */
  readonly budget?: Duration | undefined
  /** Default: the `fetch` of the platform. */
  readonly fetch?: Fetch | undefined
  /** Time, timers, randomness. For tests and simulations. */
  readonly runtime?: Runtime | undefined
}

export interface ResolvedSupabaseOptions {
  readonly rest: Rest
  readonly names: TableNames
  readonly budgetMs: number
  readonly socketTimeoutMs: number
  readonly runtime: Runtime
}

const known = new Set(['url', 'key', 'client', 'schema', 'table', 'socketTimeout', 'budget', 'fetch', 'runtime'])

/** @throws {TypeError | RangeError} `CACHE_BAD_OPTION`, `CACHE_BAD_DURATION`; the key is never shown */
export function resolveSupabaseOptions(options: SupabaseBackendOptions, whose: string): ResolvedSupabaseOptions {
  checkOptionNames(options, known, whose)
  const { url, key, client, runtime = systemRuntime, socketTimeout = 5, budget = 0.2 } = options
  const { fetch = globalThis.fetch as Fetch } = options
  const names = tableNames(options)
  const common = {
    names,
    runtime,
    budgetMs: toMs(budget, 'budget'),
    socketTimeoutMs: toMs(socketTimeout, 'socketTimeout'),
  }
  if (client !== undefined) {
    if (url !== undefined || key !== undefined) throw misuse('CACHE_BAD_OPTION', 'Give either url and key, or a client')
    return { ...common, rest: createClientRest(checkSupabaseClient(client), names, runtime) }
  }
  if (typeof url !== 'string' || !/^https?:\/\/[^/@\s]+(?:\/.*)?$/.test(url)) {
    throw misuse('CACHE_BAD_OPTION', `url must be the https:// address of the project, got ${describe(url)}`)
  }
  // What cannot be in a header would be quoted by whoever refuses it.
  if (typeof key !== 'string' || !/^[\u0021-\u007E]+$/.test(key)) {
    throw misuse('CACHE_BAD_OPTION', `key must be the secret key of the project, got ${describe(key)}`)
  }
  if (typeof fetch !== 'function') throw misuse('CACHE_BAD_OPTION', `fetch must be a function, got ${describe(fetch)}`)
  return { ...common, rest: createFetchRest({ url, key, names, fetch, runtime }) }
}
