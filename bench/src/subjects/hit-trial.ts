// How `l1-hit` measures a cache: warm keys, their values, the shape of the call. All subjects are filled, checked and called
// by this code; the floors have the same keys in the same order.
import { isDeepStrictEqual } from 'node:util'
import { documentHash, freshCopy, makeDocument, makeVerdict, scrambled } from '../documents.ts'
import { type Subject, type Trial, trial } from '../harness/suite.ts'
import type { Call, Load, Peer, Shape } from './peer.ts'

export type ValueKind = 'string' | '90 B' | '1 KB' | '100 KB'

export interface HitSetting {
  readonly shape: Shape
  readonly value: ValueKind
  /** A new string object with each call. */
  readonly fresh?: boolean
  /** This many functions share the cache, 1,000 keys each. */
  readonly functions?: number
}

/** A subject, or none when the peer has no call of this shape. */
export function hitSubject(peer: Peer, setting: HitSetting): Subject[] {
  return peer.shapes.includes(setting.shape) ? [{ name: peer.name, open: () => hitTrial(peer, setting) }] : []
}

function keysOf({ value, functions = 1 }: HitSetting): readonly string[] {
  const count = value === '100 KB' ? 16 : 1000 * functions
  return Array.from({ length: count }, (_, index) => documentHash(index + 1))
}

function valueOf(kind: ValueKind, seed: number): unknown {
  if (kind === 'string') return `text of document ${seed}`
  if (kind === '90 B') return makeVerdict(seed)
  return makeDocument(kind === '1 KB' ? 1000 : 100_000, seed)
}

/** Fills the cache through its own loader; from then on a call that loads again is an error. */
async function hitTrial(peer: Peer, setting: HitSetting): Promise<Trial> {
  const ids = keysOf(setting)
  const expected = new Map(ids.map((id, index) => [id, valueOf(setting.value, index + 1)]))
  const loads = { count: 0 }
  const load: Load = async (id) => {
    loads.count += 1
    // A value of its own for the cache: what a package does to it must not change what is expected.
    return structuredClone(expected.get(id))
  }
  const way = await peer.open(setting.shape)
  const lanes = setting.functions ?? 1
  const calls = Array.from({ length: lanes }, (_, lane) => way.wrap(load, `parse${lane}`))
  const lane = new Map(ids.map((id, index) => [id, index % lanes]))
  const callOf = (id: string): Call => calls[lane.get(id) ?? 0] as Call
  for (const id of ids) await callOf(id)(id)

  const check = async (): Promise<void> => {
    for (const id of ids) {
      const answer = await callOf(id)(freshCopy(id))
      if (!isDeepStrictEqual(answer, expected.get(id))) throw new Error(`wrong answer for the key ${id}`)
      const copied = answer !== (await callOf(id)(id))
      if (setting.value !== 'string' && copied !== peer.copies)
        throw new Error(`${copied ? 'copies' : 'shares'} results`)
    }
    if (loads.count !== ids.length)
      throw new Error(`${loads.count} loads of ${ids.length} keys: not every call was a hit`)
  }
  const common = { awaits: true, check, ...(way.close && { close: way.close }) }
  if (lanes === 1) return trial<string>({ ...common, inputs: stringInputs(ids, setting.fresh), call: calls[0] as Call })
  return trial<LaneInput>({
    ...common,
    inputs: laneInputs(ids, lanes),
    call: ({ lane, id }) => (calls[lane] as Call)(id),
  })
}

interface LaneInput {
  readonly lane: number
  readonly id: string
}

/** Warm keys in a scrambled order. */
function stringInputs(ids: readonly string[], fresh = false): (count: number) => readonly string[] {
  let made: readonly string[] = []
  return (count) => {
    if (fresh || made.length < count) {
      const order = scrambled(count, ids.length)
      made = Array.from(order, (index) => (fresh ? freshCopy(ids[index] ?? '') : (ids[index] ?? '')))
    }
    return made
  }
}

function laneInputs(ids: readonly string[], lanes: number): (count: number) => readonly LaneInput[] {
  const all = ids.map((id, index) => ({ lane: index % lanes, id }))
  let made: readonly LaneInput[] = []
  return (count) => {
    if (made.length < count) made = Array.from(scrambled(count, all.length), (index) => all[index] as LaneInput)
    return made
  }
}

/** The floor: `await map.get(id)` of one warm Map with all keys. */
export function mapFloor(setting: HitSetting): Trial {
  const ids = keysOf(setting)
  const map = new Map(ids.map((id, index) => [id, valueOf(setting.value, index + 1)]))
  const check = (): void => {
    if (map.size !== ids.length) throw new Error('keys collide')
  }
  const common = { awaits: true, check }
  const lanes = setting.functions ?? 1
  if (lanes === 1) {
    return trial<string>({ ...common, inputs: stringInputs(ids, setting.fresh), call: (id) => map.get(id) })
  }
  return trial<LaneInput>({ ...common, inputs: laneInputs(ids, lanes), call: ({ id }) => map.get(id) })
}

/** The floor of a copy: `JSON.parse` of the documents' texts, the same documents in the same order, not awaited. */
export function parseFloor(setting: HitSetting): Trial {
  const documents = keysOf(setting).map((_, index) => valueOf(setting.value, index + 1))
  const texts = documents.map(freshCopyOfJson)
  return trial<string>({
    awaits: false,
    inputs: stringInputs(texts),
    call: (json) => JSON.parse(json) as unknown,
    check: () => {
      const same = texts.every((text, index) => isDeepStrictEqual(JSON.parse(text), documents[index]))
      if (!same) throw new Error('the documents are not JSON')
    },
  })
}

/** Flat, whatever `JSON.stringify` builds it from. */
function freshCopyOfJson(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString()
}
