// Empties dist before a build, so that a file deleted from src cannot live on in the package.
import './require-node.mjs'
import { rmSync } from 'node:fs'

rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true })
