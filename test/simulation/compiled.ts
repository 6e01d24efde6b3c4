// The simulation as plain JavaScript, together with the library as it is or with a rule less: a test runner around it would take half of its time.
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run, tool } from '../../scripts/project.mjs'
import type { Edit } from '../support/broken-source.ts'
import { applyEdits } from '../support/broken-source.ts'

export interface CompiledSimulation extends Disposable {
  /** What Node.js is given to run. */
  readonly file: string
}

/** @throws when an edit does not fit the source, or when it cannot be compiled: no break can silently become none */
export async function compileSimulation(edits: readonly Edit[] = []): Promise<CompiledSimulation> {
  const folder = mkdtempSync(join(tmpdir(), 'test-simulation-'))
  const dispose = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    for (const part of ['src', 'test/simulation', 'test/support'])
      cpSync(join(root, part), join(folder, part), { recursive: true })
    applyEdits(join(folder, 'src'), edits)
    const project = {
      extends: join(root, 'test/tsconfig.json'),
      // Types are checked elsewhere.
      compilerOptions: { noEmit: false, noCheck: true, types: [], rootDir: folder, outDir: join(folder, 'out') },
      files: [join(folder, 'test/simulation/worker.ts')],
      include: [],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
    const { code, output } = await run([...tool('typescript', 'tsc'), '-p', folder])
    if (code !== 0) throw new Error(`The simulation cannot be compiled:\n${output}`)
  } catch (error) {
    dispose()
    throw error
  }
  return { file: join(folder, 'out/test/simulation/worker.js'), [Symbol.dispose]: dispose }
}
