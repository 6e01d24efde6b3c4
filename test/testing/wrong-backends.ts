// Backends that are wrong on purpose, each in one way that was seen in a real one or is easily written, and the outcomes that find it.
import type {
  BatchCapability,
  CacheBackend,
  LeaseCapability,
  PushEvents,
  ScanCapability,
  TagCapability,
  TagDelta,
} from '../../src/contracts/backend.ts'
import { MemoryBackend } from '../../src/index.ts'
import type { FakeClock, MockBackend } from '../../src/testing.ts'

export interface WrongBackend {
  readonly name: string
  /** What finds it: these fail, and no others. */
  readonly fails: readonly string[]
  /** It does not answer at all, somewhere. */
  readonly hangs?: boolean
  readonly make: (right: MockBackend, clock: FakeClock) => CacheBackend
}

type Parts = {
  readonly batch: BatchCapability
  readonly tags: TagCapability
  readonly scan: ScanCapability
  readonly leases: LeaseCapability
}
/** The mock has them all. */
const partsOf = (right: MockBackend): Parts => right as unknown as Parts
const latin1 = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')

/** A right backend whose keys all go through something first. */
function rekeyed(right: MockBackend, to: (key: string) => string): CacheBackend {
  const { batch, leases } = partsOf(right)
  return {
    ...right,
    get: (key) => right.get(to(key)),
    set: (key, value, ttl) => right.set(to(key), value, ttl),
    delete: (key) => right.delete(to(key)),
    exists: (key) => right.exists(to(key)),
    batch: { get: (keys) => batch.get(keys.map(to)), delete: (keys) => batch.delete(keys.map(to)) },
    leases: {
      isOn: true,
      acquire: (key, request) => leases.acquire(to(key), request),
      renew: (key, token, leaseMs) => leases.renew(to(key), token, leaseMs),
      fill: (key, value, ttl, token) => leases.fill(to(key), value, ttl, token),
      release: (key, token, pauseMs) => leases.release(to(key), token, pauseMs),
    },
  }
}

/** A right backend that is told of something else than there is. */
function rewatched(right: MockBackend, change: (events: PushEvents) => PushEvents): CacheBackend {
  const push = right.push as NonNullable<CacheBackend['push']>
  return { ...right, push: { isOn: true, boundMs: push.boundMs, watch: (events) => push.watch(change(events)) } }
}

async function orElse<T>(work: () => T | PromiseLike<T>, instead: T): Promise<T> {
  try {
    return await work()
  } catch {
    return instead
  }
}

export const wrongBackends: readonly WrongBackend[] = [
  {
    name: 'answers a miss with an empty text',
    fails: [
      'B-04',
      'B-07',
      'B-11',
      'B-12',
      'B-13',
      'B-15',
      'B-16',
      'B-17',
      'B-18',
      'B-20',
      'B-22',
      'B-23',
      'B-32',
      'B-63',
      'B-65',
      'B-66',
      'B-68',
      'B-70',
      'B-72',
      'B-73',
      'B-74',
      'B-75',
      'B-82',
    ],
    make: (right) => ({ ...right, get: async (key) => (await right.get(key)) ?? '' }),
  },
  {
    name: 'trims texts',
    fails: ['B-03', 'B-17', 'B-20'],
    make: (right) => ({ ...right, set: (key, value, ttl) => right.set(key, value.trim(), ttl) }),
  },
  {
    name: 'writes texts in Latin-1',
    fails: ['B-03', 'B-05', 'B-06', 'B-17', 'B-19'],
    make: (right) => ({ ...right, set: (key, value, ttl) => right.set(key, latin1(value), ttl) }),
  },
  {
    name: 'ends texts at NUL',
    fails: ['B-03', 'B-20', 'B-31'],
    make: (right) => ({ ...right, set: (key, value, ttl) => right.set(key, value.split('\u0000')[0] ?? '', ttl) }),
  },
  {
    name: 'turns line ends into newlines',
    fails: ['B-03', 'B-20', 'B-31'],
    make: (right) => ({ ...right, set: (key, value, ttl) => right.set(key, value.replaceAll('\r\n', '\n'), ttl) }),
  },
  {
    name: 'takes an empty text for nothing',
    fails: ['B-04', 'B-09', 'B-62'],
    make: (right) => ({ ...right, get: async (key) => (await right.get(key)) || null }),
  },
  {
    name: 'cuts long texts without a word',
    fails: ['B-05'],
    make: (right) => ({ ...right, set: (key, value, ttl) => right.set(key, value.slice(0, 1_000_000), ttl) }),
  },
  {
    name: 'counts the ttl in milliseconds',
    fails: ['B-13', 'B-15'],
    make: (right) => ({ ...right, set: (key, value, ttl) => right.set(key, value, ttl / 1000) }),
  },
  {
    name: 'counts the ttl in minutes',
    fails: ['B-13', 'B-15', 'B-16', 'B-78', 'B-89'],
    make: (right) => ({ ...right, set: (key, value, ttl) => right.set(key, value, ttl * 60) }),
  },
  {
    name: 'takes more than thirty days for a date that is past',
    fails: ['B-14'],
    make: (right) => ({
      ...right,
      set: async (key, value, ttl) =>
        ttl > 2_592_000 ? (await right.delete(key), true) : await right.set(key, value, ttl),
    }),
  },
  {
    name: 'prolongs what is read',
    fails: ['B-13', 'B-14', 'B-16', 'B-81', 'B-89'],
    make: (right) => ({
      ...right,
      async get(key) {
        const text = await right.get(key)
        if (typeof text === 'string')
          right.store.set(key, text, 1, { follows: new Set(), changed() {}, tagsChanged() {} })
        return text
      },
    }),
  },
  {
    name: 'keeps the ttl of the value that was replaced',
    fails: ['B-15'],
    make: (right, clock) => {
      const ends = new Map<string, number>()
      return {
        ...right,
        set(key, value, ttl) {
          const end = ends.get(key) ?? clock.now() + ttl * 1000
          ends.set(key, end)
          return right.set(key, value, (end - clock.now()) / 1000)
        },
      }
    },
  },
  {
    name: 'says of every delete that it deleted',
    fails: ['B-10', 'B-68'],
    make: (right) => ({ ...right, delete: async (key) => (await right.delete(key), true) }),
  },
  {
    name: 'says that everything exists that was ever set',
    fails: ['B-08', 'B-13', 'B-17', 'B-19', 'B-26', 'B-78'],
    make: (right) => {
      const known = new Set<string>()
      return {
        ...right,
        set: (key, value, ttl) => (known.add(key), right.set(key, value, ttl)),
        exists: (key) => known.has(key),
      }
    },
  },
  {
    name: 'knows no capitals in keys',
    fails: ['B-17', 'B-51'],
    make: (right) => rekeyed(right, (key) => key.toLowerCase()),
  },
  {
    name: 'cuts keys at 250 characters',
    fails: ['B-19'],
    make: (right) => rekeyed(right, (key) => key.slice(0, 250)),
  },
  {
    name: 'normalises keys',
    fails: ['B-17'],
    make: (right) => rekeyed(right, (key) => key.normalize('NFC')),
  },
  {
    name: 'keeps entries in an object literal',
    fails: ['B-18'],
    make: (right) => {
      const all: Record<string, string> = {}
      return {
        ...right,
        get: async (key) => (await right.get(key)) ?? (all[key] as string | undefined) ?? null,
      }
    },
  },
  {
    name: 'deletes by pattern',
    fails: ['B-17'],
    make: (right) => ({
      ...right,
      async delete(key) {
        if (!key.endsWith('*')) return await right.delete(key)
        let deleted = false
        for (const one of right.store.keys(key.slice(0, -1))) deleted = (await right.delete(one)) || deleted
        return deleted
      },
    }),
  },
  {
    name: 'answers a failed read with a miss',
    fails: ['B-26'],
    make: (right) => ({ ...right, get: (key) => orElse(() => right.get(key), null) }),
  },
  {
    name: 'answers a failed delete with false',
    fails: ['B-26'],
    make: (right) => ({ ...right, delete: (key) => orElse(() => right.delete(key), false) }),
  },
  {
    name: 'answers a failed lease with a pause',
    fails: ['B-26'],
    make: (right) => ({
      ...right,
      leases: {
        ...partsOf(right).leases,
        acquire: (key, request) =>
          orElse(() => partsOf(right).leases.acquire(key, request), { kind: 'paused', waitMs: 1000 } as const),
      },
    }),
  },
  {
    name: 'throws when it is closed again',
    fails: ['B-25'],
    make: (right) => {
      let isClosed = false
      return {
        ...right,
        close() {
          if (isClosed) throw new Error('already closed')
          isClosed = true
        },
      }
    },
  },
  {
    name: 'does not answer a second close',
    hangs: true,
    fails: ['B-25'],
    make: (right) => {
      let closes = 0
      return { ...right, close: () => (closes++ === 0 ? undefined : new Promise<void>(() => {})) }
    },
  },
  {
    name: 'answers no ping',
    fails: ['B-24'],
    make: (right) => ({ ...right, ping: async () => (await right.ping(), false) }),
  },
  {
    name: 'leaves the misses out of a batch',
    fails: ['B-13', 'B-30', 'B-31'],
    make: (right) => ({
      ...right,
      batch: {
        ...partsOf(right).batch,
        get: async (keys) => (await partsOf(right).batch.get(keys)).filter((text) => text !== null),
      },
    }),
  },
  {
    name: 'answers a batch in the order of the store',
    fails: ['B-30', 'B-31'],
    make: (right) => ({
      ...right,
      batch: { ...partsOf(right).batch, get: (keys) => partsOf(right).batch.get([...keys].toSorted()) },
    }),
  },
  {
    name: 'counts what a batch was to delete',
    fails: ['B-32'],
    make: (right) => ({
      ...right,
      batch: {
        ...partsOf(right).batch,
        delete: async (keys) => (await partsOf(right).batch.delete(keys), keys.length),
      },
    }),
  },
  {
    name: 'has leases that cannot be renewed',
    fails: ['B-01', 'B-62', 'B-63', 'B-67', 'B-70', 'B-71', 'B-72', 'B-73', 'B-75'],
    make: (right) => {
      const { renew: _, ...rest } = partsOf(right).leases
      return { ...right, leases: rest as unknown as LeaseCapability }
    },
  },
  {
    name: 'stamps tags with the time, and two of one millisecond alike',
    fails: ['B-41', 'B-43', 'B-45', 'B-47'],
    make: (right, clock) => ({
      ...right,
      tags: {
        ...partsOf(right).tags,
        async stamp(tags, since) {
          const delta = await partsOf(right).tags.stamp(tags, since)
          return { ...delta, stamps: delta.stamps.map(([tag]) => [tag, clock.now()] as const) }
        },
      },
    }),
  },
  {
    name: 'answers a stamp with that stamp alone',
    fails: ['B-42'],
    make: (right) => ({
      ...right,
      tags: {
        ...partsOf(right).tags,
        async stamp(tags, since) {
          const delta = await partsOf(right).tags.stamp(tags, since)
          return { ...delta, stamps: delta.stamps.filter(([tag]) => tags.includes(tag)) }
        },
      },
    }),
  },
  {
    name: 'does not stamp a tag again that has a stamp',
    fails: ['B-43'],
    make: (right) => {
      const known = new Set<string>()
      const { tags } = partsOf(right)
      return {
        ...right,
        tags: {
          ...tags,
          async stamp(names, since) {
            const unknown = [...new Set(names)].filter((name) => !known.has(name))
            for (const name of unknown) known.add(name)
            return unknown.length === 0 ? await tags.read(undefined) : await tags.stamp(unknown, since)
          },
        },
      }
    },
  },
  {
    name: 'keeps the id of its tag clock when it is renewed',
    fails: ['B-44'],
    make: (right) => {
      const { tags } = partsOf(right)
      const withId = async (delta: TagDelta | PromiseLike<TagDelta>): Promise<TagDelta> => ({
        ...(await delta),
        id: '0-always',
      })
      return {
        ...right,
        tags: {
          read: (since) => withId(tags.read(since)),
          stamp: (names, since) => withId(tags.stamp(names, since)),
          renew: (emptied) => withId(tags.renew(emptied)),
        },
      }
    },
  },
  {
    name: 'keeps no NUL in tags',
    fails: ['B-47'],
    make: (right) => ({
      ...right,
      tags: {
        ...partsOf(right).tags,
        stamp: (names, since) =>
          partsOf(right).tags.stamp(
            names.map((name) => name.replaceAll('\u0000', '')),
            since,
          ),
      },
    }),
  },
  {
    name: 'reads the tag clock before the values',
    fails: ['B-46'],
    make: (right) => ({
      ...right,
      get: async (key) => (
        await Promise.resolve(),
        await Promise.resolve(),
        await Promise.resolve(),
        await right.get(key)
      ),
    }),
  },
  {
    name: 'takes a prefix for a pattern',
    fails: ['B-51'],
    make: (right) => ({
      ...right,
      scan: {
        async *keys(prefix) {
          const pattern = new RegExp(
            `^${prefix
              .replace(/[.+()|[\]{}\\^$]/g, '\\$&')
              .replaceAll('*', '.*')
              .replaceAll('?', '.')}`,
            's',
          )
          for await (const page of partsOf(right).scan.keys('')) yield page.filter((key) => pattern.test(key))
        },
      },
    }),
  },
  {
    name: 'lists the first thousand keys',
    fails: ['B-50'],
    make: (right) => ({
      ...right,
      scan: {
        async *keys(prefix) {
          for await (const page of partsOf(right).scan.keys(prefix)) yield page.slice(0, 1000)
        },
      },
    }),
  },
  {
    name: 'stores what is filled whoever holds the lease',
    fails: ['B-62', 'B-63', 'B-65', 'B-67', 'B-70', 'B-71', 'B-72', 'B-73', 'B-74', 'B-75', 'B-84'],
    make: (right) => ({
      ...right,
      leases: {
        ...partsOf(right).leases,
        fill: async (key, value, ttl) => (await right.set(key, value, ttl), 'stored' as const),
      },
    }),
  },
  {
    name: 'keeps the lease when the key is set',
    fails: ['B-64', 'B-71'],
    make: (right) => keepingLeases(right, { onSet: true, onDelete: () => false }),
  },
  {
    name: 'keeps the lease when the key is deleted',
    fails: ['B-70', 'B-72'],
    make: (right) => keepingLeases(right, { onSet: false, onDelete: () => true }),
  },
  {
    name: 'keeps the lease when a key is deleted that is not there',
    fails: ['B-70', 'B-72'],
    make: (right) => keepingLeases(right, { onSet: false, onDelete: (existed) => !existed }),
  },
  {
    name: 'gives the lease to whoever knows nothing of the text',
    fails: ['B-62', 'B-64'],
    make: (right) => ({
      ...right,
      leases: {
        ...partsOf(right).leases,
        async acquire(key, request) {
          const seen = (await right.get(key)) ?? undefined
          return await partsOf(right).leases.acquire(key, { ...request, seen })
        },
      },
    }),
  },
  {
    name: 'gives the lease to everybody',
    fails: ['B-60', 'B-61', 'B-62', 'B-63', 'B-64', 'B-65', 'B-66', 'B-73', 'B-75', 'B-85'],
    make: (right) => ({
      ...right,
      leases: {
        ...partsOf(right).leases,
        acquire: (key, request) => partsOf(right).leases.acquire(key, { ...request, despite: 'anyone' }),
      },
    }),
  },
  {
    name: 'has leases that do not end',
    fails: ['B-75'],
    make: (right) => ({
      ...right,
      leases: {
        ...partsOf(right).leases,
        acquire: (key, request) => partsOf(right).leases.acquire(key, { ...request, leaseMs: 60_000 }),
      },
    }),
  },
  {
    name: 'prolongs the lease of anybody',
    fails: ['B-62', 'B-63', 'B-67', 'B-70', 'B-71', 'B-72', 'B-73', 'B-75'],
    make: (right) => ({ ...right, leases: { ...partsOf(right).leases, renew: () => true } }),
  },
  {
    name: 'knows no pause after a failure',
    fails: ['B-66'],
    make: (right) => ({
      ...right,
      leases: { ...partsOf(right).leases, release: (key, token) => partsOf(right).leases.release(key, token) },
    }),
  },
  {
    name: 'gives a lease to nobody else, whoever insists',
    fails: ['B-66', 'B-67'],
    make: (right) => ({
      ...right,
      leases: {
        ...partsOf(right).leases,
        acquire: (key, request) => partsOf(right).leases.acquire(key, { ...request, despite: 'failure' }),
      },
    }),
  },
  {
    name: 'shows a lease as an empty entry',
    fails: ['B-63', 'B-65', 'B-66', 'B-68', 'B-70', 'B-72', 'B-73', 'B-74', 'B-75'],
    make: (right) => {
      const leased = new Set<string>()
      const { leases } = partsOf(right)
      return {
        ...right,
        get: async (key) => (await right.get(key)) ?? (leased.has(key) ? '' : null),
        leases: {
          ...leases,
          async acquire(key, request) {
            const answer = await leases.acquire(key, request)
            if (answer.kind === 'granted') leased.add(key)
            return answer
          },
        },
      }
    },
  },
  {
    name: 'counts the ttl of a fill in milliseconds',
    fails: ['B-77'],
    make: (right) => ({
      ...right,
      leases: {
        ...partsOf(right).leases,
        fill: (key, value, ttl, token) => partsOf(right).leases.fill(key, value, ttl / 1000, token),
      },
    }),
  },
  {
    name: 'tells of a change on a later turn than its answers',
    fails: ['B-83'],
    make: (right) =>
      rewatched(right, (events) => ({ ...events, changed: (keys) => void setTimeout(() => events.changed(keys), 1) })),
  },
  {
    name: 'does not tell of changes of keys that were not there',
    fails: ['B-82', 'B-85', 'B-86'],
    make: (right) => {
      const found = new Set<string>()
      const wrong = rewatched(right, (events) => ({
        ...events,
        changed: (keys) => keys.filter((key) => found.has(key)).forEach((key) => events.changed([key])),
      }))
      return {
        ...wrong,
        async get(key) {
          const text = await right.get(key)
          if (text !== null) found.add(key)
          return text
        },
      }
    },
  },
  {
    name: 'tells nothing of its own writes',
    fails: ['B-80', 'B-84'],
    make: (right) => rewatched(right, (events) => ({ ...events, writing() {}, written() {} })),
  },
  {
    name: 'tells of its own writes only when they were answered',
    fails: ['B-84'],
    make: (right) => rewatched(right, (events) => ({ ...events, writing() {} })),
  },
  {
    name: 'does not tell of the tag clock',
    fails: ['B-87'],
    make: (right) => rewatched(right, (events) => ({ ...events, tagsChanged() {} })),
  },
  {
    name: 'gives no sign of life',
    fails: ['B-88'],
    make: (right) => rewatched(right, (events) => ({ ...events, heard() {} })),
  },
  {
    name: 'goes on telling who has left',
    fails: ['B-80'],
    make: (right) => {
      const push = right.push as NonNullable<CacheBackend['push']>
      return {
        ...right,
        push: {
          isOn: true,
          boundMs: push.boundMs,
          watch(events) {
            push.watch(events)
            return () => {}
          },
        },
      }
    },
  },
  {
    name: 'says that writes are in order, and sends long ones another way',
    fails: ['B-23', 'B-84'],
    make: (right) => ({
      ...right,
      async set(key, value, ttl) {
        if (value.length > 50_000) await new Promise((resolve) => setTimeout(resolve, 1))
        return await right.set(key, value, ttl)
      },
    }),
  },
  {
    name: 'gives half a value while the other half is written',
    fails: ['B-21', 'B-23'],
    make: (right) => ({
      ...right,
      async set(key, value, ttl) {
        await right.set(key, value.slice(0, value.length / 2), ttl)
        return await right.set(key, value, ttl)
      },
    }),
  },
  {
    name: 'has a tag clock without an id',
    fails: ['B-40', 'B-44'],
    make: (right) => {
      const { tags } = partsOf(right)
      let isKnown = false
      return {
        ...right,
        tags: {
          ...tags,
          async read(since) {
            const delta = await tags.read(since)
            if (isKnown) return delta
            isKnown = true
            return { ...delta, id: '' }
          },
        },
      }
    },
  },
  {
    name: 'renews its tag clock whenever it is entered',
    fails: ['B-48'],
    make: (right) => ({ ...right, tags: { ...partsOf(right).tags, enter: () => partsOf(right).tags.renew() } }),
  },
  {
    name: 'lists what was deleted',
    fails: ['B-52'],
    make: (right) => {
      const deleted = new Set<string>()
      return {
        ...right,
        async delete(key) {
          const existed = await right.delete(key)
          if (existed) deleted.add(key)
          return existed
        },
        scan: {
          async *keys(prefix) {
            yield* partsOf(right).scan.keys(prefix)
            yield [...deleted].filter((key) => key.startsWith(prefix))
          },
        },
      }
    },
  },
  {
    name: 'pauses for ever after a failure',
    fails: ['B-76'],
    make: (right) => ({
      ...right,
      leases: {
        ...partsOf(right).leases,
        release: (key, token, pauseMs) =>
          partsOf(right).leases.release(key, token, pauseMs === undefined ? undefined : Math.max(pauseMs, 60_000)),
      },
    }),
  },
  {
    name: 'lets nobody leave who watches its link',
    fails: ['B-95'],
    make: (right) => ({ ...right, link: { watch: () => undefined as never, history: undefined, limits: [] } }),
  },
  {
    name: 'has a memory tier without tables',
    fails: ['B-98'],
    make: (right) => {
      const { embedded } = new MemoryBackend()
      return {
        ...right,
        embedded: {
          tier: new Proxy(embedded.tier, {
            get: (tier, name) => (name === 'table' ? undefined : (Reflect.get(tier, name) as unknown)),
          }),
        },
      }
    },
  },
]

/** Takes the lease back after a write, as a store does that does not end it. */
function keepingLeases(
  right: MockBackend,
  keeps: { readonly onSet: boolean; readonly onDelete: (existed: boolean) => boolean },
): CacheBackend {
  const { leases, batch } = partsOf(right)
  const holders = new Map<string, string>()
  const again = async (key: string): Promise<void> => {
    const token = holders.get(key)
    const seen = (await right.get(key)) ?? undefined
    if (token !== undefined) await leases.acquire(key, { token, leaseMs: 60_000, seen, despite: 'anyone' })
  }
  return {
    ...right,
    async set(key, value, ttl) {
      const answer = await right.set(key, value, ttl)
      if (keeps.onSet) await again(key)
      return answer
    },
    async delete(key) {
      const existed = await right.delete(key)
      if (keeps.onDelete(existed)) await again(key)
      return existed
    },
    batch: {
      ...batch,
      async delete(keys) {
        let count = 0
        for (const key of keys) {
          const existed = await right.delete(key)
          if (existed) count++
          if (keeps.onDelete(existed)) await again(key)
        }
        return count
      },
    },
    leases: {
      ...leases,
      async acquire(key, request) {
        const answer = await leases.acquire(key, request)
        if (answer.kind === 'granted') holders.set(key, request.token)
        return answer
      },
      async fill(key, value, ttl, token) {
        const answer = await leases.fill(key, value, ttl, token)
        if (answer !== 'fenced') holders.delete(key)
        return answer
      },
      async release(key, token, pauseMs) {
        await leases.release(key, token, pauseMs)
        if (holders.get(key) === token) holders.delete(key)
      },
    },
  }
}
