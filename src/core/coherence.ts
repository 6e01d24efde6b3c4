import type { CacheBackend } from '../contracts/backend.ts'
import type { Runtime } from '../contracts/runtime.ts'
import type { Fence } from './fence.ts'
import type { L1 } from './l1.ts'
import type { TagNews } from './tag-news.ts'
import type { Waiters } from './waiters.ts'

// What follows from a change that this process is told of, and from not being told: one place for all of it.
//
//   a key was changed     it leaves the memory here; what is on its way from the store is not kept; nobody joins its loads any more; who
//                         waits for somebody else's load looks again
//   the clock was         the tag table is brought up to date
//   nothing is heard      nothing is served from memory once the last sign of life is older than the bound
//   connection lost       nothing that was kept is followed any more: all of it goes

export interface CoherenceOptions {
  readonly backend: CacheBackend
  readonly runtime: Runtime
  readonly fence: Fence
  readonly waiters: Waiters
  readonly tagNews: TagNews
  readonly l1: L1 | undefined
  /** How long entries may be kept where the store tells of nothing, milliseconds; `Infinity`: then none are. */
  readonly maxAgeMs: number
}

export class Coherence {
  readonly #options: CoherenceOptions
  readonly #turn: () => number
  readonly #unwatch: (() => void) | undefined
  #heardAt = -Infinity
  /** Everything that happened in the store before has been told. */
  #toldUntil = -Infinity

  constructor(options: CoherenceOptions) {
    this.#options = options
    const { backend, runtime, tagNews } = options
    this.#turn = runtime.turn ?? (() => runtime.monotonic())
    this.#unwatch = backend.push?.watch({
      changed: (keys) => this.#changed(keys),
      writing: (keys, by) => this.writing(keys, by),
      written: (keys, by) => this.written(keys, by),
      changedAll: () => this.changedAll(),
      tagsChanged: () => tagNews.arrived(),
      heard: (sentAt) => {
        this.#toldUntil = Math.max(this.#toldUntil, sentAt)
        this.hear()
      },
    })
  }

  /** Whether the store tells of changes on the present connection. */
  get isTold(): boolean {
    return this.#options.backend.push?.isOn === true
  }

  /** It should tell of changes, and for longer than the bound there was no sign that it does. */
  get isDeaf(): boolean {
    const { push } = this.#options.backend
    return push?.isOn === true && !(this.#turn() < this.#heardAt + push.boundMs)
  }

  /** How old a value may be that somebody else invalidated, milliseconds. */
  get boundMs(): number {
    const { l1, backend, maxAgeMs } = this.#options
    if (l1?.isOpen !== true) return 0
    return this.isTold ? (backend.push?.boundMs ?? 0) : maxAgeMs
  }

  /** What the store answers from now on may be kept. */
  opened(): void {
    const { backend, l1, maxAgeMs } = this.#options
    if (l1 === undefined) return
    if (this.isTold) {
      l1.open(backend.push?.boundMs ?? 0)
      l1.heard(this.#heardAt)
    } else if (maxAgeMs !== Infinity) l1.open(Infinity)
  }

  /** That the clock was changed has been told; how is not known before it has been asked. Until then nothing counts as heard. */
  hear(): void {
    if (!this.#options.tagNews.isTaken) return
    this.#heardAt = this.#toldUntil
    this.#options.l1?.heard(this.#heardAt)
  }

  lost(): void {
    this.#heardAt = -Infinity
    this.#toldUntil = -Infinity
    this.#options.l1?.lose()
    this.#options.fence.changedAll()
    this.#options.waiters.wakeAll()
  }

  /** This process is about to change them. @param by see `PushEvents` */
  writing(keys: readonly string[], by?: string): void {
    const { l1, fence } = this.#options
    for (const key of keys) {
      l1?.tier.delete(key)
      fence.changed(key, by)
    }
  }

  /** It has. @param by see `PushEvents` */
  written(keys: readonly string[], by?: string): void {
    const { l1, fence, waiters } = this.#options
    for (const key of keys) {
      l1?.tier.delete(key)
      fence.written(key, by)
      waiters.wake(key)
    }
  }

  #changed(keys: readonly string[]): void {
    this.writing(keys)
    for (const key of keys) this.#options.waiters.wake(key)
  }

  changedAll(): void {
    this.#options.l1?.tier.clear()
    this.#options.fence.changedAll()
    this.#options.waiters.wakeAll()
  }

  stop(): void {
    this.#unwatch?.()
    this.lost()
    this.#options.l1?.close()
  }
}
