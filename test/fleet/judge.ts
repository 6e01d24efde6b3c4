// What this process may be served. Two rules, each read is held against both:
//
//   own     A read that starts after an invalidation of this process resolved is not older than that invalidation: always, whatever
//           the network does.
//   bound   A read that starts longer than the bound after an invalidation that another process was told is applied, is not older either.
//           The bound is what the library states; on top comes how late this very process runs, which is not needed for what is
//           served from its own memory, but a test has its own delays. Not while the memory stands in for
//           the store: nobody can tell that memory anything, its entries have a short life instead (`fallbackTtl`).
import { type LoopLag, sharedNow } from './clock.ts'
import type { Notice } from './truth.ts'

export interface Versioned {
  readonly subject: string
  readonly version: number
}

export interface Checks {
  own: number
  bound: number
}

/** A read under way. */
export interface Read {
  readonly subject: string
  readonly at: number
  /** The own invalidation that it must not be older than. */
  readonly own: Invalidated | undefined
  readonly isConnected: boolean
  readonly changes: number
}

interface Invalidated {
  readonly version: number
  readonly at: number
  readonly how: string
}

/** A read that has ended, for notices that come only now: a process that was frozen is served first, and hears then. */
interface Served {
  readonly read: Read
  readonly how: string
  readonly version: number
  readonly endedAt: number
  readonly slackMs: number
}

export interface JudgeOptions {
  readonly index: number
  readonly lag: LoopLag
  readonly boundMs: number
  /** Whether memory may stand in for the store. */
  readonly hasFallback: boolean
  readonly isConnected: () => boolean
}

/** For what nobody thought of. */
const leastSlackMs = 500
/** More is no busy machine but a process that was frozen, and one that thaws is held to the bound from its first read on. */
const mostLagMs = 1000
/** The first of many are enough to see what is wrong. */
const mostShown = 10
/** Of one subject. */
const mostServed = 300

export class Judge {
  readonly #options: JudgeOptions
  readonly #own: Map<string, Invalidated> = new Map()
  readonly #foreign: Map<string, Invalidated[]> = new Map()
  readonly #served: Map<string, Served[]> = new Map()
  readonly #shown: Set<string> = new Set()
  #turnAt: number | undefined
  /** How often the state has changed. */
  changes = 0
  readonly checks: Checks = { own: 0, bound: 0 }
  readonly violations: string[] = []
  violated = 0

  constructor(options: JudgeOptions) {
    this.#options = options
  }

  /** An invalidation of this process has resolved. */
  invalidated(versions: Readonly<Record<string, number>>, how: string): void {
    const at = sharedNow()
    for (const [subject, version] of Object.entries(versions)) {
      if (version > (this.#own.get(subject)?.version ?? 0)) this.#own.set(subject, { version, at, how })
    }
  }

  noticed({ by, at, applied, versions, how }: Notice): void {
    if (!applied || by === this.#options.index) return
    for (const [subject, version] of Object.entries(versions)) {
      const notice = { version, at, how: `${how} by process ${by}` }
      for (const served of this.#served.get(subject) ?? []) this.#holdAgainst(served, notice)
      const notices = this.#foreign.get(subject) ?? []
      if (notices.length === 0) this.#foreign.set(subject, notices)
      notices.push(notice)
      // Of those that bind every read by now the newest version is enough.
      const old = notices.findLastIndex((one) => one.at < at - 10_000)
      const newest = notices.slice(0, old + 1).toSorted((a, b) => b.version - a.version)[0]
      if (newest !== undefined) notices.splice(0, old + 1, newest)
    }
  }

  begin(subject: string): Read {
    const isConnected = this.#options.isConnected()
    return { subject, at: this.#turn(), own: this.#own.get(subject), isConnected, changes: this.changes }
  }

  /** @param how named in a violation */
  end(read: Read, how: string, value: unknown): void {
    // Nothing is never too old.
    if (value === undefined || value === null) return
    const { subject, version } = value as Versioned
    const served = { read, how, version, endedAt: sharedNow(), slackMs: this.#slackMs() }
    if (subject !== read.subject) this.violation(`${how} of ${read.subject}: a value of ${subject}`)
    if (read.own !== undefined) {
      this.checks.own++
      if (version < read.own.version) this.#tooOld(served, read.own)
    }
    if (!this.#isBound(read)) return
    const all = this.#served.get(read.subject) ?? []
    if (all.length === 0) this.#served.set(read.subject, all)
    all.push(served)
    if (all.length > mostServed) all.splice(0, mostServed / 2)
    const notices = this.#foreign.get(read.subject) ?? []
    if (notices.some((notice) => this.#binds(notice, served))) this.checks.bound++
    for (const notice of notices) this.#holdAgainst(served, notice)
  }

  violation(text: string): void {
    this.violated++
    if (this.violations.length < mostShown) this.violations.push(`process ${this.#options.index}: ${text}`)
  }

  /**
   * A read starts with its turn of the event loop: the library reads its clock once in a turn, and a process may be frozen in the middle of
   * one. While it sleeps there is none, so that what a thawed process serves first is held to the bound.
   */
  #turn(): number {
    if (this.#turnAt === undefined) {
      this.#turnAt = sharedNow()
      setImmediate(() => (this.#turnAt = undefined))
    }
    return this.#turnAt
  }

  /** Not while a memory that nobody can tell anything stands in for the store. */
  #isBound({ isConnected, changes }: Read): boolean {
    const { hasFallback } = this.#options
    return !hasFallback || (isConnected && changes === this.changes && this.#options.isConnected())
  }

  #slackMs(): number {
    return leastSlackMs + Math.min(mostLagMs, this.#options.lag.worst)
  }

  #binds(notice: Invalidated, { read, slackMs }: Served): boolean {
    return read.at > notice.at + this.#options.boundMs + slackMs
  }

  #holdAgainst(served: Served, notice: Invalidated): void {
    if (served.version < notice.version && this.#binds(notice, served)) this.#tooOld(served, notice)
  }

  #tooOld({ read, how, version, endedAt }: Served, than: Invalidated): void {
    // One of many reads of the same thing is enough.
    const what = `${read.subject} ${version} ${than.version}`
    if (this.#shown.has(what)) this.violated++
    else {
      const [ago, took] = [read.at - than.at, endedAt - read.at].map((ms) => ms.toFixed(0))
      const state = read.isConnected ? 'connected' : 'not connected'
      this.violation(
        `${how} of ${read.subject}, ${state}: version ${version}, not ${than.version}; ` +
          `it began ${ago} ms after ${than.how} and took ${took} ms`,
      )
    }
    this.#shown.add(what)
  }
}
