import type { Entry } from '../contracts/entry.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { toBackendSeconds } from '../support/duration.ts'
import type { Emitter } from './emit.ts'
import { encodeEnvelope, payloadOf } from './envelope.ts'
import type { Journal } from './journal.ts'
import type { RemoteTier } from './remote-tier.ts'
import { isStoreDown } from './remote-tier.ts'

// An entry on its way into the store: as text, within the size limit, with a life in the backend's seconds. A write that nobody confirmed
// may have arrived or not, so its key goes to the journal, to be deleted.

export interface EntryWriterOptions {
  readonly runtime: Runtime
  readonly emitter: Emitter
  readonly maxValueBytes: number
}

export class EntryWriter {
  readonly #remote: RemoteTier
  readonly #journal: Journal
  readonly #options: EntryWriterOptions

  constructor(remote: RemoteTier, journal: Journal, options: EntryWriterOptions) {
    this.#remote = remote
    this.#journal = journal
    this.#options = options
  }

  /**
   * Never rejects.
   * @param allowed asked at the last moment: an entry that became void while it waited is withheld
   */
  async write(
    key: string,
    entry: Entry,
    allowed: () => boolean,
  ): Promise<'stored' | 'refused' | 'withheld' | 'failed'> {
    const { emitter, maxValueBytes, runtime } = this.#options
    try {
      const text = encodeEnvelope(entry, payloadOf(entry), maxValueBytes)
      const ttl = toBackendSeconds(entry.deleteAt - runtime.now())
      return await this.#remote.write(key, text, ttl, allowed)
    } catch (error) {
      emitter.problem({ error, during: 'write', key })
      if (isStoreDown(error)) this.#journal.addKey(key)
      return 'failed'
    }
  }
}
