// Redis is gone: what does a call of a cold key cost beyond its loader? Once for the first call after the failure, which has to find out,
// once for those that follow, which could know; and when the store is back, how long until it is used again. The floor is the bare loader,
// measured by the same code.
import type { Drill, Fault, Suite } from '../harness/suite.ts'
import { ours } from '../subjects/ours.ts'
import { drillSubject } from '../subjects/outage-drill.ts'
import { redisPeers } from '../subjects/redis-peers.ts'

const faults: readonly Fault[] = ['killed', 'frozen', 'black hole']

const names = { first: 'first call', later: 'breaker open', back: 'back in use' } as const

/** What it stores cannot be told from what others store. */
const hashesKeys = 'cacheable'

const drill = (fault: Fault, calls: Drill['calls'], redisUrl: string): Drill => ({
  name: `${fault}, ${names[calls]}`,
  fault,
  calls,
  subjects: [ours('copy', 'copy', redisUrl), ...redisPeers(redisUrl)]
    .filter(({ name }) => calls !== 'back' || name !== hashesKeys)
    .map(drillSubject),
})

export const outage: Suite = {
  name: 'outage',
  summary: 'a cold key while Redis is killed, frozen or unreachable, against the bare loader',
  needsRedis: true,
  cases: (redisUrl) =>
    redisUrl === undefined
      ? []
      : faults.flatMap((fault) => (['first', 'later', 'back'] as const).map((calls) => drill(fault, calls, redisUrl))),
  targets: [
    { subject: /^speedrun/, case: /first call$/, unit: 'ns', value: 250e6 },
    { subject: /^speedrun/, case: /breaker open$/, unit: 'ns', value: 1e6 },
    { subject: /^speedrun/, case: /back in use$/, unit: 'ns', value: 5e9 },
    { subject: /^speedrun/, case: /./, unit: 'rejections', value: 0 },
    { subject: /^speedrun/, case: /./, unit: 'keys sent', value: 0 },
  ],
}
