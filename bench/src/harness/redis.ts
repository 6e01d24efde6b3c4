// A Redis for a suite that needs one: an own process on a free loopback port, without persistence, ended with the suite.
// The binary is found the way the tests find theirs.
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
  readonly environmentOf: (binaries: RedisBinaries) => NodeJS.ProcessEnv
}

export interface OwnRedis {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** @throws when there is no Redis here, or it does not answer */
export async function startRedis(): Promise<OwnRedis> {
  const finder = new URL('../../../scripts/find-redis.mjs', import.meta.url).href
  const { findRedis, environmentOf } = (await import(finder)) as Finder
  const binaries = await findRedis()
  const port = await freePort()
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', daemonize: 'no' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(binaries.server, args, { env: environmentOf(binaries), stdio: 'ignore' })
  const ended = once(child, 'exit').catch(() => undefined)
  const atExit = (): unknown => child.kill('SIGKILL')
  process.once('exit', atExit)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  const stop = async (): Promise<void> => {
    process.off('exit', atExit)
    child.kill('SIGKILL')
    await ended
  }
  const url = `redis://127.0.0.1:${port}`
  try {
    await answering(url, child)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, stop }
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
