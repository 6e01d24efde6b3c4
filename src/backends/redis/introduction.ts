import { CacheError } from '../../support/errors.ts'
import type { OwnConnection } from './own-connections.ts'
import { ReplyError } from './reply-error.ts'
import type { Transport } from './transport.ts'

// What a new connection asks before it is used: who answers, whether it may be written to, and whether it may close other connections of
// ours. A server that refuses to tell is used all the same, and it is said what cannot be guaranteed there.

export interface Introduction {
  /** A process of a server: connections have ids within one. `undefined`: it does not say. */
  readonly runId: string | undefined
  /** One history of its data set: it ends with the process, and when a master is demoted, though it be promoted again later. */
  readonly history: string | undefined
  /** `undefined` where what it may have under way when it is lost could not be stopped. */
  readonly own: OwnConnection | undefined
  /** Whether its role may be asked: a heartbeat that does so notices when a master is demoted. */
  readonly tellsRole: boolean
  readonly limits: readonly string[]
}

const anonymous =
  'INFO is not permitted: neither a failover nor a restart of the server is noticed, so invalidations lost in one may be served until ' +
  'the ttl of their entries'
const unstoppable =
  'CLIENT KILL is not permitted: a write of a connection that was lost may still arrive, and undo a later invalidation'
const unaware = 'ROLE is not permitted: a master that became a replica is noticed at the first write only'

/**
 * @throws {CacheError} `CACHE_UNAVAILABLE` when what answers is no master
 * @throws {ReplyError} when the server cannot serve now, e.g. `LOADING`
 */
export async function introduce(transport: Transport): Promise<Introduction> {
  const ask = (...args: readonly string[]): Promise<unknown> => unlessRefused(transport.send(args))
  const [id, server, replication, role] = await Promise.all([
    ask('CLIENT', 'ID'),
    ask('INFO', 'server'),
    ask('INFO', 'replication'),
    ask('ROLE'),
    // Refused while the server loads its data set, unlike what comes before.
    transport.send(['PING']),
  ])
  checkRole(role)
  const runId = field(server, 'run_id')
  const history = runId === undefined ? undefined : `${runId}.${field(replication, 'master_replid') ?? ''}`
  const limits: string[] = []
  if (runId === undefined) limits.push(anonymous)
  if (role === undefined) limits.push(unaware)
  // Skips itself: it closes nothing, and tells whether it may.
  const mayClose = id !== undefined && (await ask('CLIENT', 'KILL', 'ID', String(id), 'SKIPME', 'yes')) !== undefined
  if (!mayClose) limits.push(unstoppable)
  const own = mayClose && runId !== undefined ? { id: String(id), runId } : undefined
  return { runId, history, own, tellsRole: role !== undefined, limits }
}

/** https://redis.io/docs/latest/commands/info/ */
function field(info: unknown, name: string): string | undefined {
  return typeof info === 'string' ? new RegExp(`^${name}:(\\w+)`, 'm').exec(info)?.[1] : undefined
}

/** @throws {CacheError} `CACHE_UNAVAILABLE` unless it is a master's, or not known */
export function checkRole(role: unknown): void {
  const name: unknown = Array.isArray(role) ? role[0] : 'master'
  if (name === 'master') return
  const what = name === 'slave' ? 'replica' : String(name)
  throw new CacheError('CACHE_UNAVAILABLE', `The Redis server is a ${what}, not a master`)
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
