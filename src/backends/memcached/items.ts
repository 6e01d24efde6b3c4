import { expiry } from './expiry.ts'
import { itemName, leaseName } from './item-names.ts'
import { Lanes } from './lanes.ts'
import { isTextOver, markOf, mayBeProlonged } from './lease-marks.ts'
import type { MemcachedLink } from './memcached-link.ts'
import type { Command, Item } from './meta-commands.ts'
import { emptyTextFlags, itemOf, metaDelete, metaGet, metaRead, metaSet } from './meta-commands.ts'
import { answered, contended, tooLarge } from './refusal.ts'
import type { Reply } from './replies.ts'
import type { Servers } from './servers.ts'

// Reading, writing and deleting of texts. A write names the CAS value that the item had a moment before: so a write whose connection was given
// up, and that the server executes later, after a newer one, does nothing.

/** Where a key is kept, and its lease. */
export interface Place {
  readonly link: MemcachedLink
  readonly item: string
  readonly lease: string
}

export interface Items {
  place(key: string): Place
  get(keys: readonly string[]): Promise<ReadonlyArray<string | null>>
  set(key: string, value: string, ttl: number): Promise<boolean>
  delete(keys: readonly string[]): Promise<number>
  exists(key: string): Promise<boolean>
  /** The command that stores a text where the item still has that CAS value. @throws {MemcachedRefusal} when it is too large */
  store(place: Place, value: string, ttl: number, cas: string): Command
}

export interface ItemsOptions {
  readonly servers: Servers
  readonly prefix: string
  readonly maxItemBytes: number
}

/** How long a placeholder stays: a load may take that long before it has to be prolonged, and then nobody is left to take it away. */
export const placeholderSeconds = 600
/** What the server keeps with each item: its header (48 bytes), CAS value, client flags and line end, rounded up. */
const itemOverhead = 80
const mostTries = 16

export function createItems({ servers, prefix, maxItemBytes }: ItemsOptions): Items {
  const place = (key: string): Place => {
    const full = prefix + key
    return { link: servers.of(full), item: itemName(full), lease: leaseName(full) }
  }

  /** All commands of one server at once; the answers in the order of the keys. */
  async function eachOf<T>(
    keys: readonly string[],
    commands: (place: Place) => readonly Command[],
    read: (replies: readonly Reply[]) => T,
  ): Promise<T[]> {
    const byLink = new Map<MemcachedLink, { readonly indexes: number[]; readonly commands: Command[] }>()
    let each = 0
    keys.forEach((key, index) => {
      const at = place(key)
      const those = commands(at)
      each = those.length
      const group = byLink.get(at.link) ?? { indexes: [], commands: [] }
      byLink.set(at.link, group)
      group.indexes.push(index)
      group.commands.push(...those)
    })
    const results = new Array<T>(keys.length)
    const asked = [...byLink].map(async ([link, group]) => {
      const replies = await link.exchange(group.commands)
      group.indexes.forEach((index, turn) => (results[index] = read(replies.slice(turn * each, (turn + 1) * each))))
    })
    await Promise.all(asked)
    return results
  }

  function store({ link, item }: Place, value: string, ttl: number, cas: string): Command {
    const data = Buffer.from(value, 'utf8')
    const most = Math.min(maxItemBytes, link.maxItemBytes)
    const bytes = data.length + item.length + itemOverhead
    if (bytes > most) throw tooLarge(bytes, most)
    const flags = data.length === 0 ? ` F${emptyTextFlags}` : ''
    return metaSet(item, data, `C${cas} T${expiry(ttl, link.time)}${flags}`)
  }

  const lanes = new Lanes()

  /** Texts of items that outlive them are none. */
  async function hideWhatIsOver(keys: readonly string[], found: Item[]): Promise<Item[]> {
    const indexes = found.flatMap((item, index) => (mayBeProlonged(item) ? [index] : []))
    if (indexes.length === 0) return found
    const leases = await eachOf(
      indexes.map((index) => keys[index] as string),
      ({ lease }) => [metaRead(lease, 'c t')],
      ([reply]) => markOf(reply as Reply),
    )
    indexes.forEach((index, turn) => {
      const item = found[index] as Item
      if (isTextOver(item, leases[turn])) found[index] = { ...item, isText: false, text: undefined }
    })
    return found
  }

  async function look(keys: readonly string[], command: (place: Place) => Command): Promise<Item[]> {
    const found = await eachOf(
      keys,
      (at) => [command(at)],
      ([reply]) => itemOf(answered(reply as Reply)),
    )
    return await hideWhatIsOver(keys, found)
  }

  async function replace(key: string, value: string, ttl: number): Promise<boolean> {
    const at = place(key)
    const { link, item, lease } = at
    const { epoch } = link
    for (let tries = 0; tries < mostTries; tries++) {
      const found = await one(link, metaGet(item, `N${placeholderSeconds} c`), epoch)
      // Whoever loads has lost the right to store by the write itself; this lets the next one load.
      const commands = [store(at, value, ttl, found.cas), metaDelete(lease)]
      const [stored] = await link.exchange(commands, epoch)
      if (answered(stored as Reply).code === 'HD') return true
    }
    throw contended('the item')
  }

  async function deleteAll(keys: readonly string[]): Promise<number> {
    const existed = await eachOf(
      keys,
      ({ item }) => [metaGet(item, 'f s'), metaDelete(item)],
      ([found, deleted]) => itemOf(found as Reply).isText && (deleted as Reply).code === 'HD',
    )
    return existed.filter(Boolean).length
  }

  return {
    place,
    store,

    get: async (keys) => (await look(keys, ({ item }) => metaRead(item, 'f t'))).map(({ text }) => text ?? null),

    async set(key, value, ttl) {
      // Nothing is asked of the server for what it would not take.
      store(place(key), value, ttl, '0')
      return await lanes.inTurn(key, () => replace(key, value, ttl))
    },

    async delete(keys) {
      const before = keys.flatMap((key) => lanes.before(key) ?? [])
      if (before.length > 0) await Promise.allSettled(before)
      return await deleteAll(keys)
    },

    async exists(key) {
      const [found] = await look([key], ({ item }) => metaGet(item, 'f s t'))
      return found?.isText === true
    },
  }
}

/** @throws {MemcachedRefusal} */
export async function one(link: MemcachedLink, command: Command, epoch?: number): Promise<Item> {
  const [reply] = await link.exchange([command], epoch)
  return itemOf(answered(reply as Reply))
}
