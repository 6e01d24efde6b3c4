// A copy of the library with one rule less, for tests that must notice it. A break is a text of the source that is replaced; one that is not
// found (the source has changed) is an error, so no break can silently become none.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Edit {
  /** From `src` on: `core/fence.ts`. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

export const edit = (file: string, find: string, replace = ''): Edit => ({ file, find, replace })

const source = fileURLToPath(new URL('../../src', import.meta.url))

/** @throws when one does not fit */
export function applyEdits(folder: string, edits: readonly Edit[]): void {
  for (const { file, find, replace } of edits) {
    const path = join(folder, file)
    const text = readFileSync(path, 'utf8')
    if (!text.includes(find)) throw new Error(`A break does not fit: ${file} has no ${find}`)
    writeFileSync(
      path,
      text.replace(find, () => replace),
    )
  }
}

/** @param use is given the folder of the copy, which is gone when it has ended */
export async function withBrokenSource<T>(edits: readonly Edit[], use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'broken-source-'))
  try {
    cpSync(source, folder, { recursive: true })
    applyEdits(folder, edits)
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
