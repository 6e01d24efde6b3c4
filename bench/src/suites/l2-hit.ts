// Hits that Redis answers: nothing is in the memory of this process. The floor is what an application without a cache package writes, `GET`
// and `JSON.parse` with one client. What counts is the CPU time of this process; wall time contains the server's.
import type { CacheOptions } from '@speedrun/cache'
import type { Case, Suite } from '../harness/suite.ts'
import { ours, patient } from '../subjects/ours.ts'
import { remoteHitPeers } from '../subjects/remote-hit-peers.ts'
import { getAndParse, remoteHitSubject, type RemoteSetting, type RemoteValue } from '../subjects/remote-hit-trial.ts'

const values: readonly RemoteValue[] = ['90 B', '1 KB', '64 KB']
const callers: readonly number[] = [1, 64, 512]

/** 512 answers of 64 KB take longer to parse than a caller would wait by default. */
const withoutMemory: CacheOptions = { ...patient, l1: false }

function hits(setting: RemoteSetting): Case {
  const { value, atOnce, redisUrl } = setting
  const speedrun = [ours('frozen', 'frozen', redisUrl, withoutMemory), ours('copy', 'copy', redisUrl, withoutMemory)]
  return {
    name: `${value}, ${atOnce} at once / GET and JSON.parse`,
    floor: getAndParse(setting),
    subjects: [...speedrun, ...remoteHitPeers(redisUrl)].map((peer) => remoteHitSubject(peer, setting)),
  }
}

export const l2Hit: Suite = {
  name: 'l2-hit',
  summary: 'hits that Redis answers, against GET and JSON.parse',
  needsRedis: true,
  cases: (redisUrl) =>
    redisUrl === undefined ? [] : values.flatMap((value) => callers.map((atOnce) => hits({ value, atOnce, redisUrl }))),
  targets: [
    { subject: /^speedrun/, case: /./, unit: 'cpu ns', ratio: 1.2 },
    { subject: /^speedrun/, case: /^90 B, 512 at once/, unit: 'cpu ns', ratio: 1 },
  ],
}
