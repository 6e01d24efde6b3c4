// For the few tests that need the package as its users get it: built.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/project.mjs'

/** @returns the folder of the built package. @throws when there is none: a test of nothing must not pass. */
export function requireBuild(): string {
  const dist = join(root, 'dist')
  if (!existsSync(join(dist, 'index.js'))) throw new Error('This test needs the built package: npm run build')
  return dist
}
