import type { ContractBench, ContractOutcome } from './contract-case.ts'
import { outcome } from './contract-case.ts'
import { expectMiss, expectSame, expectStored } from './expectations.ts'

// B-13 to B-16: how long entries live. Where the clock cannot be moved nothing is asserted of what a busy machine could make untrue: an entry of
// one minute is there after a second or two, one of a second is gone within a few.

const isLongMs = 60_000
const yearSeconds = 365 * 86_400

/** Until an entry of one second must be gone, in real time: a store may count whole seconds, and look after them now and then. */
const secondMs = 1200

async function isGone({ backend }: ContractBench, at: string): Promise<boolean> {
  const text = await backend.get(at)
  return text === null || text === undefined
}

export const timeOutcomes: readonly ContractOutcome[] = [
  outcome('B-13', 'counts a ttl in seconds, for get, exists and batch alike', { isTimed: true }, async (bench) => {
    const { backend, key, pass, hasClock, until } = bench
    const [short, long] = [key('short'), key('long')]
    const startedAt = bench.monotonic()
    expectStored('set for a second', await backend.set(short, 'x', 1))
    expectStored('set for a minute', await backend.set(long, 'y', 60))
    if (hasClock) {
      await pass(999)
      expectSame('get, a millisecond before its time is over', await backend.get(short), 'x')
      await pass(1)
      expectMiss('get at the end of its time', await backend.get(short))
    } else {
      await pass(secondMs)
      await until('an entry of one second is gone', () => isGone(bench, short))
    }
    expectSame('exists of an entry whose time is over', await backend.exists(short), false)
    if (backend.batch !== undefined) {
      const [none, some] = await backend.batch.get([short, long])
      expectMiss('batch.get of an entry whose time is over', none)
      if (bench.monotonic() - startedAt < isLongMs) expectSame('batch.get of an entry of a minute', some, 'y')
    }
    // On a machine that stood still for a minute it may well be gone.
    if (bench.monotonic() - startedAt < isLongMs) {
      expectSame('get of an entry of a minute, after a second', await backend.get(long), 'y')
      expectSame('exists of it', await backend.exists(long), true)
    }
    if (!hasClock) return
    await pass(58_999)
    expectSame('get, a millisecond before a minute is over', await backend.get(long), 'y')
    await pass(1)
    expectMiss('get after a minute', await backend.get(long))
  }),

  outcome('B-14', 'keeps what is to live for months', { isTimed: true }, async ({ backend, key, pass }) => {
    // Thirty days is where Memcached takes a number for a date; ten years is how "forever" arrives.
    const seconds = [30 * 86_400, 30 * 86_400 + 1, yearSeconds, 10 * yearSeconds]
    const keys = seconds.map((ttl) => key(String(ttl)))
    for (const [index, at] of keys.entries()) {
      expectStored(`set for ${seconds[index]} seconds`, await backend.set(at, 'x', seconds[index] as number))
      expectSame(`get of an entry of ${seconds[index]} seconds`, await backend.get(at), 'x')
    }
    await pass(secondMs)
    for (const [index, at] of keys.entries()) {
      expectSame(`get of an entry of ${seconds[index]} seconds, after one`, await backend.get(at), 'x')
    }
  }),

  outcome('B-15', 'gives a value that replaces another its own ttl', { isTimed: true }, async (bench) => {
    const { backend, key, pass, until, hasClock } = bench
    const [prolonged, shortened] = [key('prolonged'), key('shortened')]
    const startedAt = bench.monotonic()
    await backend.set(prolonged, 'old', 1)
    await backend.set(prolonged, 'new', 60)
    await backend.set(shortened, 'old', 60)
    await backend.set(shortened, 'new', 1)
    await pass(hasClock ? 1000 : secondMs)
    await until('an entry that was shortened to a second is gone', () => isGone(bench, shortened))
    if (bench.monotonic() - startedAt < isLongMs) {
      expectSame('get of an entry that was prolonged', await backend.get(prolonged), 'new')
    }
  }),

  outcome('B-16', 'does not prolong an entry by reading it', { isTimed: true }, async (bench) => {
    const { backend, key } = bench
    const at = key()
    await backend.set(at, 'x', 1)
    await bench.until('an entry of one second that is read all the time is gone', async () => {
      await backend.exists(at)
      return await isGone(bench, at)
    })
  }),
]
