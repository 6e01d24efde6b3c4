import type { FillAnswer, LeaseAnswer, LeaseCapability, LeaseRequest } from '../../contracts/backend.ts'
import { leaseKeyOf } from './lease-keys.ts'
import { acquireLease, confirmFill, fillBeside, fillKey, releaseLease, renewLease } from './lease-scripts.ts'
import type { Pushes } from './pushes.ts'
import type { RedisLink } from './redis-link.ts'
import { largeValue } from './redis-writes.ts'
import { ReplyError } from './reply-error.ts'
import type { Script } from './scripts.ts'
import { inFull } from './scripts.ts'
import type { SideConnections } from './side-connections.ts'
import type { WriteLanes } from './write-lanes.ts'

// The right to load a key: see `lease-scripts.ts` for what is kept of it.

export interface RedisLeasesOptions {
  readonly link: RedisLink
  readonly side: SideConnections
  readonly lanes: WriteLanes
  readonly pushes: Pushes
  readonly run: (script: Script, keys: readonly string[], args: readonly string[]) => Promise<unknown>
  /** Within the budget of a read. */
  readonly briefly: <T>(work: Promise<T>, what: string) => Promise<T>
  /** Within the time that a write has. */
  readonly bounded: <T>(work: Promise<T>, what: string) => Promise<T>
}

/** How long the mark of a fill beside the link stays, should its process end before it takes it off. */
const markMs = 10_000

/** Of a value's first line, which tells it from others, so much is compared. */
const longestHead = 512

/** What a text in JavaScript may hold in place of bytes that are no UTF-8, or cannot be sent. */
const notAsStored = /\uFFFD|[\uD800-\uDFFF]/u

export function createRedisLeases(options: RedisLeasesOptions): LeaseCapability {
  const { link, side, lanes, pushes, run, briefly, bounded } = options
  const both = (key: string): readonly string[] => [key, leaseKeyOf(key)]

  async function acquire(key: string, { token, leaseMs, seen, despite }: LeaseRequest): Promise<LeaseAnswer> {
    // Of no lease: whoever asks loads without one. `introduce` has found that out, and the health report says so.
    if (!link.runsScripts) throw new ReplyError('NOPERM')
    const args = [token, String(leaseMs), despite, ...(seen === undefined ? [] : [asStored(seen)])]
    const reply = (await briefly(run(acquireLease, both(key), args), 'acquire')) as readonly unknown[]
    const kind = String(reply[0])
    // Less than a millisecond is left.
    const waitMs = Math.max(1, Number(reply[1] ?? 0))
    if (kind === 'held') return { kind, waitMs, holder: String(reply[2]) }
    if (kind === 'paused') return { kind, waitMs }
    if (kind === 'changed') return { kind }
    if (despite === 'anyone') pushes.taken(key, token)
    return { kind: 'granted' }
  }

  async function fillOnLink(key: string, value: string, ttl: number, token: string): Promise<FillAnswer> {
    const filled = Number(await run(fillKey, both(key), [token, value, String(ttl)])) === 1
    if (!filled) return 'fenced'
    return link.follows ? 'followed' : 'stored'
  }

  /** Whether the key still holds the value, and is followed as from now. */
  async function confirm(key: string, value: string, token: string, allTold: () => void): Promise<boolean> {
    const end = value.indexOf('\n')
    try {
      // The answer comes after all that the fill was told with. From then on a change is somebody else's.
      await briefly(link.send(['EXISTS', leaseKeyOf(key)]), 'fill')
      allTold()
      // Without a first line it may be another value that begins alike.
      if (end < 0 || !link.follows) return false
      const args = [token, value.slice(0, Math.min(end, longestHead)), String(Buffer.byteLength(value))]
      return Number(await briefly(run(confirmFill, both(key), args), 'fill')) === 1
    } catch {
      // It is stored, if not more.
      return false
    }
  }

  async function fillOnSide(key: string, value: string, ttl: number, token: string): Promise<FillAnswer> {
    const allTold = pushes.filling(key, token)
    let answer: FillAnswer = 'fenced'
    try {
      const sent = side.send(inFull(fillBeside, both(key), [token, value, String(ttl), String(markMs)]))
      if (Number(await sent) === 1) answer = (await confirm(key, value, token, allTold)) ? 'followed' : 'stored'
      return answer
    } finally {
      allTold()
      // What was told as of this fill may have been the doing of others.
      if (answer !== 'followed') pushes.changed([key])
    }
  }

  return {
    get isOn() {
      return link.isUp && link.runsScripts
    },
    acquire,
    async renew(key, token, leaseMs) {
      if (!link.runsScripts) return false
      return Number(await briefly(run(renewLease, both(key), [token, String(leaseMs)]), 'renew')) === 1
    },
    async fill(key, value, ttl, token) {
      if (!link.runsScripts) return 'fenced'
      const isLarge = value.length >= largeValue
      return await pushes.announce({
        keys: [key],
        by: token,
        send: isLarge
          ? () => lanes.beside(key, () => fillOnSide(key, value, ttl, token))
          : () => lanes.onLink([key], () => fillOnLink(key, value, ttl, token)),
        bound: (sent) => (isLarge ? sent : bounded(sent, 'fill')),
      })
    },
    async release(key, token, pauseMs) {
      if (!link.runsScripts) return
      const args = pauseMs === undefined ? [token] : [token, String(pauseMs)]
      await pushes.announce({
        keys: [key],
        by: token,
        send: () => run(releaseLease, both(key), args),
        bound: (sent) => briefly(sent, 'release'),
      })
    },
  }
}

/** As much of what was read as is sure to be sent as it is stored. */
function asStored(seen: string): string {
  const end = seen.search(notAsStored)
  return end < 0 ? seen : seen.slice(0, end)
}
