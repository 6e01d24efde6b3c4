import { CacheError } from '../../support/errors.ts'
import type { OwnConnection } from './own-connections.ts'
import { isLife, ReplyError } from './reply-error.ts'
import type { Transport } from './transport.ts'

// What a new connection asks before it is used: who answers, whether it may be written to, and whether it may close other connections of
// ours, run scripts and be told of changes. A server that refuses is used all the same, and it is said what cannot be guaranteed there.

export interface Introduction {
  /** A process of a server: connections have ids within one. `undefined`: it does not say. */
  readonly runId: string | undefined
  /** One history of its data set: it ends with the process, and when a master is demoted, though it be promoted again later. */
  readonly history: string | undefined
  /** `undefined` where what it may have under way when it is lost could not be stopped. */
  readonly own: OwnConnection | undefined
  /** Whether scripts can be run on keys and their leases. */
  readonly runsScripts: boolean
  /** Whether the server tells of changes of what is read. */
  readonly follows: boolean
  readonly limits: readonly string[]
}

const anonymous =
  'INFO is not permitted: neither a failover nor a restart of the server is noticed, so what was invalidated and lost in one may be ' +
  'served until its ttl'
const unstoppable =
  'CLIENT KILL is not permitted: a write of a connection that was lost may still arrive, and undo a later invalidation'
const scriptless =
  'EVAL is not permitted, or not on keys like {key}#l: several processes may load one key at once, and a value that was loaded before a ' +
  'write may replace it'
const untold =
  'CLIENT TRACKING is not permitted, or not known: nothing is told of what other processes change, so no value is kept in memory'

/** What the scripts need, on a key that is not there. */
export const probe = `
redis.call('TYPE', KEYS[1])
redis.call('GET', KEYS[1])
redis.call('GETRANGE', KEYS[1], 0, 1)
redis.call('STRLEN', KEYS[1])
redis.call('PTTL', KEYS[1])
redis.call('PEXPIRE', KEYS[1], 1)
redis.call('TIME')
redis.call('SET', KEYS[1], '', 'PX', 1)
redis.call('DEL', KEYS[1])
redis.call('UNLINK', KEYS[1])
return redis.call('EXISTS', KEYS[1])`

/**
 * @param scriptKey what scripts have to be permitted on; `undefined`: none is run on this connection
 * @throws {CacheError} `CACHE_UNAVAILABLE` when what answers is no master
 * @throws {ReplyError} when the server cannot serve now, e.g. `LOADING`
 */
export async function introduce(transport: Transport, scriptKey?: string): Promise<Introduction> {
  const ask = (...args: readonly string[]): Promise<unknown> => unlessRefused(transport.send(args))
  const [id, server, replication, runsScripts] = await Promise.all([
    ask('CLIENT', 'ID'),
    ask('INFO', 'server'),
    ask('INFO', 'replication'),
    // Found out now, so that not every operation has to fail first.
    scriptKey === undefined ? false : mayRun(transport.send(['EVAL', probe, '1', scriptKey])),
    // Refused while the server loads its data set, unlike what comes before.
    transport.send(['PING']).catch((error: unknown) => (isLife(error) ? undefined : Promise.reject(error as Error))),
  ])
  const runId = field(server, 'run_id')
  const history = historyOf(runId, replication)
  const limits: string[] = []
  if (runId === undefined) limits.push(anonymous)
  // Skips itself: it closes nothing, and tells whether it may.
  const mayClose = id !== undefined && (await ask('CLIENT', 'KILL', 'ID', String(id), 'SKIPME', 'yes')) !== undefined
  if (!mayClose) limits.push(unstoppable)
  if (!runsScripts && scriptKey !== undefined) limits.push(scriptless)
  const own = mayClose && runId !== undefined ? { id: String(id), runId } : undefined
  return { runId, history, own, runsScripts, follows: false, limits }
}

/**
 * Asks to be told of changes of what is read from now on: in the default mode, which is one list of readers per key. `NOLOOP`: what this
 * connection writes is known here. Never `REDIRECT`: a second connection has an order of its own.
 * https://redis.io/docs/latest/commands/client-tracking/
 */
export async function follow(transport: Transport, introduction: Introduction): Promise<Introduction> {
  if (transport.carriesPushes !== true) return introduction
  const answer = await unlessRefused(transport.send(['CLIENT', 'TRACKING', 'ON', 'NOLOOP']))
  if (answer === undefined) return { ...introduction, limits: [...introduction.limits, untold] }
  return { ...introduction, follows: true }
}

/**
 * @param replication the answer to `INFO replication`
 * @throws {CacheError} `CACHE_UNAVAILABLE` unless it is a master's, or not known
 */
function historyOf(runId: string | undefined, replication: unknown): string | undefined {
  const role = field(replication, 'role') ?? 'master'
  if (role !== 'master') {
    throw new CacheError(
      'CACHE_UNAVAILABLE',
      `The Redis server is a ${role === 'slave' ? 'replica' : role}, not a master`,
    )
  }
  return runId === undefined ? undefined : `${runId}.${field(replication, 'master_replid') ?? ''}`
}

/**
 * Whether the connection still leads to the same history.
 * @throws {CacheError} `CACHE_UNAVAILABLE` when it does not; else like `introduce`
 */
export async function greet(transport: Transport, { runId, history }: Introduction): Promise<void> {
  if (history === undefined) await transport.send(['PING'])
  else if (historyOf(runId, await transport.send(['INFO', 'replication'])) !== history) {
    throw new CacheError('CACHE_UNAVAILABLE', 'The Redis server has begun another history of its data')
  }
}

/** https://redis.io/docs/latest/commands/info/ */
function field(info: unknown, name: string): string | undefined {
  return typeof info === 'string' ? new RegExp(`^${name}:(\\w+)`, 'm').exec(info)?.[1] : undefined
}

/** What a server with fewer commands or stricter permissions does not answer. */
async function unlessRefused(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ReplyError && (error.code === 'NOPERM' || error.code === 'ERR')) return undefined
    throw error
  }
}

/** A server that refuses writes just now runs scripts all the same. */
async function mayRun(script: Promise<unknown>): Promise<boolean> {
  try {
    await script
    return true
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error
    return error.code !== 'NOPERM' && error.code !== 'ERR'
  }
}
