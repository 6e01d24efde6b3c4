// Finds a pgbouncer binary for tests, without installing anything on the system: what an earlier call found, `pgbouncer` on PATH or in
// /usr/sbin, else Debian's package unpacked into node_modules/.cache; else it throws, naming the command that installs one. Run directly it
// prints what it found.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { unpackedPackages, which } from './debian-packages.mjs'

/**
 * @typedef {object} PgbouncerBinary
 * @property {string} server path of the executable
 * @property {string} libraryPath folders for LD_LIBRARY_PATH, or ''
 * @property {string} source where it was found, for people
 */

const advice =
  'These tests need pgbouncer. Install it (Debian, Ubuntu: sudo apt-get install pgbouncer; macOS: brew install pgbouncer; ' +
  'Fedora: sudo dnf install pgbouncer) or put it on PATH.'

/** @type {Promise<PgbouncerBinary> | undefined} */
let found

/**
 * Once per process; the processes it starts inherit the answer.
 * @returns {Promise<PgbouncerBinary>}
 * @throws {Error} with the command that installs pgbouncer
 */
export function findPgbouncer() {
  found ??= search()
  return found
}

async function search() {
  const { TEST_PGBOUNCER: server, TEST_PGBOUNCER_LIBRARY_PATH: libraryPath = '' } = process.env
  if (server) return { server, libraryPath, source: 'TEST_PGBOUNCER' }
  const binary = onThisMachine() ?? (await fromDebianPackage())
  process.env['TEST_PGBOUNCER'] = binary.server
  process.env['TEST_PGBOUNCER_LIBRARY_PATH'] = binary.libraryPath
  return binary
}

/** @returns {PgbouncerBinary | undefined} */
function onThisMachine() {
  const system = '/usr/sbin/pgbouncer'
  const server = which('pgbouncer') ?? (existsSync(system) ? system : undefined)
  return server === undefined ? undefined : { server, libraryPath: '', source: 'this machine' }
}

/** @returns {Promise<PgbouncerBinary>} */
async function fromDebianPackage() {
  const { root, libraryPath } = await unpackedPackages({
    name: 'pgbouncer',
    packages: ['pgbouncer'],
    proof: ['usr/sbin/pgbouncer', '--version'],
    advice,
  })
  return {
    server: join(root, 'usr/sbin/pgbouncer'),
    libraryPath,
    source: 'Debian package unpacked in node_modules/.cache',
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const { server, source } = await findPgbouncer()
    console.log(`${server} (${source})`)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
