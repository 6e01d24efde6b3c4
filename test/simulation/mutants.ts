// Deliberate breaks of the coherence protocol, each one rule less: some schedule must show it. A rule that the server keeps, in a script, is
// broken in the program that stands for it.
import { deleteKeys, fillKey, setKey } from '../../src/backends/redis/lease-scripts.ts'
import { enterClock, readClock } from '../../src/backends/redis/scripts.ts'
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
  // Memory in front.
  mutant(
    'what is read is kept whatever was told meanwhile',
    edit('core/remote-store.ts', 'this.hot?.isOpen === true && followed && readLive', 'this.hot?.isOpen === true'),
  ),
  mutant(
    'who leaves a load keeps what was read',
    edit('core/single-flight.ts', 'this.fence.abandon(flight.token)', 'flight.token.live = false'),
  ),
  mutant(
    'what is told does not reach the memory',
    edit('core/coherence.ts', '    this.writing(keys)\n    for', '    for'),
  ),
  mutant(
    'memory is purged when a write is called, and not when it is answered',
    edit(
      'core/coherence.ts',
      '      l1?.tier.delete(key)\n      fence.written(key, by)',
      '      fence.written(key, by)',
    ),
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
  scriptMutant('a fill is not followed', fillKey, ([name]) => (name === 'EXISTS' ? 1 : undefined)),
  scriptMutant('a delete of what is not there is not told', deleteKeys, ([name]) =>
    name === 'SET' ? 'OK' : undefined,
  ),

  // Joining.
  mutant(
    'what is told leaves the loads of the key joinable',
    edit('core/single-flight.ts', 'flight.token.live && flight.token.followed', 'flight.token.live'),
  ),
  mutant(
    'a load is joined across a delete of this process',
    edit('core/single-flight.ts', '!(flight.token.live && flight.token.followed) || '),
  ),
  mutant(
    'a load is joined across an invalidation of tags by this process',
    edit('core/single-flight.ts', 'return flight.tagGeneration === this.#tagGeneration ||', 'return true ||'),
  ),
  mutant(
    'a load that collects tags is joined as if it had none',
    edit('core/loads.ts', 'load.inherited === undefined && store.isValid(known)', 'store.isValid(known)'),
  ),
  mutant(
    'what is in the air when a connection is lost is joined on the next',
    edit('core/coherence.ts', 'this.#options.fence.changedAll()\n    this.#options.waiters', 'this.#options.waiters'),
    edit('core/engine.ts', 'if (mayFill) flights.fence.changedAll()', 'if (mayFill) void 0'),
    edit('core/engine.ts', '    flights.detach()\n  }', '  }'),
  ),
  mutant(
    'who joined while nothing was heard is answered all the same',
    edit(
      'core/read-through.ts',
      "joinedLate && this.store?.isDeaf === true && this.store.state === 'connected'",
      'false && joinedLate',
    ),
  ),

  mutant(
    'a load that has none of the tags is not joined',
    edit('core/single-flight.ts', ' || flight.isUntouched?.() === true'),
  ),

  // Leases.
  scriptMutant('a fill does not compare the lease', fillKey, ([name], _keys, [token = '']) =>
    name === 'GET' ? `${token} -2 ` : name === 'TYPE' ? 'none' : undefined,
  ),
  mutant(
    'scripts are tried by their digest, and sent again where that is not known',
    edit('backends/redis/script-runner.ts', 'if (!this.#sent.has(script.sha1)) {', 'if (this.#sent.size < 0) {'),
  ),
  mutant(
    'all leases of a process have one name',
    edit('core/turns.ts', '`${this.#origin}.${++this.#count}`', '`${this.#origin}`'),
  ),
  scriptMutant('a delete leaves the lease', deleteKeys, ([name, key], keys) =>
    name === 'DEL' && keys.indexOf(String(key)) % 2 === 1 ? 0 : undefined,
  ),
  scriptMutant('a set leaves the lease', setKey, ([name]) => (name === 'DEL' ? 0 : undefined)),
  mutant(
    'a load of this process whose key has ended is begun again',
    edit('core/turns.ts', 'if (own !== undefined && !isUseful(own))', 'if (own !== undefined)'),
  ),
  mutant(
    'leases are not prolonged',
    edit(
      'core/turns.ts',
      'if (isUp()) isHeld = await remote.renewLease(key, lease, leaseMs)',
      'void [isUp, remote, key]',
    ),
  ),
  mutant(
    'who waits for a process that died waits for ever',
    edit('core/waiters.ts', 'setTimer(wake, ms,', 'setTimer(() => {}, ms,'),
  ),
  mutant(
    'a fill of this process wakes nobody here',
    edit('core/coherence.ts', '      fence.written(key, by)\n      waiters.wake(key)', '      fence.written(key, by)'),
  ),
  mutant(
    'who waits does not hear of the lease',
    edit('backends/redis/pushes.ts', 'keyOfLease(told) ?? told', '(keyOfLease(told), told)'),
  ),
  mutant(
    'what was told before one began to wait is not noticed',
    edit('core/turns.ts', 'if (token.followed) await guard(', 'await guard('),
  ),

  // Tags.
  mutant(
    'what the store answers is judged before the news of the tags is taken',
    edit('core/remote-tier.ts', '.then(() => news.taken())'),
  ),
  mutant(
    'what is heard counts though the news of the tags is not taken',
    edit('core/coherence.ts', 'if (!this.#options.tagNews.isTaken) return\n'),
  ),
  mutant(
    'a value of another program is judged under any clock',
    edit('core/judge.ts', 'table.position?.id === askedUnder && '),
  ),
  mutant(
    'the change of the tag clock is no news',
    edit('core/coherence.ts', 'tagsChanged: () => tagNews.arrived(),', 'tagsChanged: () => {},'),
  ),
  mutant(
    'the tags of what the store has are not judged',
    edit('core/judge.ts', "if (!table.isValid(header)) return miss('invalidated')"),
    edit('core/serving.ts', "if (entry.clockId !== undefined && !store.isValid(entry)) return 'invalidated'"),
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
  mutant(
    'a load is dated by the clock of its process',
    edit(
      'core/loads.ts',
      'admission.costOf(call, value), position, inherited',
      'admission.costOf(call, value), position: position && { id: position.id, mark: runtime.now() * 1000 }, inherited',
    ),
  ),
  mutant(
    'the answer to an invalidation of tags tells of its own tags only',
    edit(
      'core/remote-tier.ts',
      'clock.stamp(tags, since)',
      'Promise.resolve(clock.stamp(tags, since)).then((delta) => ({ ...delta, stamps: delta.stamps.filter(([tag]) => tags.includes(tag)) }))',
    ),
  ),
  mutant(
    'a clock that was lost comes back under its old id',
    edit(
      'backends/redis/redis-tags.ts',
      "idAfter(since === undefined ? '0' : '2')",
      "since === undefined ? idAfter('0') : since.id",
    ),
  ),
  mutant(
    'tags of what a value was made from are as new as the value',
    edit(
      'core/new-entry.ts',
      'inherited?.joinedWith(tags) ?? tags',
      'inherited?.joinedWith(tags).map(({ tag }) => ({ tag, t0: position?.mark ?? 0 })) ?? tags',
    ),
  ),
  mutant(
    'tags of what a value was made from are forgotten',
    edit('core/new-entry.ts', 'inherited?.joinedWith(tags) ?? tags', 'inherited === undefined ? tags : tags'),
  ),
  mutant(
    'a value is kept though what it was made from cannot be judged',
    edit('core/inherited-tags.ts', 'return !this.#mixed && ', 'return true || '),
  ),

  // Old values.
  mutant(
    'an old value stands in whatever was told',
    edit('core/loads.ts', '!token.followed || store.isDeaf', 'false'),
    edit('core/serving.ts', 'flight.token.readLive && flight.token.followed', 'flight.token.readLive'),
  ),
  mutant(
    'an old value stands in whatever became of its tags',
    edit('core/loads.ts', ' || !store.isValid(candidate)', ''),
  ),
  mutant(
    'an old value stands in though this process has invalidated it',
    edit('core/loads.ts', '!token.readLive || ', ''),
    edit('core/loads.ts', '!token.followed || store.isDeaf', 'store.isDeaf'),
    edit('core/serving.ts', 'flight.token.readLive && flight.token.followed', 'true'),
  ),

  // Tables.
  mutant(
    'a load that has ended is kept in the table',
    edit('core/single-flight.ts', 'if (this.#flights.get(flight.name) === flight) this.#flights.delete(flight.name)'),
  ),

  // Outages.
  mutant(
    'an invalidation that fails is not journaled',
    edit('core/remote-invalidation.ts', '    journal()\n    await', '    void journal\n    await'),
  ),
  mutant(
    'what is journaled is read all the same',
    edit(
      'core/journal.ts',
      'this.#everything !== undefined || this.#tags.size > 0 || this.#keys.has(key)',
      'key === undefined',
    ),
  ),
  mutant('the journal is not replayed', edit('core/recovery.ts', '      await this.replay()\n')),
  mutant(
    'the store is read before the journal is replayed',
    edit('core/recovery.ts', '      await this.replay()\n', '      returned(isSame)\n      await this.replay()\n'),
  ),
  mutant(
    'what is confirmed of the journal is forgotten by its name',
    edit('core/journal.ts', '      if (from.get(item.name) !== item) return\n', ''),
  ),
  mutant(
    'what was confirmed a moment ago is not repeated under another history',
    edit('core/recovery.ts', 'if (!isSame) this.#journal.add(this.#recent.all())'),
  ),
  mutant('what was confirmed a moment ago is soon forgotten', edit('core/recent-invalidations.ts', '30_000', '1')),
  {
    what: 'another history keeps the id of the clock',
    edits: [],
    programs: new Map([...programs, [enterClock.sha1, programs.get(readClock.sha1) as Program]]),
  },
  mutant(
    'commands of a connection that was given up are let run',
    edit(
      'backends/redis/own-connections.ts',
      "await transport.send(['CLIENT', 'KILL', 'ID', own.id])",
      'await Promise.resolve(transport)',
    ),
  ),
  mutant(
    'loads begun in an outage are stored after it',
    edit('core/fills.ts', 'turns?.isOn === true && token.lease === undefined', 'false'),
    edit('core/engine.ts', 'else flights.fence.voidAll()', 'else flights.fence.changedAll()'),
  ),
  mutant(
    'more than the journal holds is forgotten',
    edit('core/journal.ts', 'return\n    this.addEverything()', 'return\n    this.#keys.clear()'),
  ),
  mutant(
    'what overflows while the journal is replayed is forgotten with it',
    edit(
      'core/journal.ts',
      'if (this.#everything === everything) {',
      'if (everything !== undefined || this.#everything !== undefined) {',
    ),
  ),
]
