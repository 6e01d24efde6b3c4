import { createHash } from 'node:crypto'

// What has to happen in one step on the server. Each script names its keys, so that a cluster can route it.

export interface Script {
  readonly source: string
  readonly sha1: string
}

function script(source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex') }
}

// The tag clock is one sorted set: `t:<tag>` with its stamp, and at +inf what is not a tag: `i:<id>` and `f:<floor>`. One key, so that
// eviction takes all of it or nothing; what is asked for "after the mark" always brings the id and the floor along.

/**
 * KEYS 1: the clock · ARGV 1: id, should there be none · ARGV 2: the score after which to answer
 */
export const readClock: Script = script(`
if #redis.call('ZRANGEBYSCORE', KEYS[1], '+inf', '+inf') == 0 then
  redis.call('ZADD', KEYS[1], '+inf', 'i:' .. ARGV[1])
end
return redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], '+inf', 'WITHSCORES')
`)

/**
 * Gives all tags one stamp above every other: the server's time, or one more than the highest where that clock stepped back.
 * Beyond the limit the older half is forgotten and the floor raised to it.
 *
 * KEYS 1: the clock · ARGV 1: id, should there be none · ARGV 2: the score after which to answer · ARGV 3: limit · ARGV 4...: tags
 */
export const stampTags: Script = script(`
local clock = KEYS[1]
local floor = 0
local meta = redis.call('ZRANGEBYSCORE', clock, '+inf', '+inf')
if #meta == 0 then redis.call('ZADD', clock, '+inf', 'i:' .. ARGV[1]) end
for _, member in ipairs(meta) do
  if string.sub(member, 1, 2) == 'f:' then floor = tonumber(string.sub(member, 3)) end
end
local time = redis.call('TIME')
local stamp = tonumber(time[1]) * 1000000 + tonumber(time[2])
local top = redis.call('ZREVRANGEBYSCORE', clock, '(+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
if top[2] and tonumber(top[2]) >= stamp then stamp = tonumber(top[2]) + 1 end
if floor >= stamp then stamp = floor + 1 end
local text = string.format('%.0f', stamp)
for i = 4, #ARGV do redis.call('ZADD', clock, text, 't:' .. ARGV[i]) end
local limit = tonumber(ARGV[3])
if redis.call('ZCARD', clock) > limit then
  local rank = math.floor(limit / 2)
  local cut = redis.call('ZRANGE', clock, rank, rank, 'WITHSCORES')[2]
  redis.call('ZREMRANGEBYSCORE', clock, '-inf', cut)
  if floor > 0 then redis.call('ZREM', clock, 'f:' .. string.format('%.0f', floor)) end
  redis.call('ZADD', clock, '+inf', 'f:' .. string.format('%.0f', tonumber(cut)))
end
return redis.call('ZRANGEBYSCORE', clock, ARGV[2], '+inf', 'WITHSCORES')
`)

/** KEYS 1: the clock · ARGV 1: its new id */
export const renewClock: Script = script(`
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[1], '+inf', 'i:' .. ARGV[1])
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf', 'WITHSCORES')
`)
