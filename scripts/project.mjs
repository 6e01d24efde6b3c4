// What the scripts share: where the project is, how to run one of its tools, how to run a command and keep its output.
// Tools are started as `node <their file>`: no shell, no PATH, the same on every system and under every Node version.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * The command line of an installed tool.
 * @param {string} packageName
 * @param {string} [name] of the executable, when the package has several
 * @returns {string[]}
 */
export function tool(packageName, name) {
  const folder = join(root, 'node_modules', packageName)
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) throw new Error(`${packageName} is not installed: run npm install`)
  const { bin } = /** @type {{ bin: string | Record<string, string> }} */ (JSON.parse(readFileSync(manifest, 'utf8')))
  const file = typeof bin === 'string' ? bin : (bin[name ?? packageName] ?? Object.values(bin)[0])
  if (file === undefined) throw new Error(`${packageName} has no executable ${name ?? ''}`)
  return [process.execPath, join(folder, file)]
}

/**
 * Runs a command to its end. Never rejects: a command that cannot be started has the code 127.
 * @param {readonly string[]} command
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, show?: boolean }} [options] `show`: print as it comes, keep nothing
 * @returns {Promise<{ code: number, output: string }>} output and error output in the order they came
 */
export function run(command, { cwd = root, env = process.env, show = false } = {}) {
  const [file = '', ...args] = command
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(file, args, {
      cwd,
      env,
      stdio: show ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
    })
    child.stdout?.setEncoding('utf8').on('data', (text) => (output += text))
    child.stderr?.setEncoding('utf8').on('data', (text) => (output += text))
    child.on('error', (error) => resolve({ code: 127, output: `${output}${error.message}\n` }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}
