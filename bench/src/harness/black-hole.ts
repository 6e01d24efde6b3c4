// A network that can stop carrying anything, in both directions, while all connections stay open: no packet comes back, and nobody
// is told. What is sent meanwhile is kept and delivered afterwards, as TCP would deliver it. One difference to a real one: a
// new connection is still accepted, and then leads nowhere.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface BlackHole {
  /** Of the near end. */
  readonly port: number
  readonly swallow: () => void
  readonly release: () => void
  /** How often clients have sent `text`, whether or not it was delivered, since the last `forget`. */
  readonly timesSent: (text: string) => number
  readonly forget: () => void
  readonly close: () => Promise<void>
}

/** @param farPort of a server on this machine */
export async function openBlackHole(farPort: number): Promise<BlackHole> {
  let swallowing = false
  /** What waits for the end of the black hole. */
  let held: Array<() => void> = []
  const sockets = new Set<Socket>()
  /** One list of pieces per connection: a key may be cut by a packet, never by another connection. */
  const sent: string[][] = []

  const deliver = (delivery: () => void): void => {
    if (swallowing) held.push(delivery)
    else delivery()
  }
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.setNoDelay(true).on('error', () => undefined)
  }
  const carry = (from: Socket, to: Socket): void => {
    from.on('data', (piece) => deliver(() => to.write(piece)))
    from.on('close', () => {
      sockets.delete(from)
      deliver(() => to.end())
    })
  }
  const server = createServer((client) => {
    const pieces: string[] = []
    sent.push(pieces)
    client.on('data', (piece: Buffer) => pieces.push(piece.toString('latin1')))
    const far = keep(connect(farPort, '127.0.0.1'))
    carry(keep(client), far)
    carry(far, client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')

  return {
    port: address.port,
    swallow: () => void (swallowing = true),
    release: () => {
      swallowing = false
      for (const delivery of held.splice(0)) delivery()
    },
    timesSent: (text) => sent.reduce((sum, pieces) => sum + pieces.join('').split(text).length - 1, 0),
    forget: () => {
      for (const pieces of sent) pieces.length = 0
    },
    close: async () => {
      held = []
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
