// One run: the script against the scheduler, then everything is let go, and what must hold at the end is looked at. Throws what the oracle
// found.
import type { Scheduler } from 'fast-check'
import { invalidate, prime, read, write } from './doors.ts'
import type { History } from './history.ts'
import type { Command, Pace, Plan } from './plan.ts'
import { manySteps } from './plan.ts'
import { settled } from './runtime.ts'
import type { Library } from './world.ts'
import { World } from './world.ts'

/** Beyond all lives and windows of a plan. */
const longMs = 20_000
const mostRounds = 500

export async function runPlan(library: Library, plan: Plan, scheduler: Scheduler): Promise<History> {
  const run = new Run(library, plan, scheduler)
  const { history } = run.world
  // In an application it would end the process.
  const listeners = process.listeners('unhandledRejection')
  const unhandled = (error: unknown): void => history.violated(`C5: nobody handles ${String(error)}`)
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', unhandled)
  try {
    await run.play()
    await run.finish()
  } finally {
    process.removeListener('unhandledRejection', unhandled)
    for (const listener of listeners) process.on('unhandledRejection', listener)
  }
  return history
}

class Run {
  readonly world: World
  readonly #plan: Plan
  readonly #scheduler: Scheduler
  readonly #controllers: AbortController[] = []
  #open = 0

  constructor(library: Library, plan: Plan, scheduler: Scheduler) {
    const world = new World(library, plan, scheduler)
    world.loaders.read = (call) => read(world, call)
    this.world = world
    this.#plan = plan
    this.#scheduler = scheduler
  }

  async play(): Promise<void> {
    const { opened, faulty, script, store } = this.#plan
    const { world } = this
    if (world.backend !== undefined) world.backend.faults = faulty
    world.history.count(`store ${store}${faulty && store !== 'memory' ? ', with faults' : ''}`)
    if (opened) {
      this.#track(world.manager.init())
      await this.#pump()
    }
    for (const { command, pace } of script) {
      await this.#do(command)
      await this.#pace(pace)
      this.#report()
    }
  }

  async #do(command: Command): Promise<void> {
    const { world } = this
    switch (command.do) {
      case 'read':
        for (let time = 0; time < command.times; time++) {
          const signal = command.signal ? new AbortController() : undefined
          if (signal !== undefined) this.#controllers.push(signal)
          this.#track(read(world, { ...command, signal }))
        }
        break
      case 'abort': {
        const { length } = this.#controllers
        const [controller] = length === 0 ? [] : this.#controllers.splice(command.which % length, 1)
        if (controller === undefined) break
        world.history.moments.push({ at: world.history.tick(), what: 'aborted' })
        controller.abort(new Error('the caller left'))
        world.history.count('aborted')
        break
      }
      case 'set':
        await this.#chase(command, () => write(world, command))
        break
      case 'prime':
        await this.#chase(command, () => prime(world, command.key))
        break
      case 'invalidate':
        await this.#chase(command, () => invalidate(world, command.key, command.way, command.other))
        break
      case 'advance':
        if (command.rested) await this.#pace({ steps: manySteps, ticks: -1 })
        await this.#advance(command.ms)
        break
      case 'faults':
        if (world.backend !== undefined) world.backend.faults = command.on && this.#plan.faulty
        break
      default:
        command satisfies never
    }
  }

  /** Reads around a write are where the races are. */
  async #chase(
    { key, warmed, chased }: Pick<Extract<Command, { do: 'set' }>, 'key' | 'warmed' | 'chased'>,
    send: () => Promise<void>,
  ): Promise<void> {
    const again = (): void => this.#track(read(this.world, { key, door: 'call', mode: 'normal', signal: undefined }))
    if (warmed) {
      again()
      await this.#pace({ steps: manySteps, ticks: -1 })
    }
    if (chased) again()
    const sent = send()
    this.#track(chased ? sent.then(again) : sent)
    if (chased) again()
  }

  async #pace({ steps, ticks }: Pace): Promise<void> {
    for (let step = 0; step === 0 || step < steps; step++) {
      if (step > 0 && this.#scheduler.count() === 0) return
      if (steps > 0 && this.#scheduler.count() > 0) void this.#scheduler.waitOne()
      if (ticks < 0) await settled()
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
    }
  }

  /** A loader that is beyond its hard timeout is not current any more, nor is what it called. */
  async #advance(ms: number): Promise<void> {
    const { runtime, history, oracle } = this.world
    await settled()
    const until = runtime.now() + ms
    for (const { key, startedAt } of oracle.running) {
      const limit = this.#plan.keys[key]?.policy.hardTimeout ?? 0
      if (limit > 0 && startedAt + limit <= until) history.moments.push({ at: history.tick(), what: 'timed out' })
    }
    await runtime.advance(ms)
  }

  /** Runs everything that can run without the clock. */
  async #pump(): Promise<void> {
    await settled()
    while (this.#scheduler.count() > 0) {
      await this.#scheduler.waitOne()
      await settled()
    }
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    for (let round = 0; round < mostRounds; round++) {
      await this.#pump()
      this.#report()
      if (isSo()) return
      await this.#advance(100)
    }
    throw new Error(`Never: ${what}`)
  }

  async finish(): Promise<void> {
    const { world } = this
    const { backend, loaders, manager, history, runtime } = world
    loaders.release()
    await this.#until('every call settles', () => this.#open === 0)
    if (backend !== undefined) backend.faults = false
    loaders.areCalm = true
    this.#track(manager.init())
    const isBack = (): boolean => world.state === 'connected' && manager.stats().journal === 0
    await this.#until('the cache is back', isBack)
    await this.#readAll()
    await this.#advance(longMs)
    await this.#readAll()
    // Writes that were given up may have landed meanwhile.
    await this.#until('the cache is back', isBack)
    const first = await this.#readAll()
    const second = await this.#readAll()
    for (const [key, origin] of first.entries()) {
      if (origin !== second[key]) history.violated(`no hit: key ${key} was loaded twice in a row`)
    }
    this.#checkCounters()
    this.#track(manager.close())
    if (world.other !== undefined) this.#track(world.other.close())
    await this.#until('close() settles', () => this.#open === 0)
    if (runtime.pending > 0) history.violated(`${runtime.pending} timers are armed after close()`)
    this.#report()
  }

  /** The origin of what each key has. */
  async #readAll(): Promise<ReadonlyArray<number | undefined>> {
    const { world } = this
    const origins: Array<number | undefined> = []
    for (const [key, { fn }] of world.targets.entries()) {
      const door = fn === undefined ? 'constant' : 'call'
      this.#track(
        read(world, { key, door, mode: 'normal', signal: undefined }).then(({ origin }) => (origins[key] = origin?.id)),
      )
      await this.#until('a read settles', () => this.#open === 0)
    }
    return origins
  }

  #checkCounters(): void {
    const { history, manager, outcomes } = this.world
    const { total } = manager.stats()
    const told = [...outcomes.values()].reduce((sum, count) => sum + count, 0)
    const ran = history.origins.filter(({ by }) => by === 'load').length
    const counts = { loads: total.loads, ended: told, fills: total.fills, fenced: total.fenced, refused: total.refused }
    const expected = {
      loads: ran,
      ended: ran,
      fills: outcomes.get('stored') ?? 0,
      fenced: outcomes.get('fenced') ?? 0,
      refused: outcomes.get('refused') ?? 0,
    }
    for (const name of Object.keys(expected) as Array<keyof typeof expected>) {
      if (counts[name] !== expected[name]) {
        history.violated(`statistics: ${name} is ${counts[name]}, should be ${expected[name]}`)
      }
    }
  }

  /** What it rejects with was judged where it was made. */
  #track(work: Promise<unknown>): void {
    this.#open++
    work.then(
      () => this.#open--,
      () => this.#open--,
    )
  }

  #report(): void {
    const { violations } = this.world.history
    if (violations.length > 0) throw new Error(violations.join('\n'))
  }
}
