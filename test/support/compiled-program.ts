// A test's program for a process of its own: compiled from the sources as they are, since plain Node.js 20 runs no TypeScript, and a test
// runner around it would be measured or killed with it.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run, tool } from '../../scripts/project.mjs'

export interface CompiledProgram extends Disposable {
  /** What Node.js is given to run. */
  readonly file: string
}

/** @param source of the program, from the root of the repository: `test/soak/client.ts`. @throws when it cannot be compiled */
export async function compileProgram(source: string): Promise<CompiledProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'test-program-'))
  const dispose = (): void => rmSync(folder, { recursive: true, force: true })
  const project = {
    extends: join(root, 'test/tsconfig.json'),
    // Types are checked elsewhere.
    compilerOptions: { noEmit: false, noCheck: true, types: [], rootDir: root, outDir: join(folder, 'out') },
    files: [join(root, source)],
    include: [],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  const { code, output } = await run([...tool('typescript', 'tsc'), '-p', folder])
  if (code !== 0) {
    dispose()
    throw new Error(`${source} cannot be compiled:\n${output}`)
  }
  return { file: join(folder, 'out', source.replace(/\.ts$/, '.js')), [Symbol.dispose]: dispose }
}

/** The environment without what this run or the developer's shell would change in a cache. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:REDIS_|CACHE_|NODE_|VITEST|TEST)/.test(name))
  return Object.fromEntries(own)
}
