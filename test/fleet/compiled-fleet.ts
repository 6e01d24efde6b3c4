// The programs of a fleet, compiled together with a copy of the library that may have a rule less (see mutants.ts). What runs is plain
// JavaScript in processes of its own: a test runner around it would be measured, frozen and killed with it.
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run, tool } from '../../scripts/project.mjs'
import type { Edit } from '../support/broken-source.ts'
import { applyEdits } from '../support/broken-source.ts'

export interface CompiledFleet extends Disposable {
  /** @param program of this folder: `fuzz-node`. @returns what Node.js is given to run */
  file(program: string): string
}

/** Another copy of the library's sources than this one's: an older state, say. */
const sources = process.env['TEST_FLEET_SOURCES'] ?? join(root, 'src')

/** @throws when an edit does not fit the source, or when it cannot be compiled: no break can silently become none */
export async function compileFleet(programs: readonly string[], edits: readonly Edit[] = []): Promise<CompiledFleet> {
  const folder = mkdtempSync(join(tmpdir(), 'test-fleet-'))
  const dispose = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    cpSync(sources, join(folder, 'src'), { recursive: true })
    for (const part of ['test/fleet', 'test/support', 'test/soak']) {
      cpSync(join(root, part), join(folder, part), { recursive: true })
    }
    applyEdits(join(folder, 'src'), edits)
    const project = {
      extends: join(root, 'test/tsconfig.json'),
      // Types are checked elsewhere.
      compilerOptions: { noEmit: false, noCheck: true, types: [], rootDir: folder, outDir: join(folder, 'out') },
      files: programs.map((program) => join(folder, 'test/fleet', `${program}.ts`)),
      include: [],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
    const { code, output } = await run([...tool('typescript', 'tsc'), '-p', folder])
    if (code !== 0) throw new Error(`The fleet cannot be compiled:\n${output}`)
  } catch (error) {
    dispose()
    throw error
  }
  return { file: (program) => join(folder, 'out/test/fleet', `${program}.js`), [Symbol.dispose]: dispose }
}
