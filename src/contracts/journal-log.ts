/** One invalidation that the store has not confirmed. */
export type JournalLine = readonly [kind: 'key' | 'tag', name: string] | readonly [kind: 'everything']

/** Where the journal is kept so that it outlives the process. Its operations take effect in the order of the calls. */
export interface JournalLog {
  /** What earlier processes left. It is kept here from now on. */
  takeOver(): Promise<readonly JournalLine[]>
  /** Resolves when the lines would outlive the process. */
  append(lines: readonly JournalLine[]): Promise<void>
  /** Keeps these and nothing else. */
  replace(lines: readonly JournalLine[]): Promise<void>
}
