// What an invalidation costs: how long another process still serves the old value from its memory, what the server does for a tag that many
// entries carry, and what tags cost a hit that asks nobody.
import { lookUpsSeen, timeSpent } from '../harness/ask-redis.ts'
import { median, percentile } from '../harness/median.ts'
import { type Case, type Fleet, fleet, type Member, type Quantity, type Suite } from '../harness/suite.ts'
import { coldKey } from '../subjects/cold-key.ts'
import { coherentPeers } from '../subjects/coherent-peers.ts'
import { type Watcher, watcherOf } from '../subjects/invalidation-watch.ts'
import type { Isolation } from '../subjects/ours.ts'
import { type Tagged, taggedEntriesOf } from '../subjects/tagged-entries.ts'
import { taggedHits } from '../subjects/tagged-hit-trial.ts'
import { tagPeers } from '../subjects/tag-peers.ts'

/** With each invalidation, so that a busy moment of the machine falls on both. */
const pingsPerRound = 3
/** Before they count: code that is not compiled yet is slow in both processes. */
const warmUps = 5
const provingReads = 50
/** A process answers each question in time, whatever it has to write in all. */
const portion = 5000

async function seen([holder, other]: ReadonlyArray<Member<Watcher>>, rounds: number, url: string): Promise<Quantity[]> {
  if (holder === undefined || other === undefined) throw new Error('It takes two processes')
  const waits: number[] = []
  const pings: number[] = []
  for (let round = -warmUps; round < rounds; round++) {
    const id = coldKey()
    await holder('watch', id)
    const began = await other('invalidate', id)
    const wait = (await holder('seen', id)) - began
    const roundTrips = await holder('ping', pingsPerRound)
    if (round === 0) await proveMemory(holder, id, url)
    if (round < 0) continue
    waits.push(Math.max(0, wait))
    pings.push(...roundTrips)
  }
  const roundTrip = median(pings)
  const quantity = (of: string, value: number, floor: number): Quantity => ({
    unit: 'ns',
    of,
    value,
    floor,
    ratio: value / roundTrip,
  })
  return [
    quantity(', p50', median(waits), roundTrip),
    quantity(', p99', percentile(waits, 0.99), percentile(pings, 0.99)),
  ]
}

/** Else nothing would have to be told to anybody. */
async function proveMemory(holder: Member<Watcher>, id: string, url: string): Promise<void> {
  await holder('read', { id, times: 1 })
  const before = await lookUpsSeen(url)
  await holder('read', { id, times: provingReads })
  const asked = (await lookUpsSeen(url)) - before
  if (asked >= provingReads) throw new Error('its hits ask the store')
}

const seenCase = (redisUrl: string): Fleet =>
  fleet<Watcher>({
    name: 'seen in another process / PING',
    processes: 2,
    rounds: { full: 300, quick: 10 },
    subjects: coherentPeers(redisUrl).map((peer) => watcherOf(peer, redisUrl)),
    conduct: (members, rounds) => seen(members, rounds, redisUrl),
  })

async function voided(
  [process]: ReadonlyArray<Member<Tagged>>,
  rounds: number,
  members: number,
  redisUrl: string,
): Promise<Quantity[]> {
  if (process === undefined) throw new Error('It takes a process')
  const spent: number[] = []
  const waited: number[] = []
  // The first of them has scripts to load and code to compile.
  for (let round = -1; round < rounds; round++) {
    const tag = `batch-${round + 1}`
    const written = round < 0 ? 1 : members
    for (let from = 0; from < written; from += portion) {
      await process('fill', { tag, from, to: Math.min(written, from + portion) })
    }
    await process('check', { tag, members: written, there: true })
    const before = await timeSpent(redisUrl)
    const wall = await process('invalidate', tag)
    const server = (await timeSpent(redisUrl)) - before
    await process('check', { tag, members: written, there: false })
    if (round < 0) continue
    spent.push(server)
    waited.push(wall)
  }
  return [
    { unit: 'server us', value: median(spent) },
    { unit: 'ns', value: median(waited) },
  ]
}

const tagCase = (redisUrl: string, members: number, rounds: Fleet['rounds']): Fleet =>
  fleet<Tagged>({
    name: `tag of ${members.toLocaleString('en')} ${members === 1 ? 'member' : 'members'}`,
    processes: 1,
    rounds,
    subjects: tagPeers(redisUrl).map(taggedEntriesOf),
    conduct: ([member], times) => voided(member === undefined ? [] : [member], times, members, redisUrl),
  })

const hitCase = (redisUrl: string, isolation: Isolation): Case => ({
  name: `hit with three tags / hit without tags, ${isolation}`,
  floor: taggedHits('floor', isolation, 0, redisUrl),
  subjects: [taggedHits('speedrun', isolation, 3, redisUrl)],
})

export const invalidation: Suite = {
  name: 'invalidation',
  summary: 'until another process sees one, what a large tag costs the server, and tags a hit',
  needsRedis: true,
  cases: (redisUrl) =>
    redisUrl === undefined
      ? []
      : [
          seenCase(redisUrl),
          tagCase(redisUrl, 1, { full: 21, quick: 2 }),
          tagCase(redisUrl, 1000, { full: 21, quick: 1 }),
          tagCase(redisUrl, 100_000, { full: 3, quick: 0 }),
          hitCase(redisUrl, 'frozen'),
          hitCase(redisUrl, 'copy'),
        ],
  targets: [
    { subject: /^speedrun/, case: /^seen .*p50$/, unit: 'ns', ratio: 3 },
    { subject: /^speedrun/, case: /^tag of/, unit: 'server us', value: 1000 },
    { subject: /^speedrun/, case: /^hit with three tags/, unit: 'ns', ratio: 1.1 },
    { subject: /^speedrun/, case: /^hit with three tags/, unit: 'commands', value: 0 },
  ],
}
