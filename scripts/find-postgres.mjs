// Finds PostgreSQL binaries for tests, without installing anything on the system. In this order:
//   1. what an earlier call found (handed to child processes in TEST_POSTGRES_FOLDER and its sibling);
//   2. `postgres` and `initdb` on PATH, or where Debian puts them, the newest;
//   3. the Debian packages, downloaded by apt-get and unpacked into node_modules/.cache: no root, no system change;
// else it throws, naming the command that installs one. Run directly it prints what it found.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { unpackedPackages, which } from './debian-packages.mjs'

/**
 * @typedef {object} PostgresBinaries
 * @property {string} folder that holds `postgres` and `initdb`
 * @property {string} libraryPath folders for LD_LIBRARY_PATH, or ''
 * @property {string} source where it was found, for people
 */

const advice =
  'These tests need PostgreSQL. Install it (Debian, Ubuntu: sudo apt-get install postgresql; macOS: brew install postgresql; ' +
  'Fedora: sudo dnf install postgresql-server) or put its postgres and initdb on PATH.'

/** The version that a release of Debian or Ubuntu packages. */
const versions = /** @type {Readonly<Record<string, string>>} */ ({
  bullseye: '13',
  jammy: '14',
  bookworm: '15',
  noble: '16',
  trixie: '17',
})

/** @type {Promise<PostgresBinaries> | undefined} */
let found

/**
 * Once per process; the processes it starts inherit the answer.
 * @returns {Promise<PostgresBinaries>}
 * @throws {Error} with the command that installs PostgreSQL
 */
export function findPostgres() {
  found ??= search()
  return found
}

async function search() {
  const { TEST_POSTGRES_FOLDER: folder, TEST_POSTGRES_LIBRARY_PATH: libraryPath = '' } = process.env
  if (folder) return { folder, libraryPath, source: 'TEST_POSTGRES_FOLDER' }
  const binaries = onThisMachine() ?? (await fromDebianPackages())
  process.env['TEST_POSTGRES_FOLDER'] = binaries.folder
  process.env['TEST_POSTGRES_LIBRARY_PATH'] = binaries.libraryPath
  return binaries
}

/** @returns {PostgresBinaries | undefined} */
function onThisMachine() {
  const server = which('postgres')
  if (server !== undefined && existsSync(join(dirname(server), 'initdb'))) {
    return { folder: dirname(server), libraryPath: '', source: 'PATH' }
  }
  const debian = '/usr/lib/postgresql'
  const folders = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  for (const folder of folders.map((version) => join(debian, version, 'bin'))) {
    if (existsSync(join(folder, 'postgres'))) return { folder, libraryPath: '', source: debian }
  }
  return undefined
}

/** @returns {Promise<PostgresBinaries>} */
async function fromDebianPackages() {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
  const version = versions[/^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1] ?? ''] ?? '15'
  const folder = `usr/lib/postgresql/${version}/bin`
  const { root, libraryPath } = await unpackedPackages({
    name: `postgresql-${version}`,
    packages: [`postgresql-${version}`, `postgresql-client-${version}`],
    proof: [`${folder}/postgres`, '--version'],
    advice,
  })
  return { folder: join(root, folder), libraryPath, source: 'Debian packages unpacked in node_modules/.cache' }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const { folder, source } = await findPostgres()
    console.log(`${folder} (${source})`)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
