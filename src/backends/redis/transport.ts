// One connection to one server, as the link sees it. The link decides when to open and when to give up; a transport only carries.

export interface TransportOptions {
  /** Bounds the TCP and TLS handshake, milliseconds. */
  readonly connectTimeoutMs: number
  /** Called once, when a connection that was ready is gone. */
  readonly lost: (error: unknown) => void
  /**
   * Called when the server tells that keys it follows for this connection were changed (`null`: any may have been), in the turn in which that
   * is met in what came in: before whoever awaits a reply of the same piece hears of it. It never throws. Default: nobody wants to know.
   */
  readonly invalidated?: ((keys: readonly string[] | null) => void) | undefined
}

export interface Transport {
  /** Resolves when commands can be sent; rejects when the connection cannot be made. */
  readonly ready: Promise<void>
  /** Whether `invalidated` is called for what the server is asked to follow. Default: no. */
  readonly carriesPushes?: boolean
  /** Replies come in the order of the commands. Rejects with a `ReplyError` for an error the server answered. */
  send(args: readonly string[]): Promise<unknown>
  /** Ends the connection at once; what is under way rejects. Idempotent. */
  destroy(): void
}

export type OpenTransport = (options: TransportOptions) => Promise<Transport>
