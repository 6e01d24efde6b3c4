import type { FillAnswer, LeaseAnswer, LeaseCapability, LeaseRequest } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { atLeast } from './expiry.ts'
import { HeldLeases } from './held-leases.ts'
import type { Held } from './held-leases.ts'
import type { Items, Place } from './items.ts'
import { placeholderSeconds } from './items.ts'
import type { Mark } from './lease-marks.ts'
import { holderMark, isTextOver, longestProlonged, markOf, pauseLeft, pauseMark } from './lease-marks.ts'
import type { Command, Item } from './meta-commands.ts'
import { itemFlags, itemOf, metaDelete, metaGet, metaRead, metaSet } from './meta-commands.ts'
import { answered, contended } from './refusal.ts'
import type { Reply } from './replies.ts'
import type { Servers } from './servers.ts'

// The right to load a key, of two items on the same server.
//
//   the item itself   is the fence. Where nothing is, `N` makes a placeholder. Whoever is granted the lease knows the CAS value that the item
//                     has from that moment on, and a fill names it: whatever anybody does to the key meanwhile, in any program, the server
//                     gives the item another one, or has none, and refuses the fill. A read changes nothing.
//   the lease         is the turn: who loads, until when; or that a load failed. It saves work, and nothing is true or false by it.
//
// Each grant gives the item a new CAS value, so that whoever had the lease before can store nothing any more: a placeholder is made (`W`: by
// this very question), or what is there is marked as stale (`md I`), which leaves its text. So the lease is taken first, and the item marked after.

export interface LeasesOptions {
  readonly servers: Servers
  readonly items: Items
  readonly runtime: Runtime
  readonly briefly: <T>(work: Promise<T>, what: string) => Promise<T>
  readonly bounded: <T>(work: Promise<T>, what: string) => Promise<T>
}

/** Others may come in between each time; they get what they came for, so it does not go on for long. */
const mostTries = 8

/** What is known after the first question. */
interface Asked {
  readonly at: Place
  readonly epoch: number
  readonly history: string | undefined
  readonly askedAt: number
  readonly seconds: number
  readonly request: LeaseRequest
}

interface Granted {
  readonly item: Item
  readonly leaseCas: string
  /** Seconds, -1: for ever. */
  readonly textLife: number
}

export function createMemcachedLeases({ servers, items, runtime, briefly, bounded }: LeasesOptions): LeaseCapability {
  const held = new HeldLeases(runtime)

  const grant = ({ at, epoch, history, request, askedAt }: Asked, granted: Granted): LeaseAnswer => {
    const { item, leaseCas, textLife } = granted
    const now = runtime.monotonic()
    held.add(request.token, {
      place: at,
      history,
      epoch,
      isPlaceholder: !item.isText,
      // A second that the server counts may be over in a moment: once it has ended there, it is not prolonged here.
      textEndsAt: textLife < 0 ? Infinity : now + (textLife - 1) * 1000,
      itemEndsAt: item.life < 0 ? Infinity : now + item.life * 1000,
      itemCas: item.cas,
      leaseCas,
      endsAt: askedAt + request.leaseMs,
    })
    return { kind: 'granted' }
  }

  /** Ends what the earlier CAS value was good for. @returns nothing when somebody was faster */
  async function mark(
    { at, epoch, seconds, request }: Asked,
    item: Item,
    leaseCas: string,
  ): Promise<Granted | undefined> {
    const { token, leaseMs } = request
    const life = lifeFor(item, seconds)
    const spare = life === undefined || !item.isText ? 0 : life - item.life
    const [kept, marked, now, lease] = await at.link.exchange(
      [
        metaSet(at.lease, holderMark(token, leaseMs, spare), `C${leaseCas} T${seconds} c`),
        markCommand(at, item.cas, life),
        metaGet(at.item, itemFlags),
        metaRead(at.lease, 'c'),
      ],
      epoch,
    )
    // The lease is looked at last: nobody else marks the item while it is this one's.
    const isOwn = answered(kept as Reply).code === 'HD' && markOf(lease as Reply)?.token === token
    const found = itemOf(now as Reply)
    if ((marked as Reply).code !== 'HD' || !found.isMarked || !isOwn) return undefined
    return { item: found, leaseCas: itemOf(kept as Reply).cas, textLife: item.life }
  }

  const drop = (at: Place, epoch: number, leaseCas: string): void => {
    // Should it fail, it ends by itself.
    at.link.exchange([metaDelete(at.lease, `C${leaseCas}`)], epoch).catch(() => {})
  }

  /** @returns the CAS value of the lease when it could be taken from whoever has it */
  async function take({ at, epoch, seconds, request }: Asked, lease: Mark): Promise<string | undefined> {
    const command = metaSet(at.lease, holderMark(request.token, request.leaseMs), `C${lease.cas} T${seconds} c`)
    const [reply] = await at.link.exchange([command], epoch)
    return answered(reply as Reply).code === 'HD' ? itemOf(reply as Reply).cas : undefined
  }

  async function attempt(asked: Asked): Promise<LeaseAnswer | undefined> {
    const { at, epoch, seconds, request } = asked
    const { token, seen, despite } = request
    const isForced = despite === 'anyone'
    // Only whoever has seen no text makes a placeholder: another one's would hide from it that the item was deleted.
    const question =
      seen === undefined || isForced
        ? metaGet(at.item, `N${placeholderSeconds} ${itemFlags}`)
        : metaRead(at.item, itemFlags)
    const [added, ...rest] = await at.link.exchange(
      [metaSet(at.lease, holderMark(token, request.leaseMs), `ME T${seconds}`), metaRead(at.lease, 'c t'), question],
      epoch,
    )
    answered(added as Reply)
    const lease = markOf(rest[0] as Reply)
    const found = itemOf(answered(rest[1] as Reply))
    if (lease === undefined) return undefined
    const isOver = isTextOver(found, lease)
    const item: Item = isOver ? { ...found, isText: false, text: undefined } : found
    const isOwn = lease.token === token
    const isSame = seen === undefined ? !item.isText : item.text?.startsWith(seen) === true
    if (!isForced && !isSame) {
      if (isOwn) drop(at, epoch, lease.cas)
      return { kind: 'changed' }
    }
    let leaseCas: string | undefined = lease.cas
    if (!isOwn) {
      const waitMs = lease.token === undefined ? pauseLeft(lease) : Math.min(lease.ms, lease.life * 1000)
      // What the lease was given for is gone if there was nothing where its item should be.
      const isFree = item.isNew || (lease.token === undefined && (waitMs <= 0 || despite !== 'nothing'))
      if (!isForced && !isFree) {
        return lease.token === undefined ? { kind: 'paused', waitMs } : { kind: 'held', waitMs, holder: lease.token }
      }
      leaseCas = await take(asked, lease)
      if (leaseCas === undefined) return undefined
    }
    if (item.isNew) return grant(asked, { item, leaseCas, textLife: -1 })
    if (isOver) {
      // Nobody may read it any more, nor fill in its place.
      await at.link.exchange([metaDelete(at.item, `C${item.cas}`)], epoch)
      return undefined
    }
    const granted = await mark(asked, item, leaseCas)
    return granted === undefined ? undefined : grant(asked, granted)
  }

  async function acquire(key: string, request: LeaseRequest): Promise<LeaseAnswer> {
    const at = items.place(key)
    const { epoch, history } = at.link
    const seconds = atLeast(request.leaseMs)
    for (let tries = 0; tries < mostTries; tries++) {
      const answer = await attempt({ at, epoch, history, seconds, request, askedAt: runtime.monotonic() })
      if (answer !== undefined) return answer
    }
    throw contended('the lease')
  }

  async function renew(token: string, lease: Held, leaseMs: number): Promise<boolean> {
    const { place: at, epoch } = lease
    const askedAt = runtime.monotonic()
    const seconds = atLeast(leaseMs)
    const left = (endsAt: number): number =>
      endsAt === Infinity ? -1 : Math.max(0, Math.ceil((endsAt - askedAt) / 1000))
    const life = lifeFor({ isText: !lease.isPlaceholder, life: left(lease.itemEndsAt) }, seconds)
    const isShort = life !== undefined
    const spare = lease.isPlaceholder ? 0 : Math.max(0, (life ?? left(lease.itemEndsAt)) - left(lease.textEndsAt))
    const [kept, ...rest] = await at.link.exchange(
      [
        metaSet(at.lease, holderMark(token, leaseMs, spare), `C${lease.leaseCas} T${seconds} c`),
        ...(isShort ? [markCommand(at, lease.itemCas, life)] : []),
        metaGet(at.item, itemFlags),
        metaRead(at.lease, 'c'),
      ],
      epoch,
    )
    const [now, mine] = rest.slice(-2) as [Reply, Reply]
    const isKept = answered(kept as Reply).code === 'HD' && markOf(mine)?.token === token
    const found = itemOf(now)
    const isSame = isShort ? rest[0]?.code === 'HD' && found.isMarked : found.exists && found.cas === lease.itemCas
    if (!isKept || !isSame) {
      held.take(token)
      if (isKept) drop(at, epoch, itemOf(kept as Reply).cas)
      return false
    }
    lease.leaseCas = itemOf(kept as Reply).cas
    lease.itemCas = found.cas
    lease.itemEndsAt = found.life < 0 ? Infinity : runtime.monotonic() + found.life * 1000
    lease.endsAt = askedAt + leaseMs
    return true
  }

  async function fill(lease: Held, value: string, ttl: number): Promise<FillAnswer> {
    const { place: at, epoch } = lease
    let command: Command
    try {
      command = items.store(at, value, ttl, lease.itemCas)
    } catch (error) {
      void end(lease)
      throw error
    }
    const [stored] = await at.link.exchange([command, metaDelete(at.lease, `C${lease.leaseCas}`)], epoch)
    return answered(stored as Reply).code === 'HD' ? 'stored' : 'fenced'
  }

  /** What the item was made or prolonged for is over: it is taken back, so that it ends with its text. */
  function takeBack({ place: at, isPlaceholder, itemCas, textEndsAt, itemEndsAt }: Held): Command[] {
    const left = Math.ceil((textEndsAt - runtime.monotonic()) / 1000)
    if (isPlaceholder || left <= 0) return [metaDelete(at.item, `C${itemCas}`)]
    return itemEndsAt - textEndsAt > 2000 ? [markCommand(at, itemCas, left)] : []
  }

  /** The placeholder first: whoever asks then finds nothing there, and does not have to wait for the lease to go too. */
  function end(lease: Held): Promise<Reply[]> {
    const { place: at, epoch, leaseCas } = lease
    const ended = at.link.exchange([...takeBack(lease), metaDelete(at.lease, `C${leaseCas}`)], epoch)
    ended.catch(() => {})
    return ended
  }

  async function release(lease: Held, pauseMs: number | undefined): Promise<void> {
    const { place: at, epoch, leaseCas, isPlaceholder } = lease
    if (pauseMs === undefined || pauseMs <= 0) {
      await end(lease)
      return
    }
    const pause = metaSet(at.lease, pauseMark(pauseMs), `C${leaseCas} T${atLeast(pauseMs)}`)
    // A placeholder stays: that it is gone tells the next one that the key was deleted since, and that the pause is over.
    await at.link.exchange([pause, ...(isPlaceholder ? [] : takeBack(lease))], epoch)
  }

  return {
    get isOn() {
      return servers.isUp
    },
    acquire: (key, request) => briefly(acquire(key, request), 'acquire'),
    renew: async (_key, token, leaseMs) =>
      await briefly(
        held.inTurn(token, false, (lease) => renew(token, lease, leaseMs)),
        'renew',
      ),
    fill: async (_key, value, ttl, token) =>
      await bounded(
        held.inTurn<FillAnswer>(token, 'fenced', (lease) => {
          held.take(token)
          return fill(lease, value, ttl)
        }),
        'fill',
      ),
    release: async (_key, token, pauseMs) => {
      const released = held.inTurn(token, undefined, (lease) => {
        held.take(token)
        return release(lease, pauseMs)
      })
      await briefly(released, 'release')
    },
  }
}

/** How long the item has to be made to live, seconds: a load that is under way when it ends would be in vain. `undefined`: it lives long enough. */
function lifeFor({ isText, life }: Pick<Item, 'isText' | 'life'>, seconds: number): number | undefined {
  const least = isText ? Math.min(seconds, longestProlonged) : placeholderSeconds
  // A placeholder is prolonged in time, and not each time.
  const enough = isText ? least : Math.min(least, seconds)
  return life >= 0 && life < enough ? least : undefined
}

/** Marks the item, if it still has that CAS value, and has it live for so many seconds. */
function markCommand({ item }: Place, cas: string, life: number | undefined): Command {
  return metaDelete(item, `I C${cas}${life === undefined ? '' : ` T${life}`}`)
}
