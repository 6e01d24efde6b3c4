import type { TagCapability, TagDelta, TagPosition } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { CacheError } from '../../support/errors.ts'
import type { Clock } from './clock-text.ts'
import { readClock, stamped, writeClock } from './clock-text.ts'
import { one } from './items.ts'
import type { MemcachedLink } from './memcached-link.ts'
import type { Item } from './meta-commands.ts'
import { itemOf, metaGet, metaRead, metaSet } from './meta-commands.ts'
import { answered, contended } from './refusal.ts'
import type { Reply } from './replies.ts'

// The tag clock in one item. Whoever stamps reads it, and replaces it if its CAS value is still the same: so no stamp is lost, and stamps only
// grow. It goes as a whole, when it is evicted or the server starts anew; whoever finds none makes one with a new id, and of two who do, one
// does. A process that knows the present CAS value knows the clock: to ask for that is a few bytes, and is done with each turn of reads.
//
// The id begins with `0-` (nothing came before, as far as is known), `1-` (after a `clear`) or `2-` (the one before was lost), for values that
// carry no id to compare; see `core/tags.ts`.

export interface TagsOptions {
  readonly link: MemcachedLink
  readonly name: string
  readonly runtime: Runtime
  readonly mostBytes: number
  /** Resolves when every read that was sent before has been answered. Needed where they go to other servers. */
  readonly readsAnswered: () => Promise<unknown>
  readonly briefly: <T>(work: Promise<T>, what: string) => Promise<T>
}

interface Copy {
  readonly clock: Clock
  readonly cas: string
  readonly epoch: number
}

interface Stamping {
  readonly calls: Array<readonly string[]>
  readonly done: Promise<Clock>
}

/** Each failure is another's success. */
const mostTries = 64

export function createMemcachedTags(options: TagsOptions): Omit<TagCapability, 'enter'> {
  const { link, name, runtime, mostBytes, readsAnswered, briefly } = options
  let copy: Copy | undefined
  /** What waits for the writer to come back. */
  let next: Stamping | undefined
  let writing: Promise<unknown> | undefined

  const keep = (clock: Clock, cas: string, epoch: number): Copy => {
    if (cas === '0') {
      throw new CacheError(
        'CACHE_UNAVAILABLE',
        'The Memcached server keeps no CAS values (its option -C): there are no tags without',
      )
    }
    copy = { clock, cas, epoch }
    return copy
  }

  const fresh = (before: '0' | '1' | '2'): Clock => ({
    id: `${before}-${randomId(runtime)}`,
    floor: 0,
    stamps: new Map(),
  })

  /** @param flags `ME`: if there is none · `C17`: if it is that one · '': in any case @returns nothing if it was another by then */
  async function replace(clock: Clock, text: string, flags: string, epoch: number): Promise<Copy | undefined> {
    const command = metaSet(name, Buffer.from(text, 'utf8'), `${flags} T0 c`.trimStart())
    const [reply] = await link.exchange([command], epoch)
    return answered(reply as Reply).code === 'HD' ? keep(clock, itemOf(reply as Reply).cas, epoch) : undefined
  }

  async function current(since: TagPosition | undefined, epoch: number): Promise<Copy> {
    const known = copy?.epoch === epoch ? copy : undefined
    if (known !== undefined) {
      const item = await one(link, metaGet(name, 'c'), epoch)
      if (item.exists && item.cas === known.cas) return known
    }
    for (let tries = 0; tries < mostTries; tries++) {
      const item: Item = await one(link, metaRead(name, 'c f s'), epoch)
      const clock = item.text === undefined ? undefined : readClock(item.text)
      if (clock !== undefined) return keep(clock, item.cas, epoch)
      const made = fresh(since === undefined && !item.exists ? '0' : '2')
      // Something else stands where the clock was: what it knew is lost.
      const now = await replace(made, writeClock(made), item.exists ? `C${item.cas}` : 'ME', epoch)
      if (now !== undefined) return now
    }
    throw contended('the tag clock')
  }

  async function write(calls: ReadonlyArray<readonly string[]>, since: TagPosition | undefined): Promise<Clock> {
    const { epoch } = link
    for (let tries = 0; tries < mostTries; tries++) {
      const known = copy?.epoch === epoch && tries === 0 ? copy : await current(since, epoch)
      const { clock, text } = stamped(known.clock, calls, mostBytes)
      // Of what was read together: the CAS value of a newer clock would let this one undo its stamps.
      if ((await replace(clock, text, `C${known.cas}`, epoch)) !== undefined) return clock
    }
    throw contended('the tag clock')
  }

  /** What is stamped while a write is under way goes with the next one: many at once do not get into each other's way. */
  function stampTogether(tags: readonly string[], since: TagPosition | undefined): Promise<Clock> {
    if (next === undefined) {
      const calls: Array<readonly string[]> = []
      const before = writing
      const done = (async () => {
        await before?.catch(() => {})
        await Promise.resolve()
        next = undefined
        return await write(calls, since)
      })()
      next = { calls, done }
      writing = done
    }
    next.calls.push(tags)
    return next.done
  }

  async function renew(emptied: boolean): Promise<Clock> {
    const clock = fresh(emptied ? '0' : '1')
    await replace(clock, writeClock(clock), '', link.epoch)
    return clock
  }

  return {
    async read(since) {
      const answer = readsAnswered().then(async () => (await current(since, link.epoch)).clock)
      return deltaOf(await briefly(answer, 'the tag clock'), since)
    },
    stamp: async (tags, since) => deltaOf(await briefly(stampTogether(tags, since), 'the tag clock'), since),
    renew: async (emptied = false) => deltaOf(await briefly(renew(emptied), 'the tag clock'), undefined),
  }
}

function deltaOf({ id, floor, stamps }: Clock, since: TagPosition | undefined): TagDelta {
  const mark = since?.id === id ? since.mark : 0
  return { id, floor, stamps: [...stamps].filter(([, stamp]) => stamp > mark) }
}

/** Two that are equal would make what one of them voided valid again: 80 bits. */
function randomId(runtime: Pick<Runtime, 'random'>): string {
  const part = (): string => Math.floor(runtime.random() * 2 ** 40).toString(36)
  return part() + part()
}
