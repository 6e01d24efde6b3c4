// A Memcached for the sample backend of docs/from-python.md: the real server where one is on PATH, and everywhere a stand-in
// that knows the five commands the sample uses and keeps the three rules that sample has to respect (250 bytes of key, thirty
// days, one megabyte). The stand-in proves the sample against the protocol as we read it; the real server proves our reading.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { delimiter, join } from 'node:path'

export interface Memcached {
  readonly port: number
  stop(): Promise<void>
}

const thirtyDays = 30 * 86_400
const megabyte = 1024 * 1024

/** By what they are called in the names of tests. */
export function memcachedServers(): ReadonlyArray<readonly [kind: string, start: () => Promise<Memcached>]> {
  const binary = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'memcached'))
    .find(isExecutable)
  return [
    ['a stand-in', startStandIn] as const,
    ...(binary === undefined ? [] : [['the real server', () => startReal(binary)] as const]),
  ]
}

async function startStandIn(): Promise<Memcached> {
  const items = new Map<string, { readonly data: Buffer; readonly expiresAt: number }>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      for (;;) {
        const end = received.indexOf('\r\n')
        if (end === -1) return
        const [command = '', key = '', ...rest] = received.toString('utf8', 0, end).split(' ')
        const length = command === 'ms' ? Number(rest[0]) : -2
        const whole = end + 2 + length + 2
        if (received.length < whole) return
        socket.write(answer(command, key, rest, received.subarray(end + 2, end + 2 + Math.max(0, length))))
        received = received.subarray(whole)
      }
    })
  })

  function answer(command: string, key: string, rest: readonly string[], data: Buffer): Buffer | string {
    if (command === 'mn') return 'MN\r\n'
    if (key === '' || Buffer.byteLength(key) > 250) return 'CLIENT_ERROR bad command line format\r\n'
    const found = items.get(key)
    const item = found !== undefined && found.expiresAt > Date.now() ? found : undefined
    if (command === 'md') {
      items.delete(key)
      return item === undefined ? 'NF\r\n' : 'HD\r\n'
    }
    if (command === 'mg') {
      if (item === undefined) return 'EN\r\n'
      return rest.includes('v')
        ? Buffer.concat([Buffer.from(`VA ${item.data.length}\r\n`), item.data, Buffer.from('\r\n')])
        : 'HD\r\n'
    }
    if (command !== 'ms') return 'ERROR\r\n'
    items.delete(key)
    if (data.length > megabyte) return 'SERVER_ERROR object too large for cache\r\n'
    const life = Number(rest.find((flag) => flag.startsWith('T'))?.slice(1))
    const expiresAt = life > thirtyDays ? life * 1000 : Date.now() + life * 1000
    items.set(key, { data: Buffer.from(data), expiresAt })
    return 'HD\r\n'
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function startReal(binary: string): Promise<Memcached> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { readonly port: number }
  probe.close()
  await once(probe, 'close')
  const user = process.getuid?.() === 0 ? ['-u', 'root'] : []
  const child = spawn(binary, ['-l', '127.0.0.1', '-p', String(port), '-U', '0', ...user], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  for (let attempt = 0; ; attempt += 1) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      break
    } catch (error) {
      if (attempt === 200) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    } finally {
      socket.destroy()
    }
  }
  return {
    port,
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
