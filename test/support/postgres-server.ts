// A real PostgreSQL for one test file, and a pgbouncer in front of it: own processes on free loopback ports with own folders, which the test
// may kill, freeze and start again. They never outlive the test process, not even one that is killed: a watcher holds a pipe to it.
// PostgreSQL and pgbouncer refuse to run as root: then they run as another user, who owns the folder.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chown, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { environmentOf } from '../../scripts/debian-packages.mjs'
import { findPgbouncer } from '../../scripts/find-pgbouncer.mjs'
import { findPostgres } from '../../scripts/find-postgres.mjs'

export interface PostgresServer extends AsyncDisposable {
  /** `postgres://postgres@127.0.0.1:<port>/postgres`: the superuser, without a password. */
  readonly url: string
  readonly port: number
  /** Runs statements as the superuser, on a connection of its own. */
  sql(text: string, values?: unknown[]): Promise<Array<Record<string, unknown>>>
  /** A connection, ended by the test. */
  connect(user?: string): Promise<pg.Client>
  /** SIGKILL to all its processes at once. */
  kill(): Promise<void>
  /** Starts it again, on the same port and data. */
  restart(): Promise<void>
  /** Freezes all its processes: sockets stay open, nothing answers. */
  pause(): Promise<void>
  resume(): Promise<void>
  stop(): Promise<void>
}

/** Whom a server runs as: another user where this process is root. */
const user = ((): { uid?: number; gid?: number } => {
  if (process.getuid?.() !== 0) return {}
  const passwd = readFileSync('/etc/passwd', 'utf8')
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? /^nobody:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? []
  if (uid === undefined || gid === undefined)
    throw new Error('PostgreSQL refuses to run as root, and there is no other user here')
  return { uid: Number(uid), gid: Number(gid) }
})()

async function ownFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `test-${name}-`))
  if (user.uid !== undefined && user.gid !== undefined) await chown(folder, user.uid, user.gid)
  return folder
}

/** @param settings lines of postgresql.conf, stronger than the defaults */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  const binaries = await findPostgres()
  const env = { ...environmentOf(binaries), LC_ALL: 'C', TZ: 'UTC' }
  const folder = await ownFolder('postgres')
  const data = join(folder, 'data')
  const port = await freePort()
  const initdb = join(binaries.folder, 'initdb')
  const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  await promisify(execFile)(initdb, args, { env, cwd: folder, ...user })
  const lines = [
    `listen_addresses = '127.0.0.1'`,
    `port = ${port}`,
    `unix_socket_directories = ''`,
    'shared_buffers = 16MB',
    'max_connections = 60',
    // A process that is killed loses nothing that the system has.
    'fsync = off',
    ...settings,
  ]
  await writeFile(join(data, 'postgresql.auto.conf'), `${lines.join('\n')}\n`)
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  let running: Running | undefined
  let isFrozen = false

  const start = async (): Promise<void> => {
    running = launch(join(binaries.folder, 'postgres'), ['-D', data], env, folder)
    await answering(url, running)
  }
  await start()

  const all = async (): Promise<number[]> => {
    const { pid } = running as Running
    return [pid, ...(await childrenOf(pid))]
  }
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    // The parent first: it starts no other child meanwhile.
    const { pid } = running as Running
    if (name === 'SIGSTOP' || name === 'SIGKILL') {
      const children = name === 'SIGKILL' ? await childrenOf(pid) : []
      send(pid, name)
      for (const child of [...children, ...(await childrenOf(pid))]) send(child, name)
      return
    }
    for (const one of (await all()).reverse()) send(one, name)
  }
  const kill = async (): Promise<void> => {
    if (running === undefined) return
    await signal('SIGKILL')
    await running.ended
    running.watcher.kill('SIGKILL')
    running = undefined
    isFrozen = false
  }
  const stop = async (): Promise<void> => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  }
  const connect = async (name = 'postgres'): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: `postgres://${name}@127.0.0.1:${port}/postgres` })
    client.on('error', () => {})
    await client.connect()
    return client
  }

  return {
    url,
    port,
    connect,
    sql: async (text, values) => {
      const client = await connect()
      try {
        const result = await client.query<Record<string, unknown>>(text, values)
        return result.rows
      } finally {
        await client.end()
      }
    },
    kill,
    restart: async () => {
      await kill()
      // The shared memory of killed processes takes a moment to be nobody's.
      for (let attempt = 0; ; attempt++) {
        try {
          return await start()
        } catch (error) {
          if (attempt === 20) throw error
          await sleep(250)
        }
      }
    },
    pause: async () => {
      isFrozen = true
      await signal('SIGSTOP')
    },
    resume: async () => {
      if (isFrozen) await signal('SIGCONT')
      isFrozen = false
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

export interface Pgbouncer extends AsyncDisposable {
  /** The same databases, over connections that are lent by the transaction. */
  readonly url: string
  stop(): Promise<void>
}

export async function startPgbouncer(server: PostgresServer): Promise<Pgbouncer> {
  const binary = await findPgbouncer()
  const folder = await ownFolder('pgbouncer')
  const port = await freePort()
  const file = join(folder, 'pgbouncer.ini')
  const lines = [
    '[databases]',
    `* = host=127.0.0.1 port=${server.port} user=postgres`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'default_pool_size = 4',
    'max_client_conn = 200',
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const running = launch(binary.server, [file], environmentOf(binary), folder)
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  await answering(url, running)
  const stop = async (): Promise<void> => {
    send(running.pid, 'SIGKILL')
    await running.ended
    running.watcher.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
  return { url, stop, [Symbol.asyncDispose]: stop }
}

interface Running {
  readonly child: ChildProcess
  readonly pid: number
  readonly ended: Promise<unknown>
  readonly watcher: ChildProcess
  readonly log: () => string
}

function launch(program: string, args: readonly string[], env: NodeJS.ProcessEnv, folder: string): Running {
  const child = spawn(program, args, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], ...user })
  // Registered at once: the events of a process that cannot start come before the next promise is awaited.
  const ended = once(child, 'exit').catch((error: unknown) => [error])
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4000)))
    ;(stream as unknown as { unref(): void }).unref()
  }
  child.unref()
  if (child.pid === undefined) throw new Error(`${program} does not start`)
  // Told to end at once, and thawed to hear it; whoever does not is killed.
  const script =
    'read -r _; kill -QUIT "$1" 2>/dev/null; kill -CONT "$1" 2>/dev/null; sleep 6; kill -9 "$1" 2>/dev/null; rm -rf "$2"'
  const watcher = spawn('sh', ['-c', script, 'sh', String(child.pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watcher.unref()
  watcher.stdin.on('error', () => undefined)
  ;(watcher.stdin as unknown as { unref(): void }).unref()
  return { child, pid: child.pid, ended, watcher, log: () => log }
}

/** By what the system says of every process; elsewhere by `ps`. */
async function childrenOf(parent: number): Promise<number[]> {
  const children: number[] = []
  const all = await readdir('/proc').catch(() => undefined)
  if (all === undefined) {
    const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid='])
    for (const [, pid, ppid] of stdout.matchAll(/(\d+) +(\d+)/g))
      if (Number(ppid) === parent) children.push(Number(pid))
    return children
  }
  for (const pid of all.filter((name) => /^\d+$/.test(name))) {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    // After the name, which is in parentheses and may hold anything: state, parent.
    const [, ppid] = /^.*\) \S (\d+) /s.exec(text) ?? []
    if (Number(ppid) === parent) children.push(Number(pid))
  }
  return children
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // Gone already.
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

async function answering(url: string, { child, log }: Running): Promise<void> {
  const until = Date.now() + 30_000
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`The server ended at start:\n${log()}`)
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.query('select 1')
      return
    } catch (error) {
      if (Date.now() > until) throw new Error(`The server did not answer within 30 s:\n${log()}`, { cause: error })
      await sleep(20)
    } finally {
      await client.end().catch(() => {})
    }
  }
}
