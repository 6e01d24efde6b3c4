// The example service as its clients see it while its Redis is killed, frozen and returned: slower, never broken, and
// never with a report that was deleted.
//
// Seen to fail when it was written: with a replay that skips the tags (deleted reports were answered after the return),
// with a fallback whose read throws now and then (500), with a handler that hangs for 11 s now and then, with a warning
// printed by the service, with an interval that keeps it alive after SIGTERM.
import { expect, test } from 'vitest'
import { returnsWithItsData } from '../soak/flapper.ts'
import { startRedis } from '../support/redis-server.ts'
import { answersLine, latencyTable } from './latency-table.ts'
import { type Phase, startLoad } from './load.ts'
import { startService } from './service-process.ts'

const works = (phase: Phase): boolean =>
  phase.count('health connected') > 0 && phase.count('DELETE applied') > 0 && phase.count('GET found') > 0
const isWithout = (phase: Phase): boolean =>
  phase.count('health degraded') > 0 && phase.count('left deleted') > 0 && phase.count('GET found') > 0

test(
  '200 connections on the document service for 20 s while Redis is killed, frozen and returned: 0 failed requests',
  { timeout: 1_800_000 },
  async () => {
    await using redis = await startRedis({ config: returnsWithItsData })
    await using service = await startService(redis.url)
    const load = await startLoad({ url: service.url, connections: 200, sharedDocuments: 12, owners: 8 })
    try {
      await load.during({ name: 'healthy', seconds: 3, seen: works })
      await Promise.all([redis.kill(), load.during({ name: 'killed', seconds: 4, isOutage: true, seen: isWithout })])
      await redis.restart()
      await load.during({ name: 'back', seconds: 4, seen: works })
      redis.pause()
      await load.during({ name: 'frozen', seconds: 4, isOutage: true, seen: isWithout })
      redis.resume()
      await load.during({ name: 'back again', seconds: 5, seen: works })
      await load.stop()

      console.log(`${latencyTable(load.phases)}\n${answersLine(load.phases)}`)
      expect(load.failures).toEqual([])
      // Its clients' connections are still open.
      expect(await service.terminate()).toBe(0)
      const lines = service.errorOutput.split('\n').filter((line) => line !== '')
      expect(lines.filter((line) => !/^WARNING:cache:Cache (?:connected|degraded) \(redis\): /.test(line))).toEqual([])
      expect(lines.filter((line) => line.includes('degraded')).length).toBeGreaterThanOrEqual(2)
    } finally {
      load.close()
    }
  },
)
