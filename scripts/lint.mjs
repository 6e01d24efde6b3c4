// Runs the linter over the whole project and asserts how many files it looked at: a linter whose configuration matches
// nothing reports no problem either. Arguments are passed on (`npm run lint -- --fix`).
import './require-node.mjs'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root, run, tool } from './project.mjs'

const linted = /\.(?:[cm]?[jt]sx?)$/

/** @param {string} folder @param {readonly string[]} ignored folders @returns {string[]} paths from the root */
function sources(folder, ignored) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (!entry.isDirectory()) return linted.test(entry.name) ? [relative(root, path)] : []
    const skip = entry.name === 'node_modules' || entry.name === 'dist' || entry.name.startsWith('.')
    return skip || ignored.includes(relative(root, path)) ? [] : sources(path, ignored)
  })
}

/** @returns {string[]} the folders that the configuration leaves out */
function ignoredFolders() {
  const text = readFileSync(join(root, '.oxlintrc.json'), 'utf8').replace(/^\s*\/\/.*$/gm, '')
  const patterns = /** @type {string[]} */ (JSON.parse(text).ignorePatterns)
  return patterns.filter((pattern) => !pattern.startsWith('**/')).map((pattern) => pattern.replace(/\/\*\*$/, ''))
}

const expected = sources(root, ignoredFolders())
const { code, output } = await run([...tool('oxlint'), '--type-aware', ...process.argv.slice(2), '.'])
process.stdout.write(output)

const checked = Number(/ on (\d+) files?/.exec(output)?.[1] ?? Number.NaN)
if (checked !== expected.length) {
  console.error(`The linter checked ${checked} files, the project has ${expected.length}.`)
  process.exitCode = 1
}
if (code !== 0) process.exitCode = code
