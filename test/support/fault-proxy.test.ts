// The fault proxy does what it says: tests of outages are built on it. Clients are bare sockets that speak RESP: nothing
// reconnects, retries or answers behind the back of a test.
import { createClient } from '@redis/client'
import { type AddressInfo, connect, createServer, Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type FaultProxy, type ProxiedConnection, startFaultProxy } from './fault-proxy.ts'
import { until } from './gate.ts'
import { startRedis } from './redis-server.ts'

const redis = await startRedis()
afterAll(() => redis.stop())
beforeEach(() => redis.cli('FLUSHALL'))

let clients: Client[] = []
afterEach(() => {
  for (const { socket } of clients) socket.destroy()
  clients = []
})

interface Client {
  readonly socket: Socket
  /** All that came, decoded as latin1. */
  readonly text: string
  /** The code of the error that ended the connection, 'end' when it ended in order. */
  readonly over: string | undefined
  send(...command: readonly string[]): void
  /** Sends a command and waits for as much of an answer as `expected` is long. */
  expect(command: readonly string[], expected: string): Promise<void>
}

function open(port: number): Client {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let text = ''
  let over: string | undefined
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
  socket.on('error', ({ code }: NodeJS.ErrnoException) => (over ??= code))
  socket.on('end', () => (over ??= 'end'))
  const client: Client = {
    socket,
    get text() {
      return text
    },
    get over() {
      return over
    },
    send: (...command) => void socket.write(resp(...command)),
    expect: async (command, expected) => {
      const before = text.length
      client.send(...command)
      await until(`an answer to ${command[0]}`, () => text.length >= before + expected.length || over !== undefined)
      expect(text.slice(before)).toBe(expected)
    },
  }
  clients.push(client)
  return client
}

const resp = (...command: readonly string[]): string =>
  [`*${command.length}`, ...command.flatMap((part) => [`$${part.length}`, part]), ''].join('\r\n')

/** A client that has had an answer, and its connection in the proxy. */
async function openLink(proxy: FaultProxy): Promise<[Client, ProxiedConnection]> {
  const client = open(proxy.port)
  await client.expect(['PING'], '+PONG\r\n')
  const connection = proxy.connections.at(-1)
  if (connection === undefined) throw new Error('the proxy knows no connection')
  return [client, connection]
}

const counted = (proxy: FaultProxy, command: string): Promise<void> =>
  until(`${command} read by the proxy`, () => proxy.commands.has(command))

const overWith = async (client: Client, how: string): Promise<void> => {
  await until(`the client sees ${how}`, () => client.over !== undefined)
  expect(client.over).toBe(how)
}

/** What the proxy wrote to its clients while `run` ran, one string per write. */
async function written(proxy: FaultProxy, run: () => Promise<unknown>): Promise<string[]> {
  const pieces: string[] = []
  const { write } = Socket.prototype
  const spy = vi.spyOn(Socket.prototype, 'write').mockImplementation(function (this: Socket, bytes, ...rest) {
    // Asked now: a closed socket has forgotten its port.
    if (this.localPort === proxy.port) pieces.push(String(bytes))
    return Reflect.apply(write, this, [bytes, ...rest])
  })
  await run().finally(() => spy.mockRestore())
  return pieces
}

test('without a fault it is not there: a real client, megabytes both ways, an end is an end', async () => {
  await using proxy = await startFaultProxy(redis)
  const client = createClient({ url: proxy.url })
  await client.connect()
  const megabytes = 'x'.repeat(3_000_000)
  await client.set('k', megabytes)
  expect(await client.get('k')).toBe(megabytes)
  expect(proxy.connections).toHaveLength(1)
  expect(proxy.connections[0]).toMatchObject({ clientOpen: true, serverOpen: true, heldBytes: 0 })
  await client.close()
  await until('both sides are closed', () => proxy.connections.length === 0)
})

test('refuse: those there are, are cut, others are refused; heal listens again on the same port', async () => {
  await using proxy = await startFaultProxy(redis)
  const [client] = await openLink(proxy)
  await proxy.refuse()
  expect(proxy.connections).toEqual([])
  await overWith(client, 'ECONNRESET')
  await overWith(open(proxy.port), 'ECONNREFUSED')
  await proxy.refuse()
  await proxy.heal()
  await openLink(proxy)
})

test('cut: a reset on both sides, and new connections are served', async () => {
  await using proxy = await startFaultProxy(redis)
  const [client, connection] = await openLink(proxy)
  await client.expect(['CLIENT', 'SETNAME', 'first'], '+OK\r\n')
  const [other] = await openLink(proxy)
  connection.cut()
  await overWith(client, 'ECONNRESET')
  await until('Redis has lost it', async () => !(await redis.cli('CLIENT', 'LIST')).includes('name=first'))
  await other.expect(['PING'], '+PONG\r\n')
  proxy.cut()
  await overWith(other, 'ECONNRESET')
  await openLink(proxy)
})

test('cutClient: the client sees a reset, the server an end after what was sent', async () => {
  await using proxy = await startFaultProxy(redis)
  const [client, connection] = await openLink(proxy)
  proxy.holdRequests()
  client.send('SET', 'k', 'v')
  await counted(proxy, 'SET')
  proxy.cutClient()
  await overWith(client, 'ECONNRESET')
  await until('the proxy lost the client', () => !connection.clientOpen)
  expect(connection.serverOpen).toBe(true)
  await proxy.release()
  expect(await redis.cli('GET', 'k')).toBe('v')
})

test('blackHole: nothing arrives, nothing answers, nothing ends; what lost a byte never heals', async () => {
  await using proxy = await startFaultProxy(redis)
  const [mute, muteLink] = await openLink(proxy)
  const [idle] = await openLink(proxy)
  const [left, leftLink] = await openLink(proxy)
  await left.expect(['CLIENT', 'SETNAME', 'left'], '+OK\r\n')
  proxy.blackHole()
  mute.send('SET', 'k', 'v')
  const late = open(proxy.port)
  late.send('INCR', 'k')
  left.socket.destroy()
  await counted(proxy, 'SET')
  await counted(proxy, 'INCR')
  await until('the end of one is read', () => !leftLink.clientOpen)
  await proxy.heal()

  await idle.expect(['EXISTS', 'k'], ':0\r\n')
  mute.send('SET', 'k', 'again')
  await until('it is read', () => proxy.commands.get('SET') === 2)
  await openLink(proxy)
  expect(await redis.cli('EXISTS', 'k')).toBe('0')
  expect(await redis.cli('CLIENT', 'LIST')).toContain('name=left')
  expect([mute.text, mute.over, late.text, late.over]).toEqual(['+PONG\r\n', undefined, '', undefined])
  muteLink.cut()
  leftLink.cut()
  await overWith(mute, 'ECONNRESET')
  await until('Redis has lost it', async () => !(await redis.cli('CLIENT', 'LIST')).includes('name=left'))
})

test('blackHole: the end of the server is swallowed too', async () => {
  await using own = await startRedis()
  await using proxy = await startFaultProxy(own)
  const [client, connection] = await openLink(proxy)
  proxy.blackHole()
  await own.kill()
  await until('the proxy has read the end', () => !connection.serverOpen)
  await proxy.heal()
  await overWith(open(proxy.port), 'end')
  expect([client.over, connection.clientOpen]).toEqual([undefined, true])
})

test('freeze: the senders have to wait, and heal loses nothing', async () => {
  await using proxy = await startFaultProxy(redis)
  const [client] = await openLink(proxy)
  const [second] = await openLink(proxy)
  proxy.freeze()
  proxy.resetCounts()
  const value = 'x'.repeat(40_000_000)
  client.send('SET', 'k', value)
  second.send('SET', 'other', 'v')
  second.socket.end()
  const third = open(proxy.port)
  third.send('PING')
  await until('the new one is accepted', () => proxy.connections.length === 3)
  // More than any buffer of the system holds; that it is not executed is no matter of time.
  expect(client.socket.writableLength).toBeGreaterThan(0)
  expect(await redis.cli('DBSIZE')).toBe('0')
  expect([...proxy.commands.keys()]).toEqual([])
  await proxy.heal()
  await until('the answers', () => [client, second].every(({ text }) => text.endsWith('+OK\r\n')) && third.text !== '')
  expect(await redis.cli('STRLEN', 'k')).toBe(String(value.length))
  expect(await redis.cli('GET', 'other')).toBe('v')
  await overWith(second, 'end')
})

test('halfOpen: commands are executed, answers never come, and only a cut ends that', async () => {
  await using proxy = await startFaultProxy(redis)
  const [client, connection] = await openLink(proxy)
  proxy.halfOpen()
  client.send('SET', 'k', 'v')
  await until('it is executed', async () => (await redis.cli('GET', 'k')) === 'v')
  await proxy.heal()
  client.send('SET', 'k', 'w')
  await until('it is executed', async () => (await redis.cli('GET', 'k')) === 'w')
  await openLink(proxy)
  expect(client.text).toBe('+PONG\r\n')
  connection.cut()
  await overWith(client, 'ECONNRESET')
})

test('slow: each direction takes its time, order is kept, and a faster fault lets what waits go', async () => {
  await using proxy = await startFaultProxy(redis)
  const [client] = await openLink(proxy)
  proxy.slow(60)
  const started = performance.now()
  client.send('SET', 'k', '1')
  await turn()
  await client.expect(['INCR', 'k'], '+OK\r\n:2\r\n')
  expect(performance.now() - started).toBeGreaterThanOrEqual(120)
  proxy.slow(1_000_000)
  client.send('INCR', 'k')
  await until('it waits', () => proxy.commands.get('INCR') === 2)
  expect(proxy.connections[0]?.heldBytes).toBe(resp('INCR', 'k').length)
  await proxy.heal()
  await client.expect(['INCR', 'k'], ':3\r\n:4\r\n')
})

test('drip: an answer comes in pieces, one every so many milliseconds', async () => {
  await using proxy = await startFaultProxy(redis)
  const [client] = await openLink(proxy)
  proxy.drip(3, 20)
  const started = performance.now()
  expect(await written(proxy, () => client.expect(['PING'], '+PONG\r\n'))).toEqual(['+PO', 'NG\r', '\n'])
  expect(performance.now() - started).toBeGreaterThanOrEqual(40)
})

test('split: an answer comes in single bytes, or in sizes that a seed repeats', async () => {
  await using proxy = await startFaultProxy(redis)
  const [client] = await openLink(proxy)
  proxy.split()
  expect(await written(proxy, () => client.expect(['PING'], '+PONG\r\n'))).toEqual('+PONG\r\n'.split(''))

  const value = Array.from({ length: 1000 }, (_, index) => index).join()
  const answer = `$${value.length}\r\n${value}\r\n`
  await redis.cli('SET', 'k', value)
  const pieces = async (seed: number): Promise<string[]> => {
    proxy.split(7, seed)
    return await written(proxy, () => client.expect(['GET', 'k'], answer))
  }
  const first = await pieces(5)
  expect(new Set(first.slice(0, -1).map(({ length }) => length))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7]))
  expect(await pieces(5)).toEqual(first)
  expect(await pieces(6)).not.toEqual(first)
})

test('merge: answers that come apart go on as one write', async () => {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined)
    socket.on('data', () => {
      socket.write('a')
      setTimeout(() => socket.write('b'), 10)
      setTimeout(() => socket.end('c'), 20)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  await using proxy = await startFaultProxy({ port: (server.address() as AddressInfo).port })
  const answer = (): Promise<string[]> =>
    written(proxy, async () => {
      const client = open(proxy.port)
      client.send('PING')
      await overWith(client, 'end')
      expect(client.text).toBe('abc')
    })
  await until('they are apart', async () => (await answer()).length === 3)
  proxy.merge(100)
  // A machine that is slow may need more than the 100 ms once.
  await until('they are one', async () => (await answer()).length === 1)
  server.close()
})

test('late commands: a held command of a client that is gone is executed when it is released', async () => {
  await using proxy = await startFaultProxy(redis)
  const [first, firstLink] = await openLink(proxy)
  firstLink.holdRequests()
  first.send('SET', 'k', 'old')
  await counted(proxy, 'SET')
  first.socket.destroy()
  await until('the proxy lost the client', () => !firstLink.clientOpen)

  const [second] = await openLink(proxy)
  await second.expect(['SET', 'k', 'new'], '+OK\r\n')
  expect(firstLink).toMatchObject({ clientOpen: false, serverOpen: true, heldBytes: resp('SET', 'k', 'old').length })
  await proxy.release()
  await second.expect(['GET', 'k'], '$3\r\nold\r\n')
  await until('its server side is ended', () => proxy.connections.length === 1)
})

test('late commands: they never arrive on a connection that was killed', async () => {
  await using proxy = await startFaultProxy(redis)
  const [first, firstLink] = await openLink(proxy)
  first.send('CLIENT', 'ID')
  await until('its id', () => /:\d+\r\n$/.test(first.text))
  const id = /:(\d+)\r\n$/.exec(first.text)?.[1] ?? ''
  firstLink.holdRequests()
  first.send('SET', 'k', 'old')
  await counted(proxy, 'SET')
  first.socket.destroy()
  await until('the proxy lost the client', () => !firstLink.clientOpen)

  const [second] = await openLink(proxy)
  await second.expect(['CLIENT', 'KILL', 'ID', id], ':1\r\n')
  await second.expect(['SET', 'k', 'new'], '+OK\r\n')
  await proxy.release()
  await second.expect(['GET', 'k'], '$3\r\nnew\r\n')
  await until('nothing is left of it', () => proxy.connections.length === 1)
})

test('late commands: all of them, however many, are executed when release resolves', async () => {
  await using proxy = await startFaultProxy(redis)
  const [client, connection] = await openLink(proxy)
  proxy.holdRequests()
  for (let index = 0; index < 5000; index++) client.send('RPUSH', 'list', 'x'.repeat(1000))
  await until('all are held', () => proxy.commands.get('RPUSH') === 5000)
  client.socket.resetAndDestroy()
  await until('the proxy lost the client', () => !connection.clientOpen)
  await proxy.release()
  expect(await redis.cli('LLEN', 'list')).toBe('5000')
})

test('held commands of a client that lives: release and heal deliver, cut forgets', async () => {
  await using proxy = await startFaultProxy(redis)
  const [client, connection] = await openLink(proxy)
  const send = async (): Promise<void> => {
    proxy.holdRequests()
    proxy.resetCounts()
    client.send('INCR', 'k')
    await counted(proxy, 'INCR')
    expect(connection.heldBytes).toBe(resp('INCR', 'k').length)
  }
  await send()
  await proxy.release()
  await until('the answer', () => client.text.endsWith(':1\r\n'))
  await client.expect(['PING'], '+PONG\r\n')
  await openLink(proxy)
  await send()
  await proxy.heal()
  await until('the answer', () => client.text.endsWith(':2\r\n'))
  await send()
  proxy.cut()
  await proxy.release()
  await openLink(proxy)
  expect(await redis.cli('GET', 'k')).toBe('2')
})

test('a port that is taken is not insisted on', async () => {
  await using first = await startFaultProxy(redis)
  const random = vi.spyOn(Math, 'random')
  for (let times = 0; times < 3; times++) random.mockReturnValueOnce((first.port - 20_000 + 0.5) / 10_000)
  await using second = await startFaultProxy(redis)
  expect(random.mock.calls.length).toBeGreaterThan(3)
  await openLink(first)
  await openLink(second)
})

test('commands are counted by name when they are complete, in whatever pieces they come', async () => {
  await using proxy = await startFaultProxy(redis)
  const commands = [
    resp('set', 'k', resp('PING') + '\r\n*2\r\n$4\r\n'),
    'ping\r\n\r\n',
    resp('SET', 'empty', ''),
    resp('GET', 'k'),
    'ECHO inline\r\n',
    resp('SET', 'long', 'x'.repeat(2000)),
    resp('CLIENT', 'ID'),
  ]
  const bytes = Buffer.from(commands.join(''), 'latin1')
  const expected = { SET: 3, PING: 1, GET: 1, ECHO: 1, CLIENT: 1 }
  for (const step of [1, 2, 3, 7, 100, bytes.length]) {
    const client = open(proxy.port)
    for (let at = 0; at < bytes.length; at += step) {
      client.socket.write(bytes.subarray(at, at + step))
      await turn()
    }
    await until('all is answered', () => /:\d+\r\n$/.test(client.text))
    expect(Object.fromEntries(proxy.commands)).toEqual(expected)
    proxy.resetCounts()
    expect(proxy.commands.size).toBe(0)
  }

  const client = open(proxy.port)
  client.socket.write(resp('PING') + resp('SET', 'k', 'v').slice(0, -1))
  await until('the first is answered', () => client.text === '+PONG\r\n')
  expect(Object.fromEntries(proxy.commands)).toEqual({ PING: 1 })
  client.socket.write('\n')
  await until('the second too', () => client.text === '+PONG\r\n+OK\r\n')
  expect(Object.fromEntries(proxy.commands)).toEqual({ PING: 1, SET: 1 })
})

test('a target where nobody listens, or that dies, is an end for the client and no error here', async () => {
  await using own = await startRedis()
  await using proxy = await startFaultProxy(own)
  const [client] = await openLink(proxy)
  await own.kill()
  await overWith(client, 'end')
  await overWith(open(proxy.port), 'end')
  await own.restart()
  await openLink(proxy)
})

test('close leaves no socket and no timer, whatever was going on, and may be called again', async () => {
  const active = (pattern: RegExp): number =>
    process.getActiveResourcesInfo().filter((name) => pattern.test(name)).length
  // The runner has timers of its own, which come and go; a leak here would be one of several, as long as the test.
  const timers = active(/Timeout/)
  const faults: ((proxy: FaultProxy) => unknown)[] = [
    () => undefined,
    (proxy) => proxy.blackHole(),
    (proxy) => proxy.halfOpen(),
    (proxy) => proxy.freeze(),
    (proxy) => proxy.slow(1_000_000),
    (proxy) => proxy.drip(1, 1_000_000),
    (proxy) => proxy.merge(1_000_000),
    (proxy) => proxy.split(),
    (proxy) => proxy.holdRequests(),
    (proxy) => proxy.refuse(),
  ]
  for (const fault of faults) {
    const proxy = await startFaultProxy(redis)
    const [client] = await openLink(proxy)
    const [gone] = await openLink(proxy)
    await fault(proxy)
    client.send('PING')
    gone.send('PING')
    gone.socket.destroy()
    const late = open(proxy.port)
    late.send('PING')
    await until('it has come to something', () => late.over !== undefined || proxy.connections.length >= 2)
    await proxy.close()
    expect(proxy.connections).toEqual([])
    await proxy.close()
    await expect(proxy.heal()).rejects.toThrow('closed')
    for (const { socket } of [client, gone, late]) await until('the client is closed', () => socket.closed)
    // The system's handles go at the end of this turn of the event loop.
    await until('nothing is left', () => active(/TCP|Immediate/) === 0 && active(/Timeout/) <= timers)
  }
})
