import type { RedisLink } from './redis-link.ts'
import { ReplyError } from './reply-error.ts'
import type { Script } from './scripts.ts'
import { inFull } from './scripts.ts'

// Scripts by their digest, but for the first time on a connection, in full. Were the digest always tried first, a script that the server does
// not know would be sent twice, and anything could happen in between: this process may be stopped, and what it meant to store be stored after
// somebody wrote and deleted the key, of which there is no trace by then.

export class ScriptRunner {
  readonly #link: Pick<RedisLink, 'send' | 'connection'>
  #connection: object | undefined
  readonly #sent: Set<string> = new Set()

  constructor(link: Pick<RedisLink, 'send' | 'connection'>) {
    this.#link = link
  }

  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const { connection } = this.#link
    if (connection !== this.#connection) this.#sent.clear()
    this.#connection = connection
    if (!this.#sent.has(script.sha1)) {
      this.#sent.add(script.sha1)
      return await this.#link.send(inFull(script, keys, args))
    }
    try {
      return await this.#link.send(['EVALSHA', script.sha1, String(keys.length), ...keys, ...args])
    } catch (error) {
      // Somebody has flushed them (`SCRIPT FLUSH`), or the server has forgotten the oldest: from 7.4 on it keeps 500 of those sent in full.
      // https://redis.io/docs/latest/develop/programmability/eval-intro/
      if (!(error instanceof ReplyError) || error.code !== 'NOSCRIPT') throw error
      return await this.#link.send(inFull(script, keys, args))
    }
  }
}
