import { atLeast } from './expiry.ts'
import type { Item } from './meta-commands.ts'
import { itemOf } from './meta-commands.ts'
import type { Reply } from './replies.ts'

// What is kept under the name of a lease:
//
//   =5000 0 token     somebody loads, for so many milliseconds. The text under the key has no more than its own life
//   =5000 4 token     the text would have ended before the lease, and with it what the holder's fill is compared with, so its item was
//                     prolonged: the text itself ends when the item has 4 seconds left
//   !2000             a load failed: for so long, milliseconds, those who have something to stand in wait

/** Of a lease that there is. */
export interface Mark {
  /** `undefined`: nobody's, a load failed. */
  readonly token: string | undefined
  /** Of the lease, or of the pause. */
  readonly ms: number
  /** Seconds by which the item outlives its text. */
  readonly spare: number
  readonly cas: string
  /** Seconds, as the server counts them. */
  readonly life: number
}

/** An item that has longer to live was not prolonged. */
export const longestProlonged = 120

export function holderMark(token: string, leaseMs: number, spare: number = 0): Buffer {
  return Buffer.from(`=${Math.ceil(leaseMs)} ${spare} ${token}`, 'utf8')
}

export function pauseMark(pauseMs: number): Buffer {
  return Buffer.from(`!${Math.ceil(pauseMs)}`, 'utf8')
}

/** @returns nothing where there is no lease. What was written by others is a pause that is over. */
export function markOf(reply: Reply): Mark | undefined {
  if (reply.code !== 'VA') return undefined
  const { cas, life } = itemOf(reply)
  const text = reply.value?.toString('utf8') ?? ''
  const [, ms, spare, token] = /^=(\d{1,15}) (\d{1,3}) (.*)$/s.exec(text) ?? []
  if (token !== undefined) return { token, ms: Number(ms), spare: Number(spare), cas, life }
  return { token: undefined, ms: Number(/^!(\d{1,15})$/.exec(text)?.[1] ?? 0), spare: 0, cas, life }
}

/** By the server's seconds, so it may be over up to one early, or late. */
export function pauseLeft({ ms, life }: Mark): number {
  return ms - Math.max(0, atLeast(ms) - life) * 1000
}

/** Whether an item may have been prolonged: its lease says so, then. */
export function mayBeProlonged({ isMarked, isText, life }: Item): boolean {
  return isText && isMarked && life >= 0 && life <= longestProlonged
}

/** Whether the text of the item is over, though the item is there. */
export function isTextOver(item: Item, lease: Mark | undefined): boolean {
  return mayBeProlonged(item) && lease !== undefined && item.life <= lease.spare
}
