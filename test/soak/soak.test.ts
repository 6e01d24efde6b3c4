// A client at work for minutes while its Redis comes and goes: nothing it is served is too old, nothing rejects,
// nothing is left behind. `npm run test:soak` is the long mode (TEST_SOAK_SECONDS, TEST_SOAK_SEED); `npm test` runs a
// few seconds, so that it cannot rot, which are too few to judge memory by.
//
// How each check was seen to fail when it was written, each time by one change to the library or to the client:
//   calls rejected            the fallback's read throws now and then
//   unhandled rejections      the fallback's fill leaves a rejected promise behind
//   older than an             the replay skips the keys, or the tags; an invalidation does not void the loads in
//     invalidation            flight; the fallback is not dropped on the return
//   waiting, not at rest      the journal does not forget what was confirmed
//   sockets                   the link does not destroy the connection it has lost
//   timers of the cache       each replay sets one for a day
//   open resources            the client sets an interval
//   heap                      the client keeps 1 KB of each operation (40 s: 51.7, 97.7 MB, wanted at most 60.9);
//                             the order of writes keeps every key for ever (10 minutes: 17.5, 26.9, at most 23.3)
//   printed, reported, ended  the client prints, throws at its start, is killed, or sets an interval as its last act
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startRedis } from '../support/redis-server.ts'
import { type ClientProcess, startClient } from './client-process.ts'
import { flap, returnsWithItsData } from './flapper.ts'
import { seeded } from './random.ts'
import { inMb, summaryOf, tableOf, verdict } from './verdict.ts'

const seconds = Number(process.env['TEST_SOAK_SECONDS'] ?? 6)
// The short mode is the same each time: killed, emptied, and frozen for longer than it takes to give up the connection.
const seed = Number(process.env['TEST_SOAK_SEED'] ?? 28754)
const progressMs = 30_000

test(
  `${seconds} s at work while Redis is killed, emptied and frozen: nothing too old, nothing rejected, nothing left`,
  { timeout: (seconds + 1800) * 1000 },
  async () => {
    await using redis = await startRedis({ config: returnsWithItsData })
    await using client = await startClient(redis.url, seed)
    console.log(`soak: ${seconds} s, seed ${seed}`)
    const over = new AbortController()
    const showing = showProgress(client, over.signal)
    const end = performance.now() + seconds * 1000
    const faults = await flap(redis, seeded(seed), () => performance.now() >= end || !client.isAlive)
    over.abort()
    await showing
    const { report, ended } = await client.finish()

    const { samples, errorOutput } = client
    const checks = verdict({ samples, report, ended, errorOutput })
    const happened = [...faults].map(([fault, count]) => `${count} times ${fault}`)
    console.log([tableOf(checks), `Redis was ${happened.join(', ')}`, ...summaryOf(samples, report)].join('\n'))
    expect(checks.filter(({ holds }) => !holds).map(({ what }) => what)).toEqual([])
  },
)

async function showProgress({ samples }: ClientProcess, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await sleep(progressMs, undefined, { signal: over }).catch(() => undefined)
    const last = samples.at(-1)
    if (last === undefined || over.aborted) continue
    const { operations, heapUsed, rss, journal, sockets, timers } = last
    console.log(
      `${last.seconds.toFixed(0)} s: ${operations} operations, heap ${inMb(heapUsed)}, rss ${inMb(rss)}, ` +
        `${journal} invalidations waiting, ${sockets} sockets, ${timers} timers`,
    )
  }
}
