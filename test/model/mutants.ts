// Deliberate breaks of the read path, each one rule less: the oracle must notice every one of them.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Edit } from '../support/broken-source.ts'
import { edit, withBrokenSource } from '../support/broken-source.ts'
import type { Library } from './world.ts'

export interface Mutant {
  readonly what: string
  readonly edits: readonly Edit[]
}

const mutant = (what: string, ...edits: readonly Edit[]): Mutant => ({ what, edits })

export const mutants: readonly Mutant[] = [
  mutant(
    'a fill does not look at its token',
    edit(
      'core/embedded-store.ts',
      '!token.live || !this.#table.isValid(item.entry)',
      '!this.#table.isValid(item.entry)',
    ),
    edit('core/remote-store.ts', "if (!token.live) return 'fenced'"),
    edit('core/fills.ts', 'return token.live && isUp()', 'return isUp()'),
  ),
  mutant(
    'a load that was made void is joined',
    edit('core/single-flight.ts', '!(flight.token.live && flight.token.followed) || '),
  ),
  mutant('a load is joined across an invalidated tag', edit('core/single-flight.ts', 'this.#tagGeneration++')),
  mutant(
    'what stands in for a load is served after an invalidation',
    edit(
      'core/loads.ts',
      'const { candidate, token } = flight',
      'const { candidate } = flight; const token = { live: true, readLive: true, followed: true }',
    ),
  ),
  mutant(
    'a remembered failure outlives an invalidation',
    edit('core/failures.ts', 'if (!mark.token.live) return false'),
  ),
  mutant('a remembered failure never ends', edit('core/failures.ts', 'mark.until <= now', 'false')),
  mutant(
    'an invalidated tag is no news to the hot path',
    edit('core/hot-tier.ts', 'table.onNews(() => void this.generation++)'),
  ),
  mutant(
    'the hot path does not look at the time',
    edit('core/hot-path.ts', 'this.#recent() < this.#origin', '0 < this.#origin'),
  ),
  mutant(
    'readers are given the stored object',
    edit('core/isolation.ts', "return typeof value !== 'object' ||", "return true || typeof value !== 'object' ||"),
  ),
  mutant(
    'a load has seen what was invalidated while it ran',
    edit(
      'core/loads.ts',
      'position, inherited: load.inherited',
      'position: store?.clockPosition, inherited: load.inherited',
    ),
  ),
  mutant('tags are not inherited', edit('core/new-entry.ts', 'inherited?.joinedWith(tags) ?? tags', 'tags')),
  mutant(
    'the first who leaves ends the load for all',
    edit('core/single-flight.ts', '--flight.passengers === 0', '--flight.passengers >= 0'),
  ),
  mutant(
    'the hard timeout ends nothing',
    edit('core/run-loader.ts', 'hardTimeoutMs !== Infinity', 'hardTimeoutMs < 0'),
  ),
  mutant(
    'a set leaves the loads under way',
    edit('cache-namespace.ts', 'fence.void(full)'),
    edit('cache-namespace.ts', 'fence.void(full)'),
    edit('core/embedded-store.ts', 'fence.void(key)\n    return', 'void fence\n    return'),
  ),
  mutant(
    'a delete leaves the reads under way',
    edit('delete-keys.ts', 'fence.voidReads(key)', 'void key'),
    edit('core/coherence.ts', 'fence.written(key, by)', 'void [fence, by]'),
  ),
  mutant('an expired value stands in', edit('core/loads.ts', "if (freshness === 'expired') return undefined")),
  mutant(
    'a delete leaves a refresh under way',
    edit('core/read-through.ts', 'flights.open(name, key, run)', 'flights.open(name, name, run)'),
  ),
  mutant(
    'who joined late is given what a tag overtook',
    edit('core/read-through.ts', 'joinedLate && landing.isOvertaken()', 'false'),
    edit('core/hot-path.ts', 'landing.isOvertaken() ? again', 'false ? again'),
  ),
  mutant(
    'nobody joins a load',
    edit('core/single-flight.ts', 'flight !== undefined && this.isJoinable(flight) ? flight : undefined', 'undefined'),
  ),
  mutant('what a readonly call loads is stored', edit('core/loads.ts', "&& mode !== 'readonly'")),
  mutant('shouldCache is not asked', edit('core/admission.ts', 'policy.shouldCache !== undefined', 'false')),
  mutant(
    'the tags of what a store holds are not judged',
    edit('core/judge.ts', "if (!table.isValid(header)) return miss('invalidated')"),
  ),
  mutant(
    'what the journal holds is read',
    edit(
      'core/journal.ts',
      'return this.#everything !== undefined ||',
      'return false && this.#everything !== undefined ||',
    ),
    edit('core/journal.ts', '|| this.#keys.has(key)', '&& this.#keys.has(key)'),
  ),
  mutant(
    'writes of one key overtake each other',
    edit('core/write-order.ts', 'older.length === 0', 'older.length >= 0'),
  ),
  mutant(
    'what stands in for a store keeps what was deleted',
    edit('core/remote-invalidation.ts', 'fallback?.tier.delete(key)'),
  ),
  mutant(
    'what a store brings is frozen for nobody, and shared',
    edit('core/landing.ts', 'if (passengers.passengers <= 1) return value', 'return value'),
  ),
]

/** @param use is given the library with one rule less */
export async function withMutant<T>({ edits }: Mutant, use: (library: Library) => Promise<T>): Promise<T> {
  return await withBrokenSource(edits, async (folder) => {
    const index = pathToFileURL(join(folder, 'index.ts')).href
    return await use((await import(/* @vite-ignore */ index)) as Library)
  })
}
