// One cold key, asked for by 1,000 callers in each of four processes at one moment: how many loaders run in the whole fleet, and how long
// after the first of them is done have those the value who did not load it. The floor is a bare Map of promises in each process.
import { median, percentile } from '../harness/median.ts'
import { sharedNow } from '../harness/shared-clock.ts'
import { type Fleet, fleet, type Member, type Quantity, type Suite } from '../harness/suite.ts'
import { coldKey } from '../subjects/cold-key.ts'
import { type Crowd, crowdOf, type Rushed } from '../subjects/fleet-crowd.ts'
import { ours, patient } from '../subjects/ours.ts'
import { redisPeers } from '../subjects/redis-peers.ts'

const processes = 4
/** Before they count: code that is not compiled yet is slow in all of them. */
const warmUps = 2
/** Enough for all processes to be told of the moment before it comes. */
const aheadMs = 30

type Rounds = ReadonlyArray<readonly Rushed[]>

async function conduct(members: ReadonlyArray<Member<Crowd>>, rounds: number): Promise<readonly Quantity[]> {
  const all: Array<readonly Rushed[]> = []
  const floors: Array<readonly Rushed[]> = []
  for (let round = -warmUps; round < rounds; round++) {
    const floor = await together(members, 'floor')
    const mine = await together(members, 'rush')
    if (round < 0) continue
    all.push(mine)
    floors.push(floor)
  }
  const loads = loadsOf(all)
  return [
    { unit: 'loads per key', value: mean(loads), floor: mean(loadsOf(floors)) },
    { unit: 'most loads per key', value: Math.max(...loads), floor: Math.max(...loadsOf(floors)) },
    {
      unit: 'cpu ns',
      value: median(all.map(cpuOf)),
      floor: median(floors.map(cpuOf)),
      ratio: median(all.map((one, index) => cpuOf(one) / cpuOf(floors[index] ?? []))),
    },
    ...waitsOf(all),
  ]
}

async function together(members: ReadonlyArray<Member<Crowd>>, order: 'floor' | 'rush'): Promise<readonly Rushed[]> {
  const rush = { key: coldKey(), at: sharedNow() + aheadMs * 1e6 }
  return await Promise.all(members.map((tell) => tell(order, rush)))
}

/** Of rounds with one load: who does not wait for another process, but loads or comes late, says nothing about waiting. */
function waitsOf(rounds: Rounds): Quantity[] {
  const waits = rounds.flatMap((round) => {
    if (loadsOf([round])[0] !== 1) return []
    const loadEnd = round.flatMap(({ loaded }) => loaded)[0] ?? Number.NaN
    return round.flatMap(({ loaded, answered }) => (loaded.length > 0 ? [] : answered.map((at) => at - loadEnd)))
  })
  if (waits.length === 0) return []
  return [
    { unit: 'ns', of: ', after the load, p50', value: Math.max(0, median(waits)) },
    { unit: 'ns', of: ', after the load, p99', value: Math.max(0, percentile(waits, 0.99)) },
  ]
}

const loadsOf = (rounds: Rounds): number[] =>
  rounds.map((round) => round.reduce((sum, { loaded }) => sum + loaded.length, 0))

const cpuOf = (round: readonly Rushed[]): number => round.reduce((sum, { cpu }) => sum + cpu, 0)

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

const crowds = (redisUrl: string): Fleet =>
  fleet<Crowd>({
    name: `${processes} processes x 1,000 callers of a cold key`,
    processes,
    rounds: { full: 30, quick: 3 },
    subjects: [ours('copy', 'copy', redisUrl, patient), ...redisPeers(redisUrl)].map(crowdOf),
    conduct,
  })

export const fleetStampede: Suite = {
  name: 'fleet-stampede',
  summary: '1,000 callers of one cold key in each of 4 processes, against a Map of promises in each',
  needsRedis: true,
  cases: (redisUrl) => (redisUrl === undefined ? [] : [crowds(redisUrl)]),
  targets: [
    { subject: /^speedrun/, case: /./, unit: 'loads per key', value: 1 },
    { subject: /^speedrun/, case: /./, unit: 'most loads per key', value: 1 },
    { subject: /^speedrun/, case: /p50$/, unit: 'ns', value: 5e6 },
  ],
}
