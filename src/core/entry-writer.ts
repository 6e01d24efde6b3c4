import type { FillAnswer } from '../contracts/backend.ts'
import type { Runtime } from '../contracts/runtime.ts'
import { toBackendSeconds } from '../support/duration.ts'
import type { Emitter } from './emit.ts'
import { checkLength, checkPlain, encodeEnvelope, hasHeader, payloadOf } from './envelope.ts'
import type { RemoteTier } from './remote-tier.ts'
import { isStoreDown } from './remote-tier.ts'
import type { Item } from './found.ts'

// An entry on its way into the store: as text, within the size limit, with a life in the backend's seconds. A write that nobody confirmed
// may have arrived or not, so its key goes to the journal, to be deleted.

export interface EntryWriterOptions {
  readonly runtime: Runtime
  readonly emitter: Emitter
  readonly maxValueBytes: number
  /** Nobody knows whether a write of the key has arrived: it is to be deleted, now or when the store is back. */
  readonly unconfirmed: (key: string) => void
}

export class EntryWriter {
  readonly #remote: RemoteTier
  readonly #options: EntryWriterOptions

  constructor(remote: RemoteTier, options: EntryWriterOptions) {
    this.#remote = remote
    this.#options = options
  }

  /**
   * Never rejects.
   * @param lease held by whoever loaded it; `undefined`: the last write wins
   * @param allowed asked at the last moment: an entry that became void while it waited is withheld
   */
  async write(
    key: string,
    { entry, plain }: Item,
    allowed: () => boolean,
    lease?: string,
  ): Promise<FillAnswer | 'refused' | 'withheld' | 'failed'> {
    const { emitter, maxValueBytes, runtime } = this.#options
    try {
      const payload = payloadOf(entry)
      // A raw string that looks like our header would be taken for it: that one goes with a header after all.
      const text =
        plain && !hasHeader(payload)
          ? checkPlain(entry, checkLength(payload, maxValueBytes))
          : encodeEnvelope(entry, payload, maxValueBytes)
      const ttl = toBackendSeconds(entry.deleteAt - runtime.now())
      if (lease === undefined) return await this.#remote.write(key, text, ttl, allowed)
      return await this.#remote.fill(key, text, ttl, allowed, lease)
    } catch (error) {
      emitter.problem({ error, during: 'write', key })
      if (isStoreDown(error)) this.#options.unconfirmed(key)
      return 'failed'
    }
  }
}
