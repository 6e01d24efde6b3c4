// A real Memcached for one test: an own process on a free loopback port, which the test may kill, freeze and start again. It never outlives
// the test process, not even one that is killed: a watcher holds a pipe to it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { environmentOf } from '../../scripts/debian-packages.mjs'
import { findMemcached } from '../../scripts/find-memcached.mjs'

export interface MemcachedServerOptions {
  /** After the defaults: `['-I', '2m']`. */
  readonly arguments?: readonly string[]
  /** Default: a free one. */
  readonly port?: number
}

export interface MemcachedServer extends AsyncDisposable {
  readonly port: number
  /** `127.0.0.1:<port>` */
  readonly address: string
  /** Sends lines as another program would. @returns what came back until the answer to a last `mn` */
  ask(...lines: readonly string[]): Promise<string>
  /** By SIGKILL; waits for the end of the process. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty; ends it first when it still runs. */
  restart(): Promise<void>
  /** Freezes the process: its sockets stay open, it answers nothing. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

/** @returns a server that answers. @throws when there is no Memcached here */
export async function startMemcached(options: MemcachedServerOptions = {}): Promise<MemcachedServer> {
  const binary = await findMemcached()
  const port = options.port ?? (await freePort())
  const user = process.getuid?.() === 0 ? ['-u', 'root'] : []
  let running: { child: ChildProcess; ended: Promise<unknown>; watcher: ChildProcess } | undefined

  async function launch(): Promise<void> {
    const args = ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-t', '2', ...user, ...(options.arguments ?? [])]
    const child = spawn(binary.server, args, { env: environmentOf(binary), stdio: 'ignore' })
    const ended = once(child, 'exit').catch(() => {})
    if (child.pid === undefined) throw new Error(`${binary.server} does not start`)
    const watcher = spawn('sh', ['-c', 'read -r _; kill -9 "$1" 2>/dev/null', 'sh', String(child.pid)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    watcher.unref()
    const { stdin } = watcher
    stdin?.on('error', () => undefined)
    ;(stdin as unknown as { unref(): void }).unref()
    child.unref()
    running = { child, ended, watcher }
    for (let attempt = 0; ; attempt += 1) {
      try {
        await ask('mn')
        return
      } catch (error) {
        if (attempt === 400 || child.exitCode !== null) throw error
        await sleep(25)
      }
    }
  }

  async function ask(...lines: readonly string[]): Promise<string> {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.setEncoding('latin1')
    let all = ''
    try {
      await once(socket, 'connect')
      socket.write([...lines, 'mn', ''].join('\r\n'))
      for await (const text of socket) {
        all += text as string
        if (all.endsWith('MN\r\n')) return all.slice(0, -4)
      }
      throw new Error('Memcached closed the connection')
    } finally {
      socket.destroy()
    }
  }

  async function kill(): Promise<void> {
    if (running === undefined) return
    const { child, ended, watcher } = running
    running = undefined
    child.ref()
    child.kill('SIGKILL')
    await ended
    watcher.kill('SIGKILL')
  }

  await launch()
  return {
    port,
    address: `127.0.0.1:${port}`,
    ask,
    kill,
    restart: async () => {
      await kill()
      await launch()
    },
    pause: () => void running?.child.kill('SIGSTOP'),
    resume: () => void running?.child.kill('SIGCONT'),
    stop: kill,
    [Symbol.asyncDispose]: kill,
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
