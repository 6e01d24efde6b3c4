import type { TagCapability, TagDelta, TagPosition } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import type { OwnChanges } from './own-changes.ts'
import type { SqlCalls, SqlRow, SqlValue } from './sql-calls.ts'
import { fromWire, toWire } from './stored-text.ts'

// The tag clock in the database: see `clock-functions.ts`. How its id begins says what came before, for values without our header, which carry
// no id to compare: 0- nothing; 1- a `clear`; 2- a clock that is lost or cannot be trusted.

export interface SqlTagsOptions {
  readonly calls: SqlCalls
  readonly runtime: Runtime
  readonly own: OwnChanges
  readonly budgetMs: number
  /** See `LinkCapability`. */
  readonly history: () => string | undefined
  /** The clock together with the reads of this turn; `null` where there are none, once those before are answered, or there is no clock. */
  readonly besideReads: (since: TagPosition | undefined) => Promise<string | null>
}

export function createSqlTags(options: SqlTagsOptions): Required<TagCapability> {
  const { calls, runtime, own, budgetMs: ms, history, besideReads } = options
  const idAfter = (before: '0' | '1' | '2'): string => `${before}-${randomId(runtime)}`
  // A clock that was known and is gone was removed: which tags it held stamps of nobody knows.
  const idFor = (since: TagPosition | undefined): string => idAfter(since === undefined ? '0' : '2')
  const ask = (fn: string, args: Readonly<Record<string, SqlValue>>): Promise<TagDelta> =>
    own.tell(async (origin) => parse(clockOf(await calls({ fn, args: { ...args, p_origin: origin }, ms }))))
  const read = (since: TagPosition | undefined): Promise<TagDelta> =>
    ask('clock', { ...sinceArguments(since), p_new: idFor(since) })

  return {
    async read(since) {
      const beside = await besideReads(since)
      return beside === null ? await read(since) : parse(beside)
    },
    stamp: (tags, since) => ask('stamp', { p_tags: tags.map(toWire), ...sinceArguments(since), p_new: idFor(since) }),
    renew: (emptied = false) => ask('renew_clock', { p_new: idAfter(emptied ? '0' : '1') }),
    async enter(since) {
      const known = history()
      if (known === undefined) return await read(undefined)
      return await ask('enter', { p_history: known, p_new: idFor(since), p_other: idAfter('2') })
    },
  }
}

export function sinceArguments(since: TagPosition | undefined): {
  readonly p_id: string | null
  readonly p_mark: number
} {
  return { p_id: since?.id ?? null, p_mark: since?.mark ?? 0 }
}

function clockOf(rows: readonly SqlRow[]): string {
  return String(rows[0]?.['clock'])
}

function parse(text: string): TagDelta {
  const { id, floor, stamps } = JSON.parse(text) as { id: string; floor: number; stamps: Array<[string, number]> }
  return { id, floor: Number(floor), stamps: stamps.map(([tag, stamp]) => [fromWire(tag), Number(stamp)] as const) }
}

/** Two that are equal would make what one of them voided valid again: 80 bits. */
export function randomId(runtime: Pick<Runtime, 'random'>): string {
  const part = (): string => Math.floor(runtime.random() * 2 ** 40).toString(36)
  return part() + part()
}
