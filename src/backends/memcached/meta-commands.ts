import type { Reply, ReplyCode } from './replies.ts'
import { flagOf } from './replies.ts'

// The three commands that are used, and what their answers say of an item: doc/protocol.txt, "Meta Commands".

export interface Command {
  readonly line: string
  readonly data?: Buffer | undefined
  /** Any other answer, but for an error, ends the connection. */
  readonly codes: readonly ReplyCode[]
}

const found: readonly ReplyCode[] = ['HD', 'EN']
const read: readonly ReplyCode[] = ['VA', 'EN']
const stored: readonly ReplyCode[] = ['HD', 'NS', 'EX', 'NF']
const deleted: readonly ReplyCode[] = ['HD', 'EX', 'NF']

/** What an item is, without its value. */
export const metaGet = (name: string, flags: string): Command => ({ line: `mg ${name} ${flags}`, codes: found })

/** The same with its value. */
export const metaRead = (name: string, flags: string): Command => ({ line: `mg ${name} v ${flags}`, codes: read })

export const metaSet = (name: string, data: Buffer, flags: string): Command => ({
  line: `ms ${name} ${data.length} ${flags}`,
  data,
  codes: stored,
})

export const metaDelete = (name: string, flags: string = ''): Command => ({
  line: flags === '' ? `md ${name}` : `md ${name} ${flags}`,
  codes: deleted,
})

export const noOperation: Command = { line: 'mn', codes: ['MN'] }

/** Asked for with these flags, an answer has all that `itemOf` needs. */
export const itemFlags = 'c f s t'

/** Client flags of an empty text, which tell it from a placeholder: nothing else needs any. */
export const emptyTextFlags = 1

export interface Item {
  /** There is one, if only a placeholder. */
  readonly exists: boolean
  /** There is a text. */
  readonly isText: boolean
  readonly text: string | undefined
  /** Every change of an item gives it another one. */
  readonly cas: string
  /** The question itself has made it: there was none. */
  readonly isNew: boolean
  /** Somebody has marked it since it was stored. */
  readonly isMarked: boolean
  /** Seconds, -1: for ever. */
  readonly life: number
}

/**
 * A placeholder is what `N` makes of an item that is not there: no bytes, no client flags, and marked as won by somebody (`Z`), or as stale
 * since (`X`). The length alone would not do: `''` is a text.
 */
export function itemOf(reply: Reply): Item {
  const has = (flag: string): boolean => reply.words.includes(flag)
  const exists = reply.code !== 'EN'
  const size = reply.value?.length ?? Number(flagOf(reply, 's') ?? 0)
  const isPlaceholder = size === 0 && flagOf(reply, 'f') === '0' && (has('W') || has('Z') || has('X'))
  return {
    exists,
    isText: exists && !isPlaceholder,
    text: exists && !isPlaceholder ? reply.value?.toString('utf8') : undefined,
    cas: flagOf(reply, 'c') ?? '0',
    // To the first who reads an item that is marked the server says `W` as well.
    isNew: has('W') && !has('X'),
    isMarked: has('X'),
    life: Number(flagOf(reply, 't') ?? -1),
  }
}
