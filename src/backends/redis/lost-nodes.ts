import type { Runtime, Timer } from '../../contracts/runtime.ts'
import type { RedisLink } from './redis-link.ts'
import { randomId } from './redis-tags.ts'
import type { Script } from './scripts.ts'
import { hearNode } from './scripts.ts'

// `onLostNode: 'bump'`. What a process invalidates in an outage only it knows until the store is back; should it die before, nobody can
// tell which entries are void. So each process says now and then that it lives, says goodbye when it closes, and whoever finds that one
// fell silent gives the clock a new id: all shared entries are loaded anew, once. Whether it died in an outage or in good times cannot be
// seen from here, and an outage that lasts longer than the silence looks like the death of all.

export interface LostNodesOptions {
  readonly clockKey: string
  readonly runtime: Runtime
  readonly link: Pick<RedisLink, 'history' | 'isUp'>
  readonly send: (args: readonly string[]) => Promise<unknown>
  readonly run: (script: Script, keys: readonly string[], args: readonly string[]) => Promise<unknown>
  /** Called when the clock was given a new id here: of its own doing a connection is not told. */
  readonly bumped: () => void
}

const signMs = 5000
/** With the pause between two signs, and with seconds cut off, at most half a minute. */
const lostAfterSeconds = 24

export class LostNodes {
  readonly #options: LostNodesOptions
  readonly #node: string
  readonly #key: string
  #timer: Timer | undefined
  #running = false
  #signing: Promise<unknown> = Promise.resolve()

  constructor(options: LostNodesOptions) {
    this.#options = options
    this.#node = randomId(options.runtime)
    // The braces put it where a cluster keeps the clock; its ending is no caller's.
    this.#key = `{${options.clockKey}}:nodes#t`
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    this.#signLater()
  }

  /** On every new connection, before anything is read: the others may have been lost meanwhile. */
  async sign(): Promise<void> {
    // After the goodbye it would be a node that never says another word.
    if (!this.#running) return
    const { clockKey, runtime, link, run, bumped } = this.#options
    // Its deletes of single keys are lost as well: values without our header, which carry no id, are void too.
    const args = [`1-${randomId(runtime)}`, link.history ?? '', this.#node, String(lostAfterSeconds)]
    const signing = run(hearNode, [clockKey, this.#key], args)
    this.#signing = signing.catch(() => {})
    if (Number(await signing) > 0) bumped()
  }

  /** Says goodbye, if anybody listens; whoever still owes invalidations just falls silent. */
  async stop(owing: boolean): Promise<void> {
    if (!this.#running) return
    this.#running = false
    if (this.#timer !== undefined) this.#options.runtime.clearTimer(this.#timer)
    // Its answer may still make a change known.
    await this.#signing
    if (owing) return
    const { send } = this.#options
    try {
      // A server that is frozen would hear the goodbye when it thaws, but not what this node could not tell it.
      await send(['PING'])
      await send(['ZREM', this.#key, this.#node])
    } catch {
      // Then it counts as lost, which is safe.
    }
  }

  #signLater(): void {
    this.#timer = this.#options.runtime.setTimer(() => void this.#signAgain(), signMs, 'background')
  }

  async #signAgain(): Promise<void> {
    try {
      if (this.#options.link.isUp) await this.sign()
    } catch {
      // Next time.
    }
    if (this.#running) this.#signLater()
  }
}
