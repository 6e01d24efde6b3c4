import { open, readFile, rename, unlink } from 'node:fs/promises'
import { basename } from 'node:path'
import { misuse } from '../support/errors.ts'

// A file of what a backend was told, one JSON value a line: the first says what the file is, each other one is a write. It is appended to line by line, and made
// anew by a rename. A line that was being written when the process died is the last and has no end: it is left out.

/** A write, in the order of the writes; without `value` a delete. */
export interface RecordedWrite {
  readonly key: string
  readonly value?: string | undefined
  /** Seconds. */
  readonly ttl?: number | undefined
  /** When it was recorded, milliseconds since 1970. */
  readonly at: number
}

const headLine = '{"speedrun-cache":"recording","version":1}'

/**
 * @returns the writes, and whether the end of the file was torn; `undefined`: there is no file
 * @throws {TypeError} `CACHE_BAD_OPTION` for what is no recording, naming the line and never what is in it
 */
export async function readRecording(
  file: string,
): Promise<{ readonly writes: readonly RecordedWrite[]; readonly isTorn: boolean } | undefined> {
  let text
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined
    throw error
  }
  const lines = text.split('\n')
  // After the last line's end there is nothing, or what was torn.
  const isTorn = lines.pop() !== ''
  if (lines.length > 0 && lines[0] !== headLine) {
    throw misuse('CACHE_BAD_OPTION', `${basename(file)} is no recording: its first line should be ${headLine}`)
  }
  const writes = lines.slice(1).map((line, index) => {
    const write = parsed(line)
    if (write === undefined)
      throw misuse('CACHE_BAD_OPTION', `${basename(file)}, line ${index + 2}: not a recorded write`)
    return write
  })
  return { writes, isTorn }
}

/** Makes the file anew: whoever opens it sees all of the old or all of the new. */
export async function writeRecording(file: string, writes: Iterable<RecordedWrite>): Promise<void> {
  const beside = `${file}.${process.pid}.new`
  const handle = await open(beside, 'w', 0o600)
  try {
    try {
      await handle.writeFile([headLine, ...[...writes].map(lineOf), ''].join('\n'))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(beside, file)
  } catch (error) {
    await unlink(beside).catch(() => {})
    throw error
  }
}

/** Resolves when the line is in the file, whole. */
export async function appendRecording(file: string, write: RecordedWrite): Promise<void> {
  const handle = await open(file, 'a', 0o600)
  try {
    await handle.writeFile(`${lineOf(write)}\n`)
  } finally {
    await handle.close()
  }
}

/** JSON has no line breaks, and writes half a character as an escape: whatever is in a value, it is one line, and comes back the same. */
function lineOf({ key, value, ttl, at }: RecordedWrite): string {
  return JSON.stringify({ key, ttl, at, value })
}

function parsed(line: string): RecordedWrite | undefined {
  let write
  try {
    write = JSON.parse(line) as Partial<Record<keyof RecordedWrite, unknown>> | null
  } catch {
    return undefined
  }
  if (typeof write !== 'object' || write === null) return undefined
  const { key, value, ttl, at } = write
  if (typeof key !== 'string' || typeof at !== 'number') return undefined
  if (value === undefined) return { key, at }
  return typeof value === 'string' && typeof ttl === 'number' ? { key, value, ttl, at } : undefined
}
