import type { TagCapability, TagDelta, TagPosition } from '../../contracts/backend.ts'
import type { Runtime } from '../../contracts/runtime.ts'
import type { Script } from './scripts.ts'
import { readClock, renewClock, stampTags } from './scripts.ts'
import { ReplyError } from './transport.ts'

// The tag clock in Redis: see `scripts.ts` for its shape.

export interface RedisTagsOptions {
  readonly clockKey: string
  readonly runtime: Runtime
  readonly send: (args: readonly string[]) => Promise<unknown>
  readonly run: (script: Script, keys: readonly string[], args: readonly string[]) => Promise<unknown>
}

/** Tags the clock remembers; about 100 bytes each on the server and in every process. */
const stampLimit = 50_000

export function createRedisTags({ clockKey, runtime, send, run }: RedisTagsOptions): TagCapability {
  // A clock that was known and is gone was evicted or flushed: which invalidations it held nobody knows, so its successor counts as
  // renewed and voids everything.
  const idFor = (since: TagPosition | undefined): string => `${since === undefined ? '0' : '1'}-${randomId(runtime)}`

  async function complete(delta: TagDelta, since: TagPosition | undefined): Promise<TagDelta> {
    if (since === undefined || delta.id === since.id) return delta
    return parse(await run(readClock, [clockKey], [idFor(since), '-inf']))
  }

  /** Something else stands where the clock was: what it knew is lost, as when it is evicted. */
  const orRenew = async (answer: Promise<TagDelta>): Promise<TagDelta> => {
    try {
      return await answer
    } catch (error) {
      if (!(error instanceof ReplyError) || error.code !== 'WRONGTYPE') throw error
      return await renew()
    }
  }
  // `0`: whatever has no header is as new as this clock.
  const renew = async (emptied = false): Promise<TagDelta> =>
    parse(await run(renewClock, [clockKey], [`${emptied ? '0' : '1'}-${randomId(runtime)}`]))

  const read = async (since: TagPosition | undefined): Promise<TagDelta> => {
    if (since !== undefined) {
      const delta = parse(await send(['ZRANGEBYSCORE', clockKey, after(since), '+inf', 'WITHSCORES']))
      if (delta.id !== '') return await complete(delta, since)
    }
    return parse(await run(readClock, [clockKey], [idFor(since), '-inf']))
  }
  const stamp = async (tags: readonly string[], since: TagPosition | undefined): Promise<TagDelta> => {
    const args = [idFor(since), after(since), String(stampLimit), ...tags]
    return await complete(parse(await run(stampTags, [clockKey], args)), since)
  }
  return { read: (since) => orRenew(read(since)), stamp: (tags, since) => orRenew(stamp(tags, since)), renew }
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

function randomId(runtime: Runtime): string {
  const part = (): string => Math.floor(runtime.random() * 2 ** 40).toString(36)
  return part() + part()
}
