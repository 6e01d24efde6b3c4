// A real Redis for one test: an own process on a free loopback port with an own folder, which the test may kill, freeze
// and start again. It never outlives the test process, not even one that is killed: a watcher holds a pipe to it.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, connect as openSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { environmentOf } from '../../scripts/debian-packages.mjs'
import { findRedis } from '../../scripts/find-redis.mjs'

export interface RedisServerOptions {
  /** Lines of redis.conf, after the defaults and so stronger: `['requirepass secret']`. */
  readonly config?: readonly string[]
  /** Default: a free port. */
  readonly port?: number
  /** Arguments put before those of every `cli` call: `['-a', 'secret', '--no-auth-warning']`. */
  readonly cliArguments?: readonly string[]
}

export interface RedisServer {
  /** `redis://127.0.0.1:<port>/0`; credentials of the configuration are not in it. */
  readonly url: string
  readonly port: number
  /** Of the process that runs now, or ran last. */
  readonly pid: number
  /** Runs redis-cli against this server. @returns what it printed, without the last newline. */
  cli(...args: readonly string[]): Promise<string>
  /** Sends the signal, by default SIGKILL, and waits for the end of the process. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Ends the server and removes its folder; also when it is frozen or dead. Idempotent. */
  stop(): Promise<void>
  /**
   * Starts it again on the same port, with what it had saved; ends it first when it still runs.
   * @param options `whileLoading`: does not wait until its data set is loaded
   */
  restart(options?: { readonly whileLoading?: boolean }): Promise<void>
  /** Freezes the process: its sockets stay open, it answers nothing. */
  pause(): void
  resume(): void
  [Symbol.asyncDispose](): Promise<void>
}

/** The configuration that developers run too, bound to this machine. */
const defaults = [`include "${fileURLToPath(new URL('../../infra/redis.conf', import.meta.url))}"`, 'bind 127.0.0.1']

/** @returns a server that answers. @throws when there is no Redis here, or its configuration is wrong. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const binaries = await findRedis()
  const env = environmentOf(binaries)
  const folder = await mkdtemp(join(tmpdir(), 'test-redis-'))
  let port = options.port ?? (await freePort())
  let running: Running | undefined

  // The free port is only known to have been free: somebody may take it before Redis does.
  for (let attempt = 1; ; attempt += 1) {
    try {
      running = await launch()
      break
    } catch (error) {
      if (attempt === 5 || options.port !== undefined || !/address already in use/i.test(String(error))) throw error
      port = await freePort()
    }
  }

  async function launch(whileLoading = false): Promise<Running> {
    const file = join(folder, 'redis.conf')
    const lines = [...defaults, `port ${port}`, `dir "${folder}"`, 'daemonize no', ...(options.config ?? [])]
    await writeFile(file, `${lines.join('\n')}\n`)
    const child = spawn(binaries.server, [file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    // Registered at once: the events of a process that cannot start come before the next promise is awaited.
    const ended = once(child, 'exit').catch((error: unknown) => [error])
    let log = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4000)))
    }
    if (child.pid === undefined) throw new Error(`${binaries.server} does not start: ${String((await ended)[0])}`)
    const watcher = watch(child.pid, folder)
    await answering(port, child, () => log, whileLoading ? /^[+-]/ : /^[+-](?!LOADING)/)
    // Neither the server nor its log keeps the test process alive.
    child.unref()
    for (const stream of [child.stdout, child.stderr]) (stream as unknown as { unref(): void }).unref()
    return { child, pid: child.pid, ended, watcher }
  }

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (running === undefined) return
    const { child, ended, watcher } = running
    child.ref()
    child.kill(signal)
    if (signal !== 'SIGKILL') child.kill('SIGCONT')
    await ended
    watcher.kill('SIGKILL')
  }

  async function stop(): Promise<void> {
    await kill()
    await rm(folder, { recursive: true, force: true })
  }

  const server: RedisServer = {
    url: `redis://127.0.0.1:${port}/0`,
    port,
    get pid() {
      return running?.pid ?? 0
    },
    cli: async (...args) => {
      const all = ['-h', '127.0.0.1', '-p', String(port), ...(options.cliArguments ?? []), ...args]
      const { stdout } = await promisify(execFile)(binaries.cli, all, { env, maxBuffer: 1 << 28 })
      return stdout.replace(/\n$/, '')
    },
    kill,
    stop,
    restart: async ({ whileLoading } = {}) => {
      await kill()
      running = await launch(whileLoading)
    },
    pause: () => void running?.child.kill('SIGSTOP'),
    resume: () => void running?.child.kill('SIGCONT'),
    [Symbol.asyncDispose]: stop,
  }
  return server
}

interface Running {
  readonly child: ChildProcess
  readonly pid: number
  readonly ended: Promise<unknown>
  readonly watcher: ChildProcess
}

/** A shell that waits for the end of this process (its pipe closes, however we die), then ends the server. */
function watch(pid: number, folder: string): ChildProcess {
  const script = 'read -r _; kill -9 "$1" 2>/dev/null; rm -rf "$2"'
  // Detached: Ctrl-C reaches the whole group, and the watcher must be the last to go.
  const watcher = spawn('sh', ['-c', script, 'sh', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watcher.unref()
  const { stdin } = watcher
  stdin.on('error', () => undefined)
  ;(stdin as unknown as { unref(): void }).unref()
  return watcher
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

/** Resolves with the first answer to PING that is wanted, also an error such as NOAUTH: the server serves. */
async function answering(port: number, child: ChildProcess, log: () => string, wanted: RegExp): Promise<void> {
  const until = Date.now() + 20_000
  while (Date.now() < until) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`Redis ended at start:\n${log()}`)
    if (wanted.test(await ping(port))) return
    await sleep(10)
  }
  child.kill('SIGKILL')
  throw new Error(`Redis did not answer within 20 s:\n${log()}`)
}

function ping(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = openSocket({ port, host: '127.0.0.1' })
    const finish = (answer: string): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1000, () => finish(''))
    socket.on('error', () => finish(''))
    socket.on('close', () => finish(''))
    socket.on('connect', () => socket.write('PING\r\n'))
    socket.once('data', (data: Buffer) => finish(data.toString('utf8')))
  })
}
