import { CacheError } from '../../support/errors.ts'

// What the error answers of a server mean: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
// They fall into three kinds. The server cannot serve: as if it were away. It serves, but this connection leads to the wrong one or
// is no longer allowed: that, and the connection is given up. It refuses this one command: the caller's business.

/** The server answered with an error. Only its code is kept: the text may repeat what was sent. */
export class ReplyError extends Error {
  override readonly name: string = 'ReplyError'
  readonly code: string
  /** What means more than this command is explained away before it leaves the backend. */
  readonly refusal: boolean = true

  constructor(text: string) {
    // Redis 6 puts what a command of a script was refused for behind a text of its own.
    const own = /^ERR Error running script .*?: -([A-Z]+) /.exec(text)?.[1]
    const code = own ?? /^[A-Z]+/.exec(text)?.[0] ?? 'ERR'
    super(`The server answered ${code}`)
    this.code = code
  }
}

/**
 * `LOADING` reads its data set · `READONLY` is a replica · `MASTERDOWN` a replica without its master · `NOAUTH`, `WRONGPASS`, `NOPERM`
 * the credentials are not (or no longer) good · `CLUSTERDOWN`, `TRYAGAIN` slots are missing or moving · `BUSY` a script blocks it.
 * Not here: `OOM`, `MISCONF`, `NOREPLICAS`, which refuse writes (`MISCONF` a PING as well) and say nothing about reads.
 */
const unavailable: ReadonlySet<string> = new Set([
  'LOADING',
  'READONLY',
  'MASTERDOWN',
  'NOAUTH',
  'WRONGPASS',
  'NOPERM',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'BUSY',
])

/** After these the connection itself is of no use, or no longer leads to the data that it was made for. */
const dropsLink: ReadonlySet<string> = new Set(['READONLY', 'MASTERDOWN', 'LOADING', 'NOAUTH'])

export function endsConnection(error: unknown): boolean {
  return !(error instanceof ReplyError) || dropsLink.has(error.code)
}

/** Whether a PING that fails so was answered by a server that can serve. */
export function isLife(error: unknown): boolean {
  return error instanceof ReplyError && !unavailable.has(error.code)
}

/** The error as callers get it: one code for everything that means "not now", the answer itself for a refused command. */
export function explain(error: unknown): Error {
  if (error instanceof CacheError) return error
  if (!(error instanceof ReplyError)) {
    return new CacheError('CACHE_UNAVAILABLE', `The Redis server cannot be reached (${nameOf(error)})`)
  }
  if (!unavailable.has(error.code)) return error
  return new CacheError('CACHE_UNAVAILABLE', `The Redis server answers ${error.code}`)
}

/** A system error's code, or its class: its text may hold an address with a password. */
function nameOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : error instanceof Error ? error.constructor.name : 'unknown'
}
