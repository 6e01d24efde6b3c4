import type { LinkEvents } from '../../contracts/backend.ts'
import type { MemcachedLink } from './memcached-link.ts'

// Several servers are one store. Each key has its place for ever: rendezvous hashing gives it to the server with the highest score, so a
// server more or less in the list moves only its own share. A server that is lost takes the whole store down until it is back: were its keys
// given to the others meanwhile, what it still holds would be old when it returns, and nobody could say which.

export interface Server {
  /** As it was given: it decides which keys are its own. */
  readonly name: string
  readonly link: MemcachedLink
}

export class Servers {
  readonly #servers: readonly Server[]
  readonly #seeds: readonly number[]

  constructor(servers: readonly Server[]) {
    this.#servers = servers
    this.#seeds = servers.map(({ name }) => hash(name))
  }

  get links(): readonly MemcachedLink[] {
    return this.#servers.map(({ link }) => link)
  }

  /** Where a key is, and its lease. */
  of(key: string): MemcachedLink {
    return (this.#servers[placeOf(key, this.#seeds)] as Server).link
  }

  get isUp(): boolean {
    return this.#servers.every(({ link }) => link.isUp)
  }

  get history(): string | undefined {
    const all = this.#servers.map(({ link }) => link.history)
    return all.includes(undefined) ? undefined : all.join(' ')
  }

  async start(): Promise<void> {
    await Promise.all(this.#servers.map(({ link }) => link.start()))
  }

  stop(): void {
    for (const { link } of this.#servers) link.stop()
  }
}

/** What the links tell, as of one store: lost with the first of them, restored with the last. */
export function asOne(events: LinkEvents, isUp: () => boolean): LinkEvents {
  let wasUp = false
  return {
    lost(reason) {
      if (wasUp) events.lost(reason)
      wasUp = false
    },
    restored() {
      wasUp = isUp()
      if (wasUp) events.restored()
    },
  }
}

/** @returns the index of the seed with the highest score */
export function placeOf(key: string, seeds: readonly number[]): number {
  if (seeds.length === 1) return 0
  const own = hash(key)
  let place = 0
  let best = -1
  seeds.forEach((seed, index) => {
    const score = mix(own ^ seed)
    if (score > best) [place, best] = [index, score]
  })
  return place
}

/** FNV-1a over UTF-16 units: http://www.isthe.com/chongo/tech/comp/fnv/ */
export function hash(text: string): number {
  let sum = 0x811c9dc5
  for (let index = 0; index < text.length; index++) sum = Math.imul(sum ^ text.charCodeAt(index), 0x01000193)
  return mix(sum)
}

/** The finalizer of MurmurHash3: every bit of the input changes half of the output's. */
function mix(sum: number): number {
  let bits = sum
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
