import { connect } from 'node:net'

// One TCP connection as the link sees it: the link decides when to open and when to give up, this only carries.

export interface SocketOptions {
  readonly host: string
  readonly port: number
  readonly opened: () => void
  readonly received: (chunk: Buffer) => void
  /** Called once, whether it was opened or not. */
  readonly lost: (error: unknown) => void
}

export interface Socket {
  /** In one piece, if possible. */
  write(parts: ReadonlyArray<string | Buffer>): void
  /** Bytes that were written and have not left. */
  readonly waiting: number
  /** Ends it at once; `lost` is not called. Idempotent. */
  destroy(): void
}

export type OpenSocket = (options: SocketOptions) => Socket

export const openSocket: OpenSocket = ({ host, port, opened, received, lost }) => {
  const socket = connect({ host, port, noDelay: true, keepAlive: true })
  // A program that is done ends; whoever waits for an answer is kept alive by its deadline.
  socket.unref()
  let isOver = false
  const over = (error: unknown): void => {
    if (isOver) return
    isOver = true
    lost(error)
  }
  let reason: unknown
  socket.on('connect', opened)
  socket.on('data', received)
  // After an error the close always follows; before it is listened to, an error would end the process.
  socket.on('error', (error) => (reason = error))
  socket.on('close', () => over(reason))
  return {
    write(parts) {
      socket.cork()
      for (const part of parts) socket.write(part)
      socket.uncork()
    },
    get waiting() {
      return socket.writableLength
    },
    destroy() {
      isOver = true
      socket.destroy()
    },
  }
}
