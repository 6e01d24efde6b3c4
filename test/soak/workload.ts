// What an application does with a cache, in small: cached functions, manual keys, a namespace, and everything that
// invalidates them. Every read is checked against the truth, every call that rejects is noted, unless the client itself
// made it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { CacheManager } from '../../src/index.ts'
import { cached } from '../../src/index.ts'
import type { Random } from './random.ts'
import type { Truth, Versioned } from './truth.ts'

/** A loader that fails on purpose, or a caller that leaves. */
export class PlannedError extends Error {}

export interface Operation {
  readonly name: string
  /** How often, as compared to the others. */
  readonly weight: number
  run(): Promise<unknown>
}

export interface Workload {
  readonly operations: readonly Operation[]
  /** Every subject once, by what the given cache holds: for one that knows nothing but the store. */
  readStored(other: CacheManager): Promise<void>
}

const profiles = 40
const groups = 8
const others = 20
const scans = 6
/** More than the server takes from a socket at once: one that thaws is not done with it in one go. */
const scanBytes = 200_000

const groupOf = (id: number): number => id % groups
const tagOf = (group: number): string => `group:${group}`
const all = (family: string, count: number): string[] => Array.from({ length: count }, (_, id) => `${family}:${id}`)

/** A digest is made of one profile and carries its version. */
export const sourceOf = (subject: string): string => subject.replace(/^digest:/, 'profile:')

export function makeWorkload(manager: CacheManager, truth: Truth, random: Random): Workload {
  const load = async (subject: string, bytes = 100, failing = 0): Promise<Versioned & { readonly pad: string }> => {
    const version = truth.version(subject)
    await sleep(random.next() < 0.03 ? 40 : random.between(0, 3))
    if (random.next() < failing) throw new PlannedError(subject)
    return { subject, version, pad: 'x'.repeat(bytes) }
  }
  const options = { keyPrefix: 'soak', manager, ttl: '1h' } as const
  const profile = cached((id: number) => load(`profile:${id}`), {
    ...options,
    name: 'profile',
    tags: (_result, id) => [tagOf(groupOf(id))],
  })
  const scan = cached((id: number) => load(`scan:${id}`, scanBytes), { ...options, name: 'scan' })
  const digest = cached(
    async (group: number): Promise<Versioned> => ({
      subject: `digest:${group}`,
      version: (await profile(group)).version,
    }),
    { ...options, name: 'digest', inheritTags: true },
  )
  const page = async (id: number, signal?: AbortSignal): Promise<Versioned> =>
    await manager.getOrSet(`page:${id}`, () => load(`page:${id}`, 2000, 0.1), {
      ttl: '1s',
      swr: '5s',
      staleIfError: '1m',
      softTimeout: '20ms',
      refreshAhead: true,
      signal,
    })
  const shelf = manager.namespace('shelf')
  const book = async (id: number): Promise<Versioned> => await shelf.getOrSet(`book:${id}`, () => load(`book:${id}`))

  const reads: Readonly<Record<string, (id: number) => Promise<Versioned | undefined>>> = {
    profile: async (id) => (random.next() < 0.5 ? await profile(id) : (await profile.withStatus(id)).value),
    scan,
    digest,
    page: (id) => page(id),
    book,
    note: (id) => manager.getValue<Versioned>(`note:${id}`),
    text: async (id) => parseText(await manager.get(`text:${id}`)),
  }
  const counts = {
    profile: profiles,
    scan: scans,
    digest: groups,
    page: others,
    book: others,
    note: others,
    text: others,
  }
  const read = async (family: keyof typeof counts): Promise<void> => {
    const id = random.below(counts[family])
    await truth.read(`${family}:${id}`, 'a read', async () => await reads[family]?.(id))
  }

  /** The source of one subject changes, and then what makes the old value void is called. */
  const change = async (family: keyof typeof counts, work: (id: number, version: number) => Promise<unknown>) => {
    const id = random.below(counts[family])
    const version = truth.change(`${family}:${id}`)
    await truth.invalidate([`${family}:${id}`], () => work(id, version))
  }
  const changeAll = async (subjects: readonly string[], work: () => Promise<unknown>): Promise<void> => {
    for (const source of new Set(subjects.map(sourceOf))) truth.change(source)
    await truth.invalidate(subjects, work)
  }
  const inGroup = (group: number): string[] => [
    ...all('profile', profiles).filter((_, id) => groupOf(id) === group),
    `digest:${group}`,
  ]
  const everything = Object.entries(counts).flatMap(([family, count]) => all(family, count))

  /** Nobody asks for these keys again: what is kept for each of them, and for ever, shows in the heap. */
  let serial = 0
  const once = async (): Promise<void> => {
    const subjects = Array.from({ length: 8 }, () => `once:${++serial}`)
    await Promise.all(
      subjects.map((subject) =>
        truth.read(subject, 'a read', async () => await manager.getOrSet(subject, () => load(subject), '2s')),
      ),
    )
  }
  const leave = async (): Promise<void> => {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(new PlannedError('left')), random.between(0, 5))
    try {
      await page(random.below(others), controller.signal)
    } finally {
      clearTimeout(timer)
    }
  }
  const refresh = async (): Promise<void> => {
    const id = random.below(profiles)
    await truth.read(`profile:${id}`, 'a refresh', () => profile.refresh(id))
  }
  const prime = async (): Promise<void> => {
    const id = random.below(profiles)
    const subject = `profile:${id}`
    await profile.prime({ subject, version: truth.version(subject), pad: 'primed' }, id)
  }
  const someTexts = (): number[] => [random.below(others), random.below(others), random.below(others)]

  // What makes much void is rare: it would hide whether the rest works.
  const operations: Operation[] = [
    { name: 'read a profile', weight: 25, run: () => read('profile') },
    { name: 'read a scan', weight: 6, run: () => read('scan') },
    { name: 'read a digest', weight: 10, run: () => read('digest') },
    { name: 'read a page', weight: 15, run: () => read('page') },
    { name: 'read a book', weight: 8, run: () => read('book') },
    { name: 'read a note', weight: 10, run: () => read('note') },
    { name: 'read a text', weight: 10, run: () => read('text') },
    { name: 'read what nobody reads again', weight: 12, run: once },
    { name: 'leave a page', weight: 2, run: leave },
    { name: 'refresh a profile', weight: 1, run: refresh },
    { name: 'prime a profile', weight: 1, run: prime },
    { name: 'invalidate a profile', weight: 1, run: () => change('profile', (id) => profile.invalidate(id)) },
    { name: 'delete a profile', weight: 1, run: () => change('profile', (id) => manager.delete(profile.keyFor(id))) },
    { name: 'invalidate a scan', weight: 2, run: () => change('scan', (id) => scan.invalidate(id)) },
    { name: 'delete a page', weight: 2, run: () => change('page', (id) => manager.delete(`page:${id}`)) },
    {
      name: 'set a note',
      weight: 4,
      run: () => change('note', (id, version) => manager.setValue(`note:${id}`, { subject: `note:${id}`, version })),
    },
    { name: 'delete a note', weight: 2, run: () => change('note', (id) => manager.delete(`note:${id}`)) },
    {
      name: 'set a text',
      weight: 3,
      run: () => change('text', (id, version) => manager.set(`text:${id}`, `text:${id} ${version}`, '1h')),
    },
    {
      name: 'delete texts',
      weight: 1,
      run: async () => {
        const keys = someTexts().map((id) => `text:${id}`)
        await changeAll(keys, () => manager.deleteMany(keys))
      },
    },
    {
      name: 'invalidate a tag',
      weight: 0.4,
      run: async () => {
        const group = random.below(groups)
        await changeAll(inGroup(group), () => manager.invalidateTags([tagOf(group)]))
      },
    },
    { name: 'clear a namespace', weight: 0.02, run: () => changeAll(all('book', others), () => shelf.clear()) },
    { name: 'clear everything', weight: 0.002, run: () => changeAll(everything, () => manager.clear()) },
  ]

  const stored = (other: CacheManager, family: string, id: number): Promise<Versioned | undefined> => {
    if (family === 'text') return other.get(`text:${id}`).then(parseText)
    if (family === 'book') return other.namespace('shelf').getValue(`book:${id}`)
    const keys = { profile: profile.keyFor, scan: scan.keyFor, digest: digest.keyFor }
    return other.getValue(Object.hasOwn(keys, family) ? keys[family as keyof typeof keys](id) : `${family}:${id}`)
  }
  return {
    operations,
    async readStored(other) {
      for (const [family, count] of Object.entries(counts)) {
        for (let id = 0; id < count; id++) {
          await truth.read(`${family}:${id}`, 'a read by another process', () => stored(other, family, id))
        }
      }
    },
  }
}

function parseText(text: string | null): Versioned | undefined {
  const [subject = '', version] = text?.split(' ') ?? []
  return text === null ? undefined : { subject, version: Number(version) }
}
