// Which packages a piece of code really pulls into a process: runs it in a Node.js of its own, with a hook on module
// resolution, and adds what CommonJS keeps in its own cache.
import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { randomUUID } from 'node:crypto'
import { root } from '../../scripts/project.mjs'

/** Runs in the thread of the hooks; each resolved address is one line of a file. */
const hook = `import { appendFileSync } from 'node:fs'
export async function resolve(specifier, context, next) {
  const result = await next(specifier, context)
  appendFileSync(process.env.TEST_RESOLVED, result.url + '\\n')
  return result
}`

const asModule = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`
const register = asModule(`import { register } from 'node:module'; register(${JSON.stringify(asModule(hook))})`)

/** What CommonJS loaded is in its cache; the hook does not see what it requires. */
const listRequired = `
import { createRequire } from 'node:module'
import { appendFileSync } from 'node:fs'
for (const path of Object.keys(createRequire(import.meta.url).cache)) appendFileSync(process.env.TEST_RESOLVED, path + '\\n')`

/**
 * @param source an ES module; runs with the project as its folder, so that `@speedrun/cache` is the built package
 * @returns names of the packages, sorted
 */
export async function packagesLoadedBy(source: string, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const log = join(tmpdir(), `test-resolved-${randomUUID()}`)
  const args = ['--import', register, '--input-type=module', '--eval', `${source}\n${listRequired}`]
  try {
    await promisify(execFile)(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...env, TEST_RESOLVED: log },
    })
    const resolved = await readFile(log, 'utf8')
    const packages = [...resolved.matchAll(/.*[\\/]node_modules[\\/]((?:@[^\\/\n]+[\\/])?[^\\/\n]+)/g)].map(
      ([, name = '']) => name,
    )
    return [...new Set(packages)].sort()
  } finally {
    await rm(log, { force: true })
  }
}
