// Finds a Redis server binary for tests and demos, without installing anything on the system. In this order:
//   1. what an earlier call found (handed to child processes in TEST_REDIS_SERVER and its siblings);
//   2. `redis-server` or `valkey-server` on PATH;
//   3. the Debian packages, downloaded by apt-get and unpacked into node_modules/.cache: no root, no system change;
// else it throws, naming the command that installs one. Run directly it prints what it found.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { unpackedPackages, which } from './debian-packages.mjs'

/**
 * @typedef {object} RedisBinaries
 * @property {string} server path of the server's executable
 * @property {string} cli path of the command line client's executable
 * @property {string} libraryPath folders for LD_LIBRARY_PATH, or ''
 * @property {string} source where it was found, for people
 */

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

/** @returns {Promise<RedisBinaries>} */
async function fromDebianPackages() {
  const { root, libraryPath } = await unpackedPackages({
    name: 'redis',
    packages: ['redis-server', 'redis-tools'],
    proof: ['usr/bin/redis-server', '--version'],
    advice,
  })
  return {
    server: join(root, 'usr/bin/redis-server'),
    cli: join(root, 'usr/bin/redis-cli'),
    libraryPath,
    source: 'Debian packages unpacked in node_modules/.cache',
  }
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
