// A Redis for a suite that needs one: an own process on a free loopback port, without persistence, ended with the suite. It can be
// killed, frozen and brought back, always on the same port. The binary is found the way the tests find theirs.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { askRedis } from './ask-redis.ts'

interface RedisBinaries {
  readonly server: string
}
interface Finder {
  readonly findRedis: () => Promise<RedisBinaries>
}
interface Packages {
  readonly environmentOf: (binaries: RedisBinaries) => NodeJS.ProcessEnv
}

export interface OwnRedis {
  readonly url: string
  readonly port: number
  /** SIGKILL; resolves when the process is gone. */
  readonly kill: () => Promise<void>
  /** SIGSTOP: its sockets stay open, it answers nothing. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** Starts it anew and empty; ends it first when it still runs. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** @throws when there is no Redis here, or it does not answer */
export async function startRedis(): Promise<OwnRedis> {
  const script = async (name: string): Promise<unknown> =>
    await import(new URL(`../../../scripts/${name}.mjs`, import.meta.url).href)
  const { findRedis } = (await script('find-redis')) as Finder
  const { environmentOf } = (await script('debian-packages')) as Packages
  const binaries = await findRedis()
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', daemonize: 'no' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  let running: Running | undefined

  const kill = async (): Promise<void> => {
    const ending = running
    running = undefined
    ending?.child.kill('SIGKILL')
    await ending?.ended
    ending?.watcher.kill('SIGKILL')
  }
  const restart = async (): Promise<void> => {
    await kill()
    const child = spawn(binaries.server, args, { env: environmentOf(binaries), stdio: 'ignore' })
    const ended = once(child, 'exit').catch(() => undefined)
    running = { child, ended, watcher: watch(child.pid ?? 0) }
    await answering(url, child)
  }
  const atExit = (): unknown => running?.child.kill('SIGKILL')
  const stop = async (): Promise<void> => {
    process.off('exit', atExit)
    await kill()
  }
  process.once('exit', atExit)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  try {
    await restart()
  } catch (error) {
    await stop()
    throw error
  }
  const freeze = (): void => void running?.child.kill('SIGSTOP')
  const thaw = (): void => void running?.child.kill('SIGCONT')
  return { url, port, kill, freeze, thaw, restart, stop }
}

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<unknown>
  readonly watcher: ChildProcess
}

/** A shell whose pipe closes however this process ends, SIGKILL included; then it ends the server, which may be a frozen one. */
function watch(pid: number): ChildProcess {
  const script = 'read -r _; [ "$1" = 0 ] || kill -9 "$1" 2>/dev/null'
  // Detached: Ctrl-C reaches the whole group, and the watcher must be the last to go.
  const watcher = spawn('sh', ['-c', script, 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watcher.on('error', () => undefined).unref()
  watcher.stdin.on('error', () => undefined)
  return watcher
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await askRedis(url, 'PING')
      return
    } catch (error) {
      if (attempt === 200 || child.exitCode !== null || child.pid === undefined) throw error
      await sleep(25)
    }
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
