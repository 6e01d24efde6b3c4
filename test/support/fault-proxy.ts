// A TCP proxy on loopback between a Redis client and its server, whose faults a test switches while connections live:
// refused, cut, silent, half-open, slow, answers in other pieces than the server sent, commands that arrive after their
// link was dropped. A connection is two lanes: a lane queues what it reads, and its pace says what goes on when.
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A fault replaces the one before; what waits in the proxy then goes by the new one. Order is always kept. */
export interface Faults {
  /** RST to both sides; what waits is lost. Later connections are treated as before. */
  cut(): void
  /** RST to the client only: for the server the link lives on until what waits, and then the end, has passed. */
  cutClient(): void
  /**
   * Swallows what either side sends, its end too. A direction that lost something, be it the end alone, stays silent
   * until the connection is cut, also after `heal`: a stream with a hole is no stream. Other directions heal.
   */
  blackHole(): void
  /** Swallows what the server sends, by the same rule; what the client sends is executed. */
  halfOpen(): void
  /** Reads neither side, so that the senders' buffers fill. Nothing is lost. */
  freeze(): void
  /** Each chunk of either side goes on `ms` milliseconds after it came. */
  slow(ms: number): void
  /** Answers go on in pieces of at most `bytes`, one every `everyMs` milliseconds. */
  drip(bytes: number, everyMs: number): void
  /** Answers are collected for `ms` milliseconds from the first one on, and go on as one write. */
  merge(ms: number): void
  /** Answers go on in pieces of 1 to `most` bytes (default 1), by `seed`, one write in a turn of the event loop. */
  split(most?: number, seed?: number): void
  /** Keeps what the client sends, its end too: whatever becomes of the client, the server's side stays open. */
  holdRequests(): void
  /**
   * Ends `holdRequests`, where it is on: what was kept goes to the server and, if the client is gone, the end after it.
   * Resolves when that is written and, if the client is gone, executed: a Redis then closes its side. A client that
   * lives learns from its answer what was executed.
   */
  release(): Promise<void>
  /** Passes everything at once again, what was held or frozen first; a proxy that refused listens again. */
  heal(): Promise<void>
}

/** One client and the connection made for it. Faults given here are for this one alone. */
export interface ProxiedConnection extends Faults {
  /** False once the proxy has read the client's end, or lost the client. Frozen, it reads nothing. */
  readonly clientOpen: boolean
  /** The same of the server; false, too, when nobody listens there. */
  readonly serverOpen: boolean
  /** What the client sent and the proxy still has. */
  readonly heldBytes: number
}

/** Faults given here are for all connections, present and to come. */
export interface FaultProxy extends Faults, AsyncDisposable {
  readonly port: number
  /** `redis://127.0.0.1:<port>/0` */
  readonly url: string
  /** Those with a side that is open still, oldest first. */
  readonly connections: readonly ProxiedConnection[]
  /** How often each command (`GET`) was read from clients in full, held and swallowed ones too. A live view. */
  readonly commands: ReadonlyMap<string, number>
  resetCounts(): void
  /** Connections are refused (ECONNREFUSED) until `heal`; those there are, are cut. */
  refuse(): Promise<void>
  /** Cuts everything and waits until no socket and no timer is left. Idempotent. */
  close(): Promise<void>
}

/** @param target a port of 127.0.0.1; nobody needs to listen there yet. */
export async function startFaultProxy(target: { readonly port: number }): Promise<FaultProxy> {
  const links = new Set<ReturnType<typeof openLink>>()
  const commands = new Map<string, number>()
  let [up, down] = [pass, pass]
  let closed: Promise<void> | undefined
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const link = openLink(client, target.port, (name) => commands.set(name, (commands.get(name) ?? 0) + 1))
    link.apply(up, down)
    links.add(link)
    void link.over.then(() => links.delete(link))
  })
  // Without a listener an error at accepting, such as too many open files, would end the process.
  server.on('error', () => undefined)
  const port = await listen(server)
  const apply = (...paces: [up: Pace, down: Pace]): void => {
    ;[up, down] = paces
    links.forEach((link) => link.apply(up, down))
  }
  const cut = (): void => links.forEach((link) => link.cut())
  const refuse = async (): Promise<void> => {
    server.close()
    cut()
    await Promise.all([...links].map(({ over }) => over))
  }
  const close = (): Promise<void> => (closed ??= refuse())
  return {
    ...faultsBy(apply),
    port,
    url: `redis://127.0.0.1:${port}/0`,
    get connections() {
      return [...links]
    },
    commands,
    resetCounts: () => commands.clear(),
    cut,
    cutClient: () => links.forEach((link) => link.cutClient()),
    release: async () => {
      if (up === hold) up = pass
      await Promise.all([...links].map((link) => link.release()))
    },
    heal: async () => {
      if (closed !== undefined) throw new Error('This proxy is closed.')
      apply(pass, pass)
      if (!server.listening) await listen(server, port)
    },
    refuse,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** On a port that the system gives to nobody by itself: while `refuse` leaves it free, no other socket gets it. */
async function listen(server: Server, given?: number): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = given ?? 20_000 + Math.floor(Math.random() * 10_000)
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening')
      return port
    } catch (error) {
      if (attempt === 100) throw error
    }
  }
}

function openLink(client: Socket, port: number, count: (command: string) => void) {
  const server = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  client.on('data', commandReader(count))
  const up = openLane(client, server)
  const down = openLane(server, client)
  const apply = (newUp: Pace, newDown: Pace): void => {
    up.keepTo(newUp)
    down.keepTo(newDown)
  }
  const closed = (socket: Socket) => new Promise((resolve) => socket.on('close', resolve))
  const serverClosed = closed(server)
  return {
    ...faultsBy(apply),
    apply,
    /** Resolves when both sockets are closed; what is left goes nowhere, and no timer stays. */
    over: Promise.all([closed(client), serverClosed]).then(() => apply(swallow, swallow)),
    get clientOpen() {
      return !up.ended
    },
    get serverOpen() {
      return !down.ended
    },
    get heldBytes() {
      return up.queue.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0)
    },
    cut: () => [client, server].forEach(reset),
    cutClient: () => reset(client),
    release: async () => {
      if (up.pace !== hold) return
      up.keepTo(pass)
      await (up.ended ? serverClosed : new Promise((done) => server.write('', done)))
    },
    heal: async () => apply(pass, pass),
  }
}

/** Where no connection is there yet, or an end is on its way already, Node can only close. */
function reset(socket: Socket): void {
  if (socket.connecting || (socket.writableEnded && !socket.writableFinished)) socket.destroy()
  else if (!socket.destroyed) socket.resetAndDestroy()
}

/** The faults that are a pace for what the client sends and one for what the server sends. */
function faultsBy(apply: (up: Pace, down: Pace) => void): Omit<Faults, 'cut' | 'cutClient' | 'release' | 'heal'> {
  return {
    blackHole: () => apply(swallow, swallow),
    halfOpen: () => apply(pass, swallow),
    freeze: () => apply(frozen, frozen),
    slow: (ms) => apply(after(ms, 1), after(ms, 1)),
    drip: (bytes, everyMs) => apply(pass, inPieces(bytes, bytes, everyMs, 0)),
    merge: (ms) => apply(pass, after(ms, Infinity)),
    split: (most = 1, seed = 1) => apply(pass, inPieces(1, most, 0, seed)),
    holdRequests: () => apply(hold, pass),
  }
}

/** Without bytes it is the end of the stream. `since`: when it was read, on the clock of `performance.now()`. */
type Chunk = { readonly bytes: Buffer | undefined; readonly since: number }

/** Hands on what is due. @returns ms until it wants to be asked again, 0: next turn; undefined: with the next chunk. */
type Pace = (queue: Chunk[], hand: (bytes: Buffer | undefined) => void) => number | undefined

const pass = after(0, 1)
const hold: Pace = () => undefined
/** As `hold`, but its lane drops what it reads. */
const swallow: Pace = () => undefined
/** As `hold`, but its lane does not read either. */
const frozen: Pace = () => undefined

/** `most`: how many chunks become one write when the first of them is due. */
function after(ms: number, most: number): Pace {
  return (queue, hand) => {
    for (let head = queue[0]; head !== undefined; head = queue[0]) {
      const wait = head.since + ms - performance.now()
      if (wait > 0) return wait
      const due = queue.splice(0, most).map(({ bytes }) => bytes)
      const all = Buffer.concat(due.filter((bytes) => bytes !== undefined))
      if (all.length > 0) hand(all)
      if (due.includes(undefined)) hand(undefined)
    }
    return undefined
  }
}

function inPieces(least: number, most: number, everyMs: number, seed: number): Pace {
  return (queue, hand) => {
    const head = queue.shift()
    if (head === undefined) return undefined
    // The fractions of the multiples of the golden section are spread evenly and follow no pattern.
    const size = least + Math.floor(((seed++ * 0.618034) % 1) * (most - least + 1))
    const rest = head.bytes?.subarray(size)
    if (rest !== undefined && rest.length > 0) queue.unshift({ ...head, bytes: rest })
    hand(head.bytes?.subarray(0, size))
    return everyMs
  }
}

/** One direction of a link. */
function openLane(source: Socket, sink: Socket) {
  const queue: Chunk[] = []
  let cancel: (() => void) | undefined
  let lost = false
  const keepTo = (pace: Pace): void => {
    if (lost) return
    lane.pace = pace
    if (pace === frozen) source.pause()
    else source.resume()
    cancel?.()
    pump()
  }
  /** `ended`: the source will send nothing more. */
  const lane = { queue, keepTo, pace: pass, ended: false }
  const arrive = (bytes?: Buffer): void => {
    if (lane.ended) return
    lane.ended = bytes === undefined
    queue.push({ bytes, since: performance.now() })
    if (cancel === undefined) pump()
  }
  const pump = (): void => {
    cancel = undefined
    if (lane.pace === swallow && queue.splice(0).length > 0) lost = true
    const wait = lane.pace(queue, hand)
    if (wait === 0) {
      const next = setImmediate(pump)
      cancel = () => clearImmediate(next)
    } else if (wait !== undefined) {
      const timer = setTimeout(pump, Math.ceil(wait))
      cancel = () => clearTimeout(timer)
    }
  }
  /** What is for a side that is gone is dropped. */
  const hand = (bytes: Buffer | undefined): void => {
    if (!sink.writable) return
    if (bytes === undefined) sink.end()
    else sink.write(bytes)
  }

  source.on('data', arrive)
  source.on('end', () => arrive())
  source.on('close', () => arrive())
  source.on('error', () => undefined)
  return lane
}

/** Counts each command when its last byte has come. The name is read as a line, the rest skipped by its length. */
function commandReader(count: (command: string) => void): (chunk: Buffer) => void {
  let [line, name] = ['', '']
  let [parts, skip] = [0, 0]
  const readLine = (text: string): void => {
    if (parts === 0 && text.startsWith('*')) parts = Math.max(0, Number(text.slice(1)))
    else if (parts === 0) [name = ''] = text.split(' ')
    else if (name !== '') [parts, skip] = [parts - 1, Number(text.slice(1)) + 2]
    else if (!text.startsWith('$')) [parts, name] = [parts - 1, text]
  }
  return (chunk) => {
    for (let at = 0, end; at < chunk.length; at = end) {
      end = skip > 0 ? Math.min(at + skip, chunk.length) : chunk.indexOf('\n', at) + 1 || chunk.length
      if (skip > 0) skip -= end - at
      else line += chunk.toString('latin1', at, end)
      if (line.endsWith('\n')) readLine(line.trim().toUpperCase())
      if (line.endsWith('\n')) line = ''
      if (name === '' || parts + skip > 0) continue
      count(name)
      name = ''
    }
  }
}
