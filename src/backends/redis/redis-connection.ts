import type { TagCapability } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { Deadlines } from '../../support/deadline.ts'
import type { RedisCommands } from './commands.ts'
import { openNodeRedisTransport } from './node-redis-transport.ts'
import { RedisLink } from './redis-link.ts'
import { createRedisTags } from './redis-tags.ts'
import type { Script } from './scripts.ts'
import type { OpenTransport } from './transport.ts'
import { ReplyError } from './transport.ts'

// The commands of the backend over its link, each under a deadline.

export interface RedisConnectionOptions {
  readonly url: string
  readonly namespace: string | undefined
  readonly runtime: Runtime
  readonly openTransport: OpenTransport | undefined
  readonly budgetMs: number
  readonly socketTimeoutMs: number
}

/** Ends as no key of a caller may: nobody can overwrite it by choosing a key. */
const tagClockKey = 'speedrun-cache#t'

/** Keys in one MGET: beyond it nothing is gained, and a long command makes everybody else wait. */
const keysPerRead = 128

/** Keys a SCAN looks at: enough to get on, few enough that nobody waits for it. */
const keysPerScan = 1000

interface Turn {
  readonly keys: string[]
  readonly texts: Promise<ReadonlyArray<string | null>>
}

export class RedisConnection implements RedisCommands {
  readonly tags: TagCapability
  readonly #options: RedisConnectionOptions
  readonly #link: RedisLink
  readonly #deadlines: Deadlines
  #turn: Turn | undefined

  constructor(options: RedisConnectionOptions) {
    const { url, runtime, socketTimeoutMs, namespace } = options
    this.#options = options
    this.#deadlines = new Deadlines(runtime)
    this.#link = new RedisLink({
      url,
      connectTimeoutMs: socketTimeoutMs,
      runtime,
      open: options.openTransport ?? openNodeRedisTransport,
    })
    this.tags = createRedisTags({
      clockKey: namespace === undefined ? tagClockKey : `${namespace}:${tagClockKey}`,
      runtime,
      send: (args) => this.#bounded(this.#link.send(args), options.budgetMs, 'tags'),
      run: (script, keys, args) => this.#bounded(this.#run(script, keys, args), options.budgetMs, 'tags'),
    })
  }

  start(): Promise<void> {
    return this.#link.start()
  }

  stop(): void {
    this.#link.stop()
  }

  async get(key: string): Promise<string | null> {
    const turn = (this.#turn ??= this.#openTurn())
    const index = turn.keys.push(key) - 1
    return (await turn.texts)[index] ?? null
  }

  async getMany(keys: readonly string[]): Promise<ReadonlyArray<string | null>> {
    const chunks: Array<Promise<unknown>> = []
    for (let from = 0; from < keys.length; from += keysPerRead) {
      chunks.push(this.#link.send(['MGET', ...keys.slice(from, from + keysPerRead)]))
    }
    const replies = await this.#bounded(Promise.all(chunks), this.#options.budgetMs, 'get')
    return (replies as Array<Array<string | null>>).flat()
  }

  async set(key: string, value: string, ttl: number): Promise<boolean> {
    return (
      (await this.#bounded(
        this.#link.send(['SET', key, value, 'EX', String(ttl)]),
        this.#options.socketTimeoutMs,
        'set',
      )) === 'OK'
    )
  }

  async delete(keys: readonly string[]): Promise<number> {
    // UNLINK frees the memory of large values off the server's main thread.
    return Number(await this.#bounded(this.#link.send(['UNLINK', ...keys]), this.#options.socketTimeoutMs, 'delete'))
  }

  async *scan(prefix: string): AsyncGenerator<readonly string[]> {
    let cursor = '0'
    do {
      const command = ['SCAN', cursor, 'MATCH', `${escapeGlob(prefix)}*`, 'COUNT', String(keysPerScan)]
      const reply = await this.#bounded(this.#link.send(command), this.#options.socketTimeoutMs, 'scan')
      const [next, keys] = reply as [string, string[]]
      yield keys
      cursor = next
    } while (cursor !== '0')
  }

  async exists(key: string): Promise<boolean> {
    return Number(await this.#bounded(this.#link.send(['EXISTS', key]), this.#options.budgetMs, 'exists')) > 0
  }

  async ping(): Promise<boolean> {
    return (await this.#bounded(this.#link.send(['PING']), this.#options.budgetMs, 'ping')) === 'PONG'
  }

  #openTurn(): Turn {
    const keys: string[] = []
    let send: (texts: Promise<ReadonlyArray<string | null>>) => void = () => {}
    const texts = new Promise<ReadonlyArray<string | null>>((resolve) => (send = resolve))
    this.#options.runtime.defer(() => {
      this.#turn = undefined
      send(this.getMany(keys))
    })
    return { keys, texts }
  }

  async #run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await this.#link.send(['EVALSHA', script.sha1, ...rest])
    } catch (error) {
      // A restarted server has forgotten its scripts.
      if (!(error instanceof ReplyError) || error.code !== 'NOSCRIPT') throw error
      return await this.#link.send(['EVAL', script.source, ...rest])
    }
  }

  #bounded<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
    return this.#deadlines.bound(work, ms, what)
  }
}

/** A prefix holds data, not a pattern. */
function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^]/g, '\\$&')
}
