// 10,000 callers of one cold key in one process: what the crowd costs, how often the loader ran and how often the store was
// read. The floor is a bare Map of promises, also for the stores behind a network.
import type { Case, Suite } from '../harness/suite.ts'
import { isolatingPeers } from '../subjects/isolating-peers.ts'
import { ours } from '../subjects/ours.ts'
import type { Peer } from '../subjects/peer.ts'
import { redisPeers } from '../subjects/redis-peers.ts'
import { sharingPeers } from '../subjects/sharing-peers.ts'
import { flightsFloor, stampedeSubject } from '../subjects/stampede-trial.ts'

const withWrap = ({ shapes }: Peer): boolean => shapes.includes('cached')

function crowd(where: string, peers: readonly Peer[], redisUrl?: string): Case {
  return {
    name: `10,000 callers of a cold key of 1 KB, ${where}`,
    floor: { name: 'floor', open: flightsFloor },
    subjects: peers.filter(withWrap).map((peer) => stampedeSubject(peer, redisUrl)),
  }
}

export const stampede: Suite = {
  name: 'stampede',
  summary: '10,000 callers of one cold key, against a bare Map of promises',
  needsRedis: true,
  cases: (redisUrl) => [
    crowd('memory', [ours('frozen'), ours('copy'), ...sharingPeers, ...isolatingPeers]),
    ...(redisUrl === undefined
      ? []
      : [
          crowd(
            'Redis',
            [ours('frozen', 'frozen', redisUrl), ours('copy', 'copy', redisUrl), ...redisPeers(redisUrl)],
            redisUrl,
          ),
        ]),
  ],
  targets: [
    { subject: /^speedrun frozen$/, case: /./, unit: 'cpu ns', ratio: 1.3 },
    { subject: /^speedrun/, case: /./, unit: 'loads', value: 1 },
    { subject: /^speedrun/, case: /./, unit: 'reads', value: 1 },
  ],
}
