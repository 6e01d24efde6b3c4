import { basename } from 'node:path'
import type { CacheBackend } from '../contracts/backend.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { CacheError, describe, misuse, quote } from '../support/errors.ts'
import { checkOptionNames } from '../support/options.ts'
import { systemRuntime } from '../support/runtime.ts'
import type { RecordedWrite } from './recording.ts'
import { appendRecording, readRecording, writeRecording } from './recording.ts'

// Results of expensive calls, kept in a file: one run makes it with the paid source, every other one has them for nothing.

export interface RecordedBackendOptions {
  /** What a key is that is not in the file, in replay. Default: `'error'`. */
  readonly unknown?: 'error' | 'miss' | undefined
  /** The clock. Default: the real one. */
  readonly runtime?: Runtime | undefined
}

export interface RecordedBackend extends CacheBackend {
  readonly name: string
  readonly mode: 'record' | 'replay'
  /** The keys that were asked for in replay and are not in the file. */
  readonly unknownKeys: readonly string[]
  /**
   * A function that must not run in replay: there it throws `CACHE_MISUSE` in place of running. Wrap what costs money, since a cache goes on without its store: of an
   * error of the backend it tells nobody, and runs the function.
   */
  paid<F extends (...args: never[]) => unknown>(loader: F): F
}

/** Ours begin with `#sc1`, the codec, and when the value was made, so that a cache knows its age. */
const madeAt = /^(#sc1 \S+ )(\d+(?:\.\d+)?)(?= )/

/**
 * With an inner backend it records: everything goes to that one, and what is stored is also written to the file. Without one it replays: what is in the file is
 * there, as fresh as when it was stored and for as long as the test runs; what is stored meanwhile stays in memory. The file is JSON, one write a line,
 * for reading and for review; it holds the values, so record no personal data.
 *
 * @param file its folder must be there. Recording goes on with a file that is there already
 * @throws {TypeError} `CACHE_BAD_OPTION`; `connect` rejects with it for a file that is no recording, or in replay for none at all
 * @example
 * const backend = recordedBackend('test/recorded.jsonl', process.env.RECORD ? new MemoryBackend() : undefined)
 */
export function recordedBackend(
  file: string,
  inner?: CacheBackend,
  options: RecordedBackendOptions = {},
): RecordedBackend {
  if (typeof file !== 'string' || file === '')
    throw misuse('CACHE_BAD_OPTION', `file must be a path, got ${describe(file)}`)
  checkOptionNames(options, new Set(['unknown', 'runtime']), 'recordedBackend')
  const { unknown = 'error', runtime = systemRuntime } = options
  if (unknown !== 'error' && unknown !== 'miss')
    throw misuse('CACHE_BAD_OPTION', `unknown must be 'error' or 'miss', got ${quote(unknown)}`)
  const mode = inner === undefined ? 'replay' : 'record'
  const writes = new Map<string, RecordedWrite>()
  const unknownKeys = new Set<string>()
  let isOpen = false
  let lines = 0
  let last: Promise<unknown> = Promise.resolve()

  const load = async (): Promise<void> => {
    const found = await readRecording(file)
    if (found === undefined && mode === 'replay') {
      throw misuse('CACHE_BAD_OPTION', `There is no recording ${basename(file)}: record one by giving an inner backend`)
    }
    for (const write of found?.writes ?? []) note(write)
    lines = found?.writes.length ?? 0
    if (mode === 'record' && (found === undefined || found.isTorn)) await compact()
    isOpen = true
  }
  const note = (write: RecordedWrite): void => {
    if (write.value === undefined) writes.delete(write.key)
    else writes.set(write.key, write)
  }
  const compact = async (): Promise<void> => {
    await writeRecording(file, writes.values())
    lines = writes.size
  }
  /** One line at a time, in the order of the calls. */
  const append = async (write: RecordedWrite): Promise<void> => {
    note(write)
    if (mode === 'replay') return
    const appended = last.then(() => appendRecording(file, write))
    last = appended.catch(() => {})
    lines++
    await appended
  }
  const check = (): void => {
    if (!isOpen) throw new CacheError('CACHE_UNAVAILABLE', 'The recorded backend is not connected')
  }

  const replayed = (key: string): string | null => {
    check()
    const write = writes.get(key)
    if (write?.value !== undefined)
      return write.value.replace(
        madeAt,
        (_, start: string, made: string) => `${start}${runtime.now() - (write.at - Number(made))}`,
      )
    unknownKeys.add(key)
    if (unknown === 'miss') return null
    // The store is well, and does not have it: nothing else it holds is in doubt.
    throw Object.assign(
      misuse(
        'CACHE_MISUSE',
        `${basename(file)} has no recording of the key ${quote(key)}: record it, or say unknown: 'miss'`,
      ),
      { refusal: true },
    )
  }

  return {
    name: mode === 'record' ? 'recording' : 'recorded',
    mode,
    get unknownKeys() {
      return [...unknownKeys]
    },
    paid(loader) {
      if (typeof loader !== 'function') throw misuse('CACHE_MISUSE', `paid takes a function, got ${describe(loader)}`)
      if (mode === 'record') return loader
      const refuse = (): never => {
        throw misuse(
          'CACHE_MISUSE',
          `${loader.name === '' ? 'A paid function' : loader.name} was called in replay: ${basename(file)} has no result for these arguments`,
        )
      }
      return Object.defineProperty(refuse, 'name', { value: loader.name }) as unknown as typeof loader
    },
    async connect() {
      await inner?.connect?.()
      if (!isOpen) await load()
    },
    get: (key) => (inner === undefined ? replayed(key) : inner.get(key)),
    async set(key, value, ttl) {
      check()
      const answer = (await inner?.set(key, value, ttl)) ?? true
      if (answer !== false) await append({ key, value, ttl, at: runtime.now() })
      return answer
    },
    async delete(key) {
      check()
      const existed = writes.has(key)
      const answer = (await inner?.delete(key)) ?? existed
      if (existed) await append({ key, at: runtime.now() })
      return answer
    },
    exists: (key) => {
      check()
      return inner === undefined ? writes.has(key) : inner.exists(key)
    },
    ping: () => (inner === undefined ? isOpen : inner.ping()),
    async close(owing) {
      const wasOpen = isOpen
      isOpen = false
      await last
      // What was overwritten or deleted is of no use to whoever reads it.
      if (mode === 'record' && wasOpen && lines > writes.size) await compact()
      await inner?.close(owing)
    },
  }
}
