// How `l2-hit` measures a cache: warm keys in Redis, so many callers at a time, no two of which ask for the same key. That every hit was a
// question to the store is proved by the server's own count of keys looked up.
import { isDeepStrictEqual } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { documentHash, makeDocument, makeVerdict, scrambled } from '../documents.ts'
import { lookUpsSeen } from '../harness/ask-redis.ts'
import { type Subject, type Trial, trial } from '../harness/suite.ts'
import { inLanes } from './in-lanes.ts'
import type { Call, Load, Peer } from './peer.ts'
import { openClient } from './redis-client.ts'

export type RemoteValue = '90 B' | '1 KB' | '64 KB'

export interface RemoteSetting {
  readonly value: RemoteValue
  readonly atOnce: number
  readonly redisUrl: string
}

const fewestKeys = 256
/** Documents have to be different, not all of them: the process that measures holds them too. */
const documents = 64
/** To compare takes longer than to read: with more at once a process would stand still for too long. */
const checkedAtOnce = 8
/** Some write behind their answer. */
const writeMs = 50

export function remoteHitSubject(peer: Peer, setting: RemoteSetting): Subject {
  return { name: peer.name, open: () => open(peer, setting) }
}

async function open(peer: Peer, setting: RemoteSetting): Promise<Trial> {
  const { ids, expected } = contentOf(setting)
  let loads = 0
  const load: Load = async (id) => {
    loads += 1
    return expected(id)
  }
  const way = await peer.open('cached')
  // Each process has entries of its own: it must not find those of another package.
  const call = way.wrap(load, `parse${process.pid}`)
  await inLanes(ids, call)
  await sleep(writeMs)
  const check = async (): Promise<void> => {
    await checkHits(call, setting)
    if (loads !== ids.length) throw new Error(`${loads} loads of ${ids.length} keys: not every call was a hit`)
  }
  return hitsOf(setting, { call, check, ...(way.close && { close: way.close }) })
}

/** The floor: one client, `GET` and `JSON.parse`. Commands of one turn of the event loop travel together, as it does by itself. */
export function getAndParse(setting: RemoteSetting): Subject {
  return {
    name: 'floor',
    open: async () => {
      const client = await openClient(setting.redisUrl)
      const { ids, expected } = contentOf(setting)
      const keyOf = (id: string): string => `floor:parse:${id}`
      await inLanes(ids, (id) => client.set(keyOf(id), JSON.stringify(expected(id)), { EX: 3600 }))
      const call = async (id: string): Promise<unknown> => {
        const text = await client.get(keyOf(id))
        if (text === null) throw new Error('The floor has lost a key')
        return JSON.parse(text) as unknown
      }
      return hitsOf(setting, { call, check: () => checkHits(call, setting) })
    },
  }
}

function contentOf({ value, atOnce }: RemoteSetting): {
  readonly ids: readonly string[]
  readonly expected: (id: string) => unknown
} {
  const ids = Array.from({ length: Math.max(fewestKeys, 2 * atOnce) }, (_, index) => documentHash(index + 1))
  const make = (seed: number): unknown =>
    value === '90 B' ? makeVerdict(seed) : makeDocument(value === '1 KB' ? 1000 : 64_000, seed)
  const made = Array.from({ length: documents }, (_, index) => make(index + 1))
  const byId = new Map(ids.map((id, index) => [id, made[index % documents]]))
  return { ids, expected: (id) => byId.get(id) }
}

async function checkHits(call: Call, setting: RemoteSetting): Promise<void> {
  const { ids, expected } = contentOf(setting)
  const before = await lookUpsSeen(setting.redisUrl)
  await inLanes(
    ids,
    async (id) => {
      if (!isDeepStrictEqual(await call(id), expected(id))) throw new Error(`wrong answer for the key ${id}`)
    },
    checkedAtOnce,
  )
  const asked = (await lookUpsSeen(setting.redisUrl)) - before
  if (asked < ids.length) throw new Error(`${ids.length} hits asked the store ${asked} times`)
}

function hitsOf(
  setting: RemoteSetting,
  parts: Pick<Trial, 'check'> & { readonly call: Call; readonly close?: () => unknown },
): Trial {
  const { ids } = contentOf(setting)
  // All keys once, then all of them again in the same order: whoever asks next never asks for what is being asked for.
  const order = shuffled(ids)
  return trial<string>({
    ...parts,
    awaits: true,
    ...(setting.atOnce > 1 && { concurrency: setting.atOnce }),
    // What is in flight outgrows the young generation.
    bytes: false,
    inputs: (count) => Array.from({ length: count }, (_, index) => order[index % order.length] as string),
  })
}

function shuffled(ids: readonly string[]): readonly string[] {
  const places = scrambled(ids.length, 1 << 30)
  return ids
    .map((id, index) => ({ id, place: places[index] ?? 0 }))
    .sort((one, other) => one.place - other.place)
    .map(({ id }) => id)
}
