// What must hold of a history, clause by clause of the contract. A name is what has a version: a key, or a part of what was made from keys.
import type { History } from './history.ts'
import type { Policy } from './readers.ts'
import type { Value } from './source.ts'
import { LoaderFailed, valueOf } from './source.ts'
import type { Node, World } from './world.ts'

/** How long a connection that died without a sign may hide what others did (`PushCapability.boundMs`). */
const boundMs = 500
/** How long what ended a load may still be on its way, so that another is begun. */
const voidingMs = 8000
/** How long before a load its process may have been stopped and have lost its turn. */
const stoppedMs = 100
/** Between the end of a load and the answer to who waited for it. */
const wakingMs = 2500
/** What clocks and turns may add to the life of a value. */
const slackMs = 1000

export interface Call {
  readonly text: string
  readonly node: Node
  readonly startedAt: number
}

interface Reading extends Call {
  readonly wasConnected: boolean
  readonly due: ReadonlyArray<{ readonly name: string; readonly floor: number; readonly told: number }>
}

/** An invalidation that the store has confirmed; `most`: the newest so far. */
interface Confirmed {
  readonly life: number
  readonly version: number
  readonly at: number
  readonly most: number
}

export class Oracle {
  readonly violations: string[] = []
  readonly open: Set<Call> = new Set()
  readonly #world: World
  readonly #history: History
  readonly #policy: Policy
  /** What a process' own invalidations promise to it, by its life and the name. */
  readonly #floors: Map<string, number> = new Map()
  readonly #confirmed: Map<string, Confirmed[]> = new Map()
  readonly #owed: Array<{ readonly life: number; readonly name: string; readonly version: number }> = []
  /** What ends the currency of loads, by key. */
  readonly #voided: Map<string, Array<{ readonly from: number; to: number }>> = new Map()
  /** Of no master that has been deposed since is anything known. */
  isTold = true
  hasSkew = false
  /** Written by a process that died: whether it arrives, and when, nobody knows. */
  readonly tainted: Set<string> = new Set()

  /** Nothing at all goes wrong. */
  readonly #isStill: boolean

  constructor(world: World, policy: Policy) {
    const { actions, isCalm } = world.schedule
    this.#isStill = isCalm && !actions.some(({ do: what }) => what === 'node freezes')
    this.#world = world
    this.#history = world.history
    this.#policy = policy
  }

  violate(text: string): void {
    this.#history.note(`VIOLATION ${text}`)
    this.violations.push(text)
  }

  begins(text: string, node: Node): Call {
    const call = { text, node, startedAt: this.#world.clock.elapsed }
    this.open.add(call)
    this.#note(text, node, 'begins')
    return call
  }

  /** Whether a call is under way whose text begins like that. */
  isOpen(...texts: readonly string[]): boolean {
    for (const { text } of this.open) if (texts.some((begins) => text.startsWith(begins))) return true
    return false
  }

  ends(call: Call, how: string): void {
    this.open.delete(call)
    this.#note(call.text, call.node, how)
  }

  reads(text: string, node: Node, names: readonly string[]): Reading {
    const startedAt = this.#world.clock.elapsed
    const due = names.map((name) => ({
      name,
      floor: this.#floors.get(`${node.life} ${name}`) ?? 0,
      told: this.#toldBefore(name, startedAt - boundMs),
    }))
    const reading = { text, node, startedAt, wasConnected: this.isTold && node.isConnected, due }
    this.open.add(reading)
    this.#note(text, node, 'begins')
    return reading
  }

  /** Each part that was read, in the order of the names. */
  gets(reading: Reading, parts: ReadonlyArray<Value | undefined>): void {
    this.ends(reading, `gets ${parts.map((part) => part?.version).join(' ')}`)
    const { node } = reading
    if (node.isDead) return
    const [only, ...more] = reading.due
    if (this.#isStill && only !== undefined && more.length === 0) this.#judgeWaiting(reading, only.name)
    parts.forEach((part, index) => {
      const due = reading.due[index]
      if (part === undefined || due === undefined) return
      this.#judge(reading, part, due)
    })
  }

  #judge(reading: Reading, part: Value, { name, floor, told }: Reading['due'][number]): void {
    const { text, node, wasConnected, startedAt } = reading
    const { key, version } = part
    if (!isWhole(part)) this.violate(`C4: ${text} on ${node.life} got something else than was loaded: ${version}`)
    if (this.tainted.has(name)) return
    if (version < floor)
      this.violate(`C1: ${text} on ${node.life} got ${name} ${version}, older than its own invalidation of ${floor}`)
    if (version < told && wasConnected && this.isTold && node.isConnected)
      this.violate(
        `C2: ${text} on ${node.life} got ${name} ${version} more than ${boundMs} ms after ${told} was confirmed`,
      )
    const brought = this.#history.broughtAt.get(`${key} ${version}`)
    const isOwn = key === 'k0' || key === 'k1'
    if (isOwn && name === key && brought !== undefined && !this.hasSkew) {
      if (brought + this.#policy.longestMs + slackMs < startedAt)
        this.violate(`TTL: ${text} on ${node.life} got ${name} ${version} longer than it lives`)
    }
  }

  fails(reading: Call, error: unknown): void {
    this.ends(reading, 'fails')
    const { node, text } = reading
    if (node.isDead || error instanceof LoaderFailed || (error as Error | undefined)?.name === 'AbortError') return
    if (this.#policy.mayTimeOut && (error as { readonly code?: unknown }).code === 'CACHE_LOAD_TIMEOUT') return
    this.violate(`C5: ${text} on ${node.life} failed: ${String(error)}`)
  }

  /** Something is done that ends the currency of what is being loaded for these keys. @returns the function that says when it was done */
  voids(names: readonly string[]): () => void {
    const span = { from: this.#world.clock.elapsed, to: Infinity }
    for (const name of names) this.#voided.set(name, [...(this.#voided.get(name) ?? []), span])
    return () => {
      span.to = this.#world.clock.elapsed
    }
  }

  /** A process may read nothing older from now on. */
  promises(node: Node, name: string, version: number): void {
    const floor = `${node.life} ${name}`
    this.#floors.set(floor, Math.max(this.#floors.get(floor) ?? 0, version))
  }

  confirms(life: number, name: string, version: number): void {
    const all = this.#confirmed.get(name) ?? []
    const most = Math.max(all.at(-1)?.most ?? 0, version)
    all.push({ life, version, at: this.#world.clock.elapsed, most })
    this.#confirmed.set(name, all)
  }

  /** Journaled: true in the end, unless the process that knows of it dies. */
  owes(node: Node, name: string, version: number): void {
    this.#owed.push({ life: node.life, name, version })
  }

  /** @param sinceFailover when a deposed master may have confirmed what it had no right to; `undefined`: there is none */
  died({ life }: Node, sinceFailover: number | undefined): void {
    for (const call of this.open) if (call.node.life === life) this.open.delete(call)
    for (let at = this.#owed.length - 1; at >= 0; at--) if (this.#owed[at]?.life === life) this.#owed.splice(at, 1)
    if (sinceFailover === undefined) return
    for (const [name, all] of this.#confirmed) {
      const kept: Confirmed[] = []
      for (const one of all) {
        if (one.life === life && one.at >= sinceFailover) continue
        kept.push({ ...one, most: Math.max(kept.at(-1)?.most ?? 0, one.version) })
      }
      this.#confirmed.set(name, kept)
    }
  }

  /** What everybody must have in the end. */
  dueAtTheEnd(name: string): number {
    if (this.tainted.has(name)) return 0
    const owed = this.#owed.filter((one) => one.name === name).map(({ version }) => version)
    return Math.max(0, this.#confirmed.get(name)?.at(-1)?.most ?? 0, ...owed)
  }

  /** Where nothing went wrong: two loads of a key at a time only if something had ended the first, or its process had stopped. */
  judgeLoads(): void {
    const last: Map<string, { beganAt: number; endedAt: number; life: number; stirredAt: number }> = new Map()
    for (const { key, beganAt, endedAt, life, asked, stirredAt } of this.#history.loads) {
      if (!asked) continue
      const before = last.get(key)
      const lasts = this.#policy.mayTimeOut ? Math.min(endedAt, beganAt + 4000) : endedAt
      if (before !== undefined && beganAt < before.endedAt && before.stirredAt < before.beganAt - stoppedMs) {
        const voided = this.#voided.get(key) ?? []
        if (!voided.some(({ from, to }) => from <= beganAt && to >= before.beganAt - voidingMs))
          this.violate(`C3: ${key} is loaded on ${life} while it is loaded on ${before.life}`)
      }
      if (before === undefined || lasts > before.endedAt)
        last.set(key, { beganAt, endedAt: lasts, life, stirredAt: stirredAt() })
    }
  }

  /** Where nothing went wrong: whoever waits for others is answered when they are done. */
  #judgeWaiting({ text, node, startedAt }: Reading, key: string): void {
    const { elapsed } = this.#world.clock
    let since = Math.max(startedAt, node.stirredAt)
    for (const load of this.#history.loads)
      if (load.key === key) since = Math.max(since, load.endedAt === Infinity ? elapsed : load.endedAt)
    if (elapsed - since > wakingMs)
      this.violate(`WAKE: ${text} on ${node.life} waited from ${startedAt} to ${elapsed} for nobody`)
  }

  #toldBefore(name: string, time: number): number {
    const all = this.#confirmed.get(name)
    if (all === undefined) return 0
    for (let index = all.length - 1; index >= 0; index--) {
      const one = all[index] as Confirmed
      if (one.at < time) return one.most
    }
    return 0
  }

  #note(text: string, { life }: Node, what: string): void {
    if (this.#history.isTold) this.#history.note(`${text} on ${life} ${what}`)
  }
}

/** Whether it is what was loaded, in every part. */
function isWhole({ key, version, kinds }: Value): boolean {
  const { kinds: wanted } = valueOf(key, version)
  if (wanted === undefined || kinds === undefined) return wanted === kinds
  return (
    kinds.at instanceof Date &&
    kinds.at.getTime() === version &&
    kinds.all instanceof Set &&
    kinds.all.has(version) &&
    kinds.big === BigInt(version)
  )
}
