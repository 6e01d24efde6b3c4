// Writes of one key take effect in the order of the calls, whichever connection carries them. On the link that is so by itself, since it is
// one connection; so a write there waits only for those of its keys that are under way beside the link, and one beside the link
// waits for all. Nothing waits for an answer that it need not have: a hundred writes of one key are one round trip.

type Pending = Map<string, Promise<unknown>>

export class WriteLanes {
  /** What the next write must not pass: one beside the link until it is over, one that waits for it until it is sent. */
  readonly #ahead: Pending = new Map()
  /** The last write on the link until it is answered, and with it all before it. */
  readonly #unanswered: Pending = new Map()

  /** @param send called at once unless a write of these keys is under way beside the link */
  onLink<T>(keys: readonly string[], send: () => Promise<T>): Promise<T> {
    const before = of(this.#ahead, keys)
    let sent: Promise<T>
    if (before.length === 0) {
      sent = send()
    } else {
      let leave = (): void => {}
      hold(this.#ahead, keys, new Promise<void>((resolve) => (leave = resolve)))
      sent = Promise.all(before).then(() => {
        leave()
        return send()
      })
    }
    hold(this.#unanswered, keys, sent)
    return sent
  }

  /** @param send called when no write of the key is under way */
  beside<T>(key: string, send: () => Promise<T>): Promise<T> {
    const before = [...of(this.#ahead, [key]), ...of(this.#unanswered, [key])]
    const sent = before.length === 0 ? send() : Promise.all(before).then(send)
    hold(this.#ahead, [key], sent)
    return sent
  }
}

/** How they end does not matter to those who wait. */
function of(pending: Pending, keys: readonly string[]): Promise<unknown>[] {
  return keys.flatMap((key) => pending.get(key)?.catch(() => {}) ?? [])
}

function hold(pending: Pending, keys: readonly string[], write: Promise<unknown>): void {
  for (const key of keys) pending.set(key, write)
  const forget = (): void => {
    for (const key of keys) if (pending.get(key) === write) pending.delete(key)
  }
  write.then(forget, forget)
}
