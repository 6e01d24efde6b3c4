// What the process of `tag of n members` does: writes the members, invalidates their tag, and looks whether they are gone.
import { makeVerdict, scrambled } from '../documents.ts'
import { sharedNow } from '../harness/shared-clock.ts'
import type { FleetSubject } from '../harness/suite.ts'
import { inLanes } from './in-lanes.ts'
import type { TagPeer } from './tag-peers.ts'

/** Of so many members it is looked whether they are there, and gone. */
const looks = 50

export interface Tagged {
  /** Writes the entries from one number to another, which carry the tag. */
  readonly fill: (order: { readonly tag: string; readonly from: number; readonly to: number }) => Promise<void>
  /** @returns how long the caller waited, nanoseconds */
  readonly invalidate: (tag: string) => Promise<number>
  /** @throws when not all members are there, or gone */
  readonly check: (order: { readonly tag: string; readonly members: number; readonly there: boolean }) => Promise<void>
  readonly [order: string]: (input: never) => unknown
}

export function taggedEntriesOf(peer: TagPeer): FleetSubject<Tagged> {
  return { name: peer.name, open: () => open(peer) }
}

async function open(peer: TagPeer): Promise<Tagged> {
  const { set, invalidate, get } = await peer.open()
  return {
    fill: async ({ tag, from, to }) => {
      await inLanes(numbers(from, to), (seed) => set(`check-${seed}`, makeVerdict(seed), tag))
    },
    invalidate: async (tag) => {
      const began = sharedNow()
      await invalidate(tag)
      return sharedNow() - began
    },
    check: async ({ tag, members, there }) => {
      for (const seed of new Set(scrambled(looks, members))) {
        const found = await get(`check-${seed}`, tag)
        const isThere = found !== undefined && found !== null
        if (isThere !== there) throw new Error(there ? 'a member is not there' : 'a member is still there')
      }
    },
  }
}

function* numbers(from: number, to: number): Generator<number> {
  for (let number = from; number < to; number++) yield number
}
