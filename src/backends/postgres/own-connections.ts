import { CacheError, misuse } from '../../support/errors.ts'
import type { ListenerClient, PostgresClient, PostgresPool, PostgresPoolClient } from './postgres-client.ts'

// Where connections come from: a pool of the application, or `pg` by an address, which is loaded only then.

export interface Connections {
  readonly pool: PostgresPool
  /** One that is nobody else's; `undefined`: there is none to spare. */
  readonly openListener: (() => Promise<ListenerClient>) | undefined
  /** Ends what was opened here. */
  end(): Promise<void>
}

export interface OwnConnectionsOptions {
  readonly connectionString: string
  readonly maxConnections: number
  readonly socketTimeoutMs: number
  /** Whether a connection is one session of ours: only there may something be set for its life. */
  readonly isDirect: () => boolean
}

/** @throws {TypeError} `CACHE_MISUSE` when `pg` is not installed */
export async function openConnections(options: OwnConnectionsOptions): Promise<Connections> {
  const { connectionString, maxConnections, socketTimeoutMs, isDirect } = options
  const { Pool, Client } = await loadPg()
  const settings = { connectionString, connectionTimeoutMillis: socketTimeoutMs, keepAlive: true }
  // Idle connections keep no process alive. One is for listening.
  const pool = new Pool({ ...settings, max: Math.max(1, maxConnections - 1), allowExitOnIdle: true })
  const limited = new WeakSet<PostgresClient>()
  return {
    pool: {
      on: (event, listener) => pool.on(event, listener),
      async connect() {
        const client = await pool.connect()
        if (limited.has(client) || !isDirect()) return client
        try {
          await client.query({ text: `set statement_timeout to ${Math.ceil(socketTimeoutMs)}` })
        } catch (error) {
          client.release(true)
          throw error
        }
        limited.add(client)
        return client
      },
    },
    openListener: async () => {
      const client = new Client(settings)
      // Between its end and the next attempt it may break once more.
      client.on('error', () => {})
      const destroy = (): void => {
        void client.end().catch(() => {})
        cut(client)
      }
      try {
        await client.connect()
      } catch (error) {
        destroy()
        throw error
      }
      return Object.assign(client, { destroy })
    },
    end: async () => await pool.end(),
  }
}

/** A listening connection is one of the pool's, for as long as the backend is open. */
export function borrowConnections(pool: PostgresPool): Connections {
  const canSpare = pool.options?.max === undefined || pool.options.max > 1
  return {
    pool,
    openListener: canSpare ? async () => borrowed(await pool.connect()) : undefined,
    end: async () => {},
  }
}

function borrowed(client: PostgresPoolClient): ListenerClient {
  let isOver = false
  client.on('error', () => {})
  return Object.assign(client, {
    destroy: () => {
      if (isOver) return
      isOver = true
      client.release(true)
      cut(client)
    },
  })
}

/** A server that is frozen never takes its leave: the socket would stay, and keep the process alive. */
function cut(client: object): void {
  const { connection } = client as { readonly connection?: { readonly stream?: { destroy?(): void } } }
  connection?.stream?.destroy?.()
}

interface OwnClient extends PostgresClient {
  connect(): Promise<unknown>
  end(): Promise<void>
}
interface OwnPool extends PostgresPool {
  on(event: 'error', listener: (error: Error) => void): unknown
  end(): Promise<void>
}
interface Pg {
  readonly Pool: new (settings: object) => OwnPool
  readonly Client: new (settings: object) => OwnClient
}

async function loadPg(): Promise<Pg> {
  try {
    const loaded = (await import('pg')) as unknown as Pg & { readonly default?: Pg }
    return loaded.default ?? loaded
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw misuse('CACHE_MISUSE', 'connectionString needs the package pg (npm install pg); or give a pool', {
      cause: error,
    })
  }
}

/** For whoever may not listen. */
export function noListener(): Promise<ListenerClient> {
  return Promise.reject(new CacheError('CACHE_UNAVAILABLE', 'No connection is to spare for listening'))
}
