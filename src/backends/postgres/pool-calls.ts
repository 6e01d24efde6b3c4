import type { Runtime } from '../../contracts/runtime.ts'
import { Deadlines } from '../../support/deadline.ts'
import { CacheError } from '../../support/errors.ts'
import type { SqlCall, SqlCalls, SqlRow } from '../sql/sql-calls.ts'
import { isAnswered } from '../sql/sql-error.ts'
import type { TableNames } from '../sql/table-names.ts'
import type { PostgresPool, PostgresPoolClient, PostgresQuery, PostgresResult } from './postgres-client.ts'
import { explain } from './statement-error.ts'

// Statements over a pool. Each has a connection of its own for as long as it takes and no longer, so none is ever part of a transaction of the
// application, and nothing is left in the session: it works where somebody in between lends connections by the transaction. Each has a
// deadline, for the connection and the answer together; one that stays unanswered takes its connection with it.

export interface PoolCallsOptions {
  readonly pool: PostgresPool
  readonly names: TableNames
  readonly runtime: Runtime
  /** Asked before anything is sent. @throws when nothing may be */
  readonly mayCall: () => void
}

/** Beyond it whoever comes is turned away: a pool keeps those who wait in a list without an end. */
const mostWaiting = 5000
/** Callers are answered at their deadline; a connection is given up when it has been silent for as long as this. */
const hungMs = 1000

export class PoolCalls {
  readonly #options: PoolCallsOptions
  readonly #deadlines: Deadlines
  #waiting = 0

  constructor(options: PoolCallsOptions) {
    this.#options = options
    this.#deadlines = new Deadlines(options.runtime)
    // A connection that breaks while nobody has it is an event of the pool, and without a listener the end of the process.
    options.pool.on?.('error', () => {})
  }

  readonly call: SqlCalls = async ({ fn, args, ms }: SqlCall): Promise<readonly SqlRow[]> => {
    this.#options.mayCall()
    const { rows } = await this.run(statement(this.#options.names, fn, args), ms, fn)
    return rows as readonly SqlRow[]
  }

  /** @param what for the error */
  async run(query: PostgresQuery, ms: number, what: string): Promise<PostgresResult> {
    let isLate = false
    const answer = (async () => {
      const client = await this.#connect(what)
      if (!isLate) return await this.#ask(client, query, ms, what)
      client.release()
      throw new CacheError('CACHE_TIMEOUT', `${what} had to wait for a connection for too long`)
    })()
    try {
      return await this.#deadlines.bound(answer, ms, what)
    } catch (error) {
      isLate = true
      throw error
    }
  }

  async #connect(what: string): Promise<PostgresPoolClient> {
    if (this.#waiting >= mostWaiting) {
      throw new CacheError('CACHE_UNAVAILABLE', `${mostWaiting} statements wait for a connection to PostgreSQL`)
    }
    this.#waiting++
    try {
      return await this.#options.pool.connect()
    } catch (error) {
      throw explain(error, what)
    } finally {
      this.#waiting--
    }
  }

  async #ask(client: PostgresPoolClient, query: PostgresQuery, ms: number, what: string): Promise<PostgresResult> {
    const { runtime } = this.#options
    const ignore = (): void => {}
    client.on('error', ignore)
    let isOver = false
    const end = (destroy: boolean): void => {
      if (isOver) return
      isOver = true
      runtime.clearTimer(timer)
      if (destroy) client.release(true)
      else {
        client.removeListener('error', ignore)
        client.release()
      }
    }
    const timer = runtime.setTimer(() => end(true), Math.max(ms, hungMs), 'background')
    try {
      const result = await client.query(query)
      end(false)
      return result
    } catch (error) {
      const explained = explain(error, what)
      end(!isAnswered(explained))
      throw explained
    }
  }
}

/** Unnamed, so that nothing is prepared in a session that is somebody else's in a moment. */
export function statement(names: TableNames, fn: string, args: SqlCall['args']): PostgresQuery {
  const parameters = Object.keys(args).map((name, index) => `${name} => $${index + 1}`)
  return { text: `select * from ${names.of(fn)}(${parameters.join(', ')})`, values: Object.values(args) }
}
