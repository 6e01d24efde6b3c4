// Deliberate breaks of the coherence protocol, each one rule less: some schedule must show it. A rule that the server keeps, in a script, is
// broken in the program that stands for it.
import { deleteKeys, fillKey } from '../../src/backends/redis/lease-scripts.ts'
import type { Edit } from '../support/broken-source.ts'
import { edit } from '../support/broken-source.ts'
import type { Call, Program, Programs } from './programs.ts'
import { programs } from './programs.ts'

export interface Mutant {
  readonly what: string
  readonly edits: readonly Edit[]
  readonly programs: Programs
}

const mutant = (what: string, ...edits: readonly Edit[]): Mutant => ({ what, edits, programs })

/** @param change what the script does instead of a command; `undefined`: what it would */
function scriptMutant(
  what: string,
  { sha1 }: { readonly sha1: string },
  change: (command: ReadonlyArray<string | number>, keys: readonly string[], args: readonly string[]) => unknown,
): Mutant {
  const whole = programs.get(sha1) as Program
  const broken: Program = (call, keys, args) => {
    const changed: Call = (...command) => {
      const instead = change(command, keys, args)
      return instead === undefined ? call(...command) : instead
    }
    return whole(changed, keys, args)
  }
  return { what, edits: [], programs: new Map([...programs, [sha1, broken]]) }
}

export const mutants: readonly Mutant[] = [
  mutant(
    'what is read is kept whatever was told meanwhile',
    edit('core/remote-store.ts', 'this.hot?.isOpen === true && followed && readLive', 'this.hot?.isOpen === true'),
  ),
  mutant(
    'what is told does not reach the memory',
    edit('core/coherence.ts', '    this.writing(keys)\n    for', '    for'),
  ),
  mutant('a lost connection leaves the memory as it is', edit('core/coherence.ts', 'this.#options.l1?.lose()')),
  mutant(
    'FLUSHALL is not heard',
    edit('core/coherence.ts', 'changedAll: () => this.changedAll(),', 'changedAll: () => {},'),
  ),
  mutant(
    'memory is served however long nothing was heard',
    edit('core/l1.ts', 'this.#turn() < this.readableUntil', 'true'),
  ),
  mutant(
    'what is told leaves the loads of the key joinable',
    edit('core/single-flight.ts', 'flight.token.live && flight.token.followed', 'flight.token.live'),
  ),
  mutant(
    'what the store answers is judged before the news of the tags is taken',
    edit('core/remote-tier.ts', '.then(() => news.taken())'),
  ),
  mutant(
    'the change of the tag clock is no news',
    edit('core/coherence.ts', 'tagsChanged: () => tagNews.arrived(),', 'tagsChanged: () => {},'),
  ),
  mutant(
    'an old value stands in whatever was told',
    edit('core/loads.ts', '!token.followed || store.isDeaf', 'false'),
    edit('core/serving.ts', 'flight.token.readLive && flight.token.followed', 'flight.token.readLive'),
  ),
  mutant('own keys are journaled and read all the same', edit('core/journal.ts', '|| this.#keys.has(key)')),
  mutant('the journal is not replayed', edit('core/recovery.ts', '      await this.replay()\n')),
  mutant(
    'what was confirmed a moment ago is not repeated under another history, nor is the clock renewed',
    edit('core/recovery.ts', 'if (!isSame) this.#journal.add(this.#recent.all())'),
    edit('core/recovery.ts', '      await this.#remote.enter()\n'),
  ),
  mutant(
    'loads begun in an outage are stored after it',
    edit('core/fills.ts', 'turns?.isOn === true && token.lease === undefined', 'false'),
    edit('core/engine.ts', 'else flights.fence.voidAll()', 'else flights.fence.changedAll()'),
  ),
  mutant(
    'nobody looks whether a tag overtook the load',
    edit('core/loads.ts', 'marks.clockId !== undefined && store?.isValid(marks) === false', 'false'),
  ),
  mutant(
    'a load is told of the tags at its end',
    edit(
      'core/loads.ts',
      'admission.costOf(call, value), position, inherited',
      'admission.costOf(call, value), position: store?.clockPosition, inherited',
    ),
  ),
  scriptMutant('a fill does not compare the lease', fillKey, ([name], _keys, [token = '']) =>
    name === 'GET' ? `${token} -2 ` : name === 'TYPE' ? 'none' : undefined,
  ),
  scriptMutant('a delete leaves the lease', deleteKeys, ([name, key], keys) =>
    name === 'DEL' && keys.indexOf(String(key)) % 2 === 1 ? 0 : undefined,
  ),
  scriptMutant('a fill is not followed', fillKey, ([name]) => (name === 'EXISTS' ? 1 : undefined)),
  scriptMutant('a delete of what is not there is not told', deleteKeys, ([name]) =>
    name === 'SET' ? 'OK' : undefined,
  ),
]
