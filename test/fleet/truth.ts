// What is true, for all processes: a Redis of its own that no fault ever touches. Each key has a version that only grows, and a floor: the
// version from which on it may be served, now that an invalidation has resolved. A key can be locked: `set` gives no order among writers
// of one key, so while one sets it, nobody else changes it.
import { createClient } from '@redis/client'
import { sharedNow } from './clock.ts'

/** An invalidation has resolved: none of these subjects may be older. */
export interface Notice {
  readonly by: number
  /** On the clock that all processes share. */
  readonly at: number
  /** Whether the store has confirmed it: then other processes hear of it too. */
  readonly applied: boolean
  /** Which call it was, named in a violation. */
  readonly how: string
  readonly versions: Readonly<Record<string, number>>
}

export interface Truth {
  version(subject: string): Promise<number>
  /** The sources change. @returns their new versions; a locked one does not change and is not in it */
  change(keys: readonly string[]): Promise<Map<string, number>>
  /** The same of one key that nobody else changes until `unlock`; `undefined`: somebody else has locked it. */
  lock(key: string): Promise<number | undefined>
  unlock(key: string): Promise<void>
  /** Tells all processes, and raises the floors. */
  notify(notice: Omit<Notice, 'at' | 'by'>): Promise<void>
  floors(): Promise<Map<string, number>>
  /** That somebody is about to change them. */
  announce(subjects: readonly string[]): void
  /** Any command, for what a test counts here. */
  send(...command: readonly string[]): Promise<unknown>
  close(): void
}

export interface Listeners {
  noticed?(notice: Notice): void
  announced?(subjects: readonly string[]): void
}

const changeScript = `
local versions = {}
for i, key in ipairs(ARGV) do
  if redis.call('HEXISTS', 'locks', key) == 1 then versions[i] = 0
  else versions[i] = redis.call('HINCRBY', 'versions', key, 1) end
end
return versions`

const lockScript = `
if redis.call('HSETNX', 'locks', ARGV[1], 1) == 0 then return 0 end
return redis.call('HINCRBY', 'versions', ARGV[1], 1)`

const notifyScript = `
for subject, version in pairs(cjson.decode(ARGV[1]).versions) do
  if version > tonumber(redis.call('HGET', 'floors', subject) or 0) then redis.call('HSET', 'floors', subject, version) end
end
redis.call('PUBLISH', 'notices', ARGV[1])`

/** @param sourceOf whose version the values of a subject carry */
export async function openTruth(
  url: string,
  by: number,
  { noticed, announced }: Listeners = {},
  sourceOf: (subject: string) => string = (subject) => subject,
): Promise<Truth> {
  const client = createClient({ url })
  const listener = client.duplicate()
  for (const each of [client, listener]) each.on('error', () => undefined)
  await client.connect()
  if (noticed !== undefined || announced !== undefined) {
    await listener.connect()
    await listener.subscribe('notices', (text) => noticed?.(JSON.parse(text) as Notice))
    await listener.subscribe('announcements', (text) => announced?.(JSON.parse(text) as string[]))
  }
  const send = async (...command: readonly string[]): Promise<unknown> => await client.sendCommand([...command])
  return {
    send,
    version: async (subject) => Number((await send('HGET', 'versions', sourceOf(subject))) ?? 0),
    change: async (keys) => {
      const versions = (await send('EVAL', changeScript, '0', ...keys)) as number[]
      return new Map(keys.map((key, at) => [key, versions[at] ?? 0] as const).filter(([, version]) => version > 0))
    },
    lock: async (key) => {
      const version = Number(await send('EVAL', lockScript, '0', key))
      return version === 0 ? undefined : version
    },
    unlock: async (key) => void (await send('HDEL', 'locks', key)),
    notify: async ({ applied, how, versions }) => {
      const notice: Notice = { by, at: sharedNow(), applied, how, versions }
      await send('EVAL', notifyScript, '0', JSON.stringify(notice))
    },
    floors: async () => {
      const floors = await client.hGetAll('floors')
      return new Map(Object.entries(floors).map(([subject, version]) => [subject, Number(version)]))
    },
    announce: (subjects) => void send('PUBLISH', 'announcements', JSON.stringify(subjects)).catch(() => undefined),
    close: () => {
      client.destroy()
      if (listener.isOpen) listener.destroy()
    },
  }
}
