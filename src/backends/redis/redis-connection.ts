import type { LeaseCapability, LinkEvents, PushEvents, TagCapability } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { Deadlines } from '../../support/deadline.ts'
import type { RedisCommands } from './commands.ts'
import { leaseKeyOf } from './lease-keys.ts'
import { LostNodes } from './lost-nodes.ts'
import { Pushes } from './pushes.ts'
import { createRedisLeases } from './redis-leases.ts'
import { RedisLink } from './redis-link.ts'
import { createRedisTags } from './redis-tags.ts'
import type { RedisWrites } from './redis-writes.ts'
import { createRedisWrites } from './redis-writes.ts'
import { isLife } from './reply-error.ts'
import { ScriptRunner } from './script-runner.ts'
import { inFull } from './scripts.ts'
import { SideConnections } from './side-connections.ts'
import type { OpenTransport } from './transport.ts'
import { WriteLanes } from './write-lanes.ts'

// The commands of the backend, each under a deadline: over the link, but for those that would make the others wait.

export interface RedisConnectionOptions {
  readonly namespace: string | undefined
  readonly runtime: Runtime
  readonly open: OpenTransport
  readonly budgetMs: number
  readonly socketTimeoutMs: number
  /** Beside the link. */
  readonly sideConnections: number
  readonly onLostNode: 'ttl' | 'bump'
  readonly events: LinkEvents & PushEvents
}

/** Ends as no key of a caller may: nobody can overwrite it by choosing a key. */
const tagClockKey = 'speedrun-cache#t'

/** More would not carry more: the server has one thread for commands. */
const mostSideConnections = 4

/** Keys in one MGET: beyond it nothing is gained, and a long command makes everybody else wait. */
const keysPerRead = 128

/** Keys a SCAN looks at: enough to get on, few enough that nobody waits for it. */
const keysPerScan = 1000

interface Turn {
  readonly keys: string[]
  readonly texts: Promise<ReadonlyArray<string | null>>
}

export class RedisConnection implements RedisCommands {
  readonly tags: Required<TagCapability>
  readonly leases: LeaseCapability
  readonly #options: RedisConnectionOptions
  readonly #link: RedisLink
  readonly #side: SideConnections
  readonly #writes: RedisWrites
  readonly #lostNodes: LostNodes | undefined
  readonly #deadlines: Deadlines
  #turn: Turn | undefined

  constructor(options: RedisConnectionOptions) {
    const { runtime, open, socketTimeoutMs, budgetMs, namespace, sideConnections, onLostNode, events } = options
    this.#options = options
    this.#deadlines = new Deadlines(runtime)
    const clockKey = namespace === undefined ? tagClockKey : `${namespace}:${tagClockKey}`
    const pushes = new Pushes(clockKey, events)
    const link = new RedisLink({
      connectTimeoutMs: socketTimeoutMs,
      runtime,
      open,
      events: {
        lost: (reason) => {
          side.drop()
          events.lost(reason)
        },
        restored: () => events.restored(),
        invalidated: (keys) => pushes.invalidated(keys),
        heard: (sentAt) => events.heard(sentAt),
      },
      // No key of a caller, and it looks like those that are meant.
      scriptKey: leaseKeyOf(clockKey),
    })
    const most = Math.min(mostSideConnections, sideConnections)
    const side = new SideConnections({ link, runtime, open, timeoutMs: socketTimeoutMs, most })
    this.#link = link
    this.#side = side

    const bounded = <T>(work: Promise<T>, what: string): Promise<T> => this.#bounded(work, socketTimeoutMs, what)
    const briefly = <T>(work: Promise<T>, what: string): Promise<T> => this.#bounded(work, budgetMs, what)
    const lanes = new WriteLanes()
    this.#writes = createRedisWrites({ link, side, lanes, pushes, bounded })
    const scripts = new ScriptRunner(link)
    const runOnLink: ScriptRunner['run'] = (script, keys, args) => scripts.run(script, keys, args)
    this.leases = createRedisLeases({ link, side, lanes, pushes, run: runOnLink, briefly, bounded })

    // In full: a script that the server has forgotten would be sent twice, and what was sent after it be done before it.
    const run: ScriptRunner['run'] = (script, keys, args) =>
      briefly(link.send(inFull(script, keys, args)), 'the tag clock')
    const send = (args: readonly string[]): Promise<unknown> => briefly(link.send(args), 'the tag clock')
    const tags = createRedisTags({ clockKey, runtime, history: () => link.history, send, run })
    const bumped = (): void => events.tagsChanged()
    const lostNodes = onLostNode === 'bump' ? new LostNodes({ clockKey, runtime, link, send, run, bumped }) : undefined
    this.#lostNodes = lostNodes
    this.tags = {
      ...tags,
      async enter(since) {
        await lostNodes?.sign()
        return await tags.enter(since)
      },
    }
  }

  get history(): string | undefined {
    return this.#link.history
  }

  get limits(): readonly string[] {
    return this.#link.limits
  }

  get follows(): boolean {
    return this.#link.follows
  }

  async start(): Promise<void> {
    this.#lostNodes?.start()
    await this.#link.start()
  }

  async stop(owing: boolean): Promise<void> {
    await this.#lostNodes?.stop(owing)
    this.#link.stop()
    this.#side.drop()
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

  set(key: string, value: string, ttl: number): Promise<boolean> {
    return this.#writes.set(key, value, ttl)
  }

  delete(keys: readonly string[]): Promise<number> {
    return this.#writes.delete(keys)
  }

  async *scan(prefix: string): AsyncGenerator<readonly string[]> {
    let cursor = '0'
    do {
      const command = ['SCAN', cursor, 'MATCH', `${escapeGlob(prefix)}*`, 'COUNT', String(keysPerScan)]
      const [next, keys] = (await this.#side.send(command)) as [string, string[]]
      // A prefix may lead to leases and clocks too, whose names are no caller's.
      yield keys.filter((key) => !ownKey.test(key))
      cursor = next
    } while (cursor !== '0')
  }

  async exists(key: string): Promise<boolean> {
    return Number(await this.#bounded(this.#link.send(['EXISTS', key]), this.#options.budgetMs, 'exists')) > 0
  }

  async ping(): Promise<boolean> {
    try {
      return (await this.#bounded(this.#link.send(['PING']), this.#options.budgetMs, 'ping')) === 'PONG'
    } catch (error) {
      if (isLife(error)) return true
      throw error
    }
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

  #bounded<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
    return this.#deadlines.bound(work, ms, what)
  }
}

/** See `lease-keys.ts` and `pushes.ts`. */
const ownKey = /#[lt]$/

/** A prefix holds data, not a pattern. */
function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^]/g, '\\$&')
}
