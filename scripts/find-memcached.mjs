// Finds a Memcached server binary for tests, without installing anything on the system. In this order:
//   1. what an earlier call found (handed to child processes in TEST_MEMCACHED_SERVER and its siblings);
//   2. `memcached` on PATH;
//   3. the Debian package, downloaded by apt-get and unpacked into node_modules/.cache: no root, no system change;
// else it throws, naming the command that installs one. Run directly it prints what it found.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { unpackedPackages, which } from './debian-packages.mjs'

/**
 * @typedef {object} MemcachedBinary
 * @property {string} server path of the server's executable
 * @property {string} libraryPath folders for LD_LIBRARY_PATH, or ''
 * @property {string} source where it was found, for people
 */

const advice =
  'The tests of the Memcached backend need a Memcached server, 1.6 or later. Install one (Debian, Ubuntu: sudo apt-get install ' +
  'memcached; macOS: brew install memcached; Fedora: sudo dnf install memcached) or put a memcached on PATH.'

/** @type {Promise<MemcachedBinary> | undefined} */
let found

/**
 * Once per process; the processes it starts inherit the answer.
 * @returns {Promise<MemcachedBinary>}
 * @throws {Error} with the command that installs Memcached
 */
export function findMemcached() {
  found ??= handedOn() ?? search()
  return found
}

function handedOn() {
  const { TEST_MEMCACHED_SERVER: server } = process.env
  if (!server) return undefined
  const { TEST_MEMCACHED_LIBRARY_PATH: libraryPath = '', TEST_MEMCACHED_SOURCE: source = 'TEST_MEMCACHED_SERVER' } =
    process.env
  return Promise.resolve({ server, libraryPath, source })
}

async function search() {
  const onPath = which('memcached')
  const binary = onPath === undefined ? await fromDebianPackage() : { server: onPath, libraryPath: '', source: 'PATH' }
  process.env['TEST_MEMCACHED_SERVER'] = binary.server
  process.env['TEST_MEMCACHED_LIBRARY_PATH'] = binary.libraryPath
  process.env['TEST_MEMCACHED_SOURCE'] = binary.source
  return binary
}

/** @returns {Promise<MemcachedBinary>} */
async function fromDebianPackage() {
  const { root, libraryPath } = await unpackedPackages({
    name: 'memcached',
    packages: ['memcached'],
    proof: ['usr/bin/memcached', '--version'],
    advice,
  })
  return {
    server: join(root, 'usr/bin/memcached'),
    libraryPath,
    source: 'Debian package unpacked in node_modules/.cache',
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const { server, source } = await findMemcached()
    console.log(`${server} (${source})`)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
