// What is needed of `pg`, by shape: the package itself is not imported here. https://node-postgres.com/apis/pool

export interface PostgresResult {
  readonly rows: readonly unknown[]
}

export interface PostgresQuery {
  readonly text: string
  readonly values?: unknown[] | undefined
}

/** A connection: a `Client` of `pg`, or one that its pool gave out. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'end', listener: () => void): unknown
  on(event: 'notification', listener: (message: PostgresNotification) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
  /**
   * The server process, as the server has told when the connection was opened. Someone in between who lends one to many tells another number.
   */
  readonly processID?: number | null | undefined
}

export interface PostgresNotification {
  readonly channel: string
  readonly payload?: string | undefined
}

export interface PostgresPoolClient extends PostgresClient {
  /** @param destroy the connection is not used again */
  release(destroy?: boolean): void
}

/** A `Pool` of `pg`. */
export interface PostgresPool {
  connect(): Promise<PostgresPoolClient>
  on?(event: 'error', listener: (error: Error) => void): unknown
  readonly options?: { readonly max?: number | undefined } | undefined
}

export interface ListenerClient extends PostgresClient {
  /** Ends the connection, also when nothing answers on it. */
  destroy(): void
}
