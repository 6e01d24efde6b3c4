import type { TagCapability, TagDelta, TagPosition } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import { ReplyError } from './reply-error.ts'
import type { Script } from './scripts.ts'
import { enterClock, readClock, renewClock, stampTags } from './scripts.ts'

// The tag clock in Redis: see `scripts.ts` for its shape.
//
// How its id begins says what came before, for values without our header, which carry no id to compare:
//
//   0-   nothing, as far as the node that made it knows, or the database was empty
//   1-   a `clear`, or more lost invalidations than anybody remembers
//   2-   a clock that is lost or cannot be trusted: deletes of single keys were all made known

export interface RedisTagsOptions {
  readonly clockKey: string
  readonly runtime: Runtime
  /** See `LinkCapability`. */
  readonly history: () => string | undefined
  readonly send: (args: readonly string[]) => Promise<unknown>
  readonly run: (script: Script, keys: readonly string[], args: readonly string[]) => Promise<unknown>
}

/** Tags the clock remembers; about 100 bytes each on the server and in every process. */
const stampLimit = 50_000

export function createRedisTags({ clockKey, runtime, history, send, run }: RedisTagsOptions): Required<TagCapability> {
  const idAfter = (before: '0' | '1' | '2'): string => `${before}-${randomId(runtime)}`
  // A clock that was known and is gone was evicted or flushed: which tags it held stamps of nobody knows.
  const idFor = (since: TagPosition | undefined): string => idAfter(since === undefined ? '0' : '2')
  const onClock = async (script: Script, id: string, ...args: readonly string[]): Promise<TagDelta> =>
    parse(await run(script, [clockKey], [id, history() ?? '', ...args]))

  async function complete(delta: TagDelta, since: TagPosition | undefined): Promise<TagDelta> {
    if (since === undefined || delta.id === since.id) return delta
    return await onClock(readClock, idFor(since), '-inf')
  }

  /** Something else stands where the clock was: what it knew is lost, as when it is evicted. */
  const orRenew = async (answer: Promise<TagDelta>): Promise<TagDelta> => {
    try {
      return await answer
    } catch (error) {
      if (!(error instanceof ReplyError) || error.code !== 'WRONGTYPE') throw error
      await send(['DEL', clockKey])
      return await onClock(renewClock, idAfter('2'))
    }
  }

  const read = async (since: TagPosition | undefined): Promise<TagDelta> => {
    if (since !== undefined) {
      const delta = parse(await send(['ZRANGEBYSCORE', clockKey, after(since), '+inf', 'WITHSCORES']))
      if (delta.id !== '') return await complete(delta, since)
    }
    return await onClock(readClock, idFor(since), '-inf')
  }
  const stamp = async (tags: readonly string[], since: TagPosition | undefined): Promise<TagDelta> =>
    await complete(await onClock(stampTags, idFor(since), after(since), String(stampLimit), ...tags), since)
  const enter = async (since: TagPosition | undefined): Promise<TagDelta> =>
    history() === undefined ? await read(undefined) : await onClock(enterClock, idFor(since), idAfter('2'))

  return {
    read: (since) => orRenew(read(since)),
    stamp: (tags, since) => orRenew(stamp(tags, since)),
    renew: (emptied = false) => orRenew(onClock(renewClock, idAfter(emptied ? '0' : '1'))),
    enter: (since) => orRenew(enter(since)),
  }
}

function after(since: TagPosition | undefined): string {
  return since === undefined ? '-inf' : `(${since.mark}`
}

/** Members with scores, flat (RESP2) or in pairs (RESP3). An empty id means there is no clock. */
function parse(reply: unknown): TagDelta {
  const flat = (reply as unknown[]).flat() as Array<string | number>
  const stamps: Array<readonly [string, number]> = []
  let id = ''
  let floor = 0
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const member = String(flat[index])
    const rest = member.slice(2)
    if (member.startsWith('i:')) id = rest
    else if (member.startsWith('f:')) floor = Number(rest)
    else if (member.startsWith('t:')) stamps.push([rest, Number(flat[index + 1])])
  }
  return { id, floor, stamps }
}

/** Two that are equal would make what one of them voided valid again: 80 bits. */
export function randomId(runtime: Pick<Runtime, 'random'>): string {
  const part = (): string => Math.floor(runtime.random() * 2 ** 40).toString(36)
  return part() + part()
}
