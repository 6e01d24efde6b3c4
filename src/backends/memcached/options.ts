import type { Duration } from '../../contracts/duration.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { toMs } from '../../support/duration.ts'
import { describe, misuse, outOfRange, quote } from '../../support/errors.ts'
import { checkOptionNames } from '../../support/options.ts'
import { systemRuntime } from '../../support/runtime.ts'
import type { OpenSocket } from './socket.ts'

// The options of the backend, checked when it is made.

export interface MemcachedBackendOptions {
  /**
   * `'host'`, `'host:port'` or `'[IPv6]:port'`, one or several. Each key has its place on one of them, by its name and theirs: give every
   * process the same names; their order does not matter. Default: `['127.0.0.1:11211']`.
   */
  readonly servers?: readonly string[] | undefined
  /** Bounds a read. Default: 0.2 s. */
  readonly budget?: Duration | undefined
  /** Bounds connecting, and every write. Default: 5 s. */
  readonly socketTimeout?: Duration | undefined
  /**
   * The largest item, bytes, its key and some 80 bytes of the server's own included. Larger ones are not sent. If a server takes less (its
   * option `-I`), that counts. Default: 1 MiB, as the server's.
   */
  readonly maxItemBytes?: number | undefined
  /** Stands before each key, and separates the tag clocks of applications that share servers. Default: none. */
  readonly prefix?: string | undefined
  /** Time, timers, randomness. For tests and simulations. */
  readonly runtime?: Runtime | undefined
  /** Opens a connection. Default: TCP. For tests and simulations. */
  readonly openSocket?: OpenSocket | undefined
}

export interface Address {
  /** As it is hashed: with its port, in lower case. */
  readonly name: string
  readonly host: string
  readonly port: number
}

export interface ResolvedMemcachedOptions {
  readonly servers: readonly Address[]
  readonly budget: Duration
  readonly socketTimeout: Duration
  readonly maxItemBytes: number
  readonly prefix: string
  readonly runtime: Runtime
  readonly openSocket: OpenSocket | undefined
}

const known: ReadonlySet<string> = new Set<keyof MemcachedBackendOptions>([
  'servers',
  'budget',
  'socketTimeout',
  'maxItemBytes',
  'prefix',
  'runtime',
  'openSocket',
])

/** `-I` takes from a kilobyte to a gigabyte. */
const [leastItem, mostItem] = [1024, 2 ** 30]

/** @throws {TypeError | RangeError} `CACHE_BAD_OPTION`, `CACHE_BAD_DURATION` */
export function resolve(options: MemcachedBackendOptions): ResolvedMemcachedOptions {
  checkOptionNames(options, known, 'MemcachedBackend')
  const {
    servers = ['127.0.0.1:11211'],
    budget = 0.2,
    socketTimeout = 5,
    maxItemBytes = 1024 * 1024,
    prefix = '',
    runtime = systemRuntime,
    openSocket,
  } = options
  if (!Array.isArray(servers) || servers.length === 0) {
    throw misuse('CACHE_BAD_OPTION', `servers must be a list of at least one 'host:port', got ${describe(servers)}`)
  }
  const addresses = servers.map(addressOf)
  if (new Set(addresses.map(({ name }) => name)).size < addresses.length) {
    throw misuse('CACHE_BAD_OPTION', 'servers must name each server once')
  }
  if (!(Number.isInteger(maxItemBytes) && maxItemBytes >= leastItem && maxItemBytes <= mostItem)) {
    const range = `a whole number from ${leastItem} to ${mostItem}`
    throw outOfRange('CACHE_BAD_OPTION', `maxItemBytes must be ${range}, got ${quote(maxItemBytes)}`)
  }
  if (typeof prefix !== 'string') throw misuse('CACHE_BAD_OPTION', `prefix must be a string, got ${describe(prefix)}`)
  toMs(budget, 'budget')
  toMs(socketTimeout, 'socketTimeout')
  return { servers: addresses, budget, socketTimeout, maxItemBytes, prefix, runtime, openSocket }
}

function addressOf(text: unknown): Address {
  const [, bracketed, plain, digits = '11211'] =
    /^(?:\[([\da-f:.%\w]+)\]|([^\s:[\]/@]+))(?::(\d{1,5}))?$/i.exec(typeof text === 'string' ? text : '') ?? []
  const host = (bracketed ?? plain)?.toLowerCase()
  const port = Number(digits)
  if (host === undefined || port < 1 || port > 65_535) {
    // It is not shown: somebody may have put a url with a password there.
    throw misuse(
      'CACHE_BAD_OPTION',
      `servers must hold 'host:port', with a port from 1 to 65535, got ${describe(text)}`,
    )
  }
  return { name: `${bracketed === undefined ? host : `[${host}]`}:${port}`, host, port }
}
