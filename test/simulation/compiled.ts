// The simulation as plain JavaScript, together with the library as it is or with a rule less: a test runner around it would take half of its time.
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run, tool } from '../../scripts/project.mjs'
import type { Edit } from '../support/broken-source.ts'
import { applyEdits } from '../support/broken-source.ts'

export interface CompiledSimulation extends Disposable {
  readonly folder: string
  /** What Node.js is given to run. */
  readonly file: string
}

/** @throws when it cannot be compiled */
export function compileSimulation(): Promise<CompiledSimulation> {
  return inFolder(async (folder) => {
    for (const part of ['src', 'test/simulation', 'test/support'])
      cpSync(join(root, part), join(folder, part), { recursive: true })
    await compile(folder, ['test/simulation/worker.ts'], {})
  })
}

/**
 * The same with a rule less: only the files that are broken are compiled anew.
 * @throws when an edit does not fit the source, or when it cannot be compiled: no break can silently become none
 */
export function breakSimulation(whole: CompiledSimulation, edits: readonly Edit[]): Promise<CompiledSimulation> {
  return inFolder(async (folder) => {
    cpSync(join(whole.folder, 'out'), join(folder, 'out'), { recursive: true })
    const files = [...new Set(edits.map(({ file }) => `src/${file}`))]
    for (const file of files) cpSync(join(whole.folder, file), join(folder, file), { recursive: true })
    applyEdits(join(folder, 'src'), edits)
    if (files.length > 0) await compile(folder, files, { noResolve: true })
  })
}

async function inFolder(fill: (folder: string) => Promise<void>): Promise<CompiledSimulation> {
  const folder = mkdtempSync(join(tmpdir(), 'test-simulation-'))
  const dispose = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
    await fill(folder)
  } catch (error) {
    dispose()
    throw error
  }
  return { folder, file: join(folder, 'out/test/simulation/worker.js'), [Symbol.dispose]: dispose }
}

async function compile(folder: string, files: readonly string[], options: object): Promise<void> {
  const project = {
    extends: join(root, 'test/tsconfig.json'),
    // Types are checked elsewhere.
    compilerOptions: {
      noEmit: false,
      noCheck: true,
      types: [],
      rootDir: folder,
      outDir: join(folder, 'out'),
      ...options,
    },
    files: files.map((file) => join(folder, file)),
    include: [],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
  const { code, output } = await run([...tool('typescript', 'tsc'), '-p', folder])
  if (code !== 0) throw new Error(`The simulation cannot be compiled:\n${output}`)
}
