// Other versions of Node.js for tests, as an npm package that holds the binary: no install script, no system change.
// Kept in node_modules/.cache. Where there is no such package (or no registry), what is found on PATH may do.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './project.mjs'

const execute = promisify(execFile)

/**
 * @param {number} major
 * @returns {Promise<string>} path of a `node` of that major version
 * @throws {Error} saying why there is none
 */
export async function findNode(major) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath
  const folder = join(root, 'node_modules/.cache', `node-${major}`)
  const binary = join(folder, 'bin/node')
  try {
    if (!existsSync(binary)) await fetchNode(major, folder)
    await execute(binary, ['--version'])
    return binary
  } catch (error) {
    for (const path of (process.env['PATH'] ?? '').split(delimiter).map((entry) => join(entry, 'node'))) {
      const { stdout } = await execute(path, ['--version']).catch(() => ({ stdout: '' }))
      if (stdout.startsWith(`v${major}.`)) return path
    }
    const reason = error instanceof Error ? error.message.trim().split('\n').slice(0, 2).join(' ') : String(error)
    throw new Error(`There is no Node.js ${major} here: ${reason}`, { cause: error })
  }
}

/**
 * @param {number} major
 * @param {string} folder
 */
async function fetchNode(major, folder) {
  const work = `${folder}-${process.pid}`
  mkdirSync(work, { recursive: true })
  try {
    const name = `node-${process.platform}-${process.arch}@${major}`
    const options = { cwd: work, timeout: 180_000 }
    await execute(process.execPath, [npm(), 'pack', name, '--silent'], options)
    const archive = readdirSync(work).find((file) => file.endsWith('.tgz'))
    if (archive === undefined) throw new Error(`npm pack ${name} left no archive`)
    await execute('tar', ['-xzf', archive], options)
    renameSync(join(work, 'package'), folder)
  } catch (error) {
    // Another process may have been faster; its result is as good.
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** @returns {string} the JavaScript file of npm, so that any Node can run it */
export function npm() {
  const running = process.env['npm_execpath']
  if (running !== undefined && /npm-cli\.[cm]?js$/.test(running)) return running
  const candidates = [
    join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js'),
    join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js'),
    ...(process.env['PATH'] ?? '').split(delimiter).map((entry) => join(entry, 'npm')),
  ]
  for (const path of candidates) {
    if (existsSync(path) && /npm-cli\.[cm]?js$/.test(realpathSync(path))) return realpathSync(path)
  }
  throw new Error('npm was not found: run this through `npm run`')
}
