// Hits in the memory of the process: what the second call costs. Floors are `await map.get(id)` on a warm Map with the same keys,
// and `JSON.parse` of the document where the subject makes a copy of it.
import type { Case, Suite } from '../harness/suite.ts'
import { copyByHand, storedPromise } from '../subjects/bounds.ts'
import { hitSubject, type HitSetting, mapFloor, parseFloor } from '../subjects/hit-trial.ts'
import { isolatingPeers } from '../subjects/isolating-peers.ts'
import { ours } from '../subjects/ours.ts'
import type { Peer } from '../subjects/peer.ts'
import { sharingPeers } from '../subjects/sharing-peers.ts'

const peers = [...sharingPeers, ...isolatingPeers]
const primitive = [ours('copy', 'primitive'), storedPromise, ...peers]
const small = [ours('frozen'), storedPromise, ours('copy'), copyByHand, ...peers]
/** A reference costs the same whatever it points to; copies of documents have cases of their own. */
const sharing = [ours('frozen'), storedPromise, ...sharingPeers]
const copying = [ours('copy'), ...isolatingPeers]

function lookUp(name: string, setting: HitSetting, subjects: readonly Peer[]): Case {
  return {
    name: `${name}: ${setting.value}`,
    floor: { name: 'floor', open: () => mapFloor(setting) },
    subjects: subjects.flatMap((peer) => hitSubject(peer, setting)),
  }
}

function copy(setting: HitSetting): Case {
  return {
    name: `${setting.shape}, copy of ${setting.value} / JSON.parse`,
    floor: { name: 'floor', open: () => parseFloor(setting) },
    subjects: copying.flatMap((peer) => hitSubject(peer, setting)),
  }
}

const reused = 'cached, reused key'
const fresh = 'cached, fresh key'
const eight = 'eight functions, 8000 keys'

export const l1Hit: Suite = {
  name: 'l1-hit',
  summary: 'hits in the memory of the process, against await map.get and JSON.parse',
  cases: () => [
    lookUp(reused, { shape: 'cached', value: 'string' }, primitive),
    lookUp(fresh, { shape: 'cached', value: 'string', fresh: true }, primitive),
    lookUp('getOrSet', { shape: 'getOrSet', value: 'string' }, primitive),
    lookUp(eight, { shape: 'cached', value: 'string', functions: 8 }, primitive),
    lookUp(reused, { shape: 'cached', value: '90 B' }, small),
    lookUp(fresh, { shape: 'cached', value: '90 B', fresh: true }, small),
    lookUp('getOrSet', { shape: 'getOrSet', value: '90 B' }, small),
    lookUp(eight, { shape: 'cached', value: '90 B', functions: 8 }, small),
    lookUp(reused, { shape: 'cached', value: '1 KB' }, sharing),
    lookUp(reused, { shape: 'cached', value: '100 KB' }, sharing),
    copy({ shape: 'cached', value: '1 KB' }),
    copy({ shape: 'getOrSet', value: '1 KB' }),
    copy({ shape: 'cached', value: '100 KB' }),
    copy({ shape: 'getOrSet', value: '100 KB' }),
  ],
  targets: [
    { subject: /^speedrun (?:frozen|primitive)$/, case: /^cached, (?:reused|fresh)/, unit: 'ns', ratio: 0.85 },
    { subject: /^speedrun (?:frozen|primitive)$/, case: /^cached, (?:reused|fresh)/, unit: 'bytes', value: 208 },
    { subject: /^speedrun (?:frozen|primitive)$/, case: /^getOrSet/, unit: 'ns', ratio: 1 },
    { subject: /^speedrun (?:frozen|primitive)$/, case: /^eight functions/, unit: 'ns', ratio: 1.3 },
    { subject: /^speedrun copy$/, case: /^cached.*: 90 B$/, unit: 'ns', ratio: 1.7 },
    { subject: /^speedrun copy$/, case: /copy of/, unit: 'ns', ratio: 0.25 },
  ],
}
