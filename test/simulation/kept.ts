// Schedules that have shown something once, shortened: on the real library they must not, and on the break they were found with they must.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/project.mjs'
import type { Schedule } from './schedule.ts'

export interface Kept {
  /** The break it shows; or what it showed when it was found in the library itself. */
  readonly what: string
  readonly found: string
  readonly schedule: Schedule
}

const folder = join(root, 'test/simulation/kept')

export function allKept(): readonly Kept[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Kept)
}

export function keptFor(what: string): Schedule | undefined {
  return allKept().find((kept) => kept.what === what)?.schedule
}

export function keep(kept: Kept): void {
  mkdirSync(folder, { recursive: true })
  const name = kept.what.replaceAll(/[^\w]+/g, '-').toLowerCase()
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(kept, null, 2)}\n`)
}
