// What the scripts of the cache do, line by line as they are written there, for a server that runs no Lua. `conformance.test.ts` runs both
// beside a real server.
import { probe } from '../../src/backends/redis/introduction.ts'
import {
  acquireLease,
  confirmFill,
  deleteKeys,
  fillBeside,
  fillKey,
  releaseLease,
  renewLease,
  setKey,
} from '../../src/backends/redis/lease-scripts.ts'
import type { Script } from '../../src/backends/redis/scripts.ts'
import { enterClock, readClock, renewClock, script, stampTags } from '../../src/backends/redis/scripts.ts'

export type Reply = unknown
/** Sends one command within a script: its effects are those of the client that runs the script. */
export type Call = (...args: ReadonlyArray<string | number>) => Reply

export type Program = (call: Call, keys: readonly string[], args: readonly string[]) => Reply

/** An error answer instead of an error. */
function attempt(call: () => Reply): Reply {
  try {
    return call()
  } catch {
    return undefined
  }
}

function clockOf(call: Call, clock: string) {
  const begin = (id: string, history: string): void => {
    call('DEL', clock)
    const own = call('DBSIZE') === 0 ? `0${id.slice(1)}` : id
    call('ZADD', clock, '+inf', `i:${own}`)
    if (history !== '') call('ZADD', clock, '+inf', `r:${history}`)
  }
  const meta = (call('ZRANGEBYSCORE', clock, '+inf', '+inf') as Array<[string, number]>).map(([member]) => member)
  const part = (kind: string): string | undefined => meta.find((member) => member.startsWith(kind))?.slice(2)
  const after = (from: string): Reply => call('ZRANGEBYSCORE', clock, from, '+inf', 'WITHSCORES')
  return { begin, meta, part, after }
}

function nowOf(call: Call): number {
  const [seconds, micros] = call('TIME') as [string, string]
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
}

function leaseOf(call: Call, [key = '', lease = '']: readonly string[], token: string) {
  const isText = (): boolean => call('TYPE', key) === 'string'
  const begins = (): string => String(call('GETRANGE', key, 0, 199))
  const held = (): string | undefined => {
    const text = attempt(() => call('GET', lease))
    return typeof text === 'string' && text.split(' ')[0] === token ? text : undefined
  }
  const mayFill = (): boolean => {
    const text = held()
    if (text === undefined) return false
    const [, ends = '', began = ''] = /^[^ ]+ (-?\d+) (.*)$/s.exec(text) ?? []
    const isSame = isText()
      ? ends !== '-2' && begins() === began
      : ends === '-2' || (ends !== '-1' && nowOf(call) >= Number(ends))
    if (!isSame) call('DEL', lease)
    return isSame
  }
  return { isText, begins, held, mayFill }
}

const written: ReadonlyArray<readonly [Script, Program]> = [
  [script(probe), (call, [key = '']) => call('EXISTS', key)],
  [
    readClock,
    (call, [clock = ''], [id = '', history = '', from = '']) => {
      const { begin, meta, after } = clockOf(call, clock)
      if (meta.length === 0) begin(id, history)
      return after(from)
    },
  ],
  [
    enterClock,
    (call, [clock = ''], [id = '', history = '', other = '']) => {
      const { begin, meta, part, after } = clockOf(call, clock)
      if (meta.length === 0) begin(id, history)
      else if (part('r:') !== history) begin(other, history)
      return after('-inf')
    },
  ],
  [
    stampTags,
    (call, [clock = ''], [id = '', history = '', from = '', , ...tags]) => {
      const { begin, meta, after } = clockOf(call, clock)
      if (meta.length === 0) begin(id, history)
      const [seconds, micros] = call('TIME') as [string, string]
      const stamps = (call('ZRANGEBYSCORE', clock, '-inf') as Array<[string, number]>)
        .map(([, score]) => score)
        .filter((score) => score !== Infinity)
      const stamp = Math.max(Number(seconds) * 1e6 + Number(micros), Math.max(0, ...stamps) + 1)
      call('ZREM', clock, '')
      for (const tag of tags) call('ZADD', clock, stamp, `t:${tag}`)
      return after(from)
    },
  ],
  [
    renewClock,
    (call, [clock = ''], [id = '', history = '']) => {
      const { begin, after } = clockOf(call, clock)
      begin(id, history)
      return after('-inf')
    },
  ],
  [
    acquireLease,
    (call, keys, [token = '', ms = '', despite = '', seen]) => {
      const [key = '', lease = ''] = keys
      const { isText, begins } = leaseOf(call, keys, token)
      const differs = (): boolean => {
        if (!isText()) return seen !== undefined
        return seen === undefined || (seen !== '' && call('GETRANGE', key, 0, Buffer.byteLength(seen) - 1) !== seen)
      }
      const taken = (): Reply => {
        const holder = attempt(() => call('GET', lease))
        const left = typeof holder === 'string' ? Number(call('PTTL', lease)) : -1
        if (typeof holder !== 'string' || left < 0 || holder.startsWith('=')) return undefined
        if (!holder.startsWith('!')) return ['held', left, holder.split(' ')[0]]
        return despite === 'nothing' ? ['paused', left] : undefined
      }
      let answer: Reply
      if (despite !== 'anyone') answer = differs() ? ['changed'] : taken()
      if (answer === undefined) {
        const left = isText() ? Number(call('PTTL', key)) : -2
        const ends = left < 0 ? left : nowOf(call) + left
        call('SET', lease, `${token} ${ends} ${ends === -2 ? '' : begins()}`, 'PX', ms)
        answer = ['granted']
      }
      call('EXISTS', key, lease)
      return answer
    },
  ],
  [
    fillKey,
    (call, keys, [token = '', value = '', ttl = '']) => {
      const [key = '', lease = ''] = keys
      if (!leaseOf(call, keys, token).mayFill()) return 0
      call('SET', key, value, 'EX', ttl)
      call('DEL', lease)
      call('EXISTS', key)
      return 1
    },
  ],
  [
    fillBeside,
    (call, keys, [token = '', value = '', ttl = '', ms = '']) => {
      const [key = '', lease = ''] = keys
      if (!leaseOf(call, keys, token).mayFill()) return 0
      call('SET', key, value, 'EX', ttl)
      call('SET', lease, `=${token}`, 'PX', ms)
      return 1
    },
  ],
  [
    confirmFill,
    (call, [key = '', lease = ''], [token = '', head = '', length]) => {
      let is = attempt(() => call('GET', lease)) === `=${token}`
      if (is) call('DEL', lease)
      is &&= attempt(() => call('STRLEN', key)) === Number(length)
      is &&= call('GETRANGE', key, 0, Buffer.byteLength(head) - 1) === head
      call('EXISTS', key)
      return is ? 1 : 0
    },
  ],
  [
    renewLease,
    (call, keys, [token = '', ms = '']) => {
      const [, lease = ''] = keys
      if (leaseOf(call, keys, token).held() === undefined) return 0
      call('PEXPIRE', lease, ms)
      call('EXISTS', lease)
      return 1
    },
  ],
  [
    releaseLease,
    (call, keys, [token = '', pause]) => {
      const [, lease = ''] = keys
      if (leaseOf(call, keys, token).held() === undefined) return 0
      const marked = pause === undefined ? undefined : attempt(() => call('SET', lease, '!', 'PX', pause))
      if (marked === undefined) call('DEL', lease)
      return 1
    },
  ],
  [
    setKey,
    (call, [key = '', lease = ''], [value = '', ttl = '']) => {
      call('SET', key, value, 'EX', ttl)
      call('DEL', lease)
      call('EXISTS', key)
      return 1
    },
  ],
  [
    deleteKeys,
    (call, keys) => {
      let existed = 0
      for (let at = 0; at < keys.length; at += 2) {
        const key = keys[at] as string
        const found = Number(call('UNLINK', key))
        call('DEL', keys[at + 1] as string)
        if (found === 0) {
          attempt(() => call('SET', key, '', 'PX', 1))
          call('DEL', key)
        }
        existed += found
      }
      return existed
    },
  ],
]

/** By the digest of the script. */
export type Programs = ReadonlyMap<string, Program>

export const programs: Programs = new Map(written.map(([{ sha1 }, program]) => [sha1, program]))
