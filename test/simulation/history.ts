// What happened, for the oracles and for people. Texts are made only when somebody reads them.

export interface Load {
  readonly key: string
  readonly life: number
  /** Whether the process could ask whose turn it was. */
  readonly asked: boolean
  readonly beganAt: number
  /** When its process was stopped, or went on, last before it ended. */
  stirredAt: () => number
  endedAt: number
}

export class History {
  /** Whether a timeline is kept. */
  readonly isTold: boolean
  readonly #lines: string[] = []
  readonly loads: Load[] = []
  /** When a version was brought by a load, or written, last: by key and version. */
  readonly broughtAt: Map<string, number> = new Map()
  time: () => number = () => 0

  constructor(isTold: boolean) {
    this.isTold = isTold
  }

  note(text: string): void {
    if (this.isTold) this.#lines.push(`${this.time().toFixed(1).padStart(9)}  ${text}`)
  }

  get timeline(): readonly string[] {
    return this.#lines
  }

  loadBegan(key: string, life: number, asked: boolean, stirredAt: () => number): Load {
    const load = { key, life, asked, stirredAt, beganAt: this.time(), endedAt: Infinity }
    this.loads.push(load)
    if (this.isTold) this.note(`load of ${key} begins on ${life}`)
    return load
  }

  brought(key: string, version: number): void {
    this.broughtAt.set(`${key} ${version}`, this.time())
  }

  loadBrought({ key, life }: Load, version: number): void {
    this.brought(key, version)
    if (this.isTold) this.note(`load of ${key} brings ${version} on ${life}`)
  }

  loadEnded(load: Load): void {
    load.endedAt = this.time()
    const last = load.stirredAt()
    load.stirredAt = () => last
    if (this.isTold) this.note(`load of ${load.key} ends on ${load.life}`)
  }
}
