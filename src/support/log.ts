import type { Logger, LogLevel } from '../contracts/logger.ts'

// Log lines have a level, a name and a text. The default logger prints them as Python's `logging` does, `DEBUG:cache.decorator:…`, so that
// log filters written for the Python service go on working. A logger of the application gets the text alone.

const rank = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 } as const

export interface Log {
  /** Whether debug lines are printed: asked before a line with a key is built. */
  readonly debugs: boolean
  debug(name: string, text: string): void
  info(name: string, text: string): void
  warn(name: string, text: string): void
  error(name: string, text: string): void
}

export function createLog(logger: Logger | undefined, level: LogLevel): Log {
  const line =
    (at: 'debug' | 'info' | 'warn' | 'error') =>
    (name: string, text: string): void => {
      if (rank[at] < rank[level]) return
      // Text from outside (a server's error message, say) must not forge a second line.
      const safe = text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
      if (logger === undefined)
        process.stderr.write(`${at === 'warn' ? 'WARNING' : at.toUpperCase()}:${name}:${safe}\n`)
      else guarded(logger, at, safe)
    }
  return {
    debugs: level === 'debug',
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  }
}

function guarded(logger: Logger, at: 'debug' | 'info' | 'warn' | 'error', text: string): void {
  try {
    const answer: unknown = logger[at](text)
    if (answer instanceof Promise) answer.catch(() => {})
  } catch {
    // A logger that throws must not fail the call it reports on, and there is nobody left to tell.
  }
}
