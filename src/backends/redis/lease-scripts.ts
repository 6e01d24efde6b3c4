import type { Script } from './scripts.ts'
import { script } from './scripts.ts'

// What is done to a key and its lease in one step. A lease holds the token of whoever loads, then when what the key holds ends by itself, and
// how it begins; or one of two marks that no token begins with, which keep nobody from taking it:
//
//   token 1732400000000 #sc1 json ...   somebody loads, what is there is no use (-1: it never ends, -2: there is nothing)
//   !                                   a load failed: those who have something to stand in wait
//   =token                              the value was stored from beside the link, and nobody has written since
//
// Every invalidation of a cache ends the lease, and with it the right to store what was loaded before. Another program knows of no leases; but
// where it overwrites or deletes a value, the key is not what it was when the lease was given, nor did that end by itself: that ends it too.
//
// Who asks is told of later changes: Redis 7.0 follows all keys of a script that reads anything, later versions the keys of each reading
// command, and both forget a key that the script itself writes. So each script ends by reading what is to be followed; EXISTS costs
// nothing and takes any type.
//
// KEYS 1: the key · KEYS 2: its lease, in all of them.

/** So much of a text tells it from another, bytes: it begins with when, and under which clock, it was made. */
const beginning = 200

const leaseParts = `
local key, lease = KEYS[1], KEYS[2]
local function isText() return redis.call('TYPE', key).ok == 'string' end
local function begins() return redis.call('GETRANGE', key, 0, ${beginning - 1}) end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function held()
  local text = redis.pcall('GET', lease)
  if type(text) ~= 'string' then return end
  local holder = string.match(text, '^[^! =][^ ]*')
  if holder == ARGV[1] then return text end
end
`

/** In front of a fill: the lease is held, and the key is what it was when it was given. */
const mayFill = `${leaseParts}
local text = held()
if not text then return 0 end
local ends, began = string.match(text, '^[^ ]+ (-?%d+) (.*)$')
local isSame
if isText() then isSame = ends ~= '-2' and begins() == began
else isSame = ends == '-2' or ends ~= '-1' and now() >= tonumber(ends) end
if not isSame then
  redis.call('DEL', lease)
  return 0
end
`

/**
 * ARGV 1: token · ARGV 2: how long it is held, ms · ARGV 3: `LeaseRequest.despite` · ARGV 4: `LeaseRequest.seen`, if anything was.
 *
 * A reader sees no text where there is another type, so to whoever has seen none it counts as none: else they would read again for ever.
 */
export const acquireLease: Script = script(`${leaseParts}
local seen = ARGV[4]
local function differs()
  if not isText() then return seen end
  return not seen or seen ~= '' and redis.call('GETRANGE', key, 0, #seen - 1) ~= seen
end
local function taken()
  local text = redis.pcall('GET', lease)
  local left = type(text) == 'string' and redis.call('PTTL', lease) or -1
  local kind = left >= 0 and string.sub(text, 1, 1)
  if not kind or kind == '=' then return end
  if kind ~= '!' then return {'held', left, string.match(text, '^[^ ]+')} end
  return ARGV[3] == 'nothing' and {'paused', left}
end
local answer = ARGV[3] ~= 'anyone' and (differs() and {'changed'} or taken())
if not answer then
  local left = isText() and redis.call('PTTL', key) or -2
  local ends = string.format('%.0f', left < 0 and left or now() + left)
  redis.call('SET', lease, ARGV[1] .. ' ' .. ends .. ' ' .. (ends == '-2' and '' or begins()), 'PX', ARGV[2])
  answer = {'granted'}
end
redis.call('EXISTS', key, lease)
return answer
`)

/** ARGV 1: token · ARGV 2: value · ARGV 3: its ttl, seconds. @returns 1, or 0 when the lease is not held */
export const fillKey: Script = script(`${mayFill}
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
redis.call('DEL', KEYS[2])
redis.call('EXISTS', KEYS[1])
return 1
`)

/** The same on a connection that follows nothing; the mark is for `confirmFill`. ARGV 4: how long the mark stays, ms. */
export const fillBeside: Script = script(`${mayFill}
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
redis.call('SET', KEYS[2], '=' .. ARGV[1], 'PX', ARGV[4])
return 1
`)

/**
 * Takes the mark off, and reads the key, which has it followed. Every write of a cache ends the mark; other programs do not know of it, but seldom leave the
 * length and the first line as they were.
 *
 * ARGV 1: token · ARGV 2: how the value begins · ARGV 3: its length, bytes. @returns 1 when the key still holds that value
 */
export const confirmFill: Script = script(`
local is = redis.pcall('GET', KEYS[2]) == '=' .. ARGV[1]
if is then redis.call('DEL', KEYS[2]) end
is = is and redis.pcall('STRLEN', KEYS[1]) == tonumber(ARGV[3])
is = is and redis.call('GETRANGE', KEYS[1], 0, #ARGV[2] - 1) == ARGV[2]
return is and 1 or 0
`)

/** ARGV 1: token · ARGV 2: for how long it is held from now, ms. @returns 1, or 0 when the lease is not held */
export const renewLease: Script = script(`${leaseParts}
if not held() then return 0 end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('EXISTS', KEYS[2])
return 1
`)

/** ARGV 1: token · ARGV 2: how long to pause, ms, if at all. Without memory for the mark there is no pause. */
export const releaseLease: Script = script(`${leaseParts}
if not held() then return 0 end
local marked = ARGV[2] and redis.pcall('SET', KEYS[2], '!', 'PX', ARGV[2])
if not marked or marked.err then redis.call('DEL', KEYS[2]) end
return 1
`)

/** Voids what is being loaded. ARGV 1: value · ARGV 2: its ttl, seconds */
export const setKey: Script = script(`
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('DEL', KEYS[2])
redis.call('EXISTS', KEYS[1])
return 1
`)

/**
 * Voids what is being loaded. KEYS: as many pairs as one likes. @returns how many keys there were
 *
 * Who has read that there is nothing may be loading without a lease, and is told of changes only: so a key that is not there comes and goes.
 * A server without memory takes that too, since the script has begun with a write that needs none. UNLINK frees the memory of large values
 * off the server's main thread.
 */
export const deleteKeys: Script = script(`
local existed = 0
for i = 1, #KEYS, 2 do
  local found = redis.call('UNLINK', KEYS[i])
  redis.call('DEL', KEYS[i + 1])
  if found == 0 then
    redis.call('SET', KEYS[i], '', 'PX', 1)
    redis.call('DEL', KEYS[i])
  end
  existed = existed + found
end
return existed
`)
