// Which calls came after which, where one has to wait: while the cache is being opened, a later call that finds it open may overtake an earlier
// one that still waits. What is remembered lives as long as somebody waits.

export class CallOrder {
  readonly #keys: Map<string, number> = new Map()
  #serial = 0
  #all = 0
  #waiting = 0

  /** A call begins to wait. @returns its turn */
  wait(): number {
    this.#waiting++
    return ++this.#serial
  }

  /** It waits no longer. @returns whether nothing was done to the key since its turn */
  isNext(key: string, turn: number): boolean {
    const isNext = this.#all < turn && (this.#keys.get(key) ?? 0) < turn
    if (--this.#waiting === 0) this.#keys.clear()
    return isNext
  }

  /** The key is deleted or written. @param turn that of a call that had waited: who came after it is not overtaken by it */
  changed(key: string, turn: number = ++this.#serial): void {
    if (this.#waiting > 0) this.#keys.set(key, Math.max(turn, this.#keys.get(key) ?? 0))
  }

  /** Tags are invalidated, or everything is. */
  changedAll(): void {
    if (this.#waiting > 0) this.#all = ++this.#serial
  }
}
