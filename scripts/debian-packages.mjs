// Servers for tests and demos out of Debian's packages, without installing anything on the system: apt-get downloads them, dpkg-deb
// unpacks them into node_modules/.cache. No root, no system change, and the next run finds them there.
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/**
 * @typedef {object} Wanted
 * @property {string} name of the folder in node_modules/.cache
 * @property {readonly string[]} packages what is unpacked, besides the libraries they depend on
 * @property {readonly string[]} proof a command that must succeed in the unpacked folder, its program's path from there: proves that the
 * binary and its libraries fit this machine
 * @property {string} advice what to tell people when it cannot be had
 */

const execute = promisify(execFile)
const cache = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url))

/** @param {string} name @returns {string | undefined} the path of an executable on PATH */
export function which(name) {
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

/**
 * @param {Wanted} wanted
 * @returns {Promise<{ root: string, libraryPath: string }>} where they were unpacked, and folders for LD_LIBRARY_PATH
 * @throws {Error} with the advice
 */
export async function unpackedPackages({ name, packages, proof, advice }) {
  const unpacked = join(cache, name)
  if (!existsSync(unpacked)) {
    if (process.platform !== 'linux' || which('apt-get') === undefined || which('dpkg-deb') === undefined)
      throw new Error(advice)
    const work = join(cache, `${name}-${process.pid}`)
    try {
      await unpack(work, packages, proof)
      renameSync(join(work, 'root'), unpacked)
    } catch (error) {
      // Another process may have been faster; its result is as good.
      if (!existsSync(unpacked)) throw new Error(`${advice} (Unpacking the Debian packages failed.)`, { cause: error })
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  }
  return { root: unpacked, libraryPath: (await libraryFolders(unpacked)).join(delimiter) }
}

/** @param {string} work @param {readonly string[]} packages @param {readonly string[]} proof */
async function unpack(work, packages, [program = '', ...args]) {
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
  const { stdout } = await execute('apt-cache', [...settings, 'depends', ...packages], options)
  // Every library but the C library itself, which must be the one of the running system.
  const libraries = [...stdout.matchAll(/^ +\|?Depends: ((?:lib|lua-)\S+)$/gm)].map((match) => match[1] ?? '')
  const wanted = new Set([...packages, ...libraries.filter((library) => library !== 'libc6')])
  await execute('apt-get', [...settings, '-qq', 'download', ...wanted], options)
  const root = join(work, 'root')
  for (const file of await readdir(work)) {
    if (file.endsWith('.deb')) await execute('dpkg-deb', ['-x', join(work, file), root], options)
  }
  // Before others find the folder.
  const libraryPath = (await libraryFolders(root)).join(delimiter)
  await execute(join(root, program), args, { env: { ...environment, LD_LIBRARY_PATH: libraryPath } })
}

/** The folders that hold libraries: `usr/lib/<architecture>` and, in older packages, `lib/…`. @param {string} root */
async function libraryFolders(root) {
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
 * @param {{ libraryPath: string }} binaries
 * @returns {NodeJS.ProcessEnv}
 */
export function environmentOf({ libraryPath }) {
  if (libraryPath === '') return process.env
  const inherited = process.env['LD_LIBRARY_PATH']
  return { ...process.env, LD_LIBRARY_PATH: inherited ? `${libraryPath}${delimiter}${inherited}` : libraryPath }
}
