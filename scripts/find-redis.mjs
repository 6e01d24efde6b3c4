// Finds a Redis server binary for tests and demos, without installing anything on the system. In this order:
//   1. what an earlier call found (handed to child processes in TEST_REDIS_SERVER and its siblings);
//   2. `redis-server` or `valkey-server` on PATH;
//   3. the Debian packages, downloaded by apt-get and unpacked into node_modules/.cache: no root, no system change;
// else it throws, naming the command that installs one. Run directly it prints what it found.
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

/**
 * @typedef {object} RedisBinaries
 * @property {string} server path of the server's executable
 * @property {string} cli path of the command line client's executable
 * @property {string} libraryPath folders for LD_LIBRARY_PATH, or ''
 * @property {string} source where it was found, for people
 */

const execute = promisify(execFile)
const cache = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url))
const unpacked = join(cache, 'redis')

const advice =
  'The tests need a Redis server. Install one (Debian, Ubuntu: sudo apt-get install redis-server; macOS: brew install ' +
  'redis; Fedora: sudo dnf install valkey) or put a redis-server on PATH.'

/** @type {Promise<RedisBinaries> | undefined} */
let found

/**
 * Once per process; the processes it starts inherit the answer.
 * @returns {Promise<RedisBinaries>}
 * @throws {Error} with the command that installs Redis
 */
export function findRedis() {
  found ??= handedOn() ?? search()
  return found
}

function handedOn() {
  const { TEST_REDIS_SERVER: server, TEST_REDIS_CLI: cli } = process.env
  if (!server || !cli) return undefined
  const { TEST_REDIS_LIBRARY_PATH: libraryPath = '', TEST_REDIS_SOURCE: source = 'TEST_REDIS_SERVER' } = process.env
  return Promise.resolve({ server, cli, libraryPath, source })
}

async function search() {
  const binaries = onPath() ?? (await fromDebianPackages())
  process.env['TEST_REDIS_SERVER'] = binaries.server
  process.env['TEST_REDIS_CLI'] = binaries.cli
  process.env['TEST_REDIS_LIBRARY_PATH'] = binaries.libraryPath
  process.env['TEST_REDIS_SOURCE'] = binaries.source
  return binaries
}

/** @returns {RedisBinaries | undefined} */
function onPath() {
  for (const name of ['redis', 'valkey']) {
    const server = which(`${name}-server`)
    const cli = which(`${name}-cli`)
    if (server !== undefined && cli !== undefined) return { server, cli, libraryPath: '', source: 'PATH' }
  }
  return undefined
}

/** @param {string} name */
function which(name) {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // not here
    }
  }
  return undefined
}

/** @returns {Promise<RedisBinaries>} */
async function fromDebianPackages() {
  if (!existsSync(unpacked)) {
    const apt = which('apt-get')
    if (process.platform !== 'linux' || apt === undefined || which('dpkg-deb') === undefined) throw new Error(advice)
    const work = join(cache, `redis-${process.pid}`)
    try {
      await unpack(work)
      renameSync(join(work, 'root'), unpacked)
    } catch (error) {
      // Another process may have been faster; its result is as good.
      if (!existsSync(unpacked)) throw new Error(`${advice} (Unpacking the Debian packages failed.)`, { cause: error })
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  }
  return {
    server: join(unpacked, 'usr/bin/redis-server'),
    cli: join(unpacked, 'usr/bin/redis-cli'),
    libraryPath: (await libraryFolders()).join(delimiter),
    source: 'Debian packages unpacked in node_modules/.cache',
  }
}

/** @param {string} work */
async function unpack(work) {
  for (const folder of ['lists/partial', 'cache/archives/partial', 'root'])
    mkdirSync(join(work, folder), { recursive: true })
  // Own lists and cache, no locks: the system's are neither writable here nor to be touched. `_apt`, the user apt
  // changes to when it is root, cannot read a folder under someone's home.
  const settings = [
    `Dir::State::lists=${join(work, 'lists')}`,
    `Dir::Cache=${join(work, 'cache')}`,
    'Debug::NoLocking=true',
    'APT::Sandbox::User=',
    'Acquire::Retries=2',
    'Acquire::http::Timeout=30',
    'Acquire::https::Timeout=30',
  ].flatMap((setting) => ['-o', setting])
  const environment = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }
  const options = { cwd: work, env: environment, timeout: 180_000, maxBuffer: 1 << 26 }

  await execute('apt-get', [...settings, '-qq', 'update'], options)
  const { stdout } = await execute('apt-cache', [...settings, 'depends', 'redis-tools'], options)
  // Every library but the C library itself, which must be the one of the running system.
  const libraries = [...stdout.matchAll(/^ +\|?Depends: ((?:lib|lua-)\S+)$/gm)].map((match) => match[1] ?? '')
  const packages = ['redis-server', 'redis-tools', ...libraries.filter((name) => name !== 'libc6')]
  await execute('apt-get', [...settings, '-qq', 'download', ...packages], options)
  for (const file of await readdir(work)) {
    if (file.endsWith('.deb')) await execute('dpkg-deb', ['-x', join(work, file), join(work, 'root')], options)
  }
  // Proves that the binary and its libraries fit this machine, before others find the folder.
  await execute(join(work, 'root/usr/bin/redis-server'), ['--version'], {
    env: { ...environment, LD_LIBRARY_PATH: (await libraryFolders(join(work, 'root'))).join(delimiter) },
  })
}

/** The folders of the unpacked packages that hold libraries: `usr/lib/<architecture>` and, in older packages, `lib/…`. */
async function libraryFolders(root = unpacked) {
  const folders = []
  for (const parent of ['usr/lib', 'lib'].map((name) => join(root, name))) {
    if (!existsSync(parent)) continue
    for (const entry of await readdir(parent, { withFileTypes: true })) {
      if (entry.isDirectory() && entry.name.includes('-linux-')) folders.push(join(parent, entry.name))
    }
  }
  return folders
}

/**
 * The environment a found binary runs in.
 * @param {RedisBinaries} binaries
 * @returns {NodeJS.ProcessEnv}
 */
export function environmentOf({ libraryPath }) {
  if (libraryPath === '') return process.env
  const inherited = process.env['LD_LIBRARY_PATH']
  return { ...process.env, LD_LIBRARY_PATH: inherited ? `${libraryPath}${delimiter}${inherited}` : libraryPath }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const { server, source } = await findRedis()
    console.log(`${server} (${source})`)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
