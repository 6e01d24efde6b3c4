import { createHash } from 'node:crypto'

// What has to happen to the tag clock in one step on the server. Each script names its keys, so that a cluster can route it; and ends by
// reading the clock, since the server follows for a connection what it has read, and no more what it has written.

export interface Script {
  readonly source: string
  readonly sha1: string
}

export function script(source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex') }
}

/** The command that runs a script whether the server knows it or not. */
export function inFull({ source }: Script, keys: readonly string[], args: readonly string[]): readonly string[] {
  return ['EVAL', source, String(keys.length), ...keys, ...args]
}

// The tag clock is one sorted set: `t:<tag>` with its stamp, and at +inf what is not a tag: `i:<id>`, `f:<floor>`, and `r:<history>` of
// the data set that it is part of. One key, so that eviction takes all of it or nothing; what is asked for "after the mark" always brings the id and
// the floor along.
//
// What makes entries void must not be refused for lack of memory. A server asks for memory to spare only before the first write of a script,
// so each of these begins with one that needs none.

/**
 * Each script that may have to make a clock begins with this; `meta` is what the clock holds that is no tag. In an empty database there is
 * nothing older than the clock, so its id counts as a first one whatever came before (see `redis-tags.ts`).
 */
const clockParts = `
local clock = KEYS[1]
local function begin(id, history)
  redis.call('DEL', clock)
  if redis.pcall('DBSIZE') == 0 then id = '0' .. string.sub(id, 2) end
  redis.call('ZADD', clock, '+inf', 'i:' .. id)
  if history ~= '' then redis.call('ZADD', clock, '+inf', 'r:' .. history) end
end
local function part(meta, kind)
  for _, member in ipairs(meta) do
    if string.sub(member, 1, 2) == kind then return string.sub(member, 3) end
  end
end
local meta = redis.call('ZRANGEBYSCORE', clock, '+inf', '+inf')
`

/**
 * KEYS 1: the clock · ARGV 1: id, should there be none · ARGV 2: the history, or empty · ARGV 3: the score after which to answer
 */
export const readClock: Script = script(`${clockParts}
if #meta == 0 then begin(ARGV[1], ARGV[2]) end
return redis.call('ZRANGEBYSCORE', clock, ARGV[3], '+inf', 'WITHSCORES')
`)

/**
 * Gives the clock a new id where it comes from another history, or one that is not known: what was acknowledged there may be lost.
 *
 * KEYS 1: the clock · ARGV 1: id, should there be none · ARGV 2: the history · ARGV 3: id, should the history be another one
 */
export const enterClock: Script = script(`${clockParts}
if #meta == 0 then begin(ARGV[1], ARGV[2])
elseif part(meta, 'r:') ~= ARGV[2] then begin(ARGV[3], ARGV[2]) end
return redis.call('ZRANGEBYSCORE', clock, '-inf', '+inf', 'WITHSCORES')
`)

/**
 * Gives all tags one stamp above every other: the server's time, or one more than the highest where that clock stepped back.
 * Beyond the limit the older half is forgotten and the floor raised to it.
 *
 * KEYS 1: the clock · ARGV 1: id, should there be none · ARGV 2: the history, or empty · ARGV 3: the score after which to answer ·
 * ARGV 4: limit · ARGV 5...: tags
 */
export const stampTags: Script = script(`${clockParts}
if #meta == 0 then begin(ARGV[1], ARGV[2]) end
local floor = tonumber(part(meta, 'f:') or '0')
local time = redis.call('TIME')
local stamp = tonumber(time[1]) * 1000000 + tonumber(time[2])
local top = redis.call('ZREVRANGEBYSCORE', clock, '(+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
if top[2] and tonumber(top[2]) >= stamp then stamp = tonumber(top[2]) + 1 end
if floor >= stamp then stamp = floor + 1 end
local text = string.format('%.0f', stamp)
redis.call('ZREM', clock, '')
for i = 5, #ARGV do redis.call('ZADD', clock, text, 't:' .. ARGV[i]) end
local limit = tonumber(ARGV[4])
if redis.call('ZCARD', clock) > limit then
  local rank = math.floor(limit / 2)
  local cut = redis.call('ZRANGE', clock, rank, rank, 'WITHSCORES')[2]
  redis.call('ZREMRANGEBYSCORE', clock, '-inf', cut)
  if floor > 0 then redis.call('ZREM', clock, 'f:' .. string.format('%.0f', floor)) end
  redis.call('ZADD', clock, '+inf', 'f:' .. string.format('%.0f', tonumber(cut)))
end
return redis.call('ZRANGEBYSCORE', clock, ARGV[3], '+inf', 'WITHSCORES')
`)

/** KEYS 1: the clock · ARGV 1: its new id · ARGV 2: the history, or empty */
export const renewClock: Script = script(`${clockParts}
begin(ARGV[1], ARGV[2])
return redis.call('ZRANGEBYSCORE', clock, '-inf', '+inf', 'WITHSCORES')
`)

/**
 * Says that a node lives, and looks for those that have not said so for too long: they ended without a word, perhaps in an outage, and
 * with them the invalidations that only they knew of. Then the clock gets a new id, once.
 *
 * KEYS 1: the clock · KEYS 2: node -> when it was heard last, seconds of the server · ARGV 1: new id · ARGV 2: the history, or empty ·
 * ARGV 3: this node · ARGV 4: seconds after which one is lost
 */
export const hearNode: Script = script(`${clockParts}
local now = tonumber(redis.call('TIME')[1])
-- A server without memory for it is used all the same.
redis.pcall('ZADD', KEYS[2], now, ARGV[3])
local lost = redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[4]))
if lost > 0 then begin(ARGV[1], ARGV[2]) end
redis.call('EXISTS', clock)
return lost
`)
