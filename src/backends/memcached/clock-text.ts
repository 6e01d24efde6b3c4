// The tag clock as it is kept in one item, and as one process knows it: a line with the id and the floor, then a line for each tag, the
// earliest stamp first. Stamps count up from 1 under each id.
//
//   #tc1 0-x7Fq 0
//   1 document%3A1
//   2 document%3A2

export interface Clock {
  readonly id: string
  readonly floor: number
  /** Ordered by stamp. */
  readonly stamps: Map<string, number>
}

const kind = '#tc1'

export function writeClock({ id, floor, stamps }: Clock): string {
  const lines = [`${kind} ${id} ${floor}`]
  for (const [tag, stamp] of stamps) lines.push(`${stamp} ${encodeURIComponent(tag)}`)
  return lines.join('\n')
}

/** @returns nothing for what was not written here */
export function readClock(text: string): Clock | undefined {
  const [first = '', ...lines] = text.split('\n')
  const head = /^#tc1 ([\w-]{1,64}) (\d{1,15})$/.exec(first)
  if (head === null) return undefined
  const stamps = new Map<string, number>()
  let last = 0
  for (const line of lines) {
    const [, digits = '', encoded = ''] = /^(\d{1,15}) ([\w\-.!~*'()%]+)$/.exec(line) ?? []
    const stamp = Number(digits)
    const tag = decode(encoded)
    if (tag === undefined || stamp < last || stamp === 0) return undefined
    last = stamp
    stamps.set(tag, stamp)
  }
  return { id: head[1] as string, floor: Number(head[2]), stamps }
}

function decode(encoded: string): string | undefined {
  try {
    return encoded === '' ? undefined : decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

export function highest({ floor, stamps }: Clock): number {
  let top = floor
  for (const stamp of stamps.values()) if (stamp > top) top = stamp
  return top
}

/**
 * The clock with the tags stamped above every stamp it has given, those of each call with one stamp. Where that is too long, the earlier half
 * is forgotten and the floor raised to it: what was made before counts as void, whatever its tags.
 */
export function stamped(
  clock: Clock,
  calls: ReadonlyArray<readonly string[]>,
  mostBytes: number,
): { clock: Clock; text: string } {
  const stamps = new Map(clock.stamps)
  let stamp = highest(clock)
  for (const tags of calls) {
    stamp++
    for (const tag of tags) {
      stamps.delete(tag)
      stamps.set(tag, stamp)
    }
  }
  let next: Clock = { id: clock.id, floor: clock.floor, stamps }
  let text = writeClock(next)
  // Percent-encoded, a character is a byte.
  while (text.length > mostBytes && next.stamps.size > 0) {
    const all = [...next.stamps]
    const cut = all[Math.floor(all.length / 2)]?.[1] ?? 0
    next = { id: next.id, floor: cut, stamps: new Map(all.filter(([, at]) => at > cut)) }
    text = writeClock(next)
  }
  return { clock: next, text }
}
