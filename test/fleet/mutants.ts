// Deliberate breaks of what keeps a fleet coherent, each one rule less: the fuzz or the stampede must notice every one of them. The texts
// that are replaced are those of the source as it is; one that is not found is an error.
import type { Edit } from '../support/broken-source.ts'
import { edit } from '../support/broken-source.ts'

export interface Mutant {
  readonly what: string
  readonly edits: readonly Edit[]
  /** `fuzz`: something too old is served, or something hangs · `stampede`: a cold key is loaded more than once. */
  readonly seenBy: 'fuzz' | 'stampede'
}

const mutant = (what: string, seenBy: Mutant['seenBy'], ...edits: readonly Edit[]): Mutant => ({ what, seenBy, edits })

export const mutants: readonly Mutant[] = [
  mutant(
    'a fill does not compare the lease',
    'fuzz',
    edit('backends/redis/lease-scripts.ts', 'if not text then return 0 end', 'text = text or "x -2 "'),
    edit('backends/redis/lease-scripts.ts', 'if not isSame then', 'if false then'),
  ),
  mutant(
    'what is read is kept whatever was told meanwhile',
    'fuzz',
    edit('core/remote-store.ts', 'this.hot?.isOpen === true && followed && readLive', 'this.hot?.isOpen === true'),
  ),
  mutant(
    'what is told does not reach the memory',
    'fuzz',
    edit('core/coherence.ts', '    this.writing(keys)\n    for', '    for'),
  ),
  mutant(
    'a load that was made void is joined',
    'fuzz',
    edit('core/single-flight.ts', '!(flight.token.live && flight.token.followed) || '),
  ),
  mutant(
    'an invalidation leaves the loads under way',
    'fuzz',
    edit('core/fence.ts', 'for (const token of tokens) kill(token)\n    this.#tokens.delete(key)', 'void kill'),
  ),
  mutant(
    'the tags of what a store holds are not judged',
    'fuzz',
    edit('core/judge.ts', "if (!table.isValid(header)) return miss('invalidated')"),
  ),
  mutant(
    'the journal forgets before the store has confirmed',
    'fuzz',
    edit(
      'core/recovery.ts',
      'if (batch === undefined) return',
      'batch?.confirm()\n    if (batch !== undefined) return',
    ),
  ),
  mutant(
    'nobody joins a load',
    'stampede',
    edit('core/single-flight.ts', 'flight !== undefined && this.isJoinable(flight) ? flight : undefined', 'undefined'),
  ),
]
